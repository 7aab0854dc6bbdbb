"""The unused middles of pages: SQLite leaves copies there, and sweeping takes them out while the writer goes on using the file."""

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import Misconfigured
from bot.store.sqlite.connection import connect
from bot.store.sqlite.sweeping import finish, freeze, remains, sweep, wal_of

PEOPLE = 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """A table whose pages were split again and again, of which a tenth is deleted."""
    with closing(connect(path)) as connection:
        dice = random.Random(7)
        connection.execute(
            "CREATE TABLE who (name TEXT PRIMARY KEY, note TEXT NOT NULL, flag INTEGER NOT NULL) WITHOUT ROWID"
        )
        names = [f"name-{dice.randrange(10**8):08d}" for _ in range(PEOPLE)]
        connection.execute("BEGIN")
        connection.executemany("INSERT OR IGNORE INTO who VALUES (?, '', 0)", [(name,) for name in names])
        for name in dice.sample(names, len(names)):
            connection.execute("UPDATE who SET note = ? WHERE name = ?", ("n" * dice.randrange(300), name))
        connection.executemany("DELETE FROM who WHERE name = ?", [(name,) for name in names[::10]])
        connection.execute("COMMIT")
        yield connection


@pytest.fixture
def descriptor(writer: sqlite3.Connection, path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDWR)
    yield opened
    writer.close()  # before: closing a file lets go of the locks that SQLite has on it
    os.close(opened)


def written_back(writer: sqlite3.Connection) -> None:
    assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def gone(writer: sqlite3.Connection, content: bytes) -> set[str]:
    """Names that are no row any more, and whose bytes are there."""
    there = {row[0] for row in writer.execute("SELECT name FROM who")}
    dice = random.Random(7)
    names = {f"name-{dice.randrange(10**8):08d}" for _ in range(PEOPLE)}
    return {name for name in names - there if name.encode() in content}


def test_deleted_rows_have_copies_until_they_are_swept(writer: sqlite3.Connection, descriptor: int, path: Path) -> None:
    written_back(writer)
    assert gone(writer, path.read_bytes())
    found = remains(descriptor)
    assert found
    assert sweep(writer, descriptor, found)
    assert gone(writer, path.read_bytes()) == set()
    assert remains(descriptor) == []
    assert writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_the_writer_had_in_memory_does_not_come_back(
    writer: sqlite3.Connection, descriptor: int, path: Path
) -> None:
    written_back(writer)
    assert sweep(writer, descriptor, remains(descriptor))
    writer.execute("UPDATE who SET flag = 1")
    written_back(writer)
    assert gone(writer, path.read_bytes()) == set()
    assert writer.execute("SELECT count(*) FROM who WHERE flag = 1").fetchone()[0] > PEOPLE * 0.8


def test_a_log_that_somebody_reads_is_left_alone(writer: sqlite3.Connection, descriptor: int, path: Path) -> None:
    written_back(writer)
    found = remains(descriptor)
    writer.execute("UPDATE who SET flag = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM who").fetchone()
        assert wal_of(path).stat().st_size
        assert not sweep(writer, descriptor, found)
        assert freeze(writer) is None
        assert wal_of(path).stat().st_size
    assert sweep(writer, descriptor, found)


def test_what_moves_while_it_is_looked_for_is_swept_as_well(
    writer: sqlite3.Connection, descriptor: int, path: Path
) -> None:
    """Pages are split and joined between the look and the sweep, and the file itself stays as it was looked at."""
    frozen = freeze(writer)
    assert frozen is not None
    before, found = path.read_bytes(), remains(descriptor)
    dice = random.Random(8)
    writer.execute("PRAGMA cache_size=10")  # so that pages go to the log in the middle of a transaction
    for number in range(3 * PEOPLE):
        name = f"mame-{dice.randrange(10**8):08d}"
        writer.execute("INSERT OR IGNORE INTO who VALUES (?, ?, 0)", (name, "n" * dice.randrange(300)))
        if number % 2:
            writer.execute("DELETE FROM who WHERE name > ? AND name LIKE 'mame%' LIMIT 3", (name,))
    assert path.read_bytes() == before
    assert frozen.written()
    rows = writer.execute("SELECT * FROM who ORDER BY name").fetchall()
    assert finish(writer, descriptor, found, frozen)
    assert remains(descriptor) == []
    assert gone(writer, path.read_bytes()) == set()
    assert writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert writer.execute("SELECT * FROM who ORDER BY name").fetchall() == rows


def test_a_file_whose_pages_do_not_tell_what_they_are_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "v.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum=FULL")
        connection.execute("CREATE TABLE a (b)")
    descriptor = os.open(tmp_path / "v.db", os.O_RDWR)
    with pytest.raises(Misconfigured, match="VACUUM"):
        remains(descriptor)
    os.close(descriptor)


def test_a_reader_sees_every_row_meanwhile(writer: sqlite3.Connection, descriptor: int, path: Path) -> None:
    written_back(writer)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT * FROM who ORDER BY name").fetchall()
        assert wal_of(path).stat().st_size == 0
        assert sweep(writer, descriptor, remains(descriptor))
        assert reader.execute("SELECT * FROM who ORDER BY name").fetchall() == before
        reader.execute("COMMIT")
        assert reader.execute("SELECT * FROM who ORDER BY name").fetchall() == before


def test_nothing_but_unused_bytes_is_touched(writer: sqlite3.Connection, descriptor: int, path: Path) -> None:
    written_back(writer)
    before, rows = path.read_bytes(), writer.execute("SELECT * FROM who ORDER BY name").fetchall()
    sweep(writer, descriptor, remains(descriptor))
    after = path.read_bytes()
    assert len(after) == len(before)
    assert all(new in (0, old) for old, new in zip(before, after, strict=True))
    assert writer.execute("SELECT * FROM who ORDER BY name").fetchall() == rows
