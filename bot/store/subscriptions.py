"""Backends that listen, and what they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, get_args

from bot.core.event import ContactKey, MediaKind
from bot.core.reply import Reply
from bot.store.units import InboxKind

MOST: Final = 100  # subscriptions in use
EVERYTHING: Final = "*"
Kind = Literal[
    "message.received",
    "message.status",
    "message.unmatched",
    "consent.changed",
    "conversation.handed_over",
    "conversation.given_back",
    "rule.told",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A backend that listens. ``events`` are of ``KINDS``, or ``*`` alone.

    ``failures``: how often in a row nothing could be told, and ``last_failure`` why; while there are any, it is left alone until
    ``resume_at`` and then probed. ``queued`` and ``dead`` count its callbacks.
    """

    id: int
    url: str
    name: str
    events: tuple[str, ...]
    created_at: datetime
    paused: bool = False
    paused_why: str = ""
    failures: int = 0
    last_failure: str = ""
    resume_at: datetime | None = None
    last_success_at: datetime | None = None
    queued: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be another way; None leaves it. ``paused`` False lets everything go on, and forgets its failures."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    name: str | None = None
    paused: bool | None = None
    paused_why: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened, and what is stored of it.

    ``number`` grows. ``contact`` is the address it is about, else the one the person wrote from last (None: there is none), and
    ``closes_at`` the end of its window. ``raw``, ``inbox_kind``, ``received_at`` and ``media_kind`` are of the event it came of;
    ``message_id`` and ``reference`` of the message of ours that it is about. ``sent`` finds what Sinch took as that message.
    """

    number: int
    kind: str
    person: int
    at: datetime
    content: Mapping[str, object]
    contact: ContactKey | None = None
    closes_at: datetime | None = None
    inbox_kind: InboxKind | None = None
    raw: bytes = b""
    received_at: datetime | None = None
    media_kind: MediaKind | None = None
    message_id: str = ""
    reference: str = ""
    sent: Callable[[str], Reply | None] = field(default=lambda message_id: None)


Compose = Callable[[News], str | None]  # the body that is posted; None: there is nothing to tell after all


@dataclass(frozen=True, slots=True)
class Published:
    """How many news were taken out, and how many callbacks came of them."""

    news: int
    callbacks: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a callback goes, and the secrets that sign it: the one, and during a rotation the one before."""

    subscription: int
    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StartedCallback:
    """A committed attempt: the first byte may leave now, not before. ``id`` is the same for every attempt."""

    attempt_id: int
    id: str
    target: Target
    body: str
    number: int


@dataclass(frozen=True, slots=True)
class Starting:
    """What may leave now, and when to look again (None: nothing waits for its time alone)."""

    started: tuple[StartedCallback, ...]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallbackDone:
    """What came of an attempt. ``gone``: the backend wants nothing more, so its subscription is paused. ``status`` 0: no answer.

    ``sentence`` tells why it was not taken. ``after_s``: how long the backend asks to be left alone. ``jitter`` in [0, 1] spreads retries.
    """

    attempt_id: int
    outcome: Literal["taken", "refused", "gone"]
    status: int = 0
    sentence: str = ""
    after_s: float | None = None
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A callback that was given up."""

    id: str
    body: str
    created_at: datetime
    ended_at: datetime
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A page, oldest first; ``cursor`` leads to the next one, None where there is none."""

    letters: tuple[DeadLetter, ...]
    cursor: int | None


class Subscriptions(Protocol):
    """Backends that listen, and what they are told. See ``bot.store.port`` for what every method promises."""

    async def create(self, url: str, events: Sequence[str], name: str, secret: str, now: datetime) -> Subscription:
        """From this commit on it is told of what happens. ``Refused`` (409) where there are ``MOST`` already."""
        ...

    async def listed(self) -> Sequence[Subscription]:
        """Those in use, oldest first."""
        ...

    async def get(self, id_: int) -> Subscription | None:
        """One in use."""
        ...

    async def change(self, id_: int, change: Change) -> Subscription | None:
        """The subscription as it is now; None where there is none."""
        ...

    async def delete(self, id_: int, now: datetime) -> bool:
        """It is told nothing more, and what was queued for it is dropped; False where there is none."""
        ...

    async def rotate(self, id_: int, secret: str, now: datetime) -> Subscription | None:
        """``secret`` signs from now on; the one before signs too, for a day."""
        ...

    async def target(self, id_: int, now: datetime) -> Target | None:
        """Where it is reached."""
        ...

    # news
    async def watch(self, on_news: Callable[[], None]) -> None:
        """From now on ``on_news`` is called on this loop soon after something was written for ``publish``."""
        ...

    async def publish(self, limit: int, compose: Compose, now: datetime) -> Published:
        """Take out up to ``limit`` news, oldest first, and queue a callback for each subscription that wants it. ``compose`` is asked
        within the transaction, once for each; it must not block, and raise for no news."""
        ...

    # callbacks
    async def start(self, limit: int, now: datetime) -> Starting:
        """Open up to ``limit`` attempts: one a subscription and person, subscriptions in turns, one at all where it fails."""
        ...

    async def finish(self, done: CallbackDone, now: datetime) -> None:
        """End an attempt; one that has ended already stays as it ended."""
        ...

    async def recover(self, now: datetime) -> int:
        """At start: attempts that a process died with are made again at once. Returns how many."""
        ...

    async def give_up(self, now: datetime) -> int:
        """What waited for a paused or failing subscription until its time was over is a dead letter. Returns how many."""
        ...

    async def dead_letters(self, id_: int, limit: int, after: int = 0) -> DeadLetters:
        """What was given up for a subscription, from the cursor ``after`` on."""
        ...

    async def redrive(self, id_: int, ids: Sequence[str] | None, now: datetime) -> int:
        """Queue dead letters again, all of them where ``ids`` is None; returns how many were."""
        ...

    async def tidy(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` callbacks that were taken or dropped before then, and dead letters three weeks older; how many were."""
        ...
