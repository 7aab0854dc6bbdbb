"""Time that passes quickly, so that half a minute of waiting for a receipt takes half a second.

Server, emulator and driver of one run share its origin: their times agree, across restarts as well.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class FastClock:
    """Shows the machine's time at ``origin`` and runs ``speed`` times as fast from there. Serves the server and the emulator alike."""

    origin: datetime
    speed: float

    def now(self) -> datetime:
        return self.origin + (datetime.now(UTC) - self.origin) * self.speed

    async def wait_until(self, moment: datetime, event: asyncio.Event) -> None:
        wait_s = (moment - self.now()).total_seconds() / self.speed
        if wait_s <= 0 or event.is_set():
            return
        try:
            async with asyncio.timeout(wait_s):
                await event.wait()
        except TimeoutError:
            return

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    def advance(self, by: timedelta) -> None:
        raise RuntimeError("This clock is shared by several processes; none of them may move it.")
