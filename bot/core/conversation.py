"""What is known about a person when an event is decided: values, never a live object.

``State`` is the part that only ``decide`` writes; it is stored as versioned JSON (``STATE_VERSION``) and read back by
``bot.core.codec.state_from_plain``, which upgrades what an older program wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.event import ContactKey
from bot.core.value import quick

STATE_VERSION = 2
WINDOW = timedelta(hours=24)  # WhatsApp's customer service window
MARGIN = timedelta(minutes=2)  # we stop free-form sends this long before it closes; configurable


@quick
@dataclass(frozen=True, slots=True)
class Window:
    """The customer service window of one identity. ``closes_at`` is None when the person never wrote to it."""

    closes_at: datetime | None = None

    def is_open(self, now: datetime, margin: timedelta = MARGIN) -> bool:
        """Whether a free-form message may still start at ``now``; closes ``margin`` before WhatsApp does."""
        return self.closes_at is not None and now < self.closes_at - margin

    def renewed(self, written_at: datetime) -> Window:
        """The window after a person's message of ``written_at``: never shorter than it was."""
        closes_at = written_at + WINDOW
        return self if self.closes_at is not None and self.closes_at >= closes_at else Window(closes_at)


@quick
@dataclass(frozen=True, slots=True)
class Consent:
    """What the consent ledger adds up to. ``marketing`` is ``unknown``, ``opted_in`` or ``stopped``.

    ``changed_at`` is the person's own time of the newest word on it, ``changed_by`` the dedup key of the event that turned ``stopped``
    (a second STOP moves the time and not the key): so the one confirmation is given though recording came before deciding.
    """

    stopped: bool = False
    changed_at: datetime | None = None
    marketing: str = "unknown"
    opted_in: bool = False
    changed_by: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Person:
    """What staff and backends know of a person. ``language`` is ours (``sv``) or empty while nothing told it."""

    id: int
    language: str = ""
    time_zone: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ShownOption:
    """A button of the bot's last message: ``title`` is its normalised label, so that typing it counts as a tap."""

    rule: str
    option: int
    title: str


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that waits for an answer, pinned to the rulebook ``version`` that asked it.

    ``tries`` counts the wrong answers so far. ``answers`` are those of the rule's earlier questions, ``caught`` what the pattern that led
    here caught, ``given`` the business event's values. ``asked_at`` and ``deadline`` begin anew at each message of the person.
    """

    rule: str
    slot: str
    version: int
    asked_at: datetime
    deadline: datetime | None
    tries: int
    answers: Mapping[str, str]
    caught: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A connection is being asked for ``rule``; its answer comes as an event of the same ``key`` and goes on there.

    Until then, ``until`` at the latest, the person's further messages wait. ``replying``: a person's message led here, not an event.
    """

    key: str
    rule: str
    version: int
    connection: str
    until: datetime
    replying: bool
    answers: Mapping[str, str] = field(default_factory=dict)
    caught: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenFlow:
    """A WhatsApp Flow was shown by ``rule`` of rulebook ``version``; its answer goes on there."""

    rule: str
    version: int
    sent_at: datetime


@quick
@dataclass(frozen=True, slots=True)
class Echo:
    """When the same words got the same answer in the last minute, oldest first: two bots talking to each other."""

    key: str
    times: tuple[datetime, ...]


@quick
@dataclass(frozen=True, slots=True)
class State:
    """The conversation as ``decide`` left it.

    ``misses`` counts messages in a row that nothing matched; ``missed_at`` is the own time of the last one. ``options`` are the
    buttons of the bot's last message, ``options_version`` the rulebook that showed them. ``hint`` is a language that the last
    message alone pointed to. ``in_charge`` names the team that has the conversation, or is empty; it is given back at
    ``in_charge_until``, ``in_charge_for`` after the last message of either side. ``uses``: when each rule with ``at_most`` last answered.
    ``reminders`` names the timers that the person's next message drops. ``near_miss``: the person was asked whether they meant STOP.
    ``echoes`` are the last minute's exchanges, the last one last.
    """

    misses: int = 0
    missed_at: datetime | None = None
    last_rule: str = ""
    options: tuple[ShownOption, ...] = ()
    options_version: int = 0
    hint: str = ""
    question: OpenQuestion | None = None
    in_charge: str = ""
    in_charge_until: datetime | None = None
    in_charge_for: timedelta = timedelta(hours=24)
    echoes: tuple[Echo, ...] = ()
    waiting: bool = False  # a person must look: nobody answered, or two bots were stopped
    call: OpenCall | None = None
    flow: OpenFlow | None = None
    uses: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    reminders: tuple[str, ...] = ()
    near_miss: bool = False


@quick
@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything ``decide`` may look at besides the event, the rulebooks and the clock.

    ``contact`` is the identity that wrote last (replies go there) and ``window`` is that identity's. ``first_contact``: no
    identity of this person ever wrote before this event. ``next_pending_at`` is the own time of the oldest message of this person that
    is pending and newer than the event, or None. ``margin`` is how long before its end a window counts as closed.
    """

    contact: ContactKey
    person: Person
    window: Window = Window()
    consent: Consent = Consent()
    state: State = State()
    first_contact: bool = False
    next_pending_at: datetime | None = None
    margin: timedelta = MARGIN
