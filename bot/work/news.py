"""News become callbacks: as soon as something was written for somebody who listens, each subscription's copy is composed and queued.

what happens (triggers, effects) -> news -> store.publish -> callbacks, see bot.work.callbacks
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.crash import reach
from bot.errors import Retry
from bot.store.subscriptions import Compose, News, Published
from bot.work.clock import Clock

AT_ONCE = 128
LOOK_EVERY = timedelta(seconds=30)
STORE_PAUSE = timedelta(seconds=1)

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
        self._wake = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        """Publish no more; what is left is found at the next start."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Publish until stopped."""
        watching = False
        while not self._stopping:
            self._wake.clear()
            look_at = self._clock.now() + LOOK_EVERY
            try:
                if not watching:
                    await self._store.watch(self._wake.set)
                    watching = True
                await self._publish_all()
            except Retry as trouble:
                log.error("news_store_unavailable", reason=str(trouble))
                look_at = self._clock.now() + STORE_PAUSE
            if not self._wake.is_set():
                await self._clock.wait_until(look_at, self._wake)

    async def _publish_all(self) -> None:
        published = Published(AT_ONCE, 0)
        while published.news == AT_ONCE and not self._stopping:
            published = await self._store.publish(AT_ONCE, self._composed, self._clock.now())
            if published.callbacks:
                reach("news.published")
                self._on_callbacks()

    def _composed(self, news: News) -> str | None:
        try:
            return self._compose(news)
        except Exception:  # whatever it is, one must not keep the others from being told
            log.exception("news_broke", number=news.number, kind=news.kind)
            return None
