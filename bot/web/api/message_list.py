"""``GET /v1/messages``: everything that left or is to leave, newest first, a page at a time."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from bot.store.messages import PAGE_MAX, Filter, Status
from bot.web.api.address import contact_of
from bot.web.api.bodies import Reference, To, time_of
from bot.web.api.message_view import Message, told
from bot.web.api.operation import Answer, Asked, Query, Told

PAGE: Final = 50
_CURSOR_MAX: Final = 40
_PLUS_LOST: Final = re.compile(r" (?=\d\d:?\d\d$)")  # a + that was not percent-encoded comes as a space


def _query_time(value: object) -> object:
    return time_of(_PLUS_LOST.sub("+", value) if isinstance(value, str) else value)


def _query_status(value: object) -> object:
    """In any case; WhatsApp libraries say ``PENDING`` for what is queued."""
    word = value.lower() if isinstance(value, str) else value
    return "queued" if word == "pending" else word


def _number(value: object) -> object:
    """Digits alone; ``int`` would take spaces, underscores and the digits of other scripts."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError(f"must be a whole number from 1 to {PAGE_MAX}")
    return value


def _checked(cursor: str) -> str:
    _place(cursor)
    return cursor


def _place(cursor: str) -> int:
    try:
        plain = urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (NotBase64, ValueError):
        plain = ""
    found = re.fullmatch(r"m([0-9]{1,18})", plain, re.ASCII)
    if found is None or cursor_of(int(found[1])) != cursor:
        raise ValueError("must be the next of the page before, as it was told")
    return int(found[1])


QueryTime = Annotated[AwareDatetime, BeforeValidator(_query_time)]


class MessageQuery(Query):
    """``contact``: to this person. ``since`` counts, ``until`` does not. ``cursor`` is the ``next`` of the page before."""

    contact: To | None = None
    status: Annotated[Status, BeforeValidator(_query_status)] | None = None
    since: QueryTime | None = None
    until: QueryTime | None = None
    reference: Annotated[Reference, Field(min_length=1)] | None = None
    cursor: Annotated[str, Field(max_length=_CURSOR_MAX), AfterValidator(_checked)] | None = None
    limit: Annotated[int, BeforeValidator(_number), Field(ge=1, le=PAGE_MAX)] = PAGE


class MessageList(Told):
    """A page, newest first. ``next`` null: there are no older ones."""

    messages: list[Message]
    next: str | None


async def list_messages(asked: Asked) -> Answer:
    """A page of what left or is to leave, whoever asked for it."""
    query: MessageQuery = asked.query
    app = asked.backend.app_id
    wanted = Filter(
        contact=None if query.contact is None else contact_of(query.contact, app),
        status=query.status,
        since=query.since,
        until=query.until,
        reference=query.reference,
        before=None if query.cursor is None else _place(query.cursor),
        limit=query.limit,
    )
    page = await asked.backend.store.messages.listed(app, wanted)
    return Answer(MessageList(messages=[told(each) for each in page.messages], next=cursor_of(page.next)))


def cursor_of(place: int | None) -> str | None:
    """A place among the messages, in a form that nobody builds upon."""
    return None if place is None else urlsafe_b64encode(f"m{place}".encode()).decode().rstrip("=")
