"""Turns come when they are due or somebody wakes, a store in trouble gets a pause, and stopping lets the turn under way end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from bot.errors import Overloaded, Retry, StoreUnavailable
from bot.work.loop import STORE_PAUSE, Loop, insist
from tests.store.making import NOON, at
from tests.work.still import StillClock

EVERY = timedelta(seconds=30)
FULL = StoreUnavailable("The disk is full.")


class Worker:
    """Looks again after half a minute; meets one of ``troubles`` at each turn while there are any. ``gate`` holds a turn up."""

    def __init__(self, *troubles: Exception, pause: timedelta = STORE_PAUSE) -> None:
        self.clock = StillClock(NOON)
        self.troubles = list(troubles)
        self.told: list[Retry] = []
        self.turns: list[datetime] = []
        self.began = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()
        self.loop = Loop(self.turn, self.clock, self.told.append, pause)

    async def turn(self) -> datetime:
        self.turns.append(self.clock.now())
        self.began.release()
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        return self.clock.now() + EVERY

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.loop.run())
        async with asyncio.timeout(5):
            yield
            self.loop.stop()
            await running


async def test_the_next_turn_comes_when_this_one_said() -> None:
    worker = Worker()
    async with worker.at_work():
        assert await worker.clock.until_waiting() == at(30)
        worker.clock.advance(30)
        assert await worker.clock.until_waiting() == at(60)
    assert worker.turns == [NOON, at(30)]


async def test_waking_brings_a_turn_now() -> None:
    worker = Worker()
    async with worker.at_work():
        await worker.clock.until_waiting()
        worker.loop.wake()
        await worker.clock.until_waiting()
    assert worker.turns == [NOON, NOON]


async def test_waking_within_a_turn_brings_one_more_and_no_third() -> None:
    worker = Worker()
    worker.gate.clear()
    async with worker.at_work():
        await worker.began.acquire()
        worker.loop.wake()
        worker.loop.wake()
        worker.gate.set()
        await worker.clock.until_waiting()
    assert worker.turns == [NOON, NOON]


async def test_a_store_in_trouble_is_told_of_and_gets_a_pause() -> None:
    worker = Worker(FULL)
    async with worker.at_work():
        assert await worker.clock.until_waiting() == NOON + STORE_PAUSE
        assert worker.told == [FULL]
        worker.clock.advance(1)
        assert await worker.clock.until_waiting() == at(31)
    assert (worker.turns, worker.told) == ([NOON, at(1)], [FULL])


async def test_the_pause_may_be_another_and_begins_with_the_trouble() -> None:
    worker = Worker(Overloaded("Too much."), pause=EVERY)
    worker.gate.clear()
    async with worker.at_work():
        await worker.began.acquire()
        worker.clock.advance(5)
        worker.gate.set()
        assert await worker.clock.until_waiting() == at(35)


async def test_waking_ends_the_pause() -> None:
    worker = Worker(FULL)
    async with worker.at_work():
        await worker.clock.until_waiting()
        worker.loop.wake()
        assert await worker.clock.until_waiting() == at(30)


async def test_anything_else_ends_it() -> None:
    worker = Worker(ValueError("a mistake"))
    async with asyncio.timeout(5):
        with pytest.raises(ValueError, match="a mistake"):
            await worker.loop.run()
        await worker.loop.ended()
    assert worker.told == []


async def test_stopping_ends_the_wait() -> None:
    worker = Worker()
    async with worker.at_work():
        await worker.clock.until_waiting()
        assert not worker.loop.is_stopping
    assert (worker.loop.is_stopping, worker.turns) == (True, [NOON])


async def test_stopping_lets_the_turn_under_way_end_and_ended_waits_for_it() -> None:
    worker = Worker()
    worker.gate.clear()
    async with worker.at_work():
        await worker.began.acquire()
        worker.loop.stop()
        ended = asyncio.create_task(worker.loop.ended())
        await asyncio.sleep(0)
        assert not ended.done()
        worker.gate.set()
        await ended
    assert worker.turns == [NOON]


async def test_what_was_stopped_before_it_began_takes_no_turn() -> None:
    worker = Worker()
    worker.loop.stop()
    async with asyncio.timeout(5):
        await worker.loop.ended()
        await worker.loop.run()
        await worker.loop.ended()
    assert worker.turns == []


# --- insisting ----------------------------------------------------------------------------------------------------------


async def test_what_the_store_does_not_take_is_written_again_after_a_pause() -> None:
    clock, told, tries = StillClock(NOON), list[Retry](), list[datetime]()

    async def write() -> None:
        tries.append(clock.now())
        if len(tries) < 3:
            raise FULL

    insisting = asyncio.create_task(insist(write, clock, told.append))
    async with asyncio.timeout(5):
        for seconds in (1, 2):
            assert await clock.until_waiting() == at(seconds)
            clock.advance(1)
        await insisting
    assert (tries, told) == ([NOON, at(1), at(2)], [FULL, FULL])


async def test_what_no_repetition_can_mend_is_not_repeated() -> None:
    told = list[Retry]()

    async def write() -> None:
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        await insist(write, StillClock(NOON), told.append)
    assert told == []
