"""Pages that stay up to date: a stream of the parts that changed, rendered here, so that the script has nothing to know.

something was committed -> each open page's parts are rendered anew -> those that differ are sent
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import orjson
import structlog
from aiohttp import web

from bot.errors import ParleyError
from bot.web.site.pages import HEADERS

LOOK_S: Final = 0.25  # how often the database is asked whether anything was committed, while somebody looks
BETWEEN_S: Final = 0.4  # two renderings of one page
BEAT_S: Final = 20.0  # without news a stream says that it lives, which also finds out that nobody listens any more
WRITE_S: Final = 10.0  # a browser that takes nothing for so long is gone
END_S: Final = 0.7  # within which streams end by themselves when the server stops
STREAMS_MOST: Final = 200
OF_ONE_MOST: Final = 40  # that one visitor may have open, so that nobody takes all
SHARE: Final = 0.5  # of a core that all pages together may take while much happens: the bot comes first

Fragments = Callable[[], Awaitable[Mapping[str, str]]]  # the id of an element -> its HTML, the element itself included

WHO: Final = web.RequestKey("who", str)  # the name of the visitor that a request was let in for

log = structlog.get_logger()


class Pulse:
    """Wakes those who look at pages when something changed. ``turn`` tells where things stand; it is asked only while somebody listens."""

    def __init__(self, turn: Callable[[], Awaitable[int]], look_s: float = LOOK_S) -> None:
        self._turn = turn
        self._look_s = look_s
        self._streams: dict[asyncio.Task[object], str] = {}  # and whose they are
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._now = 0  # grows with every change that was seen
        self.is_over = False

    @property
    def now(self) -> int:
        """Where things stand; hand it to ``beyond``."""
        return self._now

    def enter(self, who: str = "") -> bool:
        """The current task listens from now on, for the visitor of that name; False where too many do, or the server is stopping. ``leave``
        must follow a True."""
        task = asyncio.current_task()
        if task is None or self.is_over or len(self._streams) >= STREAMS_MOST:
            return False
        if who and sum(name == who for name in self._streams.values()) >= OF_ONE_MOST:
            return False
        self._streams[task] = who
        if self._task is None:
            self._task = asyncio.create_task(self._look(), name="pulse")
        return True

    def pause_s(self, took_s: float) -> float:
        """How long a page that took so long to render waits before the next time, so that all of them keep within ``SHARE``."""
        return took_s * len(self._streams) / SHARE

    def leave(self) -> None:
        """The current task listens no more; with the last one the asking ends."""
        task = asyncio.current_task()
        if task is not None:
            self._streams.pop(task, None)
        if not self._streams:
            self._end_looking()

    async def beyond(self, seen: int, timeout_s: float) -> int:
        """Return once there is something newer than ``seen``, or the time is over; where things stand then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._now <= seen and not self.is_over:
                    await self._changed.wait()
        return self._now

    def stop(self) -> None:
        """The server is stopping: all streams end, also those whose browser takes nothing."""
        self.is_over = True
        self._tell()
        self._end_looking()
        loop = asyncio.get_running_loop()
        for stream in self._streams:
            loop.call_later(END_S, stream.cancel)

    def touch(self) -> None:
        """Something changed that no commit tells of."""
        self._tell()

    def _end_looking(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _look(self) -> None:
        last: int | None = None
        while True:
            try:
                turn = await self._turn()
            except ParleyError as trouble:
                log.warning("pages_not_updated", reason=str(trouble))
            else:
                if turn != last:
                    last = turn
                    self._tell()
            await asyncio.sleep(self._look_s)

    def _tell(self) -> None:
        self._now += 1
        self._changed.set()
        self._changed = asyncio.Event()


async def stream(
    request: web.Request,
    pulse: Pulse,
    fragments: Fragments,
    may_go_on: Callable[[], Awaitable[bool]],
    now: Callable[[], datetime],
    between_s: float = BETWEEN_S,
) -> web.StreamResponse:
    """Send the fragments that differ from those sent before, until the browser leaves, the visitor may not look any more, or the server
    stops. A browser that comes back gets all of them once."""
    if request.method == "HEAD":
        return _opened()
    if not pulse.enter(request.get(WHO, "")):
        return web.Response(status=503, headers={**HEADERS, "Retry-After": "10"})
    response = _opened()
    try:
        await response.prepare(request)
        await _send(response, pulse, fragments, may_go_on, now, between_s)
    except (ConnectionError, TimeoutError):
        log.debug("page_left")
    except Exception:  # it is too late for a page that says so; the browser comes back by itself
        log.exception("page_broke")
    finally:
        pulse.leave()
    return response


def _opened() -> web.StreamResponse:
    response = web.StreamResponse(headers={**HEADERS, "X-Accel-Buffering": "no"})  # so that no proxy collects it
    response.content_type = "text/event-stream"
    return response


async def _send(
    response: web.StreamResponse,
    pulse: Pulse,
    fragments: Fragments,
    may_go_on: Callable[[], Awaitable[bool]],
    now: Callable[[], datetime],
    between_s: float,
) -> None:
    sent: dict[str, str] = {}
    await _write(response, b"retry: 2000\n\n")
    while not pulse.is_over:
        seen, began = pulse.now, time.monotonic()
        made: Mapping[str, str] = {}
        try:
            if not await may_go_on():
                await _write(response, b"event: over\ndata: {}\n\n")
                return
            made = await fragments()
        except ParleyError as trouble:  # the next change, or the next beat, tries again
            log.warning("pages_not_updated", reason=str(trouble))
        took_s = time.monotonic() - began
        news = {name: text for name, text in made.items() if sent.get(name) != text}
        content = {"now": now().astimezone(UTC).isoformat(), "fragments": news}
        await _write(response, b"event: news\ndata: " + orjson.dumps(content) + b"\n\n")
        sent.update(news)
        await asyncio.sleep(max(between_s, min(pulse.pause_s(took_s), BEAT_S)))
        await pulse.beyond(seen, BEAT_S)


async def _write(response: web.StreamResponse, text: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(text)
