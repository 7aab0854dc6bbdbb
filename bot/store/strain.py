"""What a store holds of what is still to be done, and how much room it has left: what decides whether more may be taken."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.event import ContactKey


@dataclass(frozen=True, slots=True)
class Most:
    """The limits that ``Strain`` is looked at for; nothing is counted much beyond them.

    ``undecided`` events of all people, and ``of_one`` person; ``queued`` messages; ``log_bytes`` of what the database has not put in its
    place yet.
    """

    undecided: int
    of_one: int
    queued: int
    log_bytes: int


@dataclass(frozen=True, slots=True)
class Strain:
    """How it stands. Counts stop one above their limit.

    ``crowded``: addresses of the people with more than ``of_one`` events undecided. ``free_bytes`` and ``disk_bytes`` are of the disk that
    the database is on; None where it is on another machine.
    """

    undecided: int = 0
    queued: int = 0
    crowded: frozenset[ContactKey] = frozenset()
    log_bytes: int = 0
    free_bytes: int | None = None
    disk_bytes: int | None = None
