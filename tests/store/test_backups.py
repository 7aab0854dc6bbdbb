"""A backup is whole and checked; what is restored from it undoes no STOP and no erasure, and lets nothing leave twice."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.core.decision import SetTimer
from bot.errors import Misconfigured, Refused
from bot.store.sqlite import SqliteStore, audit, open_store
from bot.store.sqlite.backing_up import back_up, check
from bot.store.sqlite.connection import migrations
from bot.store.sqlite.restoring import OPEN_EVENT, OPEN_MESSAGE, Restored, restore
from bot.store.units import Unknown
from tests.store.making import ANNA, BO, NOON, POLICY, answers, at, order, settled, wrote

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup.db"


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(path, app="APP")
    try:
        yield store
    finally:
        await store.close()


async def put_back(backup: Path, path: Path, seconds: float = 1000) -> Restored:
    return await asyncio.to_thread(restore, backup, path, at(seconds))


def rows(path: Path, question: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(question, values).fetchall()


def content(path: Path) -> bytes:
    return path.read_bytes()


def overwrite(path: Path, by: bytes) -> None:
    path.write_bytes(by)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# --- backup ---------------------------------------------------------------------------------------------------------------


async def test_a_backup_is_made_beside_a_running_store(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        await store.record([wrote("hello"), wrote("hi", BO)], NOON)
        checked = await asyncio.to_thread(back_up, path, backup)
        assert await store.record([wrote("later")], at(1)) == [True]
    assert (checked.schema, checked.people, checked.messages) == (migrations()[-1][0], 2, 2)
    assert (checked.size, checked.key) == (len(content(backup)), store.installation_key)
    assert mode(backup) == 0o600
    assert rows(backup, "SELECT raw FROM inbox ORDER BY id") == [(b"hello",), (b"hi",)]
    assert [name for name in os.listdir(path.parent) if "partial" in name] == []


async def test_the_writer_goes_on_while_a_backup_is_written(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        await store.record([wrote("w" * 3000, id_=str(n)) for n in range(1500)], NOON)
        writing = asyncio.create_task(asyncio.to_thread(back_up, path, backup))
        written = 0
        while not writing.done():
            assert await store.record([wrote("hi", BO, at(written))], NOON) == [True]
            written += 1
        await writing
    assert written >= 2


async def test_a_file_that_is_there_is_not_written_over(path: Path, backup: Path) -> None:
    async with opened(path):
        overwrite(backup, b"mine")
        with pytest.raises(Refused, match="is there already"):
            back_up(path, backup)
    assert content(backup) == b"mine"


async def test_a_folder_that_is_not_there_is_told(path: Path, tmp_path: Path) -> None:
    async with opened(path):
        with pytest.raises(Misconfigured, match="cannot be written"):
            back_up(path, tmp_path / "nowhere" / "b.db")


@pytest.mark.parametrize("what", ["text", "other", "cut", "newer"])
async def test_what_is_no_sound_backup_is_told(path: Path, backup: Path, what: str) -> None:
    async with opened(path) as store:
        await store.record([wrote("w" * 3000, id_=str(n)) for n in range(50)], NOON)
        back_up(path, backup)
    match what:
        case "text":
            overwrite(backup, b"not a database " * 1000)
        case "other":
            os.unlink(backup)
            rows(backup, "CREATE TABLE a (b)")
        case "cut":
            os.truncate(backup, len(content(backup)) // 2)
        case _:
            rows(backup, f"PRAGMA user_version={migrations()[-1][0] + 1}")
    with pytest.raises(Misconfigured):
        check(backup)
    with pytest.raises(Misconfigured):
        await put_back(backup, path)
    assert rows(path, "SELECT count(*) FROM inbox") == [(50,)]


# --- restore --------------------------------------------------------------------------------------------------------------


async def backed_up(path: Path, backup: Path) -> None:
    """Anna and Bo wrote; then the backup; nothing is open."""
    async with opened(path) as store:
        await store.record([wrote("hello"), wrote("hi", BO)], NOON)
        await store.decide_ready(10, NOON, answers())
        back_up(path, backup)


async def test_a_restored_database_is_the_backup_and_the_old_one_is_kept(path: Path, backup: Path) -> None:
    await backed_up(path, backup)
    async with opened(path) as store:
        await store.record([wrote("later", ANNA, at(10))], at(10))
    restored = await put_back(backup, path)
    assert rows(path, "SELECT count(*) FROM inbox") == [(2,)]
    assert restored.aside is not None
    assert rows(restored.aside, "SELECT count(*) FROM inbox") == [(3,)]
    assert (restored.unreadable, restored.other_key, restored.stops, restored.erased) == ("", False, 0, 0)
    assert mode(path) == 0o600
    async with opened(path) as store:
        assert await store.record([wrote("later", ANNA, at(10))], at(20)) == [True]
    with closing(sqlite3.connect(path)) as connection:
        assert list(audit.broken(connection)) == []


async def test_a_stop_since_the_backup_counts(path: Path, backup: Path) -> None:
    await backed_up(path, backup)
    async with opened(path) as store:
        await store.record([wrote("STOP", ANNA, at(10))], at(10))
    assert (await put_back(backup, path)).stops == 1
    async with opened(path) as store:
        assert (await store.standing(ANNA)).consent.stopped
        assert not (await store.standing(BO)).consent.stopped
        await store.place([order("sale", ANNA)], at(1001))
        assert await store.start(10, at(1001), POLICY) == []
    ledger = rows(path, "SELECT purpose, state, source FROM consent")
    assert ledger == [("all", "stopped", "the person wrote it")]


async def test_a_start_since_the_backup_counts_too(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        await store.record([wrote("STOP")], NOON)
        await store.decide_ready(10, NOON, answers())
        back_up(path, backup)
        await store.record([wrote("START", ANNA, at(10))], at(10))
    await put_back(backup, path)
    async with opened(path) as store:
        assert not (await store.standing(ANNA)).consent.stopped


async def test_who_the_backup_does_not_know_stays_stopped(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        back_up(path, backup)
        await store.record([wrote("STOP", ANNA, at(10))], at(10))
    assert (await put_back(backup, path)).stops == 1
    assert rows(path, "SELECT count(*) FROM person") == [(0,)]
    async with opened(path) as store:
        assert (await store.standing(ANNA)).consent.stopped


@pytest.mark.parametrize("lost", ["nothing", "table", "database"])
async def test_who_was_erased_since_is_erased_again(path: Path, backup: Path, lost: str) -> None:
    """The list beside the database is enough, and so is the database without the list."""
    await backed_up(path, backup)
    async with opened(path) as store:
        await store.record([wrote("STOP", ANNA, at(5))], at(5))
        await store.privacy.erase(ANNA, at(10))
    if lost == "table":
        rows(path, "DELETE FROM erased")
    if lost == "database":
        overwrite(path, b"broken" * 1000)
    restored = await put_back(backup, path)
    assert (restored.erased, bool(restored.unreadable)) == (1, lost == "database")
    assert ANNA.identity.encode() not in content(path)
    assert BO.identity.encode() in content(path)
    async with opened(path) as store:
        standing = await store.standing(ANNA)
        assert (standing.known, standing.consent.stopped) == (False, True)


async def test_who_came_back_before_the_backup_is_not_erased(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        await store.record([wrote("hello")], NOON)
        await store.privacy.erase(ANNA, at(10))
        await store.record([wrote("hello again", ANNA, at(20))], at(20))
        await store.decide_ready(10, at(20), answers())
        back_up(path, backup)
    assert (await put_back(backup, path)).erased == 0
    async with opened(path) as store:
        assert (await store.standing(ANNA)).known


async def test_nothing_that_was_open_leaves(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        await store.record([wrote("hello"), wrote("hi", BO)], NOON)
        decide = lambda lane: [  # noqa: E731
            settled(each.inbox_id, SetTimer("remind:rule", at(500)), *answers("one", "two")(lane)[0].decision.effects)  # type: ignore[union-attr]
            for each in lane.pending
        ]
        await store.decide_ready(10, NOON, decide)
        first, _ = await store.start(10, NOON, POLICY)
        await store.finish([Unknown(first.attempt_id, at(30), 0, "no answer")], NOON)
        await store.record([wrote("and more")], NOON)
        back_up(path, backup)
    restored = await put_back(backup, path)
    assert (restored.held, restored.dead, restored.dropped) == (4, 1, 2)
    assert set(rows(path, "SELECT state, reason FROM outbox")) == {("held", OPEN_MESSAGE)}
    assert rows(path, "SELECT why FROM inbox WHERE state = 'dead'") == [(OPEN_EVENT,)]
    async with opened(path) as store:
        assert await store.recover(at(1001), at(1001)) == 0
        assert await store.start(10, at(1001), POLICY) == []
        assert (await store.fire_timers(10, at(1001))).count == 0
        assert (await store.decide_ready(10, at(1001), answers("x"))).settled == 0
        assert await store.doubtful(10, at(5000)) == []
    with closing(sqlite3.connect(path)) as connection:
        assert list(audit.broken(connection)) == []


async def test_a_running_campaign_is_paused(path: Path, backup: Path) -> None:
    async with opened(path):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "INSERT INTO campaign (id, app, name, template, declared, category, state, starts_at, created_at)"
                " VALUES (1, 'APP', 'spring', 't', '{}', 'marketing', 'running', 0, 0)"
            )
            connection.commit()
        back_up(path, backup)
    assert (await put_back(backup, path)).paused == 1
    [(state, why)] = rows(path, "SELECT state, why FROM campaign")
    assert state == "paused"
    assert "restored" in str(why)


async def test_a_running_server_keeps_its_database(path: Path, backup: Path) -> None:
    await backed_up(path, backup)
    async with opened(path):
        with pytest.raises(Misconfigured, match="already using"):
            await put_back(backup, path)


async def test_another_installations_backup_is_told(path: Path, backup: Path, tmp_path: Path) -> None:
    await backed_up(tmp_path / "other.db", backup)
    async with opened(path) as store:
        await store.record([wrote("STOP", ANNA), wrote("hi", BO)], NOON)
        await store.privacy.erase(BO, at(10))
    restored = await put_back(backup, path)
    assert (restored.other_key, restored.erased, restored.stops) == (True, 1, 1)
    async with opened(path) as store:
        assert (await store.standing(ANNA)).consent.stopped
        assert not (await store.standing(BO)).known


async def test_without_a_database_the_backup_is_put_there(path: Path, backup: Path, tmp_path: Path) -> None:
    await backed_up(tmp_path / "other.db", backup)
    restored = await put_back(backup, path)
    assert (restored.aside, restored.unreadable) == (None, "there is no database now")
    assert rows(path, "SELECT count(*) FROM inbox") == [(2,)]


# --- kill -9 --------------------------------------------------------------------------------------------------------------

_KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from bot.store.sqlite.backing_up import back_up
from bot.store.sqlite.restoring import restore
what, backup, database = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
back_up(database, backup) if what == "backup" else restore(backup, database, datetime(2026, 1, 6, tzinfo=UTC))
"""


