"""Whether this machine's clock can be trusted: compared with Sinch's now and then, also while nothing is sent, and told loudly."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.errors import Retry
from bot.work.clock import Clock
from bot.work.loop import Loop

LOOK_EVERY: Final = timedelta(seconds=30)
MEASURE_EVERY_S: Final = 600.0
JUMP_S: Final = 30.0  # more than a clock is ever slewed between two looks
UNKNOWN_MOST_S: Final = 86_400.0
STALE_MANY: Final = 3
STALE_WITHIN: Final = timedelta(minutes=10)

log = structlog.get_logger()


class Skew(Protocol):
    """The last comparison; see ``bot.sinch.skew``."""

    @property
    def seconds(self) -> float: ...

    @property
    def is_known(self) -> bool: ...

    @property
    def is_too_large(self) -> bool: ...


class Client(Protocol):
    """Who compares; see ``bot.sinch.client``."""

    @property
    def clock_skew(self) -> Skew: ...

    async def check_clock(self) -> None: ...


async def nobody_waits(now: datetime) -> int:
    """Nothing waits by this clock."""
    return 0


class ClockWatch:
    """The task that looks after the clock. ``set_back`` is called with the time after it was set back, and ``wake`` where
    anything waited by the wrong one; ``wall`` and ``monotonic`` are the machine's own two clocks, in seconds."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        set_back: Callable[[datetime], Awaitable[int]] = nobody_waits,
        wake: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._set_back = set_back
        self._wake = wake
        self._was_set_back = False
        self._wall = wall
        self._monotonic = monotonic
        self._apart = wall() - monotonic()
        self._started_at = self._measured_at = monotonic()
        self._was_wrong = False
        self._stale: deque[datetime] = deque(maxlen=STALE_MANY)
        self._loop = Loop(self._turn, clock, _store_unavailable)

    def stop(self) -> None:
        """Look no more."""
        self._loop.stop()

    async def run(self) -> None:
        """Look every half minute, until stopped; ask Sinch every ten minutes, and whenever there is a doubt."""
        await self._loop.run()

    def stale(self) -> None:
        """A webhook with a good signature was refused for its time."""
        self._stale.append(self._clock.now())

    def remarks(self) -> list[str]:
        """What an operator should know."""
        found = []
        skew = self._client.clock_skew
        if skew.is_too_large:
            found.append(
                f"{sentence(skew.seconds)} Free-form messages wait; set the clock (chrony, systemd-timesyncd)."
            )
        if len(self._stale) == STALE_MANY and abs(self._clock.now() - self._stale[0]) < STALE_WITHIN:
            found.append(
                "Webhooks with a good signature are refused for their time (401): this machine's clock is wrong, or they come late; "
                "set the clock, or widen webhook.max_age. They are kept: `events dead` lists them."
            )
        return found

    async def allows_forgetting(self) -> bool:
        """Whether what seems old is old: asks Sinch first. Without any answer it is believed after a day."""
        await self._client.check_clock()
        skew = self._client.clock_skew
        if skew.is_too_large:
            return False
        return skew.is_known or self._monotonic() - self._started_at > UNKNOWN_MOST_S

    async def _turn(self) -> datetime:
        now = self._monotonic()
        jumped_s = self._jumped_s()
        self._was_set_back = self._was_set_back or jumped_s < 0.0
        if jumped_s or self._client.clock_skew.is_too_large or now - self._measured_at >= MEASURE_EVERY_S:
            self._measured_at = now
            await self._client.check_clock()
        self._tell()
        if self._was_set_back:
            if await self._set_back(self._clock.now()):
                self._wake()
            self._was_set_back = False
        return self._clock.now() + LOOK_EVERY

    def _jumped_s(self) -> float:
        """How far the clock was set since the last look, where it was set at all."""
        apart = self._wall() - self._monotonic()
        by_s, self._apart = apart - self._apart, apart
        if abs(by_s) <= JUMP_S:
            return 0.0
        log.warning("clock_jumped", by_s=round(by_s))
        return by_s

    def _tell(self) -> None:
        skew = self._client.clock_skew
        if skew.is_too_large != self._was_wrong:
            self._was_wrong = skew.is_too_large
            if skew.is_too_large:
                log.error("clock_wrong", ahead_s=round(skew.seconds))
            else:
                log.info("clock_right")


def sentence(ahead_s: float) -> str:
    """How far it is off."""
    return f"This machine's clock is {abs(ahead_s):.0f} seconds {'ahead of' if ahead_s > 0 else 'behind'} Sinch's."


def _store_unavailable(trouble: Retry) -> None:
    log.error("clock_store_unavailable", reason=str(trouble))
