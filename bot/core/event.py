"""What can happen to a conversation: every event kind, each with the key that makes it count once.

Events are values. Whoever reads the outside world (``bot.sinch.wire``, the API, the store's timers) makes them; ``decide``
consumes them. All times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from bot.core.value import quick


@quick
@dataclass(frozen=True, slots=True, order=True)
class ContactKey:
    """One address of a person: opaque text, unique within an app and a channel.

    ``identity`` is digits without ``+`` for a phone number, else verbatim (WhatsApp's business-scoped ids look like
    ``US.13491208655302741918``). At most 160 characters.
    """

    app: str
    channel: str
    identity: str


class MediaKind(StrEnum):
    """What staff call a file in ``sends``. FILE: nothing tells the kind."""

    IMAGE = "image"
    VIDEO = "video"
    VOICE = "voice"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"
    FILE = "file"


@quick
@dataclass(frozen=True, slots=True)
class Text:
    """Typed words, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """A file. ``kind`` is None while neither name nor URL ending told it and nobody asked the server yet."""

    url: str
    kind: MediaKind | None
    caption: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A place on the map; degrees."""

    latitude: float
    longitude: float
    title: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Tap:
    """A button, list row or quick reply that was tapped, as it came: the visible title is not told by WhatsApp."""

    postback: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class OwnTap:
    """A tap on a button of ours whose id carried a valid signature (see ``bot.core.button``)."""

    rule: str
    version: int
    option: int
    postback: str
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One line of a basket."""

    id: str
    quantity: int
    item_price: float
    currency: str


@dataclass(frozen=True, slots=True)
class Order:
    """A basket sent from a WhatsApp catalogue."""

    catalog_id: str
    title: str = ""
    items: tuple[OrderItem, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """A completed WhatsApp Flow (or address form); ``fields`` flattened to text."""

    name: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message of a person that the channel or Sinch could not map; ``why`` is Sinch's reason code or our own word."""

    why: str


Content = Text | Media | Location | Tap | OwnTap | Order | FlowAnswer | Unreadable


@quick
@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A person wrote, tapped or sent something.

    ``written_at`` is the person's own time: the earliest of the times Sinch tells, never later than ``received_at``.
    ``injected`` messages were copied in by somebody; they open no window and trigger no rule.
    """

    dedup: str
    contact: ContactKey
    message_id: str
    content: Content
    written_at: datetime
    received_at: datetime
    contact_id: str = ""
    reply_to: str = ""
    injected: bool = False
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why Sinch or WhatsApp failed something. All are open enums kept as text; ``channel_code`` is Meta's number."""

    code: str
    description: str = ""
    sub_code: str = ""
    channel_code: str = ""


@quick
@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """Sinch tells what became of one of our sends. ``outbox_id`` is what we put into ``message_metadata``, or empty."""

    dedup: str
    contact: ContactKey | None
    message_id: str
    outbox_id: str
    status: str
    at: datetime
    received_at: datetime
    reason: Reason | None = None
    contact_id: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji on one of our messages (empty when taken back). Not a message: opens no window, asks for no answer."""

    dedup: str
    contact: ContactKey
    message_id: str
    emoji: str
    at: datetime
    received_at: datetime
    contact_id: str = ""


@dataclass(frozen=True, slots=True)
class ConsentNotice:
    """Sinch tells that a person opted in or out by the channel's own means."""

    dedup: str
    contact: ContactKey | None
    opted_in: bool
    succeeded: bool
    at: datetime
    received_at: datetime
    contact_id: str = ""


@dataclass(frozen=True, slots=True)
class ChannelNotice:
    """Something about the sender itself, such as WhatsApp's quality rating; ``detail`` is flattened to text."""

    dedup: str
    channel: str
    event_type: str
    detail: Mapping[str, str]
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ContactNotice:
    """Sinch tells about a contact object: these identities are one person (``merged_from``: and took over another).

    ``what`` is create, update, delete, merge or duplicate. ``language`` is Sinch's, such as ``EN_US``, or empty.
    """

    dedup: str
    what: str
    contact_id: str
    identities: tuple[ContactKey, ...]
    at: datetime
    received_at: datetime
    language: str = ""
    display_name: str = ""
    merged_from: str = ""


@dataclass(frozen=True, slots=True)
class BusinessEvent:
    """A backend tells that something named happened to this person (``POST /v1/events``). Values are text as given."""

    dedup: str
    contact: ContactKey
    name: str
    data: Mapping[str, str]
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer of a conversation is due: ``question``, or ``remind``, ``silent`` or ``window`` with the rule after a colon."""

    dedup: str
    contact: ContactKey
    name: str
    due_at: datetime
    values: Mapping[str, str]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """A connection's answer to the call of that ``key``. ``why`` tells in a sentence why it failed; ``values`` are the results."""

    dedup: str
    contact: ContactKey
    key: str
    connection: str
    outcome: Literal["found", "not_found", "failed"]
    values: Mapping[str, str]
    at: datetime
    received_at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A message of rule ``rule`` (empty: of nobody's rule) surely never arrived."""

    dedup: str
    contact: ContactKey
    rule: str
    outbox_id: str
    at: datetime
    received_at: datetime
    reason: Reason | None = None


Act = Literal["took_over", "gave_back", "wrote", "closed"]


@dataclass(frozen=True, slots=True)
class ColleagueActed:
    """A colleague, or a system for them, did something with the conversation.

    ``took_over``: ``team`` has it from now on. ``gave_back``: the bot has it again. ``wrote``: a colleague's message is on its way; with a
    ``team``, that one took over with it. ``closed``: the matter is settled, nobody need look any more. ``give_back_after`` None: as it was,
    a day where nothing was. ``note`` is for whoever asks why.
    """

    dedup: str
    contact: ContactKey
    what: Act
    team: str
    who: str
    give_back_after: timedelta | None
    at: datetime
    received_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Authentic, but nothing we act on. ``trigger`` is the payload key; the raw bytes are kept beside it.

    ``dead`` marks what a person should look at (a signed body that is not JSON); all else is merely ignored.
    """

    dedup: str
    trigger: str
    why: str
    received_at: datetime
    contact: ContactKey | None = None
    dead: bool = False


Event = (
    InboundMessage
    | DeliveryReceipt
    | Reaction
    | ConsentNotice
    | ChannelNotice
    | ContactNotice
    | BusinessEvent
    | TimerFired
    | CallAnswered
    | SendFailed
    | ColleagueActed
    | Unsupported
)


def contact_of(event: Event) -> ContactKey | None:
    """The address the event belongs to, or None when it concerns no single person."""
    match event:
        case ChannelNotice():
            return None
        case ContactNotice(identities=identities):
            return identities[0] if identities else None
        case _:
            return event.contact
