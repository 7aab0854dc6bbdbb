"""One conversation: its page, what keeps it up to date, and why the bot said what it said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from bot.core.hours import zone
from bot.core.scene import Scene
from bot.errors import Failed, Refused
from bot.store.contacts import Came, LedgerView
from bot.store.messages import Filter
from bot.store.sqlite.archive import open_archive
from bot.store.units import TraceView
from bot.web.admin.composer import ComposerView, Draft, TemplateForm, composer_view, template_form
from bot.web.admin.context_view import PersonView, person_view
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.inbox import list_of, values_of
from bot.web.admin.inbox_view import Asked, asked_of
from bot.web.admin.naming import called
from bot.web.admin.timeline import PAGE, Frame, Stored, before_of, timeline
from bot.web.admin.timeline_view import Timeline
from bot.web.admin.why_view import why_view
from bot.web.api.conversation import event_of
from bot.web.api.placing import scene_of
from bot.web.site.access import Visitor
from bot.web.site.guard import Page
from bot.web.site.live import stream
from bot.web.site.pages import html, rendered
from bot.work.explain import Explained, explained

LEDGER_MAX: Final = 50
QUEUED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that a conversation's page shows."""

    person: PersonView
    timeline: Timeline
    composer: ComposerView
    title: str


def person_in(request: web.Request) -> int:
    """The person's number in the path. Raises ``Refused`` (404) where it is none."""
    text = request.match_info["person"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise nobody()
    return int(text)


def nobody() -> Refused:
    """Nobody of that number, any more or ever."""
    return Refused("There is no such conversation.", "not-found", "It may have been erased; go back to the list.", 404)


async def opened(
    desk: Desk,
    visitor: Visitor,
    number: int,
    given: Mapping[str, str],
    draft: Draft = Draft(),  # noqa: B008 a value
) -> Opened:
    """What the page of person ``number`` shows. ``given``: the address, or what was in the form. Raises ``Refused`` (404)."""
    backend, now = desk.backend, desk.now()
    store, app = backend.store, backend.app_id
    contact = await store.conversations.address(app, number)
    view = None if contact is None else await store.contacts.contact(contact)
    if contact is None or view is None:
        raise nobody()
    ledger = await store.contacts.ledger(contact, LEDGER_MAX) or ()
    queued = await store.messages.listed(app, Filter(contact=contact, status="queued", limit=QUEUED_MAX))
    person = person_view(number, view, ledger, queued.messages, backend)
    title = called(view.person.fields, contact)
    stored = await _stored(desk, number, given.get("before", ""), ledger)
    scene = scene_of(contact, await store.standing(contact), backend, now)
    frame = Frame(
        backend.rulebook(), store.installation_key, zone(scene.rulebook.settings.time_zone), now, visitor.name, title
    )
    form = await _form(given, person, scene, desk)
    composer = composer_view(person, visitor, scene, form, draft)
    return Opened(person, timeline(stored, frame), composer, title)


async def _stored(desk: Desk, number: int, text: str, ledger: Sequence[LedgerView]) -> Stored:
    conversations, app, before = desk.backend.store.conversations, desk.backend.app_id, before_of(text)
    exchange = await conversations.exchange(app, number, PAGE, before.place)
    if exchange is None:
        raise nobody()
    after = 0 if exchange.next is None else exchange.next[0]
    happened = await conversations.happened(app, number, after, before.place[0])
    came = [*(each for each in exchange.entries if isinstance(each, Came)), *happened]
    read = ((each.inbox_id, event_of(each, desk.backend)) for each in came)
    events = {inbox_id: event for inbox_id, event in read if event is not None}
    return Stored(exchange, happened, ledger, events, before)


async def _form(given: Mapping[str, str], person: PersonView, scene: Scene, desk: Desk) -> TemplateForm | None:
    name = given.get("template", "")
    if not name and not person.is_open:
        name = next(iter(scene.rulebook.templates), "")
    return await template_form(name, given, person.number, scene, desk.backend) if name else None


# --- the page ------------------------------------------------------------


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The three panes."""
    desk, number = request.app[DESK], person_in(request)
    if visitor.may("answer"):
        await desk.backend.store.conversations.seen(desk.backend.app_id, number, desk.now())
    return await page(desk, visitor, number, request.query)


async def page(
    desk: Desk,
    visitor: Visitor,
    number: int,
    query: Mapping[str, str],
    given: Mapping[str, str] | None = None,
    draft: Draft = Draft(),  # noqa: B008 a value
    status: int = 200,
) -> web.Response:
    """The page of person ``number``; ``given``: what stood in the form, where something was refused."""
    asked = asked_of(query)
    found = await opened(desk, visitor, number, query if given is None else given, draft)
    listed = await list_of(desk, visitor, asked, number)
    values = values_of(desk, visitor, asked, listed, found, number)
    values["shows_about"] = bool(query.get("about"))
    values["live"] = f"/admin/conversations/{number}/live{asked.query(before=query.get('before', '')[:60])}"
    return html(rendered("inbox.html", values), status)


async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The parts of the page as they change."""
    desk, number, asked = request.app[DESK], person_in(request), asked_of(request.query)

    still_in = desk.access.still_in(request)

    async def may_go_on() -> bool:
        is_there = await desk.backend.store.conversations.address(desk.backend.app_id, number) is not None
        return is_there and await still_in()

    last: tuple[object, Opened] | None = None

    async def fragments() -> Mapping[str, str]:
        nonlocal last
        listed = await list_of(desk, visitor, asked, number)
        mark = await _mark(desk, number)
        found = last[1] if last is not None and last[0] == mark else await opened(desk, visitor, number, request.query)
        last = mark, found
        values = values_of(desk, visitor, asked, listed, found, number)
        return {part: rendered(f"inbox_{part}.html", values) for part in PARTS}

    return await stream(request, desk.pulse, fragments, may_go_on, desk.now)


async def _mark(desk: Desk, number: int) -> object:
    """Another one where the conversation is to be shown anew: it changed, or the rules did, or a minute is over."""
    mark = await desk.backend.store.conversations.mark(desk.backend.app_id, number)
    return mark, desk.backend.rulebook().version, int(desk.now().timestamp()) // 60


PARTS: Final = ("filters", "rows", "head", "timeline", "composer", "context", "announce")


# --- why ------------------------------------------------------------


async def why(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Why one event was answered as it was: the part alone where the script asks for it, else as a page."""
    desk, number = request.app[DESK], person_in(request)
    text = request.match_info["inbox"]
    trace = (
        await desk.backend.store.trace(int(text)) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
    )
    contact = await desk.backend.store.conversations.address(desk.backend.app_id, number)
    if trace is None or contact is None or trace.person != number:
        raise Refused("No decision of that number is known here.", "not-found", "Go back to the conversation.", 404)
    values: dict[str, object] = {"visitor": visitor, "here": "Inbox", "now": desk.now()}
    values |= {"base": f"/admin/conversations/{number}", "query": asked_of(request.query).query()}
    try:
        found = await asyncio.to_thread(_explained, desk.database, desk.backend.app_id, trace)
        values |= {"why": why_view(found), "gone": ""}
    except Failed as gone:
        values |= {"why": None, "gone": str(gone)}
    name = "inbox_why.html" if request.query.get("part") else "inbox_why_page.html"
    return html(rendered(name, values))


def _explained(database: Path, app: str, trace: TraceView) -> Explained:
    with closing(open_archive(database)) as archive:
        return explained(trace, archive, app)


async def template_part(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """The fields of the template that was chosen, with what the person would get."""
    desk, number = request.app[DESK], person_in(request)
    found = await opened(desk, visitor, number, request.query)
    values = values_of(desk, visitor, Asked(), await list_of(desk, visitor, Asked(), number, limit=1), found, number)
    return html(rendered("inbox_template.html", values))


async def seen(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A colleague looks at what just came."""
    desk, number = request.app[DESK], person_in(request)
    await desk.backend.store.conversations.seen(desk.backend.app_id, number, desk.now())
    return html("")


PAGES: Final = (
    Page("GET", "/conversations/{person}", show),
    Page("GET", "/conversations/{person}/live", live, is_part=True),
    Page("GET", "/conversations/{person}/why/{inbox}", why),
    Page("GET", "/conversations/{person}/template", template_part, role="answer", is_part=True),
    Page("POST", "/conversations/{person}/seen", seen, role="answer", is_part=True),
)
