"""The page of the rules: which there are, how the chosen one reads, and what it does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from bot.core.rule import Rule
from bot.rulebook.problem import Problem
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.rule_text import Shown, Source, Wrong, by_line, quoted, shown, source_of, visible, wrongs
from bot.web.admin.rules_desk import RULES, TO_RULE, Book, Files, RulesDesk, Week
from bot.web.admin.rules_view import SHOWS, Gone, Look, chosen_view, gone, listing, look_of, neighbourhood, overview
from bot.web.site.access import Visitor
from bot.web.site.guard import Page
from bot.web.site.pages import html, rendered
from bot.work.looking import Lately, lately
from bot.work.reload import RulesState

_NAME: Final = re.compile(r"\s*-\s+name:\s*[\"']?([^\"'#\s]+)")
_PARTS: Final = ("standing", "list", "text", "picture", "side")
FOLDER_LINK: Final = "/admin/rules?of=folder&file="
LIVE_LINK: Final = "/admin/rules?file="

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Moment:
    """All that the page is made of, at one moment; equal ones give equal pages."""

    book: Book
    state: RulesState
    week: Week
    problems: tuple[Problem, ...]  # of what is live: warnings
    broken: tuple[Problem, ...]  # of the folder, where it is not live
    folder: Files
    is_surveyed: bool
    saved: int  # after a rollback, the version that the folder still holds; else 0


@dataclass(frozen=True, slots=True)
class Place:
    """What the middle shows. ``file`` empty: nothing was chosen."""

    file: str
    line: int
    rule: str
    of_folder: bool


# --- the page -----------------------------------------------------------------------------------------------------------


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The whole page."""
    desk = request.app[DESK]
    moment = await _moment(request.app[RULES])
    live = f"/admin/rules/live?{request.rel_url.raw_query_string}"
    more = {"visitor": visitor, "here": "Rules", "tab": "rules", "live": live}
    values = await _values(desk, moment, request.query)
    made = await asyncio.to_thread(lambda: rendered("rules.html", {**values, **more}))
    return html(made, 404 if values["gone"] is not None else 200)


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The parts of the page that change, as they change."""
    desk, rules = request.app[DESK], request.app[RULES]
    last: list[tuple[Moment, Mapping[str, str]]] = []

    async def fragments() -> Mapping[str, str]:
        moment = await _moment(rules)
        if not last or last[0][0] != moment:
            values = await _values(desk, moment, request.query)
            last[:] = [(moment, await asyncio.to_thread(_parts, values))]
        return last[0][1]

    return await rules.stream(request, fragments)


def _parts(values: Values) -> Mapping[str, str]:
    return {f"rules-{part}": rendered(f"rules_{part}.html", values) for part in _PARTS}


async def _moment(rules: RulesDesk) -> Moment:
    book, state, week = await rules.book(), await rules.state(), await rules.week()
    known = await rules.survey(book.files)
    broken = rules.problems()
    remarks = [each for each in state.problems if each.severity == "warning"]
    warnings = known.value.problems if known.value is not None else ()
    problems = tuple(dict.fromkeys((*remarks, *warnings)))
    folder = await rules.folder() if broken else {}
    return Moment(book, state, week, problems, broken, folder, known.value is not None, await rules.saved(state))


async def _values(desk: Desk, moment: Moment, query: Mapping[str, str]) -> Values:
    """In a thread: with a thousand rules it takes long enough for others to want their turn meanwhile."""
    place = await asyncio.to_thread(_place, moment, query)
    rule = moment.book.rulebook.rule(place.rule) if place.rule else None
    return {
        **await asyncio.to_thread(_shown, moment, look_of(query), place, rule),
        "gone": _gone(moment, place, query),
        "now": desk.now(),
        "lately": await _lately(desk, moment, rule),
    }


def _shown(moment: Moment, look: Look, place: Place, rule: Rule | None) -> Values:
    return {
        "look": look,
        "is_counted": moment.week.is_counted,
        "shows": SHOWS,
        "state": moment.state,
        "saved": moment.saved,
        "broken": wrongs(moment.broken, moment.folder, FOLDER_LINK),
        "listing": listing(moment.book, moment.week, moment.problems, look, rule.name if rule is not None else ""),
        "place": place,
        **_text(moment, place, look),
        "chosen": chosen_view(moment.book, moment.week, rule, look) if rule is not None else None,
        "picture": neighbourhood(moment.book, rule.name) if rule is not None else None,
        "overview": overview(moment.book, moment.week),
        "warnings": wrongs(moment.problems[:_WARNINGS_MOST], moment.book.files, LIVE_LINK),
        "more_warnings": max(0, len(moment.problems) - _WARNINGS_MOST),
        "is_surveyed": moment.is_surveyed,
    }


_WARNINGS_MOST: Final = 30


async def _lately(desk: Desk, moment: Moment, rule: Rule | None) -> list[Lately]:
    if rule is None:
        return []
    found = await asyncio.to_thread(lately, desk.database, desk.backend.app_id, moment.book.rulebook, rule.name)
    return [replace(each, heard=visible(each.heard)) for each in found]


# --- what is chosen -----------------------------------------------------------------------------------------------------


def _place(moment: Moment, query: Mapping[str, str]) -> Place:
    """What the address asks for; a broken folder's first problem where it asks for nothing."""
    rule, file, line = query.get("rule", ""), query.get("file", ""), _number(query.get("line", ""))
    if moment.broken and (query.get("of") == "folder" or not (rule or file)):
        first = moment.broken[0].place
        known = file in moment.folder
        file, line = (file, line or 1) if known else (first.file, first.line)
        return Place(file, line, _source(moment, file, True).rule_at(line), True)
    found = moment.book.rulebook.rule(rule)
    if found is not None:
        return Place(found.place.file, found.place.line, found.name, False)
    if file in moment.book.files:
        return Place(file, line or 1, _source(moment, file, False).rule_at(line) if line else "", False)
    return Place("", 1, "", False)


