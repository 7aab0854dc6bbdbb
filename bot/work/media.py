"""What kind of file somebody sent where neither its name nor its address tells: the server that has the file is asked, once.

The message is recorded and acknowledged like any other and waits a moment to be decided. The answer is stored with it. No answer in time,
a restart in between or too many at once leave it a mere ``file``: asking is never the reason why somebody gets no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.core.event import Event, InboundMessage, Media, MediaKind
from bot.errors import ParleyError, Retry
from bot.work.clock import Clock
from bot.work.under_way import UnderWay

ASK_S = 2.0
PATIENCE = timedelta(seconds=ASK_S + 0.5)  # the answer must be stored, too
AT_ONCE = 16
MOST_UNANSWERED = 1000

_VOICE = ("audio/ogg", "audio/opus", "application/ogg")  # WhatsApp records voice notes so
_SAYS_NOTHING = ("application/octet-stream", "binary/octet-stream")

log = structlog.get_logger()


class FileServers(Protocol):
    """Asks a server what it calls a file; see ``bot.net``."""

    async def content_type(self, url: str, limit_s: float) -> str | None: ...


class MediaKinds(Protocol):
    """What asking needs of the store; see ``bot.store.port``."""

    async def tell_media(self, app: str, dedup: str, kind: MediaKind, now: datetime) -> bool: ...


def kind_of(content_type: str | None) -> MediaKind:
    """The kind that an HTTP content type tells; ``file`` where it tells none."""
    match (content_type or "").partition("/"):
        case _ if content_type in _SAYS_NOTHING:
            return MediaKind.FILE
        case _ if content_type in _VOICE:
            return MediaKind.VOICE
        case ("image", _, "webp"):
            return MediaKind.STICKER
        case ("image" | "video" | "audio" as major, _, _):
            return MediaKind(major)
        case ("application" | "text", _, _):
            return MediaKind.DOCUMENT
        case _:
            return MediaKind.FILE


class MediaAsker:
    """Asks in the background, 16 servers at once. ``wake`` is called as an answer is being stored, so that deciding joins the commit."""

    def __init__(self, store: MediaKinds, servers: FileServers, clock: Clock, wake: Callable[[], None]) -> None:
        self._store = store
        self._servers = servers
        self._clock = clock
        self._wake = wake
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._unanswered = UnderWay("media", MOST_UNANSWERED)

    def waits_until(self, event: Event, now: datetime) -> datetime | None:
        """Until when deciding should wait for the kind of what ``event`` brings; None where there is nothing to ask, or no room to."""
        if _unknown_file(event) is None:
            return None
        if not self._unanswered.free:
            log.warning("media_not_asked", unanswered=len(self._unanswered))
            return None
        return now + PATIENCE

    def ask(self, event: Event, until: datetime) -> None:
        """Ask for what ``waits_until`` named a time for, now that it is recorded. Returns at once."""
        file = _unknown_file(event)
        if file is not None and isinstance(event, InboundMessage):
            self._unanswered.begin(self._ask(event, file.url, until))

    async def drain(self, limit_s: float) -> None:
        """Wait for the answers that still may come, ``limit_s`` seconds at most, and give up the rest."""
        await self._unanswered.drain(limit_s)

    async def _ask(self, event: InboundMessage, url: str, until: datetime) -> None:
        async with self._turns:
            limit_s = min(ASK_S, (until - self._clock.now()).total_seconds())
            if limit_s <= 0:
                return  # it is decided without
            kind = await self._kind(event, url, limit_s)
        self._wake()
        try:
            await self._store.tell_media(event.contact.app, event.dedup, kind, self._clock.now())
        except Retry as trouble:
            log.error("media_store_unavailable", reason=str(trouble))

    async def _kind(self, event: InboundMessage, url: str, limit_s: float) -> MediaKind:
        try:
            return kind_of(await self._servers.content_type(url, limit_s))
        except ParleyError as trouble:
            log.info("media_unknown", message_id=event.message_id, why=str(trouble))
            return MediaKind.FILE


def _unknown_file(event: Event) -> Media | None:
    match event:
        case InboundMessage(content=Media(kind=None) as file, injected=False):
            return file
        case _:
            return None
