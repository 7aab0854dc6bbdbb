"""Waiting for something to change, any number of listeners at once."""

from __future__ import annotations

import asyncio


class Changes:
    """Counts changes; whoever remembers a count can wait for the next one without missing any."""

    def __init__(self) -> None:
        self.count = 0
        self._happened: asyncio.Event | None = None

    def happen(self) -> None:
        """One more; everybody who waits wakes."""
        self.count += 1
        if self._happened is not None:
            self._happened.set()
            self._happened = None

    async def after(self, count: int) -> int:
        """The count, once it is above ``count``; at once where it already is."""
        while self.count <= count:
            if self._happened is None:
                self._happened = asyncio.Event()
            await self._happened.wait()
        return self.count
