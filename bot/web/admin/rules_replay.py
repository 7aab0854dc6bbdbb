"""Trying rules on what people wrote: an uploaded folder, or the saved one, against the last days; and what would come out differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, get_args
from urllib.parse import urlencode

from aiohttp import web

from bot.errors import Refused
from bot.store.users import Deed
from bot.web.admin.desk import DESK
from bot.web.admin.replays import Attempt
from bot.web.admin.rule_text import visible, wrongs
from bot.web.admin.rules_desk import RULES
from bot.web.admin.uploaded import read_upload
from bot.web.site.access import Visitor
from bot.web.site.guard import Page, see_other
from bot.web.site.live import stream
from bot.web.site.pages import html, rendered
from bot.web.site.words import counted
from bot.work.trying import Row, Side, Trial, Tried

PERIODS: Final[Mapping[str, str]] = {"1": "the last day", "7": "the last week", "30": "the last 30 days"}
ON_PAGE: Final = 50
SEARCH_MAX: Final = 100

Show = Literal["all", "loses_its_answer", "is_missed", "other"]
SHOWS: Final[Mapping[Show, str]] = {
    "all": "All",
    "loses_its_answer": "Loses its answer",
    "is_missed": "Is missed",
    "other": "Answered otherwise",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Which differences are listed, as the address says."""

    show: Show = "all"
    search: str = ""
    page: int = 1

    def query(self, page: int) -> str:
        """The query of another page of the same."""
        kept = {"show": self.show, "q": self.search, "page": str(page)}
        return urlencode({name: value.encode("utf-8", "replace") for name, value in kept.items() if value})

    def wants(self, row: Row) -> bool:
        """Whether the difference is listed."""
        if self.show != "all" and (row.mark or "other") != self.show:
            return False
        words = (row.heard, row.before.rule, row.now.rule, *row.before.lines, *row.now.lines)
        return not self.search or any(self.search.casefold() in each.casefold() for each in words)


@dataclass(frozen=True, slots=True)
class Joined:
    """Differences that are equal but for when and whom; ``row`` is the earliest of them."""

    row: Row
    times: int
    people: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of differences, equal ones joined. ``found``: how many there are on all ``pages``, each counted."""

    rows: tuple[Joined, ...]
    found: int
    page: int
    pages: int


def look_of(query: Mapping[str, str]) -> Look:
    """Nonsense counts as nothing."""
    show: Show = next((each for each in get_args(Show) if each == query.get("show")), "all")
    page = query.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
    return Look(show, query.get("q", "").strip()[:SEARCH_MAX], max(1, number))


def listed(found: Tried, look: Look) -> Listed:
    """The page that is looked for; the last one where there are not so many. People who lose something come before all others."""
    rows = [row for row in found.rows if look.wants(row)]
    joined = _joined(rows)
    pages = max(1, -(-len(joined) // ON_PAGE))
    page = min(look.page, pages)
    shown = joined[(page - 1) * ON_PAGE : page * ON_PAGE]
    return Listed(tuple(replace(each, row=_seen(each.row)) for each in shown), len(rows), page, pages)


def _joined(rows: Sequence[Row]) -> list[Joined]:
    alike: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault((row.heard, row.before, row.now, row.mark, row.would_ask), []).append(row)
    joined = [Joined(each[0], len(each), len({row.person for row in each})) for each in alike.values()]
    return sorted(joined, key=lambda each: not each.row.mark)  # among those, in the order of time


def _seen(row: Row) -> Row:
    """With every sign to be seen."""
    return Row(
        row.at,
        row.person,
        row.identity,
        visible(row.heard),
        _side(row.before),
        _side(row.now),
        row.mark,
        row.would_ask,
    )


def _side(side: Side) -> Side:
    return Side(side.rule, side.layer.replace("_", " "), tuple(visible(line) for line in side.lines))


# --- pages --------------------------------------------------------------------------------------------------------------


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The form, and the replays of late."""
    replays = request.app[RULES].replays
    values = {
        **_frame(request, visitor),
        "periods": PERIODS,
        "attempts": list(replays),
        "running": replays.running,
        "folder": visible(request.app[DESK].rules_dir.name),
    }
    return html(rendered("rules_replay.html", values))


async def start(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Begin with what was uploaded, or with the saved folder."""
    desk, rules = request.app[DESK], request.app[RULES]
    upload = await read_upload(request)
    saved = upload.fields.get("which") == "saved"
    files = await rules.folder() if saved else upload.files
    if not files:
        raise Refused(
            "There is no rule file in it." if not saved else "The folder holds no rule file.",
            "no_rules",
            "Choose files that end in .yaml or .yml, or a ZIP of them.",
            422,
        )
    days = upload.fields.get("days", "7")
    until = desk.now()
    since = until - timedelta(days=int(days) if days in PERIODS else 7)
    what = "the saved folder" if saved else f"{counted(len(files), 'uploaded file')}"
    trial = Trial(desk.database, desk.backend.app_id, dict(files), since, until)
    attempt = rules.replays.start(what, visitor.name, trial)
    await desk.backend.store.users.did(Deed(desk.now(), visitor.name, "rules_replayed", what))
    return see_other(f"/admin/rules/replay/{attempt.id}")


async def cancel(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """End it."""
    attempt = _attempt(request)
    request.app[RULES].replays.cancel(attempt)
    return see_other(f"/admin/rules/replay/{attempt.id}")


async def result(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """How far it is, or what came of it."""
    attempt = _attempt(request)
    values = {**_frame(request, visitor), **_values(request, visitor, attempt)}
    return html(rendered("rules_replayed.html", values))


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The same while it goes on."""
    desk, attempt = request.app[DESK], _attempt(request)

    async def fragments() -> Mapping[str, str]:
        return {"attempt": rendered("rules_attempt.html", _values(request, visitor, attempt))}

    return await stream(request, desk.pulse, fragments, desk.access.still_in(request), desk.now)


def _values(request: web.Request, visitor: Visitor, attempt: Attempt) -> dict[str, object]:
    look = look_of(request.query)
    found = attempt.found
    return {
        "visitor": visitor,
        "now": request.app[DESK].now(),
        "attempt": attempt,
        "look": look,
        "shows": SHOWS,
        "found": found,
        "listed": listed(found, look) if found is not None else None,
        "problems": wrongs(found.problems, attempt.files, "") if found is not None else [],
    }


def _frame(request: web.Request, visitor: Visitor) -> dict[str, object]:
    return {"visitor": visitor, "here": "Rules", "tab": "replay", "now": request.app[DESK].now()}


def _attempt(request: web.Request) -> Attempt:
    found = request.app[RULES].replays.find(request.match_info["id"])
    if found is None:
        raise Refused(
            "This replay is not remembered any more.",
            "unknown_replay",
            "The last ten are, until somebody is erased; run it again.",
            404,
        )
    return found


PAGES: Final = (
    Page("GET", "/rules/replay", show),
    Page("POST", "/rules/replay", start, role="operate"),
    Page("GET", "/rules/replay/{id}", result),
    Page("GET", "/rules/replay/{id}/live", live, is_part=True),
    Page("POST", "/rules/replay/{id}/cancel", cancel, role="operate"),
)
