"""What came in and could not be dealt with: dead letters and refused webhooks, to be looked at and driven again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.store.units import InboxKind, InboxState, Incoming


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up. ``person`` None: it concerns nobody, and cannot be driven again by itself. ``raw`` is empty where it is
    kept no longer."""

    inbox_id: int
    kind: InboxKind
    person: int | None
    received_at: datetime
    died_at: datetime
    tries: int
    why: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class RefusedBody:
    """An authentic webhook that was refused. ``driven_at``: when it was driven again all the same."""

    id: int
    received_at: datetime
    why: str
    raw: bytes
    driven_at: datetime | None
    driven_by: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an event. ``layer`` and ``rule`` tell what answered it (empty: no rule did, or nothing is decided yet), ``why`` why
    it was given up or ignored."""

    inbox_id: int
    state: InboxState
    person: int | None
    layer: str
    rule: str
    why: str


class Trouble(Protocol):
    """What could not be dealt with. See ``bot.store.port`` for what every method promises."""

    async def dead_letters(self, app: str, limit: int, before: int | None = None) -> Sequence[DeadLetter]:
        """Newest first; ``before`` is the number of the last one of the page before."""
        ...

    async def drive(self, app: str, inbox_id: int, now: datetime) -> bool:
        """Let a dead letter be decided again, in its person's order, with tries of its own; a STOP in it counted when it came, and counts
        on. ``Refused`` where it is no dead letter, concerns nobody, or is kept no longer. Returns True; wake the inbox then."""
        ...

    async def refused(self, limit: int, before: int | None = None) -> Sequence[RefusedBody]:
        """Newest first."""
        ...

    async def take_refused(self, id_: int, event: Incoming, who: str, now: datetime) -> bool:
        """Record the event of a refused body as if it had just come, and remember who did it, in one commit. False where its key was seen
        before, by whichever way it came; ``Refused`` where there is none of that number or it was driven already."""
        ...

    async def fate(self, app: str, event: int | str) -> Fate | None:
        """What became of an event, by its number or by its key (``Event.dedup``); None where there is none, or nothing is kept of it."""
        ...

    async def counts(self, app: str) -> tuple[int, int]:
        """How many dead letters, and how many refused bodies that were not driven again."""
        ...
