"""A clock that can be moved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.sinch.emulator import Emulator, RunningClock, StoppedClock
from bot.sinch.emulator.clock import stamp, until
from tests.sinch.emulator.conftest import START


def test_stamps() -> None:
    assert stamp(START) == "2026-11-20T10:15:30Z"
    assert stamp(START.replace(microsecond=120)) == "2026-11-20T10:15:30.000120Z"


def test_running_clock_runs_ahead_of_its_base() -> None:
    base = [START]
    clock = RunningClock(lambda: base[0])
    clock.advance(timedelta(hours=25))
    base[0] += timedelta(seconds=1)
    assert clock.now() == START + timedelta(hours=25, seconds=1)


def test_running_clock_shows_the_machines_time() -> None:
    assert abs(RunningClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


async def test_jumping_over_a_moment_wakes_its_sleeper() -> None:
    for clock in (RunningClock(), StoppedClock(START)):
        sleeper = asyncio.ensure_future(clock.sleep(3600))
        late = asyncio.ensure_future(clock.sleep(7200))
        await asyncio.sleep(0)
        clock.advance(timedelta(hours=1))
        async with asyncio.timeout(5):
            await sleeper
        assert not late.done()
        late.cancel()


async def test_running_clock_wakes_by_itself() -> None:
    async with asyncio.timeout(5):
        await RunningClock().sleep(0.001)


async def test_stopped_clock_tells_who_sleeps() -> None:
    clock = StoppedClock(START)
    sleepers = [asyncio.ensure_future(clock.sleep(seconds)) for seconds in (20, 10)]
    assert await clock.until_asleep(2) == [10, 20]
    clock.advance(timedelta(seconds=10))
    assert await clock.until_asleep(1) == [10]
    clock.advance(timedelta(seconds=10))
    await asyncio.gather(*sleepers)


def test_until_a_moment() -> None:
    assert until(START + timedelta(hours=2), START) == timedelta(hours=2)
    assert until(START, START) == timedelta()
    with pytest.raises(ValueError, match="only goes forward"):
        until(START - timedelta(seconds=1), START)
    with pytest.raises(ValueError, match="zone"):
        until(START.replace(tzinfo=None), START)


async def test_the_emulators_clock_goes_to_a_moment(emulator: Emulator) -> None:
    moment = START + timedelta(days=1)
    assert emulator.advance_to(moment) == moment == emulator.clock.now()
    assert emulator.moved.count == 1
