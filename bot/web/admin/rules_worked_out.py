"""Pages of what is worked out beside the server: the rules' tests, the whole graph, and what nobody understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from itertools import groupby
from textwrap import indent
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from bot.web.admin.desk import DESK
from bot.web.admin.rule_text import quoted, visible, wrongs
from bot.web.admin.rules import FOLDER_LINK, LIVE_LINK
from bot.web.admin.rules_desk import RULES, SOON_S, Book
from bot.web.admin.rules_view import gone, neighbourhood
from bot.web.site.access import Visitor
from bot.web.site.guard import Page
from bot.web.site.pages import html, rendered
from bot.work.looking import Alike
from bot.work.survey import Played

PERIODS: Final = (7, 30)
_TEXT_MOST: Final = 300

Values = dict[str, Any]
Make = Callable[[web.Request], Awaitable[Values]]


def _page(template: str, tab: str, make: Make) -> Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]:
    async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        values = {**await make(request), "visitor": visitor, "here": "Rules", "tab": tab}
        return html(rendered(template, values), 404 if values.get("gone") is not None else 200)

    return show


def _live(part: str, name: str, make: Make) -> Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]:
    async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        last: list[tuple[Values, Mapping[str, str]]] = []

        async def fragments() -> Mapping[str, str]:
            values = await make(request)
            facts = {key: value for key, value in values.items() if key != "now"}
            if not last or last[0][0] != facts:
                last[:] = [(facts, {name: rendered(part, values)})]
            return last[0][1]

        return await request.app[RULES].stream(request, fragments)

    return live


# --- tests --------------------------------------------------------------------------------------------------------------


async def _tests(request: web.Request) -> Values:
    """Of the folder's rules where they are not live, else of the live ones."""
    rules = request.app[RULES]
    broken = rules.problems()
    files = await rules.folder() if broken else (await rules.book()).files
    known = await rules.survey(files, SOON_S)
    link = FOLDER_LINK if broken else LIVE_LINK
    played = known.value.tests if known.value is not None else ()
    errors = [each for each in known.value.problems if each.severity == "error"] if known.value is not None else []
    return {
        "now": request.app[DESK].now(),
        "known": known,
        "of_folder": bool(broken),
        "failed": [_played(each, link) for each in played if each.misses],
        "passed": [_played(each, link) for each in played if not each.misses],
        "errors": wrongs(errors, files, link) if known.value is not None and not known.value.is_sound else [],
    }


def _played(each: Played, link: str) -> Values:
    """A test with its misses by step."""
    steps = [
        {
            "number": step,
            "did": visible(misses[0].did),
            "place": f"{misses[0].place.file}:{misses[0].place.line}",
            "href": f"{link}{quoted(misses[0].place.file)}&line={misses[0].place.line}#L{misses[0].place.line}",
            "misses": [(visible(miss.expected), visible(miss.got)) for miss in misses],
            "taken_by": visible(misses[0].taken_by),
        }
        for step, found in groupby(each.misses, key=lambda miss: miss.step)
        for misses in [list(found)]
    ]
    href = f"{link}{quoted(each.file)}&line={each.line}#L{each.line}"
    return {"test": each, "href": href, "place": f"{visible(each.file)}:{each.line}", "steps": steps}


# --- the graph ----------------------------------------------------------------------------------------------------------


async def _graph(request: web.Request) -> Values:
    """All rules, or those around one (``?rule=``) where these are few enough to be drawn at once."""
    rules = request.app[RULES]
    book, wanted = await rules.book(), request.query.get("rule", "")
    values: Values = {"now": request.app[DESK].now(), "rule": "", "trouble": "", "gone": None}
    if wanted and wanted not in book.rulebook.by_name:
        values["gone"] = gone("rule", wanted, book.rulebook.by_name, "/admin/rules/graph?rule=")
    near = neighbourhood(book, wanted, least=1)
    if near is not None:
        return {**values, "rule": wanted, "nodes": book.graph.around(wanted).nodes, "image": near}
    known = await rules.survey(book.files, SOON_S)
    image = Markup(known.value.image) if known.value is not None else None  # noqa: S704 escaped where it is drawn
    return {**values, "nodes": book.graph.nodes, "image": image, "trouble": known.trouble}


# --- what nobody understood ---------------------------------------------------------------------------------------------


async def _unmatched(request: web.Request) -> Values:
    wanted = request.query.get("days", "")
    days = next((each for each in PERIODS if str(each) == wanted), PERIODS[0])
    known = await request.app[RULES].missed(days)
    groups = known.value.groups if known.value is not None else ()
    most = max((group.count for group in groups), default=1)
    book = await request.app[RULES].book()
    folder = next(iter(book.files), "rules").partition("/")[0]
    return {
        "now": request.app[DESK].now(),
        "days": days,
        "periods": PERIODS,
        "known": known,
        "groups": [(_seen(group, book), round(100 * group.count / most, 1)) for group in groups],
        "folder": visible(folder),
    }


def _seen(group: Alike, book: Book) -> Alike:
    """With every sign to be seen, long messages cut, and the rule as far in as the rules of the files: pasted between two, it fits."""
    texts = tuple((_cut(visible(text)), count) for text, count in group.texts)
    dashes = Counter(rule.place.column - 3 for rule in book.rulebook.rules)
    before = " " * (dashes.most_common(1)[0][0] if dashes else 0)
    return replace(group, texts=texts, rule=indent("\n".join(map(visible, group.rule.split("\n"))), before))


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_MOST else f"{text[:_TEXT_MOST]}…"


PAGES: Final = (
    Page("GET", "/rules/tests", _page("rules_tests.html", "tests", _tests)),
    Page("GET", "/rules/tests/live", _live("rules_tested.html", "tested", _tests), is_part=True),
    Page("GET", "/rules/graph", _page("rules_graph.html", "graph", _graph)),
    Page("GET", "/rules/graph/live", _live("rules_drawn.html", "drawn", _graph), is_part=True),
    Page("GET", "/rules/unmatched", _page("rules_unmatched.html", "unmatched", _unmatched)),
    Page("GET", "/rules/unmatched/live", _live("rules_groups.html", "groups", _unmatched), is_part=True),
)
