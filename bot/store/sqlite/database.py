"""What the parts of the SQLite store share: the writer's groups, the reading connection, the memory of both."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiosqlite

from bot.store.sqlite.memory import Memory
from bot.store.sqlite.writer import Stage, Writer, read_on

T = TypeVar("T")
ALONE = 4  # among the stages of a group: after what comes in and is asked for, before deciding


class Database:
    """One file. ``app`` is the Sinch app whose keys and people count."""

    def __init__(
        self,
        writer: Writer,
        reading: aiosqlite.Connection,
        browsing: aiosqlite.Connection,
        memory: Memory,
        app: str,
    ) -> None:
        self.memory = memory
        self.app = app
        self._writer = writer
        self._reading = reading
        self._browsing = browsing
        self._alone = Stage(ALONE, _run_each)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` within the next group; returns after its commit. What it raises rolls it back, alone."""
        result: T = await self._writer.write(self._alone, work)
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on what is committed, through a connection that cannot write. Keep it short: others wait for it."""
        return await read_on(self._reading, work)

    async def browse(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As ``read``, on a connection of its own for pages that people look at: only each other do they keep waiting."""
        return await read_on(self._browsing, work)

    async def alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the writing connection between two groups, outside any transaction: for what a transaction cannot do."""
        return await self._writer.between(work)


def _run_each(connection: sqlite3.Connection, works: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
    return [work(connection) for work in works]
