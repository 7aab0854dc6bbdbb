"""The units of work and the views that a store deals in: values, the same for every database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.core.conversation import Consent, Conversation, Window
from bot.core.decision import ChangeConsent, Decision
from bot.core.delivery import OutboxState
from bot.core.event import ContactKey, Event, MediaKind, Reason
from bot.core.reply import Reply
from bot.core.value import quick
from bot.errors import Refused
from bot.store.later import CallDone as CallDone
from bot.store.later import Fired as Fired
from bot.store.later import StartedCall as StartedCall


class InboxKind(StrEnum):
    """Where an inbox row comes from, and so how its raw bytes are read again."""

    INBOUND = "inbound"  # a Sinch webhook that is not a receipt
    RECEIPT = "receipt"  # a Sinch delivery receipt, or our own word that Sinch refused a message
    TIMER = "timer"  # handed out by the store when due
    CALL_RESULT = "call_result"  # the answer of a connection
    API = "api"  # a business event from a backend
    OPERATOR = "operator"  # something a colleague did


class InboxState(StrEnum):
    """Every row ends as exactly one of decided, ignored, dead."""

    PENDING = "pending"
    DECIDED = "decided"
    IGNORED = "ignored"
    DEAD = "dead"


class OutboxKind(StrEnum):
    """What leaves: to a person, to a connection, to a subscribed backend."""

    MESSAGE = "message"
    CALL = "call"
    CALLBACK = "callback"


class Origin(StrEnum):
    """Who asked for an outbox row; ``origin_id`` is that one's own number or key."""

    RULE = "rule"
    API = "api"
    CAMPAIGN = "campaign"
    PERSON = "person"
    TIMER = "timer"


@quick
@dataclass(frozen=True, slots=True)
class Incoming:
    """An event to record. ``raw`` is kept for re-driving; ``consent`` is what its words ask for, applied in the same commit.

    ``ready_at``: it is decided then, or when ``tell_media`` tells of it, whichever comes first (None: at once). What the person writes
    after it waits behind it.
    """

    event: Event
    kind: InboxKind
    raw: bytes
    consent: ChangeConsent | None = None
    ready_at: datetime | None = None


@quick
@dataclass(frozen=True, slots=True)
class Claimed:
    """One pending event of a lane, oldest first. ``event`` is None when only the raw bytes are at hand; ``try_number`` counts from 1.

    ``submission`` tells what a receipt speaks of, where it is one of ours; ``media_kind`` what ``tell_media`` told.
    """

    inbox_id: int
    kind: InboxKind
    raw: bytes
    received_at: datetime
    try_number: int
    event: Event | None = None
    submission: Submission | None = None
    media_kind: MediaKind | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """The outbox message that a receipt belongs to."""

    outbox_id: str
    contact: ContactKey
    rule: str
    if_closed: Reply | Literal["wait", "skip", "fail"]
    replaces: str  # the outbox id that this one already stands in for, or empty
    category: str
    reply: Reply
    is_final: bool = True  # this failure is the first that leaves nothing of the message under way or delivered
    after_failure: bool = False  # it was said because another message had failed


def _nobody_asks(claimed: Claimed) -> None:
    """Whoever decides for a look only."""


@quick
@dataclass(frozen=True, slots=True)
class Lane:
    """One person's conversation with what is pending in it.

    ``begins`` is to be told of each event just before it is read or decided: should the process die then, the next one knows with which.
    """

    conversation: Conversation
    pending: tuple[Claimed, ...]
    begins: Callable[[Claimed], None] = _nobody_asks


@quick
@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one claimed event.

    ``decision`` None with ``dead`` set: it failed for the last time, and ``dead`` says why. Both None: it failed and is tried again from
    ``again_at``. ``inputs`` is the trace: all inputs of decide as JSON. ``replaces`` marks every Send of the decision as standing in for
    that outbox message. ``closes_window``: WhatsApp refused a free-form message, so the window is closed whatever we believed.
    ``pinned``: the other rulebook that took part, or 0. A decision whose outcome is ``held`` leaves the row pending until the call under
    way is over (``decision.state.call.until`` at the latest): no trace, no effects, no try counted.
    """

    inbox_id: int
    decision: Decision | None = None
    version: int = 0
    inputs: bytes = b""
    digest: str = ""
    dead: str = ""
    again_at: datetime | None = None
    replaces: str = ""
    closes_window: bool = False
    pinned: int = 0


Decide = Callable[[Lane], Sequence[Settled]]


@dataclass(frozen=True, slots=True)
class Struck:
    """The event that an earlier process died with while it was being decided. ``tries`` counts this one; ``inbox_id`` 0: its record was
    not committed, so it comes again and has lost no try."""

    inbox_id: int
    tries: int = 0
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How many events were settled, and when the next lane is ready (None: nothing is pending).

    ``calls``: how many calls are to be made now. ``timer_at``: when the first of the timers that were set is due.
    """

    settled: int
    next_at: datetime | None
    calls: int = 0
    timer_at: datetime | None = None


