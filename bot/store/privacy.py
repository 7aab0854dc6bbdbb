"""What is exported, erased, forgotten and backed up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.event import ContactKey


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased. ``known`` False: there was nothing to take out; ``before`` tells that they were erased already, and ``stopped``
    what its mark remembers.

    ``contact_ids`` and ``message_ids`` are Sinch's, for who wants them erased there as well; nothing here remembers them any more.
    """

    contacts: tuple[ContactKey, ...]
    known: bool
    stopped: bool
    contact_ids: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    before: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a look through everything kept has come; ``done``: there is nothing older left in this round."""

    inbox: int = 0
    outbox: int = 0
    forgotten: int = 0
    done: bool = False


class Privacy(Protocol):
    """What is exported, erased, forgotten and backed up. See ``bot.store.port`` for what every method promises."""

    @property
    def erasures(self) -> int:
        """How often somebody was erased since the start; what was read before the last time may hold words of theirs."""
        ...

    async def export(self, contact: ContactKey) -> Mapping[str, object] | None:
        """Everything kept about the person of this address, by plain names; None where nobody is known by it.

        It is as JSON has it but for bodies, which are bytes, and ``decisions``, which are ``TraceView``: how Sinch writes, and what rules
        say, others know.
        """
        ...

    async def erase(self, contact: ContactKey, now: datetime, patience_s: float = 10.0) -> Erased:
        """Take out everything about the person of this address, under all their addresses; returns when no byte of it is left in
        the database's files.

        What is queued for them is cancelled first. Raises ``Refused`` where something is still under way to them after ``patience_s``,
        and where another program kept the old bytes in use for as long: then the same call finishes the work later, and tells of them as of
        anybody who was just erased.
        """
        ...

    async def forget_bodies(self, walk: Walk, before: datetime, dead_before: datetime, limit: int) -> Walk:
        """Empty the bodies of up to ``limit`` rows settled before, from ``walk`` on; dead letters by their own time."""
        ...

    async def forget_keys(self, walk: Walk, before: datetime, limit: int) -> Walk:
        """Delete up to ``limit`` rows that serve only to know a repetition, settled before, from ``walk`` on."""
        ...

    async def forget_idempotency(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` idempotency keys of before; returns how many."""
        ...

    async def forget_refused(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` stale webhooks of before; returns how many."""
        ...

    async def forget_deeds(self, before: datetime, limit: int) -> int:
        """Delete up to ``limit`` rows of the journal of before; returns how many."""
        ...
