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
from bot.crash import reach
from bot.store.sqlite import sending, store, timers
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.store import SqliteStore
from bot.store.sqlite.times import to_us
from bot.store.sqlite.writer import Stage
from bot.store.units import Decide, Fired, InboxKind, Incoming, Lane, Progress, Settled, Started

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


class RepeatsEveryCall(SqliteStore):
    """Makes every call once more that a process died with, as if each were a question that may be asked twice."""

    async def recover_calls(self, now: datetime) -> int:
        await self._write(lambda connection: _queue_again(connection, now))
        return await super().recover_calls(now)


def _queue_again(connection: sqlite3.Connection, now: datetime) -> None:
    rows = connection.execute(
        "SELECT seq FROM outbox WHERE kind = 'call' AND state = 'sending' AND attempts = 1"
    ).fetchall()
    connection.executemany(
        "UPDATE attempt SET ended_at = ?, outcome = 'unknown' WHERE outbox = ?", [(to_us(now), *row) for row in rows]
    )
    connection.executemany("UPDATE outbox SET state = 'queued', submissions = 1 WHERE seq = ?", rows)


class DropsTimersLater(SqliteStore):
    """Lets timers fire, commits, and drops them a moment later; what fires again is an event of its own."""

    async def fire_timers(self, limit: int, now: datetime) -> Fired:
        fired, rows = await self._write(lambda connection: _fire_and_keep(self._memory, connection, limit, now))
        if rows:
            reach("timers.committed")
            await self._write(lambda connection: connection.executemany(_DROP, rows))
        return fired


_DROP = "DELETE FROM timer WHERE person = ? AND name = ? AND due_at = ?"


def _fire_and_keep(
    memory: Memory, connection: sqlite3.Connection, limit: int, now: datetime
) -> tuple[Fired, list[Sequence[Any]]]:
    due = connection.execute("SELECT * FROM timer WHERE due_at <= ?", (to_us(now),)).fetchall()
    connection.execute("UPDATE inbox SET dedup = dedup || ':' || id WHERE kind = 'timer'")
    fired = timers.fire(memory, connection, limit, now)
    left = set(connection.execute("SELECT person, name FROM timer"))
    gone = [row for row in due if row[:2] not in left]
    connection.executemany("INSERT INTO timer VALUES (?, ?, ?, ?, ?)", gone)
    return fired, [row[:3] for row in gone]


class DecidesWhatIsHeld(SqliteStore):
    """Hands over what people write while a call of theirs is under way as if there were none."""

    async def decide_ready(self, limit: int, now: datetime, decide: Decide) -> Progress:
        def decide_at_once(lane: Lane) -> Sequence[Settled]:
            kinds = {claimed.kind for claimed in lane.pending}
            state = lane.conversation.state
            if state.call is not None and InboxKind.INBOUND in kinds and InboxKind.CALL_RESULT not in kinds:
                lane = replace(lane, conversation=replace(lane.conversation, state=replace(state, call=None)))
            return decide(lane)

        return await super().decide_ready(limit, now, decide_at_once)


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
    "every call repeated": RepeatsEveryCall,
    "timers dropped later": DropsTimersLater,
    "held rows decided at once": DecidesWhatIsHeld,
}


def commit(fault: str) -> None:
    """Let every store that this process opens have this fault; an empty name is none."""
    if fault:
        vars(store)["SqliteStore"] = FAULTS[fault]
