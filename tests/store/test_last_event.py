"""An event that ends the whole process is set aside at its third try; what was pending beside it loses nothing."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.store.sqlite import SqliteStore, open_store
from bot.store.sqlite.connection import lock_path
from bot.store.sqlite.last_event import LastEvent
from bot.store.units import Claimed, InboxKind, Lane, Settled, Struck
from tests.store.making import BO, NOON, answers, at, wrote

ROOT = Path(__file__).parents[2]
LOST = -11  # SIGSEGV
MOST = 3


def lives(path: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.store.dying", str(path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    return [orjson.loads(line) for line in told.stdout.splitlines()]


async def test_what_ends_the_process_is_a_dead_letter_after_its_third_try(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    told = await asyncio.to_thread(lives, path)
    assert [each["status"] for each in told] == [LOST] * 4 + [0]
    # Its first record went with its deciding, as they share a commit; from then on they are kept apart.
    assert [each["struck"] for each in told] == [None, [0, 0, False], [1, 1, False], [1, 2, False], [1, 3, True]]
    for each in told[-3:-1]:  # others are answered meanwhile; what the person wrote next waits, and loses no try
        assert [row[1:] for row in each["rows"]] == [["pending", each["struck"][1]], ["pending", 0], ["decided", 1]]
    assert [row[1:] for row in told[-1]["rows"]] == [["dead", 3], ["decided", 1], ["decided", 1]]
    store = await open_store(path, app="APP")
    (letter,) = await store.trouble.dead_letters("APP", 10)
    assert (letter.why, letter.tries) == ("Deciding it ended the server; it was tried 3 times.", 3)
    assert await store.trouble.drive("APP", letter.inbox_id, at(1000))
    await store.decide_ready(10, at(1000), answers())
    assert (await store.counts()).inbox_dead == 0
    await store.close()


def committed(path: Path) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        count: int = connection.execute("SELECT count(*) FROM inbox").fetchone()[0]
        return count


async def left_by(path: Path, noted: Claimed | None) -> SqliteStore:
    """A store whose earlier process died, deciding ``noted``."""
    lock_path(path).touch()
    if noted is not None:
        LastEvent(lock_path(path)).begins(noted)
    return await open_store(path, app="APP")


async def recorded(path: Path) -> None:
    store = await open_store(path, app="APP")
    await store.record([wrote("hello"), wrote("hello", BO)], NOON)
    await store.close()


async def test_a_process_that_died_elsewhere_strikes_nobody(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    await recorded(path)
    store = await left_by(path, None)
    assert await store.recover_events(at(1), MOST) is None
    await store.decide_ready(10, at(1), answers())
    assert (await store.counts()).inbox_pending == 0
    await store.close()


async def test_what_was_decided_is_noted_no_more(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")

    def begins(lane: Lane) -> Sequence[Settled]:
        for claimed in lane.pending:
            lane.begins(claimed)
        return answers("hi")(lane)

    await store.record([wrote("hello")], NOON)
    await store.decide_ready(10, NOON, begins)
    assert await store.recover_events(at(1), MOST) is None
    await store.close()


async def test_a_decision_that_fails_is_noted_no_more(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")

    def fails(lane: Lane) -> Sequence[Settled]:
        lane.begins(lane.pending[0])
        raise ValueError("poison")

    await store.record([wrote("hello")], NOON)
    with pytest.raises(ValueError, match="poison"):
        await store.decide_ready(10, NOON, fails)
    assert await store.recover_events(at(1), MOST) is None
    await store.close()


async def test_a_number_that_was_given_anew_strikes_nobody(tmp_path: Path) -> None:
    """What was noted went with its transaction; whoever has its number now is somebody else."""
    path = tmp_path / "parley.db"
    await recorded(path)
    store = await left_by(path, Claimed(1, InboxKind.INBOUND, b"", at(-60), 1))
    assert await store.recover_events(at(1), MOST) == Struck(0)
    assert await store.recover_events(at(1), MOST) is None, "asked once"
    await store.decide_ready(10, at(1), answers())
    assert (await store.counts()).inbox_pending == 0
    await store.close()


async def test_what_arrives_after_such_a_death_is_recorded_apart_for_an_hour(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    store = await left_by(path, Claimed(7, InboxKind.INBOUND, b"", at(-60), 1))
    await store.recover_events(NOON, MOST)
    seen: list[int] = []

    def counts(lane: Lane) -> Sequence[Settled]:
        seen.append(committed(path))
        return answers()(lane)

    await asyncio.gather(store.record([wrote("hello")], NOON), store.decide_ready(10, NOON, counts))
    await asyncio.gather(store.record([wrote("hello", BO)], at(3600)), store.decide_ready(10, at(3600), counts))
    assert seen == [1, 1], "first by itself, then in the commit that decides it"
    await store.close()