def killed(what: str, point: str, backup: Path, path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, what, str(backup), str(path)]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "PARLEY_CRASH": point}, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["restore.copied", "restore.prepared", "restore.kept", "restore.replaced"])
async def test_killed_while_restoring_the_old_or_the_new_is_in_place(path: Path, backup: Path, point: str) -> None:
    await backed_up(path, backup)
    async with opened(path) as store:
        await store.record([wrote("STOP", ANNA, at(10))], at(10))
    await asyncio.to_thread(killed, "restore", point, backup, path)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT count(*) FROM inbox") == [(2 if point == "restore.replaced" else 3,)]
    async with opened(path) as store:
        assert (await store.standing(ANNA)).consent.stopped
    await put_back(backup, path)
    async with opened(path) as store:
        assert (await store.standing(ANNA)).consent.stopped
    assert "parley.db.restoring" not in os.listdir(path.parent)


@pytest.mark.parametrize("point", ["backup.copied", "backup.checked"])
async def test_killed_while_backing_up_no_file_has_the_name(path: Path, backup: Path, point: str) -> None:
    async with opened(path) as store:
        await store.record([wrote("hello")], NOON)
        await asyncio.to_thread(killed, "backup", point, backup, path)
        assert backup.name not in os.listdir(path.parent)
        assert await store.record([wrote("hi", BO)], NOON) == [True]
        await asyncio.to_thread(back_up, path, backup)
    assert check(backup).people == 2
