"""Retention: what is old is emptied, what is open stays, and whoever looks back is told in a sentence."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.event import BusinessEvent
from bot.core.reply import TextReply
from bot.store.privacy import Walk
from bot.store.sqlite import SqliteStore, audit, open_store
from bot.store.sqlite.forgetting import NO_LONGER_KEPT, SPAN
from bot.store.units import Accepted, InboxKind, Incoming, Settled
from tests.store.making import ANNA, BO, NOON, POLICY, answers, at, order, receipt, wrote

LATER = NOON + timedelta(days=100)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


async def bodies(store: SqliteStore, days: float = 90, limit: int = 100) -> int:
    walk, before = Walk(), LATER - timedelta(days=days)
    while not walk.done:
        walk = await store.privacy.forget_bodies(walk, before, LATER - timedelta(days=max(days, 90)), limit)
    return walk.forgotten


async def keys(store: SqliteStore, days: float = 30, limit: int = 100) -> int:
    walk = Walk()
    while not walk.done:
        walk = await store.privacy.forget_keys(walk, LATER - timedelta(days=days), limit)
    return walk.forgotten


async def conversation(store: SqliteStore) -> str:
    """Somebody wrote and was answered, and it was delivered; returns our message's id."""
    await store.record([wrote("the words", id_="1")], NOON)
    await store.decide_ready(10, NOON, answers("the answer"))
    [started] = await store.start(10, NOON, POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], NOON)
    await store.record([receipt("DELIVERED", started.outbox_id)], NOON)
    await store.decide_ready(10, NOON, answers())
    return started.outbox_id


async def test_old_bodies_are_emptied_and_the_rest_is_told(store: SqliteStore, path: Path) -> None:
    outbox_id = await conversation(store)
    assert await bodies(store, days=101) == 0
    assert await bodies(store) == 3
    assert await bodies(store) == 0
    assert rows(path, "SELECT raw, state FROM inbox ORDER BY id") == [(None, "decided"), (None, "decided")]
    assert rows(path, "SELECT inputs, layer, rule FROM trace") == [(b"", "rules", "rule")] * 2
    view = await store.message(outbox_id)
    assert view is not None
    assert (view.reply, view.status, view.receipts) == (TextReply(NO_LONGER_KEPT), "delivered", ())
    assert len(view.attempts) == 1
    with closing(sqlite3.connect(path)) as connection:
        assert list(audit.broken(connection)) == []


async def test_a_duplicate_is_known_as_long_as_its_key_is_kept(store: SqliteStore) -> None:
    await conversation(store)
    await bodies(store)
    assert await store.record([wrote("the words", id_="1")], LATER) == [False]


async def test_what_is_open_stays(store: SqliteStore, path: Path) -> None:
    await store.record([wrote("pending", BO)], NOON)
    await store.place([order("queued", ANNA)], NOON)
    await store.place([order("held", BO)], NOON)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE outbox SET state = 'held', ended_at = created_at WHERE seq = 2")
        connection.commit()
    before = rows(path, "SELECT id, raw FROM inbox"), rows(path, "SELECT seq, payload FROM outbox")
    assert (await bodies(store, days=0), await keys(store, days=0)) == (0, 0)
    assert (rows(path, "SELECT id, raw FROM inbox"), rows(path, "SELECT seq, payload FROM outbox")) == before
    assert (await store.decide_ready(10, LATER, answers())).settled == 1


async def test_a_dead_letter_may_be_driven_again_for_ninety_days(store: SqliteStore, path: Path) -> None:
    await store.record([wrote("poison")], LATER - timedelta(days=60))
    await store.decide_ready(
        10, LATER - timedelta(days=60), lambda lane: [Settled(lane.pending[0].inbox_id, dead="No.")]
    )
    assert await bodies(store, days=30) == 0
    assert rows(path, "SELECT raw, state FROM inbox") == [(b"poison", "dead")]
    walk = await store.privacy.forget_bodies(Walk(), LATER, LATER - timedelta(days=59), 10)
    assert walk.forgotten == 1


async def test_keys_go_after_their_time_and_only_where_nothing_points_to_them(store: SqliteStore, path: Path) -> None:
    await conversation(store)
    await store.record([receipt("READ", "unknown", "M2")], NOON)
    assert await keys(store) == 0  # bodies keep their keys
    await bodies(store)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM receipt")
        connection.commit()
    count = await keys(store)
    assert count == 1
    assert rows(path, "SELECT dedup FROM inbox ORDER BY id")[0] == ("in:1",)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_the_keys_of_an_erased_person_go_too(store: SqliteStore, path: Path) -> None:
    await conversation(store)
    await store.privacy.erase(ANNA, at(10))
    assert rows(path, "SELECT count(*) FROM inbox") == [(2,)]
    assert await keys(store, days=101) == 0
    assert await keys(store) == 2
    assert rows(path, "SELECT count(*) FROM inbox") == [(0,)]


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_small_slices_and_long_histories_leave_nothing_out(store: SqliteStore, path: Path, limit: int) -> None:
    for start in range(0, SPAN + 100, 500):
        count = min(500, SPAN + 100 - start)
        events = [
            Incoming(BusinessEvent(f"event:{start + n}", ANNA, "x", {}, NOON, NOON), InboxKind.API, b"raw")
            for n in range(count)
        ]
        await store.record(events, NOON)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE inbox SET state = 'ignored', settled_at = received_at")
        connection.execute("UPDATE inbox SET raw = NULL WHERE id % 40 <> 3")
        connection.execute("UPDATE lane SET ready_at = NULL")
        connection.commit()
    expected = len([n for n in range(1, SPAN + 101) if n % 40 == 3])
    assert await bodies(store, limit=limit) == expected
    assert rows(path, "SELECT count(*) FROM inbox WHERE raw IS NOT NULL") == [(0,)]


async def test_old_idempotency_keys_and_stale_webhooks_go(store: SqliteStore, path: Path) -> None:
    key = await store.keys.create("shop", frozenset({"send"}), b"hash", NOON)
    for n in range(3):
        order_ = order(f"x{n}", BO)
        await store.place([replace(order_, idempotency=(key.id, f"k{n}", "digest"))], at(n))
        await store.refuse(b"stale", "old", at(n))
    assert await store.privacy.forget_idempotency(at(2), 1) == 1
    assert await store.privacy.forget_idempotency(at(2), 10) == 1
    assert rows(path, "SELECT key FROM idempotency") == [("k2",)]
    assert await store.privacy.forget_refused(at(2), 10) == 2
    assert rows(path, "SELECT count(*) FROM refused") == [(1,)]
