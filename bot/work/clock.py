"""Time for the workers: what it is, and waiting until a moment or until something happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

LONGEST_WAIT = timedelta(seconds=30)  # a machine's clock may be set while somebody waits
SET_BACK = timedelta(
    minutes=1
)  # what follows something is never dated before it, while its clock is set back by no more than this


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
    """Runs on with ``base`` and can be moved ahead of it, which wakes everybody who waits.

    Where ``base`` is set back by up to ``SET_BACK`` it stands still until that is made up for: else a question would not have been asked
    yet when its answer comes, and a STOP would be dated before what it stopped. A clock that was further ahead is followed at once.
    """

    def __init__(self, base: Callable[[], datetime] = wall) -> None:
        self._base = base
        self._offset = timedelta()
        self._latest = base()
        self._waiting: set[asyncio.Event] = set()

    def now(self) -> datetime:
        at = self._base()
        if not timedelta() < self._latest - at <= SET_BACK:
            self._latest = at
        return self._latest + self._offset

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
