"""Conversations as colleagues look through them: listed, searched, one at a time, and what moved since they last looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.core.event import ContactKey
from bot.store.contacts import FROM_THE_END as FROM_THE_END
from bot.store.contacts import Came, Exchange, Left, Place

LIST_MAX = 100

Show = Literal["all", "unread", "needs_person", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class ListCursor:
    """Where a page ended: two numbers that mean something only together with what was asked for. The next page begins after it."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conversations. ``search``: a part of a number (three digits or more), of a field's value or of a tag, or the whole id or
    reference of a message; nobody's case matters. ``team``: only those this team has, or had last. ``after`` is the ``next`` of the page
    before."""

    show: Show = "all"
    search: str = ""
    team: str = ""
    after: ListCursor | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation in the list. ``contact`` is the address that wrote last. ``last``: the newest message either way; None: there is
    none, or its content is kept no longer. ``failed``: the newest message of ours never arrived, or an event of theirs is a dead letter.
    ``team`` has the conversation now (empty: the bot has it). ``unread``: they wrote since a colleague last looked or did something."""

    person: int
    contact: ContactKey
    fields: dict[str, str]
    language: str
    moved_at: datetime | None
    unread: bool
    waiting_since: datetime | None
    team: str
    stopped: bool
    failed: bool
    closes_at: datetime | None
    last: Came | Left | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page, newest first. ``next`` None: there are no more. A page may hold less than was asked for, even nothing, and yet have a next
    one: so much is looked through for one page and no more."""

    rows: Sequence[Row]
    next: ListCursor | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many conversations there are of each kind; ``most`` is where counting stopped, so that the page need not wait for it."""

    unread: int
    needs_person: int
    failed: int
    stopped: int
    most: int


class Conversations(Protocol):
    """Conversations as colleagues look through them. Reading goes over a connection of its own, so that nobody else waits for it. See
    ``bot.store.port`` for what every method promises."""

    async def listed(self, app: str, wanted: Wanted, now: datetime) -> Listed:
        """A page of the conversations of ``app``, at most ``LIST_MAX``, those that moved last first, and those who never wrote at the end.

        Of ``needs_person`` who waits longest comes first; of ``failed`` what failed last.
        """
        ...

    async def totals(self, app: str) -> Totals:
        """For the filters. Counts at most ``most`` of each; of ``failed``, among the last few thousand messages that went amiss."""
        ...

    async def address(self, app: str, person: int) -> ContactKey | None:
        """The address that wrote last of a person of ``app``; None: there is none of that number."""
        ...

    async def person(self, contact: ContactKey) -> int | None:
        """The number of the person with this address."""
        ...

    async def exchange(self, app: str, person: int, limit: int, before: Place = FROM_THE_END) -> Exchange | None:
        """As ``Contacts.exchange``, by the person's number."""
        ...

    async def happened(self, app: str, person: int, after: int, before: int) -> Sequence[Came]:
        """What else was decided about a person: events of backends, timers, answers of connections, and deliveries that failed where a rule
        answers them. Those numbered above ``after`` and below ``before``, newest first, some hundreds at most."""
        ...

    async def mark(self, app: str, person: int) -> str:
        """Something that differs as soon as anything shown of this conversation does, of its last few hundred messages; empty where there
        is none. That a colleague looked changes nothing of it."""
        ...

    async def seen(self, app: str, person: int, now: datetime) -> None:
        """A colleague has looked: nothing that came until ``now`` is unread any more. Writes nothing where nothing was."""
        ...

    async def turn(self) -> int:
        """Differs as soon as anything was committed to the database, by whomever. Cheap enough to be asked several times a second."""
        ...
