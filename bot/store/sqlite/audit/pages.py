"""Is each page of the database what it should be, also where no question looks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Final

from bot.store.sqlite.archive import open_reading
from bot.store.sqlite.audit.look import ONE_STATE_S

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class Pages:
    """``damage`` is the first table that is not sound and what SQLite says of it, or empty. ``unread`` are the tables that are too large
    to be looked through."""

    damage: str = ""
    unread: tuple[str, ...] = ()


def look_through(path: Path) -> Pages:
    """Look through every table, each in a read transaction of its own that lasts five seconds at most.

    Raises ``Misconfigured`` where there is no database of this program's, ``sqlite3.Error`` where it cannot be read for another reason.
    """
    unread = []
    with closing(open_reading(path)) as connection:
        for table in _tables(connection):
            told = _checked(connection, table)
            if told is None:
                unread.append(table)
            elif told != "ok":
                return Pages(f"table {table}: {told}", tuple(unread))
    return Pages(unread=tuple(unread))


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    return ["sqlite_schema", *(row[0] for row in rows)]


def _checked(connection: sqlite3.Connection, table: str) -> str | None:
    """What SQLite says of a table and its indexes; None where the time did not suffice."""
    # From another thread, as SQLite calls no progress handler while it walks through the pages of one tree.
    timer = Timer(ONE_STATE_S, connection.interrupt)
    timer.start()
    try:
        told: str = connection.execute(f"PRAGMA quick_check('{table}')").fetchone()[0]
        return told.splitlines()[-1]  # the first line may only say of which tree it is
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_INTERRUPT:
            return None
        if error.sqlite_errorcode & 0xFF in _DAMAGE:
            return str(error)
        raise
    finally:
        timer.cancel()
        timer.join()
