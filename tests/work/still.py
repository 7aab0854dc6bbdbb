"""A clock that stands still until it is moved, so that tests wait for events and never for time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta


class StillClock:
    """``until_waiting`` returns the moment that the longest-waiting worker waits for."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._waiting: dict[asyncio.Event, datetime] = {}
        self._someone_waits = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def wait_until(self, moment: datetime, event: asyncio.Event) -> None:
        if moment <= self._now:
            await asyncio.sleep(0)  # a worker that never waits must not starve the test
            return
        self._waiting[event] = moment
        self._someone_waits.set()
        try:
            await event.wait()
        finally:
            del self._waiting[event]

    def advance(self, seconds: float) -> datetime:
        """Move; whoever's moment has come wakes. Returns the new now."""
        self._now += timedelta(seconds=seconds)
        for event, moment in self._waiting.items():
            if moment <= self._now:
                event.set()
        return self._now

    def jump(self, seconds: float) -> None:
        """Move, and wake everybody, as a clock that was set does."""
        self.advance(seconds)
        for event in self._waiting:
            event.set()

    async def until_waiting(self) -> datetime:
        """Wait until a worker waits and nobody has woken it; what it waits for."""
        while True:
            idle = [moment for event, moment in self._waiting.items() if not event.is_set()]
            if idle:
                return idle[0]
            self._someone_waits.clear()
            await self._someone_waits.wait()

    async def until_waiting_anew(self) -> None:
        """Wait until a worker begins to wait."""
        self._someone_waits.clear()
        await self._someone_waits.wait()
