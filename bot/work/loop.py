"""What the workers have in common: turns until stopped, and what is written again until the store takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from bot.errors import Retry
from bot.work.clock import Clock

STORE_PAUSE: Final = timedelta(seconds=1)  # a locked database, or a full disk


class Loop:
    """Takes one turn after another until stopped.

    ``turn`` returns when to look again. The next one comes then, or as soon as ``wake`` was called since this one began, or earlier: a
    turn must see for itself what is due. Where it raises ``Retry`` the next one comes after ``pause``, unless woken, and ``on_trouble``
    is told; whatever else it raises ends ``run``.
    """

    def __init__(
        self,
        turn: Callable[[], Awaitable[datetime]],
        clock: Clock,
        on_trouble: Callable[[Retry], None],
        pause: timedelta = STORE_PAUSE,
    ) -> None:
        self._turn = turn
        self._clock = clock
        self._on_trouble = on_trouble
        self._pause = pause
        self._wake = asyncio.Event()
        self._stopping = False
        self._over = asyncio.Event()
        self._over.set()

    @property
    def is_stopping(self) -> bool:
        """Whether a long turn should come to its end."""
        return self._stopping

    def wake(self) -> None:
        """Let there be a turn now, or another one after that under way."""
        self._wake.set()

    def stop(self) -> None:
        """No more turns: ``run`` returns after the one under way. For good."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Take turns until stopped."""
        self._over.clear()
        try:
            while not self._stopping:
                self._wake.clear()
                look_at = await self._next_look()
                if not self._wake.is_set():
                    await self._clock.wait_until(look_at, self._wake)
        finally:
            self._over.set()

    async def ended(self) -> None:
        """Return once no turn is under way and, after ``stop``, none will be; at once where ``run`` never began."""
        await self._over.wait()

    async def _next_look(self) -> datetime:
        try:
            return await self._turn()
        except Retry as trouble:
            self._on_trouble(trouble)
            return self._clock.now() + self._pause


async def insist(write: Callable[[], Awaitable[None]], clock: Clock, on_trouble: Callable[[Retry], None]) -> None:
    """Return once ``write`` has; it is called again a second after each ``Retry``, which ``on_trouble`` is told."""
    while True:
        try:
            return await write()
        except Retry as trouble:
            on_trouble(trouble)
        await clock.wait_until(clock.now() + STORE_PAUSE, asyncio.Event())
