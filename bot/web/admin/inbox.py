"""The list of conversations: its page, and what keeps it up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from aiohttp import web

from bot.core.hours import zone
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.inbox_view import Asked, ListView, asked_of, list_view
from bot.web.site.access import Visitor
from bot.web.site.guard import Page
from bot.web.site.live import stream
from bot.web.site.pages import html, rendered

LIMIT: Final = 50


async def list_of(
    desk: Desk, visitor: Visitor, asked: Asked, current: int | None = None, limit: int = LIMIT
) -> ListView:
    """The left pane; ``current`` is the conversation that is open."""
    backend, conversations = desk.backend, desk.backend.store.conversations
    listed = await conversations.listed(backend.app_id, replace(asked.wanted, limit=limit), desk.now())
    totals = await conversations.totals(backend.app_id)
    return list_view(asked, listed.rows, listed.next, totals, current, visitor.name, backend)


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The list alone."""
    desk, asked = request.app[DESK], asked_of(request.query)
    values = values_of(desk, visitor, asked, await list_of(desk, visitor, asked))
    values |= {"live": f"/admin/live{asked.query()}", "done": DONE.get(request.query.get("done", ""), "")}
    return html(rendered("inbox.html", values))


DONE: Final = {"erased": "Erased: nothing is kept of that person any more."}


def values_of(
    desk: Desk, visitor: Visitor, asked: Asked, listed: ListView, found: object = None, number: int = 0
) -> dict[str, object]:
    """What the templates of the inbox name. ``found``: the conversation ``number``, where one is open."""
    settings = desk.backend.rulebook().settings
    return {
        "visitor": visitor,
        "here": "Inbox",
        "now": desk.now(),
        "list": listed,
        "asked": asked,
        "query": asked.query(),
        "opened": found,
        "base": f"/admin/conversations/{number}",
        "zone": zone(settings.time_zone),
        "zone_name": settings.time_zone,
        "shows_about": False,
        "done": "",
    }


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The list as it changes."""
    desk, asked = request.app[DESK], asked_of(request.query)

    async def fragments() -> Mapping[str, str]:
        values = values_of(desk, visitor, asked, await list_of(desk, visitor, asked))
        return {part: rendered(f"inbox_{part}.html", values) for part in ("filters", "rows")}

    return await stream(request, desk.pulse, fragments, desk.access.still_in(request), desk.now)


PAGES: Final = (Page("GET", "/", show), Page("GET", "/live", live, is_part=True))
