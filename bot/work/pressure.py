"""Back-pressure: more is refused, in time and for a moment, before memory or disk suffer. Whoever is refused comes again.

    every second: store.strain -> is a limit passed? -> check, check_event, is_tight; told by /readyz, the pages and the log

What was acknowledged goes on being decided and sent, and so makes room. A STOP counts however much else is refused, as do the receipts of
what we sent ourselves: both are few and small, and what they say makes less to do, not more. Colleagues may always write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol

import structlog

from bot.core.event import contact_of
from bot.errors import Overloaded, Retry
from bot.store.strain import Most, Strain
from bot.store.units import InboxKind, Incoming
from bot.work.clock import Clock
from bot.work.loop import Loop

LOOK_EVERY: Final = timedelta(seconds=1)  # what comes in meanwhile is little against any limit
SMALL: Final = 64 * 1024  # bytes: a STOP is short, and only what is short may pass

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """Each with its reason.

    ``undecided``: about what one machine decides within a minute; who came behind that would wait longer than anybody should, and Sinch
    keeps it as well as we do. ``of_one``: nobody writes so much; a machine that does waits for itself, and fills no more than a fifth of
    what there is for all. ``queued``: what 20 a second send in more than three hours; a backend learns that it is too far ahead.
    ``log_bytes``: sixty times what the log has while nobody reads for minutes on end; every look at the database is slower for it. The
    reserve, ``disk_part`` of the disk and at most ``disk_bytes``, is for deciding, sending and receipts of what was acknowledged.
    """

    undecided: int = 50_000
    of_one: int = 10_000
    queued: int = 250_000
    log_bytes: int = 1024 * 1024 * 1024
    disk_part: float = 0.05
    disk_bytes: int = 200_000_000

    @property
    def most(self) -> Most:
        """What the store counts up to."""
        return Most(self.undecided, self.of_one, self.queued, self.log_bytes)

    def reserve(self, disk_bytes: int) -> int:
        """How much of a disk of that size stays free."""
        return min(self.disk_bytes, int(disk_bytes * self.disk_part))


class Kind(Enum):
    """What is short. ROOM needs the operator; the others pass by themselves."""

    ROOM = "room"
    DECIDING = "deciding"
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class Tight:
    """A limit that is passed: why, for a person, and when to come again."""

    kind: Kind
    why: str
    after_s: float


class Looked(Protocol):
    """What this needs of the store; see ``bot.store.port``."""

    async def strain(self, most: Most) -> Strain: ...


class Pressure:
    """Whether more may be taken. ``look`` at least once before the first request; run ``run`` as a task."""

    def __init__(self, store: Looked, clock: Clock, limits: Limits | None = None) -> None:
        self._store = store
        self._clock = clock
        self.limits = limits or Limits()
        self._strain = Strain()
        self._tight: dict[Kind, Tight] = {}
        self._loop = Loop(self._turn, clock, _store_unavailable)

    def stop(self) -> None:
        """Look no more."""
        self._loop.stop()

    async def run(self) -> None:
        """Look every second, until stopped."""
        await self._loop.run()

    async def look(self) -> None:
        """How it stands now. Raises ``Retry`` where the database cannot be read; then what was seen last holds."""
        self._strain = await self._store.strain(self.limits.most)
        before, self._tight = self._tight, {one.kind: one for one in tight(self._strain, self.limits)}
        for kind in self._tight.keys() - before.keys():
            log.error("work_refused", what=kind.value, why=self._tight[kind].why)
        for kind in before.keys() - self._tight.keys():
            log.info("work_taken_again", what=kind.value)

    def check_message(self) -> None:
        """Raises ``Overloaded`` where no further message may be asked for."""
        self._refuse(Kind.ROOM, Kind.SENDING)

    def check_event(self) -> None:
        """Raises ``Overloaded`` where a backend may tell of no further event."""
        self._refuse(Kind.ROOM, Kind.DECIDING, Kind.SENDING)

    def check_incoming(self, incoming: Incoming) -> None:
        """Raises ``Overloaded`` where what Sinch brings may not be recorded now."""
        if len(incoming.raw) <= SMALL and (incoming.consent is not None or incoming.kind is InboxKind.RECEIPT):
            return
        self._refuse(Kind.ROOM, Kind.DECIDING)
        if self._strain.crowded and contact_of(incoming.event) in self._strain.crowded:
            raise Overloaded("This person has written more than is answered yet.", after_s=5.0)

    @property
    def may_campaign(self) -> bool:
        """Whether campaigns may hand over more."""
        return not self._tight.keys() & {Kind.ROOM, Kind.SENDING}

    def problems(self) -> Sequence[str]:
        """Sentences about what an operator must mend."""
        return [one.why for one in self._tight.values() if one.kind is Kind.ROOM]

    def remarks(self) -> Sequence[str]:
        """Sentences about what passes by itself. A server that is only busy stays ready: taken out of service, it would hear no STOP."""
        return [one.why for one in self._tight.values() if one.kind is not Kind.ROOM]

    def _refuse(self, *kinds: Kind) -> None:
        for kind in kinds if self._tight else ():
            if (found := self._tight.get(kind)) is not None:
                raise Overloaded(found.why, after_s=found.after_s)

    async def _turn(self) -> datetime:
        await self.look()
        return self._clock.now() + LOOK_EVERY


def tight(strain: Strain, limits: Limits) -> list[Tight]:
    """The limits that are passed."""
    found = []
    reserve = limits.reserve(strain.disk_bytes or 0)
    if strain.free_bytes is not None and strain.free_bytes < reserve:
        found.append(_full(strain.free_bytes, reserve))
    elif strain.log_bytes > limits.log_bytes:
        found.append(_long(strain.log_bytes))
    if strain.undecided > limits.undecided:
        why = f"More than {limits.undecided:,} events wait to be decided; new ones are refused until fewer do."
        found.append(Tight(Kind.DECIDING, why, 5.0))
    if strain.queued > limits.queued:
        why = f"More than {limits.queued:,} messages wait to leave; new ones are refused until fewer do."
        found.append(Tight(Kind.SENDING, why, 30.0))
    return found


def _full(free: int, reserve: int) -> Tight:
    why = (
        f"The disk of the database has only {_mb(free)} left, and {_mb(reserve)} are kept for finishing what was taken, so new work is"
        " refused; free some space."
    )
    return Tight(Kind.ROOM, why, 30.0)


def _long(size: int) -> Tight:
    why = (
        f"The database's log has grown to {_mb(size)}, so new work is refused; some program has been reading the database for too long:"
        " end it."
    )
    return Tight(Kind.ROOM, why, 5.0)


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _store_unavailable(trouble: Retry) -> None:
    log.error("pressure_store_unavailable", reason=str(trouble))
