"""The worker that forgets: a round at start and one every hour, what it was told to keep, and what looking back says afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import Failed, StoreUnavailable
from bot.store.privacy import Walk
from bot.store.sqlite.archive import open_archive
from bot.store.users import Deed
from bot.work.explain import explained
from bot.work.replay import Replay
from bot.work.replay_jobs import deciding_of
from bot.work.retention import EVERY, Keeping, Retention
from bot.work.rulebook_shelf import Shelf
from bot.work.unmatched import missed
from tests.sinch.payloads import APP
from tests.work.still import StillClock
from tests.work.traffic import START, Traffic, traffic_in

RULES = """
rules:
  - name: hours
    when: {says: [opening hours]}
    reply: {text: "9 to 18"}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "What?"}
"""
DAYS = timedelta(days=1)


class Nobody:
    """No callbacks and no numbers; the calls are noted."""

    def __init__(self) -> None:
        self.before: list[object] = []
        self.now: list[object] = []

    async def tidy(self, before: object, limit: int) -> int:
        self.before.append(before)
        return 0

    async def forget(self, now: object, limit: int) -> int:
        self.now.append(now)
        return 0


@pytest.fixture
async def traffic(tmp_path: Path) -> AsyncIterator[Traffic]:
    async with traffic_in(tmp_path / "parley.db", RULES) as made:
        await made.says("opening hours", "nobody understands this")
        yield made


async def forget(traffic: Traffic, days: float = 100) -> None:
    clock = StillClock(START + days * DAYS)
    privacy, keeping = traffic.store.privacy, Keeping(90 * DAYS, 30 * DAYS)
    await Retention(privacy, Nobody(), Nobody(), clock, keeping).round(clock.now())


async def test_looking_back_says_that_nothing_is_kept(traffic: Traffic, tmp_path: Path) -> None:
    await forget(traffic)
    with closing(open_archive(tmp_path / "parley.db")) as archive:
        traces = list(archive.traces(START, START + DAYS))
        assert len(traces) == 2
        with pytest.raises(Failed, match="no longer kept"):
            explained(traces[0], archive, APP)
        live = traffic.rulebooks.live
        deciding = deciding_of(APP, live, archive.installation_key)
        report = Replay(live, Shelf(archive.rulebook), deciding).over(traces)
        assert (report.decided, report.unreadable, report.differences) == (0, 2, [])
        assert list(missed(traces, deciding)) == []


async def test_what_is_young_stays(traffic: Traffic, tmp_path: Path) -> None:
    await forget(traffic, days=89)
    with closing(open_archive(tmp_path / "parley.db")) as archive:
        [first, _] = archive.traces(START, START + DAYS)
        assert explained(first, archive, APP).decision.because.path == ("hours",)


async def test_bodies_are_kept_for_ever_where_that_is_set(traffic: Traffic, tmp_path: Path) -> None:
    callbacks, clock = Nobody(), StillClock(START + 1000 * DAYS)
    keeping = Keeping(None, 30 * DAYS)
    await Retention(traffic.store.privacy, callbacks, callbacks, clock, keeping).round(clock.now())
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert connection.execute("SELECT count(*) FROM inbox WHERE raw IS NULL").fetchone() == (0,)
    assert (callbacks.before, callbacks.now) == ([clock.now() - 7 * DAYS], [clock.now()])


async def test_the_journal_is_kept_for_a_little_more_than_a_year(traffic: Traffic) -> None:
    for days in (0, 99, 101):
        await traffic.store.users.did(Deed(START + days * DAYS, "ida", "logged_in"))
    await forget(traffic, 500)
    assert [deed.at for deed in await traffic.store.users.deeds(9)] == [START + 101 * DAYS]


class Rounds:
    """A store that counts the rounds, of which the first finds it out of order."""

    def __init__(self) -> None:
        self.at: list[object] = []
        self.done = asyncio.Event()

    async def forget_keys(self, walk: Walk, before: object, limit: int) -> Walk:
        self.at.append(before)
        self.done.set()
        if len(self.at) == 1:
            raise StoreUnavailable("The disk is full.")
        return Walk(done=True)

    async def forget_idempotency(self, before: object, limit: int) -> int:
        return 0

    async def forget_deeds(self, before: object, limit: int) -> int:
        return 0


async def test_a_round_at_start_and_one_every_hour_whatever_happens() -> None:
    store, clock = Rounds(), StillClock(START)
    retention = Retention(store, Nobody(), Nobody(), clock, Keeping(None, 30 * DAYS))  # type: ignore[arg-type]
    running = asyncio.create_task(retention.run())
    await store.done.wait()
    assert await clock.until_waiting() == START + EVERY
    store.done.clear()
    clock.advance(EVERY.total_seconds())
    await store.done.wait()
    assert await clock.until_waiting() == START + 2 * EVERY
    retention.stop()
    await asyncio.wait_for(running, 5)
    assert store.at == [START - 30 * DAYS, START + EVERY - 30 * DAYS]


async def test_nothing_is_forgotten_while_the_clock_is_not_trusted() -> None:
    store, clock, trusted = Rounds(), StillClock(START), [False]

    async def allowed() -> bool:
        return trusted[0]

    retention = Retention(store, Nobody(), Nobody(), clock, Keeping(None, 30 * DAYS), allowed)  # type: ignore[arg-type]
    running = asyncio.create_task(retention.run())
    assert await clock.until_waiting() == START + EVERY
    assert store.at == []
    trusted[0] = True
    clock.advance(EVERY.total_seconds())
    await asyncio.wait_for(store.done.wait(), 5)
    await clock.until_waiting()
    clock.jump(-1000 * 86400)
    assert await clock.until_waiting() == clock.now() + EVERY, "not when the wrong time comes"
    assert store.at == [START + EVERY - 30 * DAYS, START + EVERY - 1030 * DAYS]
    retention.stop()
    await asyncio.wait_for(running, 5)
