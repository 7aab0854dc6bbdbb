"""Timers that are due become events: waits for the next one, and lets the store hand out what its time has come for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.crash import reach
from bot.errors import Retry
from bot.store.units import Fired
from bot.work.clock import Clock
from bot.work.loop import Loop

QUIET = timedelta(seconds=10)  # after the start: what people wrote while nobody was there comes first
AT_ONCE = 256
LOOK_EVERY = timedelta(seconds=30)
BLOCKED_PAUSE = timedelta(seconds=1)  # due, but its person wrote something before that is not decided yet

log = structlog.get_logger()


class Timers(Protocol):
    """What firing needs of the store; see ``bot.store.port``."""

    async def fire_timers(self, limit: int, now: datetime) -> Fired: ...


class TimerWorker:
    """The task that lets timers fire. ``on_fired`` is called after each commit that made events of some."""

    def __init__(self, store: Timers, clock: Clock, on_fired: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._on_fired = on_fired
        self._loop = Loop(self._turn, clock, _store_unavailable)
        self._quiet_until = clock.now() + QUIET
        self._look_at = self._seen_at = self._quiet_until

    def expect(self, due_at: datetime) -> None:
        """A timer was set for then."""
        if due_at < self._look_at:
            self._look_at = due_at
            self._loop.wake()

    def stop(self) -> None:
        """Fire no more; ``run`` returns once what is under way is committed."""
        self._loop.stop()

    async def run(self) -> None:
        """Fire what is due, until stopped; nothing in the first ten seconds."""
        await self._loop.run()

    async def _turn(self) -> datetime:
        now = self._clock.now()
        if (
            now < self._seen_at - QUIET
        ):  # the clock was set back: what comes due by it must not wait until it was there before
            self._look_at = self._quiet_until = now
        self._seen_at = now
        if now >= max(self._look_at, self._quiet_until):
            await self._fire_all(now)
        return max(self._look_at, self._quiet_until)

    async def _fire_all(self, now: datetime) -> None:
        """Until nothing is due that could fire; then it is known when to look again."""
        self._look_at = now + LOOK_EVERY  # ``expect`` may bring it nearer while the store is at it
        try:
            fired = await self._store.fire_timers(AT_ONCE, now)
        except Retry:
            self._look_at = now  # after the pause
            raise
        if fired.count:
            reach("timers.committed")
            self._on_fired()
        next_at = fired.next_at
        if next_at is not None and next_at <= now:
            next_at = now if fired.count == AT_ONCE else now + BLOCKED_PAUSE
        if next_at is not None:
            self._look_at = min(self._look_at, next_at)


def _store_unavailable(trouble: Retry) -> None:
    log.error("timers_store_unavailable", reason=str(trouble))
