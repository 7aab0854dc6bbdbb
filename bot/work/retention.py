"""Forgetting by age: bodies after ``retention.messages`` days, keys against repetition after ``retention.keys``.

At start and every hour everything is walked through in short looks; what is found is written in small slices with a pause after each, so
that neither readers nor the writer wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.errors import Retry
from bot.store.privacy import Privacy, Walk
from bot.work.clock import Clock
from bot.work.loop import Loop

EVERY: Final = timedelta(hours=1)
PAUSE: Final = timedelta(milliseconds=50)  # after each slice, for everybody else
SLICE: Final = 100  # rows, which take the writer some milliseconds
DEAD_LETTERS: Final = timedelta(days=90)  # a person may still drive them again
IDEMPOTENCY: Final = timedelta(days=7)
CALLBACKS: Final = timedelta(days=7)
JOURNAL: Final = timedelta(days=400)  # what colleagues did in the browser

log = structlog.get_logger()


class Callbacks(Protocol):
    """Who forgets old callbacks."""

    async def tidy(self, before: datetime, limit: int) -> int: ...


class Numbers(Protocol):
    """Who forgets old numbers."""

    async def forget(self, now: datetime, limit: int) -> int: ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long things are kept; ``messages`` None: bodies for ever."""

    messages: timedelta | None
    keys: timedelta


async def always() -> bool:
    """The clock is taken as it is."""
    return True


class Retention:
    """The task that forgets. ``allowed`` is asked before each round: a clock that is ahead would have it empty what is to be kept."""

    def __init__(
        self,
        privacy: Privacy,
        callbacks: Callbacks,
        tallies: Numbers,
        clock: Clock,
        keeping: Keeping,
        allowed: Callable[[], Awaitable[bool]] = always,
    ) -> None:
        self._privacy = privacy
        self._callbacks = callbacks
        self._tallies = tallies
        self._clock = clock
        self._keeping = keeping
        self._allowed = allowed
        self._round_at = clock.now()
        self._loop = Loop(self._turn, clock, _store_unavailable, pause=EVERY)

    def stop(self) -> None:
        """Forget no more; ``run`` returns once what is under way is committed."""
        self._loop.stop()

    async def run(self) -> None:
        """One round at start and every hour, until stopped."""
        await self._loop.run()

    async def _turn(self) -> datetime:
        """A round, where it is time for one; when the next one is due."""
        now = self._clock.now()
        if self._round_at > now + EVERY:  # the clock was set back
            self._round_at = now
        if now >= self._round_at:
            self._round_at = now + EVERY
            if await self._allowed():
                await self.round(now)
            else:
                log.warning("forgetting_waits")
        return self._round_at

    async def round(self, now: datetime) -> None:
        """Forget all whose time has come."""
        keeping = self._keeping
        bodies = 0
        if (messages := keeping.messages) is not None:
            bodies = await self._bodies(now, messages)
            bodies += await self._all(lambda limit: self._privacy.forget_refused(now - messages, limit))
        keys = await self._keys(now)
        keys += await self._all(lambda limit: self._privacy.forget_idempotency(now - IDEMPOTENCY, limit))
        await self._all(lambda limit: self._callbacks.tidy(now - CALLBACKS, limit))
        await self._all(lambda limit: self._privacy.forget_deeds(now - JOURNAL, limit))
        await self._all(lambda limit: self._tallies.forget(now, limit))
        if bodies or keys:
            log.info("forgotten", bodies=bodies, keys=keys)

    async def _bodies(self, now: datetime, messages: timedelta) -> int:
        walk, dead_before = Walk(), now - max(messages, DEAD_LETTERS)
        while not (walk.done or self._loop.is_stopping):
            walk = await self._privacy.forget_bodies(walk, now - messages, dead_before, SLICE)
            await self._pause()
        return walk.forgotten

    async def _keys(self, now: datetime) -> int:
        walk = Walk()
        while not (walk.done or self._loop.is_stopping):
            walk = await self._privacy.forget_keys(walk, now - self._keeping.keys, SLICE)
            await self._pause()
        return walk.forgotten

    async def _all(self, forget: Callable[[int], Awaitable[int]]) -> int:
        """Slice by slice, until one is not full."""
        total = 0
        while not self._loop.is_stopping:
            count = await forget(SLICE)
            total += count
            if count < SLICE:
                break
            await self._pause()
        return total

    async def _pause(self) -> None:
        if not self._loop.is_stopping:
            await asyncio.sleep(PAUSE.total_seconds())


def _store_unavailable(trouble: Retry) -> None:
    log.error("retention_store_unavailable", reason=str(trouble))