def _gone(moment: Moment, place: Place, query: Mapping[str, str]) -> Gone | None:
    """What the address asks for and is not there."""
    rule, file = query.get("rule", ""), query.get("file", "")
    if place.file or not (rule or file):
        return None
    if rule:
        return gone("rule", rule, moment.book.rulebook.by_name, TO_RULE)
    return gone("file", file, moment.book.files, LIVE_LINK)


def _source(moment: Moment, file: str, of_folder: bool) -> Source:
    if not of_folder:
        return moment.book.sources.get(file, Source((), ()))
    plain = source_of(moment.folder.get(file, b""))
    starts = [(at, found[1]) for at, text in enumerate(plain.lines, 1) if (found := _NAME.match(text))]
    return Source(plain.lines, tuple(starts))


def _text(moment: Moment, place: Place, look: Look) -> Values:
    """The file in the middle. ``rule_is_missing`` tells of a rule in the address that is not live."""
    problems, files, link = (
        (moment.broken, moment.folder, FOLDER_LINK)
        if place.of_folder
        else (moment.problems, moment.book.files, LIVE_LINK)
    )
    if not place.file:
        return {"text": None, "file_href": ""}
    source = _source(moment, place.file, place.of_folder)
    found: list[Wrong] = wrongs(problems, files, link)
    chosen = source.span_of(place.rule) if place.rule else range(0)
    text: Shown = shown(source, chosen, by_line(found, place.file), place.line)
    return {"text": text, "file_href": link + quoted(place.file)}


def _number(text: str) -> int:
    return min(int(text), 10_000_000) if text.isascii() and text.isdigit() and len(text) < 9 else 0


PAGES: Final = (Page("GET", "/rules", show), Page("GET", "/rules/live", live, is_part=True))
