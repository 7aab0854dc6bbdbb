"""The one writer: what shares a commit, what fails alone, what it says when the database will not write."""

import asyncio
import inspect
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from bot.errors import Misconfigured, Overloaded, StoreUnavailable
from bot.store.sqlite import open_store, writer
from bot.store.sqlite.connection import migrate, migrations, schema_version
from bot.store.sqlite.writer import Stage, Writer, run_on
from tests.store.making import NOON, wrote


@dataclass
class Desk:
    """A writer over one table of unique words, and what it told of its commits and rollbacks."""

    path: Path
    connection: aiosqlite.Connection
    told: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    may_go_on: threading.Event = field(default_factory=threading.Event)
    is_busy: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.writer = Writer(self.connection, lambda: self.told.append("commit"), lambda: self.told.append("rollback"))
        self.keep = Stage(1, self._keep)
        self.keep_first = Stage(0, self._keep)
        self.hold = Stage(0, self._hold)

    def _keep(self, connection: sqlite3.Connection, words: Sequence[str]) -> list[str]:
        for word in words:
            self.order.append(word)
            connection.execute("INSERT INTO word VALUES (?)", (word,))
        return [f"kept {word}" for word in words]

    def _hold(self, connection: sqlite3.Connection, words: Sequence[str]) -> list[str]:
        """Keeps the writer busy until it may go on."""
        self._loop.call_soon_threadsafe(self.is_busy.set)
        assert self.may_go_on.wait(10)
        return self._keep(connection, words)

    async def write(self, *words: str) -> list[Any]:
        """All at once; what each caller got."""
        async with asyncio.timeout(10):
            writes = (self.writer.write(self.keep, word) for word in words)
            return await asyncio.gather(*writes, return_exceptions=True)

    def words(self) -> set[str]:
        """What another connection sees, so what is committed."""
        with closing(sqlite3.connect(self.path)) as connection:
            return {row[0] for row in connection.execute("SELECT word FROM word")}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    path = tmp_path / "words.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE word (word TEXT UNIQUE)")
    async with aiosqlite.connect(path, isolation_level=None, timeout=0) as connection_:
        opened = Desk(path, connection_)
        yield opened
        opened.may_go_on.set()
        await opened.writer.close()


# --- groups -------------------------------------------------------------------------------------------------------------


async def test_what_waits_together_is_one_commit(desk: Desk) -> None:
    assert await desk.write("a", "b", "c") == ["kept a", "kept b", "kept c"]
    assert (desk.told, desk.words()) == (["commit"], {"a", "b", "c"})


async def test_stages_run_in_their_order_whatever_order_they_came_in(desk: Desk) -> None:
    await asyncio.gather(desk.writer.write(desk.keep, "later"), desk.writer.write(desk.keep_first, "first"))
    assert (desk.order, desk.told) == (["first", "later"], ["commit"])


async def test_a_bad_unit_fails_alone(desk: Desk) -> None:
    await desk.write("taken")
    kept, refused, kept_too = await desk.write("a", "taken", "b")
    assert (kept, kept_too) == ("kept a", "kept b")
    assert isinstance(refused, sqlite3.IntegrityError)
    assert desk.words() == {"taken", "a", "b"}
    assert desk.told == ["commit", "rollback", "commit", "rollback", "commit"]


async def test_the_writer_goes_on_after_a_bad_unit(desk: Desk) -> None:
    await desk.write("taken")
    await desk.write("taken")
    assert await desk.write("a") == ["kept a"]


async def test_a_result_comes_after_the_commit(desk: Desk) -> None:
    await desk.writer.write(desk.keep, "a")
    assert desk.words() == {"a"}


# --- callers that go away, and too many of them -------------------------------------------------------------------------


async def test_a_unit_whose_caller_went_away_while_it_waited_is_written_whole(desk: Desk) -> None:
    busy = asyncio.create_task(desk.writer.write(desk.hold, "busy"))
    await desk.is_busy.wait()
    gone = asyncio.create_task(desk.writer.write(desk.keep, "left alone"))
    other = asyncio.create_task(desk.writer.write(desk.keep, "beside"))
    await asyncio.sleep(0)
    gone.cancel()
    desk.may_go_on.set()
    assert await desk.write("next") == ["kept next"]
    assert (await busy, await other) == ("kept busy", "kept beside")
    assert gone.cancelled()
    assert desk.words() == {"busy", "left alone", "beside", "next"}


