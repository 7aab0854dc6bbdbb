"""Messages that leave, as whoever asked for them sees them: listed, changed and cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.core.conversation import Window
from bot.core.event import ContactKey
from bot.core.reply import Reply
from bot.errors import Refused
from bot.store.units import MessageView

PAGE_MAX = 200

Status = Literal["queued", "sent", "delivered", "read", "failed", "expired", "cancelled", "held"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages of an app are asked for; what is None does not matter. ``since`` counts, ``until`` does not any more.

    ``contact`` means everything that went to the person of this address, whichever of their addresses it went to. ``before`` is the
    ``next`` of the page before. ``amiss``: only what failed, expired, was cancelled or is held.
    """

    contact: ContactKey | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    reference: str | None = None
    before: int | None = None
    limit: int = 50
    amiss: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, newest first. ``next`` None: there are no older ones. A page may hold less than was asked for, and yet have a next one:
    so much is looked through for one page and no more."""

    messages: Sequence[MessageView]
    next: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A message that was not begun to be sent, as far as it can be changed, and the window of whom it goes to."""

    reply: Reply
    if_closed: Reply | Literal["wait", "skip", "fail"]
    created_at: datetime
    not_before: datetime | None
    not_after: datetime | None
    reference: str
    window: Window


@dataclass(frozen=True, slots=True)
class Change:
    """What a message is like from now on; ``moved``: also when it leaves, so that one that waits for its person is tried then."""

    not_before: datetime | None
    not_after: datetime | None
    reference: str
    moved: bool


@dataclass(frozen=True, slots=True)
class Left:
    """Too late: it was begun to be sent, or has ended. ``message`` is how it stands."""

    message: MessageView


class Messages(Protocol):
    """Messages that leave, as whoever asked for them sees them. See ``bot.store.port`` for what every method promises."""

    async def listed(self, app: str, wanted: Filter) -> Page:
        """A page of the messages of ``app``, whoever asked for them, newest first; at most ``PAGE_MAX``."""
        ...

    async def change(
        self, app: str, outbox_id: str, make: Callable[[Plan], Change | Refused], now: datetime
    ) -> MessageView | Left | Refused | None:
        """Change a message of which no attempt was begun; ``make``, pure and quick, is asked within the transaction.

        None: ``app`` has no such message. What ``make`` refuses is answered as it says, and changes nothing.
        """
        ...

    async def cancel(self, app: str, outbox_id: str, reason: str, now: datetime) -> MessageView | Left | None:
        """From this commit on it never leaves; ``reason`` is a sentence. One that is cancelled already stays as it is.

        ``Left``: it was begun to be sent, or has ended otherwise. None: ``app`` has no such message.
        """
        ...

    async def wrote_before(self, contact: ContactKey, at: datetime) -> datetime | None:
        """When the person of this address last wrote, of what was received until ``at``; None: nothing is kept of that time."""
        ...
