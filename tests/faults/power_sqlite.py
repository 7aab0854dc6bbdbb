"""The store on a disk that can lose its power: apsw in the place of ``sqlite3``, and each write of the program itself told to the disk.

apsw brings a SQLite of its own, so this shows what our transactions ask of a database, and not what the system's SQLite does.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import apsw

from tests.faults.power_disk import Disk, Sync, SyncFolder, Truncate, Write

_OURS: Final = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
_FOLDER_SYNCED: Final = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL  # with the first sync of one that is new
_number = count(1)

Committed = Callable[[apsw.Connection], None]


class _Vfs(apsw.VFS):
    """The system's files, with all that is done to them told to ``disk``. Nothing is synced in truth: that would only take time."""

    def __init__(self, disk: Disk) -> None:
        self.called = f"power-{next(_number)}"
        self._disk = disk
        super().__init__(self.called, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if name is None or not flags[0] & _OURS:
            return apsw.VFSFile("", name, flags)
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._disk.deleted(Path(filename).name, syncdir)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        path = name if isinstance(name, str) else name.filename()
        super().__init__("", name, flags)
        self._disk = disk
        self._names_unsynced = bool(flags[0] & _FOLDER_SYNCED) and not disk.knows(Path(path).name)
        self._file = disk.opened(Path(path).name)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._disk.steps.append(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._disk.steps.append(Truncate(self._file, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.steps.append(Sync(self._file))
        if self._names_unsynced:
            self._names_unsynced = False
            self._disk.steps.append(SyncFolder())


# --- as sqlite3 ---------------------------------------------------------------------------------------------------------


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise sqlite3.DatabaseError(str(error)) from error
    except apsw.Error as error:
        raise sqlite3.OperationalError(str(error)) from error


class _Cursor:
    """What the store uses of ``sqlite3.Cursor``."""

    def __init__(self, cursor: apsw.Cursor, rowcount: int) -> None:
        self._cursor = cursor
        self.rowcount = rowcount

    @property
    def description(self) -> Sequence[Any]:
        return self._cursor.description

    def fetchone(self) -> Any:
        with _as_sqlite3():
            return next(self._cursor, None)

    def fetchall(self) -> list[Any]:
        with _as_sqlite3():
            return list(self._cursor)

    def __iter__(self) -> Iterator[Any]:
        with _as_sqlite3():
            yield from self._cursor


class _Connection:
    """What the store uses of ``sqlite3.Connection``; ``committed`` is called when something was written and no transaction is open."""

    def __init__(
        self, connection: apsw.Connection, disk: Disk, committed: Committed, pragmas: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._disk = disk
        self._committed = committed
        self._pragmas = pragmas
        self._writes = True
        self._seen = len(disk.steps)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, statement: str, values: Any = ()) -> _Cursor:
        if statement == "PRAGMA query_only=ON":
            self._writes = False
        return self._run(lambda cursor: cursor.execute(self._pragmas.get(statement, statement), values or None))

    def executemany(self, statement: str, rows: Iterable[Any]) -> _Cursor:
        changed = 0
        cursor = self.execute("SELECT 1")
        for row in rows:
            cursor = self.execute(statement, row)
            changed += cursor.rowcount
        cursor.rowcount = changed
        return cursor

    def executescript(self, text: str) -> _Cursor:
        return self.execute(text)

    def create_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        self._connection.create_scalar_function(name, function, arguments)

    def close(self) -> None:
        with _as_sqlite3():
            self._connection.close()

    def _run(self, work: Callable[[apsw.Cursor], object]) -> _Cursor:
        changes, cursor = self._connection.total_changes(), self._connection.cursor()
        with _as_sqlite3():
            work(cursor)
        if self._writes and not self._connection.in_transaction and len(self._disk.steps) != self._seen:
            self._committed(self._connection)
        self._seen = len(self._disk.steps)
        return _Cursor(cursor, self._connection.changes() if self._connection.total_changes() != changes else 0)


@contextmanager
def on(disk: Disk, folder: Path, committed: Committed, pragmas: Mapping[str, str]) -> Iterator[None]:
    """In the block every database of this process is on ``disk``, and what the program itself writes in ``folder`` too.

    ``pragmas`` are said instead of those of the program.
    """
    vfs = _Vfs(disk)

    def connect(path: str | Path, *, uri: bool = False, timeout: float = 5.0, **_: object) -> _Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | (apsw.SQLITE_OPEN_URI if uri else 0)
        with _as_sqlite3():
            connection = apsw.Connection(str(path), flags=flags, vfs=vfs.called)
            connection.set_busy_timeout(round(timeout * 1000))
        return _Connection(connection, disk, committed, pragmas)

    with patch.object(sqlite3, "connect", connect), _files(disk, folder):
        yield
    vfs.unregister()


@contextmanager
def _files(disk: Disk, folder: Path) -> Iterator[None]:
    """``os.open``, ``os.write``, ``os.pwrite`` and ``os.fsync`` tell of files in ``folder``."""
    open_, write, pwrite, fsync = os.open, os.write, os.pwrite, os.fsync

    def place(descriptor: int) -> Path:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}"))

    def told_open(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        descriptor = open_(path, flags, mode, **more)
        if flags & os.O_CREAT and place(descriptor).parent == folder:
            disk.opened(place(descriptor).name)
        return descriptor

    def told_write(descriptor: int, content: Any) -> int:
        if place(descriptor).parent == folder:  # only ever added to
            disk.steps.append(Write(disk.opened(place(descriptor).name), os.fstat(descriptor).st_size, bytes(content)))
        return write(descriptor, content)

    def told_pwrite(descriptor: int, content: Any, offset: int) -> int:
        if place(descriptor).parent == folder:
            disk.steps.append(Write(disk.opened(place(descriptor).name), offset, bytes(content)))
        return pwrite(descriptor, content, offset)

    def told_fsync(descriptor: int) -> None:
        where = place(descriptor)
        if where == folder:
            disk.steps.append(SyncFolder())
        elif where.parent == folder:
            disk.steps.append(Sync(disk.opened(where.name)))
        else:
            fsync(descriptor)

    with patch.multiple(os, open=told_open, write=told_write, pwrite=told_pwrite, fsync=told_fsync):
        yield
