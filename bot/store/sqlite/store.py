"""The store on one SQLite file: see ``bot.store.port`` for what every method promises."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from bot.core.delivery import Policy
from bot.core.event import ContactKey, MediaKind
from bot.errors import Refused, StoreUnavailable
from bot.store.sqlite import calls, deciding, doubt, keeping, ordering, reading, recording, sending, timers, tracing
from bot.store.sqlite.campaigns import SqliteCampaigns
from bot.store.sqlite.colleagues import SqliteColleagues
from bot.store.sqlite.connection import connect, installation_key, lock_path, migrate, remove_half_restored, take_lock
from bot.store.sqlite.contacts import SqliteContacts
from bot.store.sqlite.conversations import SqliteConversations
from bot.store.sqlite.database import Database
from bot.store.sqlite.keys import SqliteKeys
from bot.store.sqlite.last_body import LastBody
from bot.store.sqlite.last_event import LastEvent
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.messages import SqliteMessages
from bot.store.sqlite.privacy import SqlitePrivacy
from bot.store.sqlite.set_back import set_back
from bot.store.sqlite.strain import strain
from bot.store.sqlite.subscriptions import SqliteSubscriptions
from bot.store.sqlite.sweeping import truncate
from bot.store.sqlite.tallies import SqliteTallies
from bot.store.sqlite.trouble import SqliteTrouble
from bot.store.sqlite.users import SqliteUsers
from bot.store.sqlite.whereabouts import Whereabouts
from bot.store.sqlite.work_left import work_left
from bot.store.sqlite.writer import Stage, Writer, read_on, run_on
from bot.store.strain import Most, Strain
from bot.store.units import (
    Ask,
    CallDone,
    Counts,
    Decide,
    Doubtful,
    Fired,
    Incoming,
    MessageView,
    Order,
    OtherBody,
    Outcome,
    Placed,
    Progress,
    Release,
    Standing,
    Started,
    StartedCall,
    StoredRulebook,
    Struck,
    TraceView,
    Verdict,
)
from bot.store.work_left import WorkLeft

T = TypeVar("T")
DECIDE = 5  # among the stages of a group
APART_FOR = timedelta(hours=1)
BROWSING_KIB = 32_000  # who searches goes through everybody


class SqliteStore:
    """Made by ``open_store``; one a file, guarded by a lock for the whole machine."""

    def __init__(
        self,
        lock: int,
        writing: aiosqlite.Connection,
        reading_: aiosqlite.Connection,
        browsing: aiosqlite.Connection,
        memory: Memory,
        app: str,
        whereabouts: Whereabouts,
        last_body: LastBody,
    ) -> None:
        self._last_body = last_body
        self._lock = lock
        self._writing = writing
        self._reading = reading_
        self._browsing = browsing
        self._memory = memory
        self._writer = Writer(writing, memory.trim, memory.forget, memory.counting.write, whereabouts.check)
        # The order of stages within a group: what ends makes room, what comes in can be decided, what is decided can leave. Between what is
        # asked for and deciding, 4, are the units that stand alone: see Database.
        self._finish = Stage(0, partial(sending.finish, memory))
        self._record = Stage(1, partial(recording.record, memory))
        self._reconcile = Stage(2, partial(doubt.reconcile, memory))
        self._place = Stage(3, partial(ordering.place, memory))
        self._decide = Stage(DECIDE, partial(deciding.decide_ready, memory))
        self._start = Stage(6, partial(sending.start, memory))
        self._call = Stage(7, _run_each)
        self._apart_until: datetime | None = None
        self._database = database = Database(self._writer, reading_, browsing, memory, app)
        self.contacts = SqliteContacts(database)
        self.colleagues = SqliteColleagues(database)
        self.messages = SqliteMessages(database)
        self.keys = SqliteKeys(database)
        self.subscriptions = SqliteSubscriptions(database)
        self.campaigns = SqliteCampaigns(database)
        self.privacy = SqlitePrivacy(database)
        self.conversations = SqliteConversations(database)
        self.trouble = SqliteTrouble(database)
        self.users = SqliteUsers(database)
        self.tallies = SqliteTallies(database)

    @property
    def installation_key(self) -> bytes:
        return self._memory.installation_key

    async def close(self) -> None:
        await self._writer.close()
        with suppress(sqlite3.Error):  # a full disk, or a lost connection: what is committed is safe all the same
            await run_on(self._writing, _checkpoint)
        for connection in (self._reading, self._browsing, self._writing):
            await connection.close()
        os.close(self._lock)

    async def lost(self) -> None:
        await self._writer.lost()

    async def probe(self) -> None:
        await self._write(keeping.touch)

    async def record(self, events: Sequence[Incoming], now: datetime) -> Sequence[bool]:
        size = sum(len(event.raw) for event in events)
        return await self._writer.write(self._record, recording.Batch(events, now), size)

    async def record_request(
        self, key: str, digest: str, events: Sequence[Incoming], now: datetime
    ) -> Sequence[bool] | OtherBody:
        batch = recording.Batch(events, now)
        return await self._write(lambda c: recording.record_request(self._memory, c, key, digest, batch))

    async def refuse(self, raw: bytes, why: str, now: datetime) -> None:
        await self._write(lambda c: keeping.refuse(c, raw, why, now))

    def reading_begins(self, body: bytes) -> int:
        return self._last_body.begins(body)

    def reading_ends(self) -> None:
        self._last_body.ends()

    async def tell_media(self, app: str, dedup: str, kind: MediaKind, now: datetime) -> bool:
        return await self._write(lambda c: deciding.tell_media(c, app, dedup, kind, now))

    async def decide_ready(self, limit: int, now: datetime, decide: Decide) -> Progress:
        if self._apart_until is not None and now >= self._apart_until:
            self._apart_until = self._writer.apart_from = None
        return await self._writer.write(self._decide, deciding.DecideOrder(limit, now, decide))

    async def fire_timers(self, limit: int, now: datetime) -> Fired:
        return await self._write(lambda c: timers.fire(self._memory, c, limit, now))

    async def start_calls(self, limit: int, now: datetime) -> Sequence[StartedCall]:
        return await self._writer.write(self._call, lambda c: calls.start(self._memory, c, limit, now))

    async def finish_call(self, done: CallDone, now: datetime) -> None:
        await self._write(lambda c: calls.finish(self._memory, c, done, now))

    async def recover_calls(self, now: datetime) -> int:
        return await self._write(lambda c: calls.recover(self._memory, c, now))

    async def start(self, limit: int, now: datetime, policy: Policy) -> Sequence[Started]:
        return await self._writer.write(self._start, sending.StartOrder(limit, now, policy))

    async def finish(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        await self._writer.write(self._finish, sending.FinishOrder(outcomes, now))

    async def doubtful(self, limit: int, now: datetime) -> Sequence[Doubtful]:
        return await read_on(self._reading, lambda c: doubt.doubtful(c, limit, now))

    async def reconcile(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        await self._writer.write(self._reconcile, doubt.Verdicts(verdicts, now))

    async def expire(self, now: datetime) -> int:
        return await self._write(lambda c: doubt.expire(self._memory, c, now))

    async def recover_events(self, now: datetime, most_tries: int) -> Struck | None:
        noted = self._memory.last_event.taken()
        if noted is None:
            return None
        struck = await self._write(lambda c: deciding.recover(c, noted, now, most_tries))
        if not struck.inbox_id:  # its record went with its deciding; when it comes again the two are kept apart
            self._apart_until, self._writer.apart_from = now + APART_FOR, DECIDE
        return struck

    async def set_back(self, now: datetime) -> int:
        return await self._write(lambda c: set_back(c, now))

    async def recover(self, now: datetime, look_at: datetime) -> int:
        return await self._write(lambda c: doubt.recover(self._memory, c, now, look_at))

    async def next_send(self, now: datetime) -> datetime | None:
        return await read_on(self._reading, lambda c: reading.next_send(c, now))

    async def place(self, asked: Sequence[Order | Ask], now: datetime) -> Sequence[Placed | OtherBody | Refused]:
        return await self._writer.write(self._place, ordering.Orders(asked, now))

    async def standing(self, contact: ContactKey) -> Standing:
        key = self._memory.installation_key
        return await read_on(self._reading, lambda c: reading.standing(c, contact, key))

    async def message(self, outbox_id: str) -> MessageView | None:
        return await read_on(self._reading, lambda c: reading.message(c, outbox_id))

    async def trace(self, inbox_id: int) -> TraceView | None:
        return await read_on(self._reading, lambda c: tracing.trace(c, inbox_id))

    async def last_trace(self, contact: ContactKey) -> TraceView | None:
        return await read_on(self._reading, lambda c: tracing.last_trace(c, contact))

    async def trace_of(self, message_id: str) -> TraceView | None:
        return await read_on(self._reading, lambda c: tracing.trace_of(c, message_id))

    async def counts(self) -> Counts:
        return await read_on(self._reading, reading.counts)

    async def work_left(self, now: datetime) -> WorkLeft:
        return await self._database.browse(lambda c: work_left(c, now))

    async def strain(self, most: Most) -> Strain:
        found = await self._strain(most)
        if found.log_bytes <= most.log_bytes or not await self._database.alone(truncate):
            return found
        return await self._strain(most)

    async def _strain(self, most: Most) -> Strain:
        try:
            return await self._database.read(lambda c: strain(c, most))
        except OSError as error:
            raise StoreUnavailable(f"The database could not be read: {error}.", after_s=5.0) from None

    async def save_rulebook(self, digest: str, files: Mapping[str, bytes], now: datetime, who: str = "") -> int:
        return await self._write(lambda c: keeping.save_rulebook(c, digest, files, who, now))

    async def go_back(self, number: int, who: str, now: datetime) -> None:
        await self._write(lambda c: keeping.go_back(c, number, who, now))

    async def releases(self, limit: int) -> Sequence[Release]:
        return await read_on(self._reading, lambda c: keeping.releases(c, limit))

    async def asking(self) -> Mapping[int, Mapping[str, int]]:
        return await read_on(self._reading, keeping.asking)

    async def last_good_rulebook(self) -> StoredRulebook | None:
        return await read_on(self._reading, keeping.last_good_rulebook)

    async def rulebook(self, number: int) -> StoredRulebook | None:
        return await read_on(self._reading, lambda c: keeping.rulebook(c, number))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._database.write(work)


def _run_each(connection: sqlite3.Connection, works: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
    return [work(connection) for work in works]


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def open_store(path: Path, app: str = "", owner: str = "") -> SqliteStore:
    """Open (and migrate) the database at ``path`` as its only writer. ``app`` is the Sinch app whose API keys count.

    Raises ``Misconfigured`` when the folder cannot be written, another server has it, or a newer program wrote it.
    """
    lock = take_lock(path)
    try:
        remove_half_restored(path)
        writing = await _open(lambda: _prepared(path))
        key = await run_on(writing, installation_key)
        reading_ = await _open(lambda: _query_only(path))
        browsing = await _open(lambda: _query_only(path, BROWSING_KIB))
    except BaseException:
        os.close(lock)
        raise
    memory = Memory(owner or str(os.getpid()), key, last_event=LastEvent(lock_path(path)))
    return SqliteStore(lock, writing, reading_, browsing, memory, app, Whereabouts(path), LastBody(lock_path(path)))


async def _open(connector: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    connection = aiosqlite.Connection(connector, iter_chunk_size=64)
    connection._thread.daemon = (
        True  # a program that ends without closing must end: what is committed is safe all the same
    )
    try:
        return await connection
    except BaseException:
        # Its thread answers the loop once more before it ends, and the loop may be closed by then.
        await asyncio.to_thread(connection._thread.join)
        raise


def _prepared(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    migrate(connection)
    return connection


def _query_only(path: Path, cache_kib: int = 2000) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA busy_timeout=2000")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")
    return connection
