"""What to do about a message that may or may not have been accepted.

Sinch takes no idempotency key. So first a receipt may settle it (the store does that by itself, for up to 30 seconds), then, where Sinch
keeps messages, two listings; then it is sent once more, or held for a person where the caller said at most once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.core.event import ContactKey
from bot.errors import Failed, Retry
from bot.sinch.wire.admin import SinchApp
from bot.sinch.wire.answers import ListedMessage
from bot.store.units import Doubtful, Verdict
from bot.work.clock import Clock
from bot.work.loop import Loop

LOOKS = 2
BETWEEN_LOOKS = timedelta(seconds=15)  # what a listing does not show yet may be on its way through Sinch
MOST_SUBMISSIONS = 2
LISTING_PATIENCE = timedelta(
    minutes=10
)  # past it a listing that keeps failing counts as none: the person must not wait for ever
LISTING_PAUSE = timedelta(seconds=30)
APP_STAYS = timedelta(minutes=10)
EARLIER = timedelta(minutes=2)  # Sinch's clock may differ from ours by a minute, and more stops the sender
LIMIT = 64
AT_ONCE = 8
IDLE = timedelta(seconds=5)
SWEEP_EVERY = timedelta(minutes=1)

log = structlog.get_logger()


class Doubts(Protocol):
    """What reconciling needs of the store; see ``bot.store.port``."""

    async def doubtful(self, limit: int, now: datetime) -> Sequence[Doubtful]: ...

    async def reconcile(self, verdicts: Sequence[Verdict], now: datetime) -> None: ...

    async def expire(self, now: datetime) -> int: ...


class Listing(Protocol):
    """What Sinch keeps; see ``bot.sinch.admin``."""

    async def app(self) -> SinchApp: ...

    async def list_messages(
        self, contact: ContactKey, contact_id: str, since: datetime, is_dispatch: bool
    ) -> Sequence[ListedMessage]: ...


class Reconciler:
    """Settles messages of unknown outcome. ``settled`` is called when some may be ready to leave again."""

    def __init__(self, store: Doubts, listing: Listing, clock: Clock, settled: Callable[[], None]) -> None:
        self._store = store
        self._listing = listing
        self._clock = clock
        self._settled = settled
        self._loop = Loop(self._turn, clock, _store_unavailable)
        self._began_at = clock.now()
        self._quiet_until = self._began_at
        self._app: SinchApp | None = None
        self._app_until = self._began_at
        self._swept_at = self._began_at - SWEEP_EVERY

    async def run(self) -> None:
        """Look until stopped."""
        await self._loop.run()

    async def _turn(self) -> datetime:
        await self._sweep()
        looked_at = await self.look()
        return self._clock.now() + (timedelta() if looked_at == LIMIT else IDLE)

    async def _sweep(self) -> None:
        now = self._clock.now()
        if now - self._swept_at >= SWEEP_EVERY:
            self._swept_at = now
            await self._store.expire(now)

    def stop(self) -> None:
        """End ``run`` after the look under way."""
        self._loop.stop()

    async def look(self) -> int:
        """Look once at those whose time has come; returns for how many there is a verdict. Raises ``Retry`` for the store's trouble."""
        now = self._clock.now()
        doubts = await self._store.doubtful(LIMIT, now)
        if not doubts:
            return 0
        turns = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._look_at(doubt, now, turns) for doubt in doubts))
        verdicts = [verdict for verdict in found if verdict is not None]
        if verdicts:
            await self._store.reconcile(verdicts, self._clock.now())
            self._settled()
        return len(verdicts)

    async def _look_at(self, doubt: Doubtful, now: datetime, turns: asyncio.Semaphore) -> Verdict | None:
        async with turns:
            try:
                return await self._verdict(doubt, now)
            except Retry as trouble:
                return self._later(doubt, trouble)

    async def _verdict(self, doubt: Doubtful, now: datetime) -> Verdict:
        if self._clock.now() < self._quiet_until:
            raise Retry("Sinch's listing failed a moment ago.")
        found = await self._listed(doubt)
        if found is None:
            return _last_word(doubt)
        for message in found:
            if message.outbox_id == doubt.outbox_id and message.direction != "TO_APP":
                log.info("unknown_found", outbox_id=doubt.outbox_id)
                return Verdict(doubt.outbox_id, message_id=message.message_id)
        if doubt.looks + 1 < LOOKS:
            return Verdict(doubt.outbox_id, look_at=now + BETWEEN_LOOKS)
        return _last_word(doubt)

    async def _listed(self, doubt: Doubtful) -> Sequence[ListedMessage] | None:
        """What Sinch lists, or None where it keeps nothing that could be listed."""
        try:
            app = await self._known_app()
            if not app.keeps_messages:
                return None
            is_dispatch = app.processing_mode != "CONVERSATION"
            since = doubt.started_at - EARLIER
            return await self._listing.list_messages(doubt.contact, doubt.contact_id, since, is_dispatch)
        except Failed as refusal:
            log.error("listing_refused", outbox_id=doubt.outbox_id, reason=str(refusal))
            return None

    async def _known_app(self) -> SinchApp:
        now = self._clock.now()
        if self._app is None or now >= self._app_until:
            self._app = await self._listing.app()
            self._app_until = now + APP_STAYS
        return self._app

    def _later(self, doubt: Doubtful, trouble: Retry) -> Verdict | None:
        now = self._clock.now()
        # What an earlier process left in doubt gets the same patience, however long ago that was.
        if now >= max(doubt.started_at, self._began_at) + LISTING_PATIENCE:
            log.error("listing_given_up", outbox_id=doubt.outbox_id, reason=str(trouble))
            return _last_word(doubt)
        if now >= self._quiet_until:
            self._quiet_until = now + LISTING_PAUSE
            log.warning("listing_failed", reason=str(trouble))
        return None


def _store_unavailable(trouble: Retry) -> None:
    log.error("reconcile_store_unavailable", reason=str(trouble))


def _last_word(doubt: Doubtful) -> Verdict:
    """Send once more, or hold for a person."""
    again = not doubt.at_most_once and doubt.submissions < MOST_SUBMISSIONS
    log.warning("unknown_resent" if again else "unknown_held", outbox_id=doubt.outbox_id)
    return Verdict(doubt.outbox_id, resend=again)
