"""The versions of the rules: who saved what when, what it changed, and going back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from aiohttp import web

from bot.errors import Refused
from bot.rulebook.difference import Difference
from bot.store.units import Release
from bot.store.users import Deed
from bot.web.admin.desk import DESK
from bot.web.admin.rule_text import LINE_MOST, visible
from bot.web.admin.rules_desk import RULES
from bot.web.site.access import Visitor
from bot.web.site.guard import Page, posted, see_other
from bot.web.site.live import stream
from bot.web.site.pages import html, rendered
from bot.work.survey import FileDiff

LISTED: Final = 30
NAMED_MOST: Final = 8
_NUMBER_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Names:
    """``what`` happened to these; ``more`` are not named. ``rules``: they may be linked to."""

    what: str
    names: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Version:
    """A release in the list. ``changed`` None: it is still being compared, or there is nothing to compare it with (``is_first``)."""

    release: Release
    before: int
    is_live: bool
    is_first: bool
    is_offered: bool
    people: int
    changed: tuple[Names, ...] | None


def versions(
    releases: Sequence[Release],
    known: Mapping[tuple[int, int], Difference],
    people: Mapping[int, Mapping[str, int]],
    limit: int,
) -> list[Version]:
    """The newest ``limit`` of ``releases``; one more of them tells what the last of these changed."""
    found: list[Version] = []
    offered = {releases[0].number} if releases else set()
    for at, release in enumerate(releases[:limit]):
        before = releases[at + 1].number if at + 1 < len(releases) else 0
        difference = known.get((before, release.number))
        changed = tuple(_changed(difference)) if difference is not None else None
        asked = sum(people.get(release.number, {}).values()) if release.number not in offered or at == 0 else 0
        is_offered = release.number not in offered
        offered.add(release.number)
        found.append(Version(release, before, at == 0, not before, is_offered, asked, changed))
    return found


def _changed(found: Difference) -> Iterator[Names]:
    for what, names in (
        ("rules added", found.added),
        ("rules changed", found.changed),
        ("rules removed", found.removed),
        ("files", found.files),
    ):
        if names:
            yield Names(what, tuple(visible(name) for name in names[:NAMED_MOST]), max(0, len(names) - NAMED_MOST))
    if found.reordered:
        yield Names("the rules come in another order", (), 0)


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The list."""
    values = await _values(request, visitor)
    page = {**values, "visitor": visitor, "here": "Rules", "tab": "history"}
    return html(rendered("rules_history.html", page))


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The list as it changes."""
    desk = request.app[DESK]

    async def fragments() -> Mapping[str, str]:
        return {"versions": rendered("rules_versions.html", await _values(request, visitor))}

    return await stream(request, desk.pulse, fragments, desk.access.still_in(request), desk.now)


async def _values(request: web.Request, visitor: Visitor) -> dict[str, object]:
    desk, rules = request.app[DESK], request.app[RULES]
    releases = await desk.backend.store.releases(LISTED + 1)
    pairs = tuple((old.number, new.number) for new, old in pairwise(releases))
    known = await rules.changes(pairs) if pairs else None
    state = await rules.state()
    found = known.value if known is not None and known.value is not None else {}
    return {
        "now": desk.now(),
        "visitor": visitor,
        "versions": versions(releases, found, state.people, LISTED),
        "is_comparing": known is not None and known.value is None and not known.trouble,
        "trouble": known.trouble if known is not None else "",
        "is_cut": len(releases) > LISTED,
    }


async def roll_back(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Let an earlier version answer again."""
    desk = request.app[DESK]
    form = await posted(request)
    number = _number(form.get("number"))
    replaced = await desk.reloader.roll_back(number, visitor.name)
    await desk.backend.store.users.did(
        Deed(desk.now(), visitor.name, "rules_rolled_back", f"rulebook {number} in place of {replaced}")
    )
    desk.pulse.touch()
    return see_other("/admin/rules/history")


async def compare(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Two versions, line by line."""
    values = await _compared(request)
    return html(rendered("rules_diff.html", {**values, "visitor": visitor, "here": "Rules", "tab": "history"}))


async def compare_live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The comparison once it is made."""
    desk = request.app[DESK]

    async def fragments() -> Mapping[str, str]:
        return {"compared": rendered("rules_compared.html", await _compared(request))}

    return await stream(request, desk.pulse, fragments, desk.access.still_in(request), desk.now)


async def _compared(request: web.Request) -> dict[str, object]:
    desk, rules = request.app[DESK], request.app[RULES]
    one, other = _number(request.query.get("one")), _number(request.query.get("other"))
    for number in (one, other):
        if await desk.backend.store.rulebook(number) is None:
            raise Refused(f"There is no version {number}.", "unknown_rulebook", "The history lists them.", 404)
    known = await rules.compared(one, other)
    files = [_seen(each) for each in known.value] if known.value is not None else None
    return {"now": desk.now(), "one": one, "other": other, "files": files, "trouble": known.trouble}


def _seen(file: FileDiff) -> FileDiff:
    """With every sign to be seen."""
    lines = tuple(replace(line, text=visible(line.text)[:LINE_MOST]) for line in file.lines)
    return replace(file, name=visible(file.name), lines=lines)


def _number(value: object) -> int:
    """``Refused`` where it is none."""
    text = value if isinstance(value, str) else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or not 0 < int(text) <= _NUMBER_MAX:
        raise Refused("A version is named by its number.", "bad_number", "Choose one on the history page.", 422)
    return int(text)


PAGES: Final = (
    Page("GET", "/rules/history", show),
    Page("GET", "/rules/history/live", live, is_part=True),
    Page("POST", "/rules/rollback", roll_back, role="operate"),
    Page("GET", "/rules/diff", compare),
    Page("GET", "/rules/diff/live", compare_live, is_part=True),
)
