"""``GET /v1/contacts/{identity}/conversation``: what was said both ways, newest first, and what colleagues did."""

from __future__ import annotations

from typing import Annotated, Any, Literal, assert_never

from pydantic import Field

from bot.core.button import read_button_id
from bot.core.codec import reply_to_plain
from bot.core.event import (
    ColleagueActed,
    ConsentNotice,
    Content,
    Event,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    Order,
    OwnTap,
    Reaction,
    Tap,
    Text,
    Unreadable,
    Unsupported,
)
from bot.core.hearing import message_text
from bot.errors import Failed
from bot.store.contacts import FROM_THE_END, Came, Left, Place
from bot.store.units import InboxKind, Origin
from bot.web.api.backend import Backend
from bot.web.api.contacts import contact_in, unknown
from bot.web.api.messages import Status
from bot.web.api.operation import Answer, Asked, Moment, Operation, PageQuery, Told
from bot.work.stored_events import reader


class ExchangeQuery(PageQuery):
    """A page of the conversation, of two tables side by side."""

    cursor: str | None = Field(default=None, pattern="^[0-9]{1,18}-[0-9]{1,18}$")


class PersonEntry(Told):
    """What the person wrote, tapped or sent. ``text`` is theirs, or says what came without words; null where it is kept no longer.

    ``answered_by``: the rule that answered; ``reason``: where the answer came from, null while it is not decided.
    """

    who: Literal["person"] = "person"
    id: str | None
    at: Moment
    kind: str
    text: str | None
    answered_by: str | None
    reason: str | None


class By(Told):
    """Who had it sent: a ``rule``, an API key (``api``), a ``campaign`` by its number, or a ``colleague``."""

    kind: Literal["rule", "api", "campaign", "colleague"]
    name: str


class BotEntry(Told):
    """What we sent, or are about to; ``GET /v1/messages/{id}`` tells more."""

    who: Literal["bot"] = "bot"
    id: str
    at: Moment
    status: Status
    reason: str | None
    reply: dict[str, Any]
    by: By


class ColleagueEntry(Told):
    """What a colleague did: ``took_over``, ``gave_back``, ``wrote`` or ``closed``; ``gone`` where it is kept no longer."""

    who: Literal["colleague"] = "colleague"
    at: Moment
    did: str
    name: str
    team: str | None
    note: str | None


Entry = Annotated[PersonEntry | BotEntry | ColleagueEntry, Field(discriminator="who")]


class ExchangeTold(Told):
    """A page of what was said, newest first; ``next`` null: there is nothing older."""

    entries: list[Entry]
    next: str | None


async def get_conversation(asked: Asked) -> Answer:
    """A page of what was said."""
    query: ExchangeQuery = asked.query
    found = await asked.backend.store.contacts.exchange(contact_in(asked), query.limit, _place(query.cursor))
    if found is None:
        raise unknown()
    next_ = None if found.next is None else "{}-{}".format(*found.next)
    return Answer(ExchangeTold(entries=[_entry(each, asked.backend) for each in found.entries], next=next_))


def _place(cursor: str | None) -> Place:
    if cursor is None:
        return FROM_THE_END
    inbox, _, outbox = cursor.partition("-")
    return int(inbox), int(outbox)


def _entry(each: Came | Left, backend: Backend) -> PersonEntry | BotEntry | ColleagueEntry:
    if isinstance(each, Left):
        return _sent(each)
    event = event_of(each, backend)
    if isinstance(event, ColleagueActed):
        return ColleagueEntry(
            at=each.at, did=event.what, name=event.who, team=event.team or None, note=event.note or None
        )
    if each.kind is InboxKind.OPERATOR:
        return ColleagueEntry(at=each.at, did="gone", name="", team=None, note=None)
    kind, text = entry_of(event, each, backend.store.installation_key)
    reason = f"{each.layer}: rule {each.rule}" if each.rule else each.layer
    return PersonEntry(
        id=event.message_id if isinstance(event, InboundMessage) else None,
        at=each.at,
        kind=kind,
        text=text,
        answered_by=each.rule or None,
        reason=reason or None,
    )


def event_of(came: Came, backend: Backend) -> Event | None:
    """What came, read from its bytes; None where they are kept no longer or cannot be read."""
    try:
        return reader(backend.app_id)(came.kind, came.raw, came.received_at) if came.raw else None
    except (ValueError, Failed):
        return None


def entry_of(event: Event | None, came: Came, button_key: bytes) -> tuple[str, str | None]:
    """The kind of what came, and its words or what they would be."""
    match event:
        case InboundMessage(content=content):
            return _of_content(content, came, button_key)
        case Reaction(emoji=emoji):
            return "reaction", emoji or "(took the reaction back)"
        case ConsentNotice(opted_in=opted_in):
            return "consent", "(opted in at the channel)" if opted_in else "(opted out at the channel)"
        case None | Unsupported():
            return "gone" if event is None else "unsupported", None
        case _:
            return "notice", None


def _of_content(content: Content, came: Came, button_key: bytes) -> tuple[str, str]:
    match content:
        case Text(text=text):
            return "text", text
        case Media(kind=kind, caption=caption, url=url):
            kind = kind or came.media_kind
            return (kind.value if kind else "file"), caption or url
        case Tap():
            own = read_button_id(button_key, content.postback)
            return "tap", message_text(content) if own is None else f"(a button of rule {own[0]})"
        case OwnTap(rule=rule):
            return "tap", f"(a button of rule {rule})"
        case Location(latitude=latitude, longitude=longitude, title=title):
            return "location", f"{title} ({latitude}, {longitude})".strip()
        case Order(items=items, title=title):
            return "order", f"{title or 'An order'} ({len(items)} {'line' if len(items) == 1 else 'lines'})"
        case FlowAnswer(fields=fields):
            return "flow", ", ".join(f"{name}: {value}" for name, value in fields.items())
        case Unreadable(why=why):
            return "unreadable", f"(a kind of message that cannot be read: {why})"
        case _:
            assert_never(content)


def _sent(left: Left) -> BotEntry:
    message = left.message
    return BotEntry(
        id=message.outbox_id,
        at=message.created_at,
        status=message.status,  # type: ignore[arg-type] # the view's word is one of them
        reason=message.reason or None,
        reply=dict(reply_to_plain(message.reply)),
        by=_by(left),
    )


def _by(left: Left) -> By:
    message = left.message
    match message.origin:
        case Origin.API:
            return By(kind="api", name=message.author)
        case Origin.PERSON:
            return By(kind="colleague", name=message.author)
        case Origin.CAMPAIGN:
            return By(kind="campaign", name=left.origin_id)
        case Origin.RULE | Origin.TIMER:
            return By(kind="rule", name=message.rule)
        case _:
            assert_never(message.origin)


OPERATIONS = (
    Operation(
        "GET",
        "/contacts/{identity}/conversation",
        "getConversation",
        "Contacts",
        "What was said both ways, newest first.",
        "read",
        get_conversation,
        {200: ExchangeTold},
        query=ExchangeQuery,
        refusals=("not-found",),
    ),
)
