"""``/admin/operations/messages``: messages that did not arrive, each with why and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, get_args
from urllib.parse import urlencode

from aiohttp import web

from bot.core.event import ContactKey, Reason
from bot.core.failure_names import name_of_end, name_of_receipt
from bot.core.next_step import NextStep
from bot.store.messages import Filter, Status
from bot.store.units import MessageView
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.operations import number_of, page
from bot.web.admin.said import said_by_us
from bot.web.site.access import Visitor
from bot.web.site.guard import Page
from bot.web.site.words import masked
from bot.work.next_steps import next_step_of

SHOWN: Final = 50
LOOKED_THROUGH: Final = 5  # pages of the store's, for one of ours
A_LOOK: Final = 200
REFERENCE_MAX: Final = 200
PATH: Final = "/admin/operations/messages"
STATUSES: Final[tuple[Status, ...]] = ("failed", "expired", "cancelled", "held", "queued")
_FAILED: Final = "FAILED"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the page is asked for, as its address says. ``reason`` is a name of ``bot.core.failure_names``."""

    status: Status | None
    reason: str
    reference: str
    before: int | None

    def address(self, before: int | None = None) -> str:
        """Where the same is shown, from ``before`` on."""
        parts = {"status": self.status, "reason": self.reason, "reference": self.reference, "before": before}
        return f"{PATH}?{urlencode({name: value for name, value in parts.items() if value})}"


@dataclass(frozen=True, slots=True)
class Line:
    """One message. ``person`` None: nobody is known by its address."""

    id: str
    at: datetime
    to: str
    person: int | None
    status: str
    tone: str
    words: str
    whose: str
    reference: str
    name: str
    step: NextStep | None
    reason: str


def wanted_of(request: web.Request) -> Wanted:
    """What is no word of ours is as if it were not there."""
    query = request.query
    status = next((each for each in get_args(Status) if each == query.get("status")), None)
    return Wanted(
        status,
        query.get("reason", "").strip()[:80],
        query.get("reference", "").strip()[:REFERENCE_MAX],
        number_of(query.get("before", "")),
    )


async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A page of them, newest first."""
    desk, wanted = request.app[DESK], wanted_of(request)
    messages, older = await _found(desk, wanted)
    people = {contact: await _person(desk, contact) for contact in {each.contact for each in messages}}
    return page(
        "operations_messages.html",
        visitor,
        desk,
        lines=[line_of(each, people[each.contact]) for each in messages],
        wanted=wanted,
        statuses=STATUSES,
        older=wanted.address(older) if older is not None else "",
        first=wanted.address() if wanted.before is not None else "",
    )


async def _person(desk: Desk, contact: ContactKey) -> int | None:
    return await desk.backend.store.conversations.person(contact)


async def _found(desk: Desk, wanted: Wanted) -> tuple[list[MessageView], int | None]:
    """So many that fit, and where to look on; only so much is looked through for one page."""
    asked = Filter(
        status=wanted.status,
        reference=wanted.reference or None,
        before=wanted.before,
        limit=A_LOOK if wanted.reason else SHOWN,
        amiss=wanted.status is None,
    )
    found: list[MessageView] = []
    for _ in range(LOOKED_THROUGH):
        got = await desk.backend.store.messages.listed(desk.backend.app_id, asked)
        found += [each for each in got.messages if not wanted.reason or name_of(each) == wanted.reason]
        if got.next is None or len(found) >= SHOWN:
            return found, got.next
        asked = replace(asked, before=got.next)
    return found, asked.before


def name_of(message: MessageView) -> str:
    """What its failure is counted as; empty where it did not fail."""
    reason = _reason_of(message)
    if message.status == "failed" and reason is not None:
        return name_of_receipt(reason)
    if message.status not in ("failed", "expired", "cancelled", "held"):
        return ""
    last = message.attempts[-1] if message.attempts else None
    status, code = (0, "") if last is None else (last.status, last.code)
    return name_of_end(message.state.value, message.reason, status, code)


def _reason_of(message: MessageView) -> Reason | None:
    failed = [each.reason for each in message.receipts if each.status == _FAILED]
    return failed[-1] if failed else None


_TONES: Final = {"failed": "bad", "held": "bad", "expired": "warn", "cancelled": ""}


def line_of(message: MessageView, person: int | None) -> Line:
    """One message for people."""
    return Line(
        message.outbox_id,
        message.created_at,
        masked(message.contact.identity),
        person,
        message.status,
        _TONES.get(message.status, ""),
        said_by_us(message.reply).line,
        f"rule {message.rule}" if message.rule else message.author or message.origin.value,
        message.reference,
        name_of(message),
        next_step_of(message),
        message.reason,
    )


PAGES: Final[Sequence[Page]] = (Page("GET", "/operations/messages", show),)