async def test_a_unit_whose_caller_went_away_in_the_middle_is_written_whole(desk: Desk) -> None:
    gone = asyncio.create_task(desk.writer.write(desk.hold, "half done"))
    await desk.is_busy.wait()
    gone.cancel()
    desk.may_go_on.set()
    assert await desk.write("next") == ["kept next"]
    assert gone.cancelled()
    assert desk.words() == {"half done", "next"}


async def test_too_many_waiting_is_said_and_what_waits_is_still_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_WAITING", 2)
    busy = asyncio.create_task(desk.writer.write(desk.hold, "busy"))
    await desk.is_busy.wait()
    waiting = [asyncio.create_task(desk.writer.write(desk.keep, word)) for word in ("a", "b")]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match=r"Too much is waiting for the database\.") as refused:
        await desk.writer.write(desk.keep, "c")
    assert refused.value.after_s
    desk.may_go_on.set()
    await asyncio.gather(busy, *waiting)
    assert desk.words() == {"busy", "a", "b"}


async def test_bodies_that_wait_are_counted_by_their_bytes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_BYTES_WAITING", 100)
    busy = asyncio.create_task(desk.writer.write(desk.hold, "busy"))
    await desk.is_busy.wait()
    waiting = asyncio.create_task(desk.writer.write(desk.keep, "a", 60))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await desk.writer.write(desk.keep, "b", 41)
    small = asyncio.create_task(desk.writer.write(desk.keep, "c", 40))
    unweighed = asyncio.create_task(desk.writer.write(desk.keep, "d"))
    desk.may_go_on.set()
    await asyncio.gather(busy, waiting, small, unweighed)
    assert await desk.writer.write(desk.keep, "b", 100) == "kept b"
    assert await desk.writer.write(desk.keep, "e", 1000) == "kept e", "alone it is no crowd"
    assert desk.words() == {"busy", "a", "b", "c", "d", "e"}


async def test_a_commit_holds_no_more_than_some_bytes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_BYTES_IN_GROUP", 100)
    sizes = (90, 20, 80, 10, 500, 1)
    writes = (desk.writer.write(desk.keep, f"{n}", size) for n, size in enumerate(sizes))
    async with asyncio.timeout(10):
        await asyncio.gather(*writes)
    assert desk.told == ["commit"] * 5, "90 | 20 + 80 | 10 | 500 | 1"
    assert desk.order == [f"{n}" for n in range(6)]


async def test_closing_writes_what_waits_and_takes_no_more(desk: Desk) -> None:
    waiting = asyncio.create_task(desk.writer.write(desk.keep, "a"))
    await asyncio.sleep(0)
    await desk.writer.close()
    assert await waiting == "kept a"
    (refused,) = await desk.write("b")
    assert isinstance(refused, StoreUnavailable)
    assert str(refused) == "The database is closed."


# --- a database that will not write -------------------------------------------------------------------------------------


