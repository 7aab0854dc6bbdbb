"""A wrong clock is noticed while nothing is sent, told loudly, and told again when it is right."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.sinch.skew import ClockSkew
from bot.work import clock_watch as module
from bot.work.clock_watch import LOOK_EVERY, MEASURE_EVERY_S, STALE_WITHIN, UNKNOWN_MOST_S, ClockWatch
from tests.store.making import NOON
from tests.work.still import StillClock

LOOK_S = LOOK_EVERY.total_seconds()


@dataclass
class Sinch:
    """Shows ``ahead_s`` when asked; None: it cannot be reached."""

    ahead_s: float | None = 0.0
    clock_skew: ClockSkew = field(default_factory=ClockSkew)
    checks: int = 0

    async def check_clock(self) -> None:
        self.checks += 1
        if self.ahead_s is not None:
            self.clock_skew.seconds = self.ahead_s
            self.clock_skew.is_known = True


@dataclass
class Log:
    """What was told."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def error(self, event: str, **values: Any) -> None:
        self.told.append((event, values))

    info = warning = error


@dataclass
class Watch:
    """A watch at work on a machine whose two clocks the test moves."""

    clock: StillClock
    sinch: Sinch
    log: Log
    wall_s: float = 1e9
    monotonic_s: float = 5000.0
    set_back_at: list[datetime] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    woken: int = 0

    def __post_init__(self) -> None:
        self.watch = ClockWatch(
            self.sinch, self.clock, self._set_back, self._wake, lambda: self.wall_s, lambda: self.monotonic_s
        )

    async def _set_back(self, now: datetime) -> int:
        if self.trouble:
            raise self.trouble.pop()
        self.set_back_at.append(now)
        return 1

    def _wake(self) -> None:
        self.woken += 1

    async def passes(self, seconds: float) -> None:
        """Time goes on by itself, as often as it looks."""
        for _ in range(round(seconds / LOOK_S)):
            await self.clock.until_waiting()
            self.wall_s += LOOK_S
            self.monotonic_s += LOOK_S
            self.clock.advance(LOOK_S)
        await self.clock.until_waiting()


@pytest.fixture
async def it(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    log = Log()
    monkeypatch.setattr(module, "log", log)
    made = Watch(StillClock(NOON), Sinch(), log)
    task = asyncio.create_task(made.watch.run())
    async with asyncio.timeout(10):
        yield made
        made.watch.stop()
        await task


async def test_while_nothing_is_sent_it_is_measured_every_ten_minutes(it: Watch) -> None:
    await it.passes(MEASURE_EVERY_S - LOOK_S)
    assert it.sinch.checks == 0
    await it.passes(LOOK_S)
    assert it.sinch.checks == 1
    await it.passes(3 * MEASURE_EVERY_S)
    assert (it.sinch.checks, it.log.told, it.watch.remarks()) == (4, [], [])


async def test_a_wrong_clock_is_told_once_and_measured_until_it_is_right(it: Watch) -> None:
    it.sinch.ahead_s = -90.0
    await it.passes(MEASURE_EVERY_S + 2 * LOOK_S)
    assert it.sinch.checks == 3, "every half minute, while it is wrong"
    assert it.log.told == [("clock_wrong", {"ahead_s": -90})]
    (remark,) = it.watch.remarks()
    assert remark.startswith("This machine's clock is 90 seconds behind Sinch's. Free-form messages wait")
    it.sinch.ahead_s = 0.0
    await it.passes(LOOK_S)
    assert it.log.told[1:] == [("clock_right", {})]
    assert it.watch.remarks() == []


@pytest.mark.parametrize(("by_s", "is_set_back"), [(3600.0, False), (-3600.0, True)])
async def test_a_clock_that_is_set_is_measured_at_once(it: Watch, by_s: float, is_set_back: bool) -> None:
    await it.clock.until_waiting()
    it.wall_s += by_s
    it.clock.jump(by_s)
    await it.clock.until_waiting()
    assert it.log.told == [("clock_jumped", {"by_s": by_s})]
    assert it.sinch.checks == 1
    assert (it.set_back_at, it.woken) == (([it.clock.now()], 1) if is_set_back else ([], 0))


async def test_a_clock_that_is_slewed_was_not_set(it: Watch) -> None:
    await it.clock.until_waiting()
    it.wall_s += 10.0
    await it.passes(LOOK_S)
    assert (it.log.told, it.sinch.checks) == ([], 0)


async def test_what_waits_by_the_wrong_clock_is_freed_though_the_database_was_locked(it: Watch) -> None:
    it.trouble.append(StoreUnavailable("locked"))
    await it.clock.until_waiting()
    it.wall_s -= 3600.0
    it.clock.jump(-3600.0)
    await it.clock.until_waiting()
    assert it.set_back_at == []
    await it.passes(LOOK_S)
    assert len(it.set_back_at) == 1
    assert [event for event, _ in it.log.told] == ["clock_jumped", "clock_store_unavailable"]


async def test_webhooks_that_are_refused_for_their_time_are_told_while_they_are_many(it: Watch) -> None:
    it.watch.stale()
    it.watch.stale()
    assert it.watch.remarks() == []
    it.watch.stale()
    (remark,) = it.watch.remarks()
    assert "refused for their time (401)" in remark
    await it.passes(STALE_WITHIN.total_seconds())
    assert it.watch.remarks() == []


async def test_nothing_is_forgotten_by_a_clock_that_is_wrong_or_unknown(it: Watch) -> None:
    it.sinch.ahead_s = None
    assert not await it.watch.allows_forgetting()
    it.monotonic_s += UNKNOWN_MOST_S + 1
    assert await it.watch.allows_forgetting(), "it is unknown for a day; what is promised to be forgotten must be"
    it.sinch.ahead_s = 86400.0
    assert not await it.watch.allows_forgetting()
    it.sinch.ahead_s = 0.0
    assert await it.watch.allows_forgetting()
    assert it.sinch.checks == 4