@quick
@dataclass(frozen=True, slots=True)
class Started:
    """A committed attempt: the first byte may leave now, not before. ``contact.identity`` is empty where only ``contact_id`` is known."""

    attempt_id: int
    outbox_id: str
    number: int
    contact: ContactKey
    contact_id: str
    reply: Reply
    ttl_s: int | None
    at_most_once: bool
    version: int  # the rulebook that the buttons' ids name


@quick
@dataclass(frozen=True, slots=True)
class Accepted:
    """Sinch took it under ``message_id``."""

    attempt_id: int
    message_id: str


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """Sinch surely did not take it; the message is queued again from ``again_at``. ``status`` 0: no connection was made."""

    attempt_id: int
    again_at: datetime
    status: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Sinch will never take it."""

    attempt_id: int
    status: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have arrived; reconciling starts at ``look_at``."""

    attempt_id: int
    look_at: datetime
    status: int
    sentence: str


Outcome = Accepted | NotAccepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class Release:
    """One time a rulebook went live. ``why`` is empty for a save; ``rolled_back_from`` the number it replaced by a rollback, or 0."""

    number: int
    digest: str
    live_from: datetime
    who: str
    why: str
    rolled_back_from: int = 0


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A message whose attempt ended unknown. ``looks`` counts listings made so far."""

    outbox_id: str
    attempt_id: int
    contact: ContactKey
    contact_id: str
    started_at: datetime
    looks: int
    at_most_once: bool
    submissions: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reconciling found: ``message_id`` when Sinch has it; else ``look_at`` to look again, or ``resend``, or neither (held)."""

    outbox_id: str
    message_id: str = ""
    look_at: datetime | None = None
    resend: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A message asked for by the API (or a person, or a campaign): becomes one outbox row.

    ``idempotency`` is (API key number, the caller's key, SHA-256 of the body) or None. ``author`` is the key's or the colleague's name.
    """

    contact: ContactKey
    reply: Reply
    if_closed: Reply | Literal["wait", "skip", "fail"]
    origin: Origin
    category: str
    reference: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    at_most_once: bool = False
    version: int = 0
    idempotency: tuple[int, str, str] | None = None
    author: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a send is allowed: consent and window of an identity, and the person's language and fields."""

    known: bool
    consent: Consent
    window: Window
    language: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    person_id: int = 0
    time_zone: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ask:
    """An order that depends on how the person stands: ``make`` is asked within the transaction that places it, so what it finds allowed
    is allowed then. It is pure and quick. A known ``idempotency`` (see ``Order``) is answered as before, without asking it."""

    contact: ContactKey
    make: Callable[[Standing], Order | Refused]
    idempotency: tuple[int, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """The order was committed, or was there before under the same idempotency key with the same body."""

    outbox_id: str
    created_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class OtherBody:
    """The idempotency key was used before with another body."""


@dataclass(frozen=True, slots=True)
class StoredRulebook:
    """A rulebook as read. ``live_from`` None: it was never live."""

    number: int
    digest: str
    files: Mapping[str, bytes]
    checked_at: datetime
    live_from: datetime | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """An outbox message as the API tells it. ``status``: queued, sent, delivered, read, failed, expired, cancelled, held."""

    outbox_id: str
    contact: ContactKey
    state: OutboxState
    status: str
    reason: str
    reply: Reply
    reference: str
    created_at: datetime
    attempts: tuple[AttemptView, ...]
    receipts: tuple[ReceiptView, ...]
    origin: Origin = Origin.RULE
    category: str = "utility"
    rule: str = ""
    author: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try to hand a message to Sinch; ``outcome`` empty while it runs. ``code`` is Sinch's word for its answer, or ours without one."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    status: int
    sentence: str
    message_id: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """One delivery receipt as it came."""

    status: str
    at: datetime
    reason: Reason | None


@quick
@dataclass(frozen=True, slots=True)
class TraceView:
    """Why an inbox event was answered as it was: all inputs of decide, to be recomputed with the stored rulebook.

    ``raw``, ``media_kind`` and ``submission`` make the event; see ``Claimed``. ``pinned`` is the other rulebook that took part, or 0.
    ``person`` numbers who it was about, ``layer`` is where the answer came from.
    """

    inbox_id: int
    version: int
    kind: InboxKind
    raw: bytes
    received_at: datetime
    decided_at: datetime
    inputs: bytes
    digest: str
    media_kind: MediaKind | None = None
    pinned: int = 0
    person: int = 0
    layer: str = ""
    submission: Submission | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers an operator wants at a glance."""

    inbox_pending: int
    inbox_dead: int
    outbox_open: int
    outbox_unknown: int
    outbox_held: int