async def test_a_locked_database_is_said_and_written_to_once_it_is_free(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (refused,) = await desk.write("a")
        assert isinstance(refused, StoreUnavailable)
        assert str(refused) == "The database could not write: database is locked."
        other.execute("ROLLBACK")
    assert await desk.write("a") == ["kept a"]
    assert desk.words() == {"a"}


async def test_a_lock_is_waited_for_once_however_many_wait(desk: Desk) -> None:
    statements: list[str] = []
    await run_on(desk.connection, lambda c: c.set_trace_callback(statements.append))
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = await desk.write("a", "b", "c")
        assert [type(each) for each in refused] == [StoreUnavailable] * 3
        other.execute("ROLLBACK")
    assert statements == ["BEGIN IMMEDIATE"]
    assert await desk.write("a", "b") == ["kept a", "kept b"]


async def test_a_full_database_is_said_and_written_to_once_there_is_space(desk: Desk) -> None:
    pages = await run_on(desk.connection, lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await run_on(desk.connection, lambda c: c.execute(f"PRAGMA max_page_count={pages}").fetchone())
    large = "x" * 100_000
    (refused,) = await desk.write(large)
    assert isinstance(refused, StoreUnavailable)
    assert str(refused) == "The database could not write: database or disk is full."
    assert refused.after_s
    assert desk.words() == set()
    await run_on(desk.connection, lambda c: c.execute("PRAGMA max_page_count=10000").fetchone())
    assert await desk.write(large) == [f"kept {large}"]


# --- the one private method we call -------------------------------------------------------------------------------------


def test_aiosqlite_still_has_what_run_on_calls() -> None:
    parameters = inspect.signature(aiosqlite.Connection._execute).parameters
    assert list(parameters) == ["self", "fn", "args", "kwargs"]
    assert isinstance(inspect.getattr_static(aiosqlite.Connection, "_conn"), property)


async def test_work_runs_in_one_hop_on_the_connections_own_thread(desk: Desk) -> None:
    def work(connection: sqlite3.Connection) -> tuple[int, bool]:
        return threading.get_ident(), connection.in_transaction

    first, second = await run_on(desk.connection, work), await run_on(desk.connection, work)
    assert first == second == (desk.connection._thread.ident, False)
    assert first[0] != threading.get_ident()


async def test_what_work_raises_comes_back_as_it_is(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        await run_on(desk.connection, lambda _: 1 // 0)


# --- opening ------------------------------------------------------------------------------------------------------------


async def refusal(path: Path) -> str:
    """Why this file cannot be opened."""
    try:
        opened = await open_store(path)
    except Misconfigured as refused:
        return str(refused)
    await opened.close()
    return "It can be opened."


async def test_a_second_server_on_the_same_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    first = await open_store(path)
    said = await refusal(path)
    await first.close()
    assert said == (
        f"Another Parley is already using the database {path}; stop it first, or set DATABASE_URL to another file."
    )
    await (await open_store(path)).close()


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "cannot be written (No such file or directory)" in await refusal(tmp_path / "absent" / "parley.db")


async def test_what_is_no_database_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    path.write_bytes(b"a letter, and no database at all" * 100)
    assert "cannot be opened" in await refusal(path)
    assert path.read_bytes().startswith(b"a letter")


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path, newest = tmp_path / "parley.db", migrations()[-1][0]
    await (await open_store(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={newest + 1}")
    assert await refusal(path) == (
        f"The database has schema {newest + 1}, and this Parley knows up to {newest}; run the newer Parley that wrote it."
    )
    with closing(sqlite3.connect(path)) as connection:
        assert schema_version(connection) == newest + 1
        connection.execute(f"PRAGMA user_version={newest}")
    await (await open_store(path)).close()  # the refusal let go of the lock


def test_a_new_file_gets_every_step_once() -> None:
    numbers = [number for number, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        assert migrate(connection) == len(numbers)
        assert schema_version(connection) == numbers[-1]
        assert migrate(connection) == 0


def test_the_database_and_its_lock_are_for_this_user_alone(tmp_path: Path) -> None:
    async def opened() -> None:
        await (await open_store(tmp_path / "parley.db")).close()

    asyncio.run(opened())
    assert {entry.name: oct(entry.stat().st_mode & 0o777) for entry in tmp_path.iterdir()} == {
        "parley.db": "0o600",
        "parley.db.lock": "0o600",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for somebody else")
async def test_what_root_makes_belongs_to_whom_the_folder_belongs_to(tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.write_text("")
    folder = tmp_path / "parley"
    folder.mkdir()
    os.chown(folder, 10001, 10001)
    store = await open_store(folder / "parley.db", app="APP")
    await store.record([wrote("hi")], NOON)
    owners = {entry.name: entry.stat().st_uid for entry in folder.iterdir()}
    await store.close()
    assert owners == dict.fromkeys(("parley.db", "parley.db.lock", "parley.db-wal", "parley.db-shm"), 10001)
    (folder / "parley.db.lock").unlink()
    (folder / "parley.db.lock").symlink_to(others)
    await (await open_store(folder / "parley.db", app="APP")).close()
    assert others.stat().st_uid == 0  # who may write the folder must not be given other files by a link


async def test_when_the_connection_is_lost_nobody_waits_for_ever(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await run_on(store._writing, lambda connection: connection.close())
    with pytest.raises(StoreUnavailable, match="lost"):
        async with asyncio.timeout(5):
            await store.record([wrote("hi")], NOON)
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.probe()
