"""What colleagues do in conversations, and who waits for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.event import ColleagueActed, ContactKey
from bot.errors import Refused
from bot.store.units import Order, OtherBody, Placed, Standing


@dataclass(frozen=True, slots=True)
class Writing:
    """A colleague's message, and the event that tells of it.

    ``make`` is asked as in ``Ask``, and told the team that has the conversation (empty: the bot has it). ``event`` is recorded under a key
    of the message's own, so its ``dedup`` does not matter.
    """

    event: ColleagueActed
    make: Callable[[Standing, str], Order | Refused]
    idempotency: tuple[int, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for a colleague. ``team`` has the conversation, or had it when it was given back; empty: nobody took it over."""

    person: int
    contact: ContactKey
    since: datetime
    team: str
    in_charge_until: datetime | None
    closes_at: datetime | None
    stopped: bool
    language: str


@dataclass(frozen=True, slots=True)
class WaitingCursor:
    """The last one of a page: the next begins after it."""

    since: datetime
    person: int


class Colleagues(Protocol):
    """What colleagues do. See ``bot.store.port`` for what every method promises."""

    async def write(self, writing: Writing, now: datetime) -> Placed | OtherBody | Refused:
        """Commit the message to the outbox together with its event: both or none. A known key gives the old answer, and no new event.

        Who has the conversation is told as it stands once everything is decided that colleagues did before.
        """
        ...

    async def waiting(self, limit: int, after: WaitingCursor | None = None, team: str = "") -> Sequence[Waiting]:
        """Who waits for a colleague, of that team only where it is named; who waits longest comes first."""
        ...
