"""How much is held and how much room is left, and that nothing that is held in memory can grow without end."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.event import ContactKey, Unsupported
from bot.store.port import Store
from bot.store.sqlite import SqliteStore, deciding, open_store
from bot.store.sqlite import strain as module
from bot.store.strain import Most
from bot.store.units import InboxKind, Incoming, Lane, Settled
from tests.store.making import ANNA, BO, NOON, answers, at, order, settled, wrote

MOST = Most(undecided=6, of_one=3, queued=4, log_bytes=1 << 40)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def test_open_work_is_counted_up_to_the_limits(store: Store) -> None:
    found = await store.strain(MOST)
    assert (found.undecided, found.queued, found.crowded) == (0, 0, frozenset())
    await store.record([wrote(f"{n}") for n in range(4)], NOON)
    await store.record([wrote("hi", BO)], NOON)
    await store.place([order(f"{n}") for n in range(9)], NOON)
    found = await store.strain(MOST)
    assert (found.undecided, found.queued, found.crowded) == (5, 5, frozenset({ANNA}))
    await store.record([wrote(f"{n}", BO) for n in range(20)], NOON)
    assert (await store.strain(MOST)).undecided == 7
    while (await store.decide_ready(64, at(1), answers())).settled:
        pass
    found = await store.strain(MOST)
    assert (found.undecided, found.crowded) == (0, frozenset())


async def test_every_address_of_somebody_who_fills_everything_is_told(sqlite: SqliteStore) -> None:
    await sqlite.record([wrote(f"{n}") for n in range(4)], NOON)
    await sqlite._database.write(
        lambda c: c.execute("INSERT INTO identity (app, channel, identity, person) VALUES ('APP', 'SMS', '467', 1)")
    )
    assert (await sqlite.strain(MOST)).crowded == {ANNA, ContactKey("APP", "SMS", "467")}


async def test_the_room_left_is_that_of_the_disk(sqlite: SqliteStore) -> None:
    found = await sqlite.strain(MOST)
    assert found.free_bytes is not None
    assert found.disk_bytes is not None
    assert 0 < found.free_bytes < found.disk_bytes


async def test_a_long_log_is_put_in_its_place_once_nobody_reads_it_any_more(
    sqlite: SqliteStore, tmp_path: Path
) -> None:
    most = replace(MOST, log_bytes=10_000)
    with closing(sqlite3.connect(tmp_path / "parley.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM inbox").fetchone()
        await sqlite.record([wrote(f"{n}") for n in range(40)], NOON)
        assert (await sqlite.strain(most)).log_bytes > 10_000
        assert (await sqlite.strain(most)).log_bytes > 10_000
        reader.execute("COMMIT")
    assert (await sqlite.strain(most)).log_bytes == 0


async def test_no_table_is_read_whole(sqlite: SqliteStore) -> None:
    for question, values in ((module.COUNTS, (1, 1)), (module.CROWDED, (1,))):
        rows = await sqlite._database.read(
            lambda c, q=question, v=values: c.execute(f"EXPLAIN QUERY PLAN {q}", v).fetchall()  # type: ignore[misc]
        )
        tables = [row[3] for row in rows if re.match(r"(SCAN|SEARCH) (outbox|inbox|i)\b", row[3])]
        assert len(tables) == 2
        assert [each for each in tables if "INDEX" not in each] == []


# --- what is kept in memory ---------------------------------------------------------------------------------------------


async def test_what_nobody_will_decide_is_not_kept_in_memory(sqlite: SqliteStore) -> None:
    dead = Incoming(Unsupported("dead:1", "", "not JSON", NOON, dead=True), InboxKind.INBOUND, b"x" * 100)
    ignored = Incoming(Unsupported("other:1", "", "no payload", NOON), InboxKind.INBOUND, b"x" * 100)
    await sqlite.record([dead, ignored, wrote("hi")], NOON)
    assert [event.dedup for event, _, _ in sqlite._memory.events.values()] == [wrote("hi").event.dedup]


async def test_large_bodies_are_read_again_a_part_at_a_time(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "BYTES_AT_ONCE", 25_000)
    await sqlite.record([replace(wrote(f"{n}", ANNA if n % 2 else BO), raw=b"%d" % n * 10_000) for n in range(8)], NOON)
    assert not sqlite._memory.events
    turns: list[list[bytes]] = []

    def decide(lane: Lane) -> Sequence[Settled]:
        turns[-1].extend(claimed.raw[:1] for claimed in lane.pending)
        assert {len(claimed.raw) for claimed in lane.pending} == {10_000}
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    while sum(map(len, turns)) < 8:
        turns.append([])
        await sqlite.decide_ready(64, at(1), decide)
    assert {len(turn) for turn in turns[:-1]} == {3}
    assert sorted(raw for turn in turns for raw in turn) == [b"%d" % n for n in range(8)]
    assert (await sqlite.strain(MOST)).undecided == 0
