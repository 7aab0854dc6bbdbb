"""Where Sinch's callbacks arrive: verify, parse, record, commit, and only then 200.

Sinch drops a callback for good on most 4xx answers, so an authentic event gets 200 or, for our own trouble, 503; never anything else
below the size limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from aiohttp import web

from bot.crash import reach, waits_for
from bot.errors import Overloaded, Retry
from bot.sinch.signature import Verdict, Verifier
from bot.store.port import Store
from bot.store.units import Incoming
from bot.web.guard import hang_up
from bot.web.intake import Intake
from bot.web.seldom import Seldom
from bot.work.clock import Clock

BODY_MAX = 1024 * 1024
MOST_DEATHS = 2  # processes that end while they read a body, before it is kept unread

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Webhook:
    """The receiving end. ``on_stale`` is called for each authentic body refused for its time.

    ``wake`` is called as an event is being recorded, so that deciding joins the same commit. ``check`` raises
    ``Overloaded`` where one may not be recorded now."""

    verifier: Verifier
    intake: Intake
    store: Store
    clock: Clock
    wake: Callable[[], None]
    check: Callable[[Incoming], None]
    on_stale: Callable[[], None] = lambda: None
    refusals: Seldom = field(default_factory=Seldom)

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one callback: 200 recorded or seen before, 401 not authentic or stale, 413, 415, or 503 to come again."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return web.Response(status=415, text="Send the body uncompressed; its signature is over the plain bytes.")
        try:
            body = await self._read(request)
        except web.HTTPRequestTimeout:  # a 408 would be final: a connection that breaks off is tried again
            hang_up(request)
            return web.Response()
        if body is None:
            return web.Response(status=413, text="The body is larger than 1 MiB.")
        reach("receive.body")
        now = self.clock.now()
        verdict = self.verifier.verify(request.headers, body, now)
        if verdict is Verdict.NOT_AUTHENTIC:
            if (left_out := self.refusals.left_out(now)) is not None:
                log.warning("webhook_refused", why="not authentic", bytes=len(body), left_out=left_out)
            return web.Response(status=401, text="The signature does not fit the body and the webhook's secret.")
        try:
            response = await self._take(body, verdict, now)
        except Retry as trouble:
            if isinstance(trouble, Overloaded):  # thousands may be, and work_refused told of it once
                log.debug("webhook_not_recorded", why=str(trouble))
            else:
                log.error("webhook_not_recorded", why=str(trouble))
            after_s = str(max(1, round(trouble.after_s or 1)))
            return web.Response(
                status=503, headers={"Retry-After": after_s}, text="It could not be stored; send it again."
            )
        if waits_for("webhook.answered"):  # aiohttp writes it after this function otherwise
            await response.prepare(request)
            await response.write_eof()
            reach("webhook.answered")
        return response

    async def _take(self, body: bytes, verdict: Verdict, now: datetime) -> web.Response:
        if verdict is Verdict.STALE:
            await self.store.refuse(body, "Its signature is too old, or from the future.", now)
            log.warning("webhook_refused", why="stale", bytes=len(body))
            self.on_stale()
            return web.Response(status=401, text="The signature's time is too far from now.")
        if self.store.reading_begins(body) >= MOST_DEATHS:
            return await self._unread(body, now)
        try:
            incoming = self.intake.incoming(body, now)
        finally:
            self.store.reading_ends()
        self.check(incoming)
        self.wake()
        (is_new,) = await self.store.record((incoming,), now)
        reach("record.committed")
        if is_new:
            self.intake.recorded(incoming)
        return web.Response()

    async def _unread(self, body: bytes, now: datetime) -> web.Response:
        """Keep what ends whoever reads it. Answered 200, or it would come again and again."""
        self.store.reading_ends()
        await self.store.refuse(body, f"Reading it ended the server {MOST_DEATHS} times, so it was kept unread.", now)
        log.error("webhook_unread", bytes=len(body))
        return web.Response()

    async def _read(self, request: web.Request) -> bytes | None:
        """The raw body, or None when it is larger than we take."""
        length = request.content_length
        if length is not None and length > BODY_MAX:
            return None
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            return None
