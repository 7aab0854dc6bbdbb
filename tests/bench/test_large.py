"""The large database is one that the server itself could have left: sound, readable, decided as its rules decide."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.event import DeliveryReceipt, InboundMessage
from bot.store.conversations import Wanted
from bot.store.sqlite import audit, open_store
from bot.store.sqlite.connection import connect, migrate
from bot.store.sqlite.times import from_us
from bot.store.units import InboxKind
from bot.work.stored_events import reader
from tests.bench.large import fill
from tests.sinch.payloads import APP

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("large") / "parley.db"
    fill(made, 400, 4000, NOW)
    return made


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as opened:
        yield opened


def schema(connection: sqlite3.Connection) -> list[object]:
    return connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()


def test_it_is_sound_and_breaks_no_promise(connection: sqlite3.Connection, tmp_path: Path) -> None:
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert list(audit.broken(connection)) == []
    with closing(connect(tmp_path / "new.db")) as new:
        migrate(new)
        assert schema(connection) == schema(new)


def test_it_holds_what_was_asked_for(connection: sqlite3.Connection) -> None:
    count = "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM inbox WHERE dedup LIKE 'in:%')"
    people, came = connection.execute(count).fetchone()
    left = connection.execute("SELECT count(*) FROM outbox WHERE state NOT IN ('queued', 'waiting')").fetchone()[0]
    assert people == 400
    assert 4000 <= came + left <= 4002


def test_every_body_is_read_by_the_parser(connection: sqlite3.Connection) -> None:
    read = reader(APP)
    for kind, raw, received_at, dedup in connection.execute("SELECT kind, raw, received_at, dedup FROM inbox"):
        if kind in ("inbound", "receipt") and raw != b"not JSON":
            event = read(InboxKind(kind), raw, from_us(received_at))
            assert isinstance(event, DeliveryReceipt if kind == "receipt" else InboundMessage)
            assert event.dedup == dedup


async def test_there_is_something_to_see_in_every_list(path: Path) -> None:
    store = await open_store(path, app=APP)
    try:
        for show in ("all", "unread", "needs_person", "failed", "stopped"):
            assert (await store.conversations.listed(APP, Wanted(show), NOW)).rows, show
        assert all(await store.trouble.counts(APP))
        assert await store.users.deeds(5)
        assert {each.state for each in await store.campaigns.listed(None, 50)} >= {"done", "paused", "running"}
    finally:
        await store.close()


def test_the_same_seed_makes_the_same(path: Path, tmp_path: Path) -> None:
    fill(tmp_path / "again.db", 400, 4000, NOW)
    questions = [
        f"SELECT * FROM {table}" for table in ("inbox", "outbox", "trace", "lane", "person", "receipt", "recipient")
    ]
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(tmp_path / "again.db")) as other:
        for question in questions:
            assert one.execute(question).fetchall() == other.execute(question).fetchall()
