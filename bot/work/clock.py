"""Time for the workers: what it is, and waiting until a moment or until something happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

LONGEST_WAIT = timedelta(seconds=30)  # a machine's clock may be set while somebody waits


class Clock(Protocol):
    """Where the workers' time comes from."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...

    async def wait_until(self, moment: datetime, event: asyncio.Event) -> None:
        """Return when ``event`` is set or ``moment`` has come; may return earlier, so look again."""
        ...


def wall() -> datetime:
    """The machine's own time."""
    return datetime.now(UTC)


class RunningClock:
    """Runs on with ``base`` and can be moved ahead of it, which wakes everybody who waits."""

    def __init__(self, base: Callable[[], datetime] = wall) -> None:
        self._base = base
        self._offset = timedelta()
        self._waiting: set[asyncio.Event] = set()

    def now(self) -> datetime:
        return self._base() + self._offset

    async def wait_until(self, moment: datetime, event: asyncio.Event) -> None:
        limit = min(moment - self.now(), LONGEST_WAIT)
        if event.is_set() or limit <= timedelta():
            return
        self._waiting.add(event)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await event.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.discard(event)

    def advance(self, by: timedelta) -> None:
        """Move on by ``by``."""
        self._offset += by
        for event in self._waiting:
            event.set()
