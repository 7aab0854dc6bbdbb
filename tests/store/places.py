"""Where a story's database is: opened as a server opens it, looked at as anybody could, and left behind as by SIGKILL."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, Protocol

import aiosqlite

import bot.crash as crash
from bot.store.port import Store
from bot.store.sqlite import SqliteStore
from bot.store.sqlite.audit import broken
from bot.store.sqlite.connection import connect, installation_key, migrate


class Place(Protocol):
    """One database. Another kind of store joins the stories by a place of its own."""

    async def open(self, app: str) -> Store: ...

    async def close(self) -> None:
        """As a server that was asked to end."""
        ...

    async def left(self) -> None:
        """As by SIGKILL: only what is committed is there when it is opened again."""
        ...

    def rows(self, question: str, *values: object) -> list[Any]:
        """Read beside the store."""
        ...

    def broken(self) -> list[str]:
        """What the audit says."""
        ...


@cache
def _empty() -> bytes:
    """A migrated file that nobody has used: to migrate one takes longer than to tell a story."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "empty.db")
        connection = connect(path)
        migrate(connection)
        installation_key(connection)
        connection.close()
        return path.read_bytes()


OpenStore = Callable[[Path, str], Awaitable[SqliteStore]]


class SqlitePlace:
    """A file in ``folder``, and after each kill a copy of it as the dead process left it: no file is ever closed for the dead.

    ``open_store`` is told the path and the app.
    """

    def __init__(self, folder: Path, open_store: OpenStore) -> None:
        self._folder = folder
        self._open_store = open_store
        self._lives = 0
        self._store: SqliteStore | None = None
        self._beside: sqlite3.Connection | None = None
        self._path.write_bytes(_empty())

    @property
    def _path(self) -> Path:
        return self._folder / f"parley{self._lives}.db"

    async def open(self, app: str) -> SqliteStore:
        self._store = await self._open_store(self._path, app)
        self._beside = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)
        return self._store

    async def close(self) -> None:
        store, self._store = self._store, None
        self._look_away()
        if store is not None:
            await store.close()

    async def left(self) -> None:
        dead, store, self._store = self._path, self._store, None
        self._look_away()
        self._lives += 1
        for suffix in ("", "-wal"):  # the shared memory of a machine that lost its processes is made anew from these
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{dead}{suffix}", f"{self._path}{suffix}")
        if store is not None:
            await _bury(store)
        for suffix in ("", "-wal", "-shm", ".lock"):
            with suppress(FileNotFoundError):
                os.unlink(f"{dead}{suffix}")

    def rows(self, question: str, *values: object) -> list[Any]:
        assert self._beside is not None
        return self._beside.execute(question, values).fetchall()

    def broken(self) -> list[str]:
        assert self._beside is not None
        return list(broken(self._beside))

    def _look_away(self) -> None:
        if self._beside is not None:
            self._beside.close()
            self._beside = None


async def _bury(store: SqliteStore) -> None:
    """Let go of what a process takes with it when it ends; whatever is written meanwhile goes to a file that nobody opens again."""
    task = store._writer._task
    task.cancel()
    with suppress(BaseException):
        await task
    connections: Sequence[aiosqlite.Connection] = (store._reading, store._browsing, store._writing)
    for connection in connections:
        await connection.close()
    os.close(store._lock)


class Died(BaseException):
    """The process would have ended here."""


class Death:
    """Within it, the crash point that is armed ends the work under way and not the test. ``struck`` names the points that did."""

    def __init__(self) -> None:
        self.struck: list[str] = []

    def __enter__(self) -> Death:
        setattr(crash, "os", SimpleNamespace(getpid=os.getpid, kill=self._strike))  # noqa: B010 a module's own import is not ours to name
        return self

    def __exit__(self, *exception: object) -> None:
        crash.arm("")
        setattr(crash, "os", os)  # noqa: B010

    def _strike(self, *_: object) -> None:
        point = crash._armed.point
        self.struck.append(point)
        crash.arm("")
        raise Died(point)
