"""News become callbacks: as soon as something was written for somebody who listens, each subscription's copy is composed and queued.

what happens (triggers, effects) -> news -> store.publish -> callbacks, see bot.work.callbacks
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.crash import reach
from bot.errors import Retry
from bot.store.subscriptions import Compose, News, Published
from bot.work.clock import Clock
from bot.work.loop import Loop

AT_ONCE = 128
LOOK_EVERY = timedelta(seconds=30)

log = structlog.get_logger()


class Newsroom(Protocol):
    """What publishing needs of the store; see ``bot.store.subscriptions``."""

    async def watch(self, on_news: Callable[[], None]) -> None: ...

    async def publish(self, limit: int, compose: Compose, now: datetime) -> Published: ...


class Publisher:
    """The task that publishes. ``on_callbacks`` is called after each commit that queued some."""

    def __init__(self, store: Newsroom, compose: Compose, clock: Clock, on_callbacks: Callable[[], None]) -> None:
        self._store = store
        self._compose = compose
        self._clock = clock
        self._on_callbacks = on_callbacks
        self._watching = False
        self._loop = Loop(self._turn, clock, _store_unavailable)

    def stop(self) -> None:
        """Publish no more; what is left is found at the next start."""
        self._loop.stop()

    async def run(self) -> None:
        """Publish until stopped."""
        await self._loop.run()

    async def _turn(self) -> datetime:
        """Publish all there is; when to look again."""
        look_at = self._clock.now() + LOOK_EVERY
        if not self._watching:
            await self._store.watch(self._loop.wake)
            self._watching = True
        published = Published(AT_ONCE, 0)
        while published.news == AT_ONCE and not self._loop.is_stopping:
            published = await self._store.publish(AT_ONCE, self._composed, self._clock.now())
            if published.callbacks:
                reach("news.published")
                self._on_callbacks()
        return look_at

    def _composed(self, news: News) -> str | None:
        try:
            return self._compose(news)
        except Exception:  # whatever it is, one must not keep the others from being told
            log.exception("news_broke", number=news.number, kind=news.kind)
            return None


def _store_unavailable(trouble: Retry) -> None:
    log.error("news_store_unavailable", reason=str(trouble))
