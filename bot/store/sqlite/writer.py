"""The one writer: everything that waits is written as one group, and one fsync serves it all.

A group is one function run in one hop on the connection's own thread. Its stages run in a fixed order (ends of attempts, new events,
orders, decisions, starts), so that what one stage makes ready a later one of the same group can take. A group that fails is rolled back
and its units are run again one by one, each in a transaction of its own, so that one bad unit harms no other.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

import aiosqlite

from bot.errors import Overloaded, StoreUnavailable

In = TypeVar("In")
Out = TypeVar("Out")

# Beyond any of these callers are told to come back. Units are small, but for the bodies that some bring: those are counted apart, as
# twenty thousand of them could be twenty gigabytes.
MOST_WAITING = 20_000
MOST_BYTES_WAITING = 64 * 1024 * 1024
MOST_IN_GROUP = 512
MOST_BYTES_IN_GROUP = 16 * 1024 * 1024  # what one commit may add to the log, and keep everybody else waiting for
QUIET_TURNS = 2  # of the event loop without a new unit
LONGEST_GATHERING_S = 0.005


@dataclass(frozen=True, slots=True)
class Stage(Generic[In, Out]):
    """What can be done to the database: ``run`` takes the inputs of all units of this stage in a group and answers one output each."""

    order: int
    run: Callable[[sqlite3.Connection, Sequence[In]], Sequence[Out]]


@dataclass(slots=True)
class _Unit:
    stage: Stage[Any, Any]
    input: Any
    outcome: asyncio.Future[Any]
    size: int = 0


class _NotBegun(sqlite3.OperationalError):
    """Another program holds the file: no unit is to blame, and each alone would wait for the lock as long again."""


_NOBODYS_FAULT: Final = (_NotBegun, StoreUnavailable)


class Writer:
    """Owns the writing connection. ``before_begin`` raises ``StoreUnavailable`` where nothing may be written now; ``before_commit`` writes
    what a group leaves to its end; ``on_rollback`` forgets what was remembered of a transaction that did not commit."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        on_commit: Callable[[], None],
        on_rollback: Callable[[], None],
        before_commit: Callable[[sqlite3.Connection], None] = lambda connection: None,
        before_begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._on_commit = on_commit
        self._on_rollback = on_rollback
        self._before_commit = before_commit
        self._before_begin = before_begin
        self._waiting: list[_Unit] = []
        self._bytes_waiting = 0
        self._wake = asyncio.Event()
        self._closing = False
        self.apart_from: int | None = (
            None  # from this stage on a group is a transaction of its own, once the rest of it is durable
        )
        self._task = asyncio.create_task(self._work(), name="store-writer")

    async def write(self, stage: Stage[In, Out], value: In, size: int = 0) -> Out:
        """Do ``stage`` with ``value`` in the next group; returns after the commit. A cancelled caller changes nothing for the unit.

        ``size``: the bytes of bodies that ``value`` keeps in memory until then.
        """
        self.check()
        too_large = size and self._bytes_waiting and self._bytes_waiting + size > MOST_BYTES_WAITING
        if too_large or len(self._waiting) >= MOST_WAITING:
            raise Overloaded("Too much is waiting for the database.", after_s=1.0)
        unit = _Unit(stage, value, asyncio.get_running_loop().create_future(), size)
        self._waiting.append(unit)
        self._bytes_waiting += size
        self._wake.set()
        # No shield: a cancelled caller cancels only this future, which the group then finds done; the unit itself goes on.
        result: Out = await unit.outcome
        return result

    async def between(self, work: Callable[[sqlite3.Connection], Out]) -> Out:
        """Run ``work`` on the writing connection after the group that is being written, outside any transaction."""
        self.check()
        try:
            return await run_on(self._connection, partial(self._alone, work))
        except sqlite3.Error as error:
            raise _in_our_words(error) from None

    def _alone(self, work: Callable[[sqlite3.Connection], Out], connection: sqlite3.Connection) -> Out:
        self._before_begin()
        return work(connection)

    def check(self) -> None:
        """Raises ``StoreUnavailable`` when nothing can be written any more."""
        if self._closing or self._task.done():
            raise StoreUnavailable("The database is closed.", after_s=5.0)

    async def lost(self) -> None:
        """Raises ``StoreUnavailable`` when it has ended by itself; returns when it was closed."""
        await asyncio.wait([self._task])
        if self._task.exception() is not None:
            raise StoreUnavailable("The database was lost; the server must be restarted.")

    async def close(self) -> None:
        """Write what waits, then end."""
        self._closing = True
        self._wake.set()
        await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            await self._write_all()
        finally:  # should the connection itself be lost, nobody may wait for ever
            _resolve(
                self._waiting, StoreUnavailable("The database was lost; the server must be restarted.", after_s=5.0)
            )

    async def _write_all(self) -> None:
        while self._waiting or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._gather()
                group = self._next_group()
                await self._write_group(group)
                self._bytes_waiting -= sum(unit.size for unit in group)
            if self._closing:
                return

    def _next_group(self) -> list[_Unit]:
        """The oldest units, as many as one commit should hold, and at least one."""
        count = size = 0
        for unit in self._waiting[:MOST_IN_GROUP]:
            size += unit.size
            if count and size > MOST_BYTES_IN_GROUP:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _gather(self) -> None:
        """Let the loop finish what it is at, as long as that brings more: under load one commit serves dozens, idle it costs nothing."""
        until = asyncio.get_running_loop().time() + LONGEST_GATHERING_S
        seen, quiet = len(self._waiting), 0
        while quiet < QUIET_TURNS and len(self._waiting) < MOST_IN_GROUP:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == seen else 0
            seen = len(self._waiting)
            if asyncio.get_running_loop().time() > until:
                return

    async def _write_group(self, group: list[_Unit]) -> None:
        try:
            await self._try_group(group)
        except BaseException:
            _resolve(group, StoreUnavailable("The database was lost; the server must be restarted.", after_s=5.0))
            raise

    async def _try_group(self, group: list[_Unit]) -> None:
        group.sort(key=lambda unit: unit.stage.order)
        for part in self._parts(group):
            await self._try_part(part)

    def _parts(self, group: list[_Unit]) -> list[list[_Unit]]:
        order = self.apart_from
        if order is None:
            return [group]
        parts = [[unit for unit in group if (unit.stage.order < order) is first] for first in (True, False)]
        return [part for part in parts if part]

    async def _try_part(self, group: list[_Unit]) -> None:
        outcomes = await run_on(self._connection, partial(self._transaction, group))
        if isinstance(outcomes, BaseException) and len(group) > 1 and not isinstance(outcomes, _NOBODYS_FAULT):
            for unit in group:
                _resolve([unit], await run_on(self._connection, partial(self._transaction, [unit])))
            return
        _resolve(group, outcomes)

    def _transaction(self, group: list[_Unit], connection: sqlite3.Connection) -> Sequence[Any] | BaseException:
        try:
            self._before_begin()
            connection.execute("BEGIN IMMEDIATE")
        except StoreUnavailable as unavailable:
            return unavailable
        except sqlite3.OperationalError as error:
            if not connection.in_transaction:
                return _NotBegun(*error.args)
            connection.execute("ROLLBACK")  # what some earlier group left open
            return error
        try:
            outputs = _run_stages(connection, group)
            self._before_commit(connection)
            connection.execute("COMMIT")
        except (
            Exception
        ) as error:  # whatever it is belongs to the callers, and the next group must find no open transaction
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._on_rollback()
            return error
        self._on_commit()
        return outputs


