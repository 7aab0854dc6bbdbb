"""The worker that lets timers fire: on time, not right after the start, and never in a busy circle."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from bot.core.decision import SetTimer
from bot.core.event import TimerFired
from bot.errors import StoreUnavailable
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Fired
from bot.work.timers import AT_ONCE, TimerWorker
from tests.store.making import NOON, Seen, at, settled, wrote
from tests.work.still import StillClock


class Timers:
    """A store's timers: what firing answers, one after another, and when it was asked."""

    def __init__(self, *answers: Fired | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[datetime] = []
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def fire_timers(self, limit: int, now: datetime) -> Fired:
        assert limit == AT_ONCE
        self.asked.append(now)
        self.entered.set()
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Fired(0, None)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Works:
    """A worker at work."""

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self.clock = StillClock(NOON)
        self.told = 0
        self.worker = TimerWorker(timers, self.clock, self._tell)
        self.task = asyncio.create_task(self.worker.run())

    def _tell(self) -> None:
        self.told += 1

    async def idle(self) -> datetime:
        async with asyncio.timeout(5):
            return await self.clock.until_waiting()

    async def stop(self) -> None:
        self.worker.stop()
        async with asyncio.timeout(5):
            await self.task


async def test_nothing_fires_in_the_first_ten_seconds() -> None:
    works = Works(Timers(Fired(1, None)))
    works.worker.expect(at(-5))
    works.worker.expect(at(3))
    assert await works.idle() == at(10)
    works.clock.advance(9.9)
    works.clock.jump(0)
    assert await works.idle() == at(10)
    assert works.timers.asked == []
    works.clock.advance(0.1)
    assert await works.idle() == at(40)
    assert (works.timers.asked, works.told) == ([at(10)], 1)
    await works.stop()


async def test_it_waits_for_the_next_timer_and_for_an_earlier_one_that_is_set_meanwhile() -> None:
    works = Works(Timers(Fired(0, at(25)), Fired(1, None)))
    await works.idle()
    works.clock.advance(10)
    assert await works.idle() == at(25)
    works.worker.expect(at(30))
    works.worker.expect(at(20))
    assert await works.idle() == at(20)
    works.clock.advance(10)
    assert await works.idle() == at(50)
    assert (works.timers.asked, works.told) == ([at(10), at(20)], 1)
    await works.stop()


async def test_a_timer_that_is_set_while_the_store_is_at_it_is_not_missed() -> None:
    timers = Timers(Fired(0, at(25)))
    timers.gate.clear()
    works = Works(timers)
    await works.idle()
    works.clock.advance(10)
    await timers.entered.wait()
    works.worker.expect(at(12))
    timers.gate.set()
    assert await works.idle() == at(12)
    await works.stop()


async def test_what_is_due_and_waits_for_its_person_is_looked_at_again_in_a_second() -> None:
    works = Works(Timers(Fired(0, at(5)), Fired(2, at(5))))
    await works.idle()
    works.clock.advance(10)
    assert await works.idle() == at(11)
    works.clock.advance(1)
    assert await works.idle() == at(12)
    assert works.told == 1
    await works.stop()


async def test_many_timers_are_fired_without_a_pause() -> None:
    works = Works(Timers(Fired(AT_ONCE, at(5)), Fired(3, at(25))))
    await works.idle()
    works.clock.advance(10)
    assert await works.idle() == at(25)
    assert (works.timers.asked, works.told) == ([at(10), at(10)], 2)
    await works.stop()


async def test_it_goes_on_when_the_store_does() -> None:
    works = Works(Timers(StoreUnavailable("The disk is full."), Fired(0, None)))
    await works.idle()
    works.clock.advance(10)
    assert await works.idle() == at(11)
    works.clock.advance(1)
    assert await works.idle() == at(41)
    await works.stop()


async def test_it_stops_while_it_waits_and_fires_no_more() -> None:
    works = Works(Timers(Fired(1, None)))
    await works.idle()
    works.clock.advance(20)
    await works.stop()
    assert works.timers.asked == []


async def test_a_clock_that_was_set_back_has_no_timer_wait_until_it_is_there_again() -> None:
    works = Works(Timers(Fired(0, None)))
    await works.idle()
    works.clock.advance(3600)
    assert await works.idle() == at(3630)
    works.clock.jump(-3600)
    assert await works.idle() == at(30)
    assert works.timers.asked == [at(3600), at(0)]
    await works.stop()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def test_on_a_real_store_a_timer_becomes_an_event(store: Store) -> None:
    clock, fired = StillClock(NOON), asyncio.Event()
    worker = TimerWorker(store, clock, fired.set)
    task = asyncio.create_task(worker.run())
    await store.record([wrote("hi")], NOON)
    set_timer = SetTimer("question", at(60))
    progress = await store.decide_ready(10, NOON, lambda lane: [settled(lane.pending[0].inbox_id, set_timer)])
    assert progress.timer_at is not None
    worker.expect(progress.timer_at)
    async with asyncio.timeout(5):
        while clock.now() < at(60):
            clock.advance((await clock.until_waiting() - clock.now()).total_seconds())
        await fired.wait()
    worker.stop()
    await task
    seen = Seen()
    await store.decide_ready(10, clock.now(), seen)
    assert [event.name for event in seen.events if isinstance(event, TimerFired)] == ["question"]
