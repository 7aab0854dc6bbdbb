"""The emulator's own time: it can be moved, and whoever sleeps until a moment that was jumped over wakes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

_Sleeper = tuple[datetime, "asyncio.Future[None]"]


class Clock(Protocol):
    """Where every timestamp, every expiry and every wait of the emulator comes from."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return once this clock shows ``seconds`` more than now."""
        ...

    def advance(self, by: timedelta) -> None:
        """Move on by ``by``; sleepers whose moment has come wake."""
        ...


def wall() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as the Conversation API writes it: RFC 3339 with a ``Z``."""
    return moment.isoformat()[:-6] + "Z"


def until(moment: datetime, now: datetime) -> timedelta:
    """How far a clock that shows ``now`` must be moved to show ``moment``. ValueError for one that is past or has no zone."""
    if moment.tzinfo is None:
        raise ValueError("The moment needs its zone, as in 2026-11-20T10:15:30Z.")
    if moment < now:
        raise ValueError(f"It is {stamp(now)} already; time only goes forward.")
    return moment - now


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


class RunningClock:
    """Runs on with ``base`` (the machine's time unless told otherwise) and can be moved ahead of it."""

    def __init__(self, base: Callable[[], datetime] = wall) -> None:
        self._base = base
        self._offset = timedelta()
        self._sleepers: set[_Sleeper] = set()

    def now(self) -> datetime:
        return self._base() + self._offset

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        sleeper: _Sleeper = (self.now() + timedelta(seconds=seconds), loop.create_future())
        alarm = loop.call_later(seconds, _wake, sleeper[1])
        self._sleepers.add(sleeper)
        try:
            await sleeper[1]
        finally:
            alarm.cancel()
            self._sleepers.discard(sleeper)

    def advance(self, by: timedelta) -> None:
        self._offset += by
        _wake_due(self._sleepers, self.now())


class StoppedClock:
    """Stands still until it is moved, so that a test waits for nothing and is surprised by nothing."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._sleepers: set[_Sleeper] = set()
        self._someone_slept = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        sleeper: _Sleeper = (self._now + timedelta(seconds=seconds), asyncio.get_running_loop().create_future())
        self._sleepers.add(sleeper)
        self._someone_slept.set()
        try:
            await sleeper[1]
        finally:
            self._sleepers.discard(sleeper)

    def advance(self, by: timedelta) -> None:
        self._now += by
        _wake_due(self._sleepers, self._now)

    async def until_asleep(self, count: int = 1) -> list[float]:
        """Wait until at least ``count`` are asleep; their remaining seconds, shortest first.

        TimeoutError after five real seconds, so that a test that waits for nothing ends.
        """
        async with asyncio.timeout(5):
            while len(self._waiting()) < count:
                self._someone_slept.clear()
                await self._someone_slept.wait()
        return sorted((due - self._now).total_seconds() for due, _ in self._waiting())

    def _waiting(self) -> list[_Sleeper]:
        return [sleeper for sleeper in self._sleepers if not sleeper[1].done()]


def _wake_due(sleepers: set[_Sleeper], now: datetime) -> None:
    for due, woken in list(sleepers):
        if due <= now:
            _wake(woken)
