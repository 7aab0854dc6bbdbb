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
from typing import Any, Generic, TypeVar

import aiosqlite

from bot.errors import Overloaded, StoreUnavailable

In = TypeVar("In")
Out = TypeVar("Out")

MOST_WAITING = 20_000  # units; beyond it callers are told to come back
MOST_IN_GROUP = 512
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


class _NotBegun(sqlite3.OperationalError):
    """Another program holds the file: no unit is to blame, and each alone would wait for the lock as long again."""


class Writer:
    """Owns the writing connection. ``before_commit`` writes what a group leaves to its end; ``on_rollback`` forgets what was remembered of
    a transaction that did not commit."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        on_commit: Callable[[], None],
        on_rollback: Callable[[], None],
        before_commit: Callable[[sqlite3.Connection], None] = lambda connection: None,
    ) -> None:
        self._connection = connection
        self._on_commit = on_commit
        self._on_rollback = on_rollback
        self._before_commit = before_commit
        self._waiting: list[_Unit] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._work(), name="store-writer")

    async def write(self, stage: Stage[In, Out], value: In) -> Out:
        """Do ``stage`` with ``value`` in the next group; returns after the commit. A cancelled caller changes nothing for the unit."""
        self.check()
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded("Too much is waiting for the database.", after_s=1.0)
        unit = _Unit(stage, value, asyncio.get_running_loop().create_future())
        self._waiting.append(unit)
        self._wake.set()
        # No shield: a cancelled caller cancels only this future, which the group then finds done; the unit itself goes on.
        result: Out = await unit.outcome
        return result

    async def between(self, work: Callable[[sqlite3.Connection], Out]) -> Out:
        """Run ``work`` on the writing connection after the group that is being written, outside any transaction."""
        self.check()
        try:
            return await run_on(self._connection, work)
        except sqlite3.Error as error:
            raise _in_our_words(error) from None

    def check(self) -> None:
        """Raises ``StoreUnavailable`` when nothing can be written any more."""
        if self._closing or self._task.done():
            raise StoreUnavailable("The database is closed.", after_s=5.0)

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
                group, self._waiting = self._waiting[:MOST_IN_GROUP], self._waiting[MOST_IN_GROUP:]
                await self._write_group(group)
            if self._closing:
                return

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
        outcomes = await run_on(self._connection, partial(self._transaction, group))
        if isinstance(outcomes, BaseException) and len(group) > 1 and not isinstance(outcomes, _NotBegun):
            for unit in group:
                _resolve([unit], await run_on(self._connection, partial(self._transaction, [unit])))
            return
        _resolve(group, outcomes)

    def _transaction(self, group: list[_Unit], connection: sqlite3.Connection) -> Sequence[Any] | BaseException:
        try:
            connection.execute("BEGIN IMMEDIATE")
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
