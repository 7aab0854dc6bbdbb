"""Deliberate faults in our own store, to see that the kill run would find them: a check that cannot fail proves nothing.

Each breaks one promise of ``bot.store.port`` and stretches the moment in which it shows, so that a kill need not be lucky.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.core.delivery import Policy
from bot.store.sqlite import sending, store
from bot.store.sqlite.store import SqliteStore
from bot.store.sqlite.writer import Stage
from bot.store.units import Incoming, Started

STRETCHED_S = 0.2


class StartsBeforeCommit(SqliteStore):
    """Hands out attempts inside the transaction that is about to commit them: the first byte leaves before the attempt is durable."""

    async def start(self, limit: int, now: datetime, policy: Policy) -> Sequence[Started]:
        loop = asyncio.get_running_loop()
        early: asyncio.Future[Sequence[Started]] = loop.create_future()

        def hand_out(connection: sqlite3.Connection, orders: Sequence[sending.StartOrder]) -> list[list[Started]]:
            outputs = sending.start(self._memory, connection, orders)
            loop.call_soon_threadsafe(_set_once, early, outputs[0])
            if outputs[0]:
                time.sleep(STRETCHED_S)
            return outputs

        written = loop.create_task(self._writer.write(Stage(6, hand_out), sending.StartOrder(limit, now, policy)))
        written.add_done_callback(lambda task: _set_once(early, (), task.exception()))
        return await early


class AcknowledgesBeforeCommit(SqliteStore):
    """Says that events are recorded, and records them a moment later."""

    async def record(self, events: Sequence[Incoming], now: datetime) -> Sequence[bool]:
        later = asyncio.get_running_loop().create_task(self._record_later(events, now))
        self._later = getattr(self, "_later", set()) | {later}
        return [True] * len(events)

    async def _record_later(self, events: Sequence[Incoming], now: datetime) -> None:
        await asyncio.sleep(STRETCHED_S)
        await super().record(events, now)


class RemembersDuplicatesInMemory(SqliteStore):
    """Knows duplicates by what this process has seen, not by what is committed."""

    async def record(self, events: Sequence[Incoming], now: datetime) -> Sequence[bool]:
        seen: set[str] = self.__dict__.setdefault("_seen", set())
        new = [item for item in events if item.event.dedup not in seen]
        seen.update(item.event.dedup for item in new)
        await super().record([_under_another_key(item) for item in new], now)
        return [item in new for item in events]


def _under_another_key(item: Incoming) -> Incoming:
    return replace(item, event=replace(item.event, dedup=f"{item.event.dedup}:{os.urandom(4).hex()}"))


def _set_once(early: asyncio.Future[Any], result: Sequence[Started], trouble: BaseException | None = None) -> None:
    if early.done():
        return
    if trouble is not None:
        early.set_exception(trouble)
    else:
        early.set_result(result)


FAULTS: dict[str, type[SqliteStore]] = {
    "start before commit": StartsBeforeCommit,
    "acknowledge before commit": AcknowledgesBeforeCommit,
    "duplicates known in memory": RemembersDuplicatesInMemory,
}


def commit(fault: str) -> None:
    """Let every store that this process opens have this fault; an empty name is none."""
    if fault:
        vars(store)["SqliteStore"] = FAULTS[fault]
