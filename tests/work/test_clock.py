"""Waiting for a moment or an event, whichever comes first, also when the clock is moved."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.work.clock import LONGEST_WAIT, SET_BACK, RunningClock

HOUR = timedelta(hours=1)


async def test_an_event_ends_the_wait() -> None:
    clock, event = RunningClock(), asyncio.Event()
    waiting = asyncio.create_task(clock.wait_until(clock.now() + HOUR, event))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await waiting


async def test_a_moment_that_has_come_needs_no_wait() -> None:
    clock, event = RunningClock(), asyncio.Event()
    await clock.wait_until(clock.now(), event)
    await clock.wait_until(clock.now() - HOUR, event)
    event.set()
    await clock.wait_until(clock.now() + HOUR, event)


def test_a_clock_that_is_set_back_a_little_stands_still_until_that_is_made_up_for() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    shown = [noon, noon, noon - timedelta(seconds=20), noon - timedelta(seconds=1), noon + timedelta(seconds=1)]
    clock = RunningClock(iter(shown).__next__)
    assert [clock.now() for _ in range(4)] == [noon, noon, noon, noon + timedelta(seconds=1)]


def test_a_clock_that_was_far_ahead_is_followed_at_once() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    clock = RunningClock(iter([noon, noon - HOUR, noon - HOUR + SET_BACK]).__next__)
    assert [clock.now() for _ in range(2)] == [noon - HOUR, noon - HOUR + SET_BACK]


async def test_the_moment_ends_the_wait() -> None:
    clock, event = RunningClock(), asyncio.Event()
    until = clock.now() + timedelta(milliseconds=20)
    await clock.wait_until(until, event)
    assert clock.now() >= until
    assert not event.is_set()


async def test_moving_the_clock_wakes_whoever_waits() -> None:
    base = datetime(2026, 1, 1, tzinfo=UTC)
    clock, event = RunningClock(lambda: base), asyncio.Event()
    waiting = asyncio.create_task(clock.wait_until(base + HOUR, event))
    await asyncio.sleep(0)
    clock.advance(timedelta(hours=25))
    async with asyncio.timeout(5):
        await waiting
    assert clock.now() == base + timedelta(hours=25)


def test_nobody_waits_so_long_that_a_clock_set_meanwhile_goes_unseen() -> None:
    assert timedelta() < LONGEST_WAIT <= timedelta(minutes=1)