def _run_stages(connection: sqlite3.Connection, group: list[_Unit]) -> list[Any]:
    outputs: list[Any] = []
    begin = 0
    while begin < len(group):
        stage = group[begin].stage
        end = begin
        while end < len(group) and group[end].stage is stage:
            end += 1
        outputs.extend(stage.run(connection, [unit.input for unit in group[begin:end]]))
        begin = end
    return outputs


def _resolve(group: list[_Unit], outcomes: Sequence[Any] | BaseException) -> None:
    for position, unit in enumerate(group):
        if unit.outcome.done():
            continue
        if isinstance(outcomes, BaseException):
            unit.outcome.set_exception(_in_our_words(outcomes))
        else:
            unit.outcome.set_result(outcomes[position])


def _in_our_words(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.IntegrityError
    ):
        return StoreUnavailable(f"The database could not write: {error}.", after_s=5.0)
    return error


async def run_on(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], Out]) -> Out:
    """Run ``work`` with the plain connection on its own thread, in one hop.

    aiosqlite offers this only as a private method; this is the one place that calls it, and a test pins it.
    """
    result: Out = await connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]
    return result


async def read_on(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], Out]) -> Out:
    """The same on a connection that only reads. Raises ``StoreUnavailable`` where the file cannot be read now."""
    try:
        return await run_on(connection, work)
    except sqlite3.DatabaseError as error:
        raise unreadable(error) from None


def unreadable(error: sqlite3.DatabaseError) -> StoreUnavailable:
    """What is said where the file cannot be read now."""
    return StoreUnavailable(f"The database could not be read: {error}.", after_s=5.0)
