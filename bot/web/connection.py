"""One client's connection, with an end to everything that we wait for. aiohttp itself waits for a request for ever.

silent -> head -> body -> working -> idle -> head -> …

This is the one file that reaches into aiohttp's connection, which has no hooks for any of this; ``tests/web/test_guards.py`` says so when
it changes.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from enum import Enum
from math import inf
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import _ErrInfo

from bot.web.crowd import Crowd

DEAD_S: Final = 30  # a machine that is gone, or takes nothing at all, is given up by the system itself
LATE: Final = "The body did not arrive in time. Send it again.\n"
BROKEN: Final = "The body is not sent as its head says.\n"
UNREADABLE: Final = "This is no HTTP request that can be read.\n"
TOO_LARGE: Final = "The head of the request is too large, or has too many headers.\n"
UNEXPECTED: Final = "This expectation cannot be met.\n"
MISTAKE: Final = "Parley made a mistake; it is not yours.\n"
OVERTAXED: Final = "That took too long. Try again later.\n"
_TOO_MANY: Final = "Too many headers received"  # aiohttp's own words: it has no class for that

log = structlog.get_logger()


class Phase(Enum):
    """What a connection waits for. WORKING: for us."""

    SILENT = "silent"
    HEAD = "slow_head"
    BODY = "slow_body"
    WORKING = "working"
    IDLE = "idle"


_SILENT, _HEAD, _BODY, _WORKING, _IDLE = Phase


class HeadTooLarge(HttpProcessingError):
    """The whole head is over the limit, though none of its lines is."""


class Plain(web.Response):
    """A few words to a client that could not make itself understood, without aiohttp's name."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


class Connection(web.RequestHandler):
    """``check`` ends what takes too long. Nothing of a request that is refused is answered or logged."""

    __slots__ = (
        "_answered",
        "_arriving",
        "_behind",
        "_crowd",
        "_held",
        "_is_deaf",
        "_is_ending",
        "_limits",
        "_phase",
        "_since",
        "_unsent",
        "_until",
        "_whole",
        "_wire",
        "_write_until",
    )

    def __init__(self, server: web.Server, crowd: Crowd, loop: asyncio.AbstractEventLoop, **settings: Any) -> None:
        super().__init__(server, loop=loop, **settings)
        self._crowd = crowd
        self._limits = crowd.limits
        self._phase = _SILENT
        self._since = 0.0
        self._until = self._write_until = inf
        self._unsent = 0
        self._answered = 0  # of the requests counted by aiohttp
        self._arriving: StreamReader | None = None  # the body that is not whole yet
        self._held = 0  # bytes of it, or of a head that is not whole
        self._behind = 0  # bytes that came while we were at work, and are no whole head
        self._is_deaf = False  # what comes now cannot be understood
        self._is_ending = False
        self._whole: asyncio.Future[None] | None = None
        self._wire: asyncio.Transport | None = None

    # --- coming and going

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        if not self._crowd.admit(self):
            self._wire.abort()
            return
        super().connection_made(transport)
        _give_up_the_dead(self._wire)
        self._wait(_SILENT, self._limits.silent_s)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def drop(self, why: str) -> None:
        self._crowd.count(why)
        self._leave()
        if self._wire is not None:
            self._wire.abort()

    def _leave(self) -> None:
        self._crowd.leave(self)
        self._let_go()
        self._until = self._write_until = inf
        self._end_of_body()

    # --- what comes

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_came(len(data))
        elif data or self._arriving is not None:  # without data, it goes on with what it had set aside
            self._part_came(len(data))

    def _head_came(self, size: int) -> None:
        message, body = self._messages[-1]
        if isinstance(message, _ErrInfo):
            self._cannot_go_on()
            return
        self._behind = 0
        if message.version is not HttpVersion11 and message.version is not HttpVersion10:
            self._refuse_last(HttpProcessingError())
            return
        if self._held + size > self._limits.head_bytes and self._is_too_large(message, body, self._held + size):
            return
        if self._held:
            self._let_go()
        if self._arriving is not None:
            self._end_of_body()
        if body.is_eof():
            self._phase, self._until = _WORKING, inf
        else:
            self._arriving = body
            self._hold(size)
            self._wait(_BODY, self._limits.body_s)

    def _part_came(self, size: int) -> None:
        match self._phase:
            case Phase.BODY:
                self._hold(size)
                if self._arriving is None or self._arriving.is_eof():
                    self._body_came()
            case Phase.WORKING:
                self._behind += size
                if self._behind > self._limits.head_bytes:
                    self._refuse(HeadTooLarge())
            case _:
                if self._phase is not _HEAD:
                    self._wait(_HEAD, self._limits.head_s)
                self._hold(size)
                if self._held > self._limits.head_bytes:
                    self._refuse(HeadTooLarge())

    def _body_came(self) -> None:
        self._let_go()
        self._end_of_body()
        if self._answered < self._request_count:
            self._phase, self._until = _WORKING, inf
        else:
            self._rest()

    def _end_of_body(self) -> None:
        self._arriving = None
        if self._whole is not None and not self._whole.done():
            self._whole.set_result(None)

    def _is_too_large(self, message: RawRequestMessage, body: StreamReader, size: int) -> bool:
        """Whether the head was refused. Else it is a body that is large, or what came behind."""
        head = len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)
        if head > self._limits.head_bytes:
            self._refuse_last(HeadTooLarge())
            return True
        behind = size - head - (0 if body is EMPTY_PAYLOAD else body.total_bytes)
        if behind > self._limits.head_bytes and body.is_eof() and not message.chunked:
            self._behind = behind
        return False

    def _refuse(self, error: HttpProcessingError) -> None:
        """As if the parser had found it: answered in its turn, after what came before it."""
        self._messages.append((_ErrInfo(status=400, exc=error, message=""), EMPTY_PAYLOAD))
        self._request_count += 1
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._cannot_go_on()

    def _refuse_last(self, error: HttpProcessingError) -> None:
        self._messages.pop()
        self._request_count -= 1
        self._refuse(error)

    def _cannot_go_on(self) -> None:
        self._is_deaf = True
        self._let_go()
        if self._arriving is not None:
            self._arriving.set_exception(web.HTTPBadRequest(text=BROKEN))
            self._is_ending = True
        self._end_of_body()
        self._phase, self._until = _WORKING, inf

    # --- what goes

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if self._is_ending or self._close:
            resp.force_close()
        if isinstance(resp, web.HTTPExpectationFailed):
            resp.text = UNEXPECTED  # aiohttp repeats what was sent
        finished = await super().finish_response(request, resp, start_time)
        self._answered += 1
        if self._is_ending:
            super().close()
        if self._phase is _WORKING and self._answered == self._request_count:
            self._rest()
        return finished

    def _rest(self) -> None:
        """All is answered."""
        if self._behind:
            self._hold(self._behind)
            self._behind = 0
            self._wait(_HEAD, self._limits.head_s)
        else:
            self._phase, self._since, self._until = _IDLE, self._loop.time(), inf  # aiohttp's own time ends it

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()
        self._crowd.is_stuck(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_until = inf
        self._crowd.goes_on(self)

    def _watch_writing(self) -> None:
        self._unsent = self.unsent()
        self._write_until = self._loop.time() + self._limits.write_s

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, HttpProcessingError | web.RequestPayloadError):
            answer = self._refusal(exc)
        elif isinstance(exc, ConnectionError):
            raise exc  # nobody is there to answer
        else:
            log.error("request_broke", exc_info=exc or True)
            late = status == 504
            answer = Plain(status=503 if late else 500, text=OVERTAXED if late else MISTAKE)
        if request.writer.output_size > 0:
            raise ConnectionError("Part of another answer has left already.")
        answer.force_close()
        return answer

    def _refusal(self, error: BaseException) -> web.Response:
        if isinstance(error, HeadTooLarge | LineTooLong) or getattr(error, "message", "") == _TOO_MANY:
            self._crowd.count("head_too_large")
            return Plain(status=431, text=TOO_LARGE)
        self._crowd.count("unreadable")
        return Plain(status=400, text=UNREADABLE)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        error = kw.get("exc_info")
        if not isinstance(error, web.HTTPException | ConnectionError):  # a body that broke off, and that nobody wanted
            log.error("request_broke", exc_info=error or True)

    # --- what takes too long

    def check(self, now: float) -> None:
        if self._reading_paused and self._phase is _BODY:  # nobody takes what is here: we are the slow ones
            self._until = max(self._until, now + self._limits.body_s)
        if now >= self._until:
            if self._phase is _BODY:
                self._body_is_late()
            else:
                self.drop(self._phase.value)
        elif now >= self._write_until:
            self._is_taking()
        elif self._write_until == inf and self._wire is not None and self._wire.is_closing():
            self._watch_writing()

    def _body_is_late(self) -> None:
        body, is_read = self._arriving, self._answered < self._request_count
        if body is None or not is_read:
            self.drop(_BODY.value)
            return
        self._crowd.count(_BODY.value)
        body.set_exception(web.HTTPRequestTimeout(text=LATE))
        self._arriving, self._is_ending = None, True
        self._cannot_go_on()

    def _is_taking(self) -> None:
        before = self._unsent
        self._watch_writing()
        if before - self._unsent < self._limits.write_bytes:
            self.drop("slow_reader")

    def give_time(self) -> None:
        """The client is known, so what it sends may be large."""
        if self._phase is _BODY:
            self._until = self._since + self._limits.known_body_s

    def patience(self) -> tuple[int, float] | None:
        if self._phase is _WORKING:
            return (0, self._write_until - self._limits.write_s) if self._write_until < inf else None
        return (1 if self._phase is _IDLE else 0), self._since

    def unsent(self) -> int:
        return 0 if self._wire is None else self._wire.get_write_buffer_size()

    def held(self) -> int:
        return self._held

    def _wait(self, phase: Phase, seconds: float) -> None:
        self._phase, self._since = phase, self._loop.time()
        self._until = self._since + seconds

    def _hold(self, size: int) -> None:
        self._held += size
        self._crowd.hold(size)

    def _let_go(self) -> None:
        if self._held:
            self._crowd.hold(-self._held)
            self._held = 0

    # --- the end of the server

    def close(self) -> None:
        """Answer what came, and no more. A body that is arriving still may: aiohttp would not listen to it any longer."""
        self._is_ending = True
        if not self._is_receiving():
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  aiohttp's own
        if self._is_receiving():
            self._whole = self._loop.create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._whole
        await super().shutdown(timeout)

    def _is_receiving(self) -> bool:
        return self._phase is _BODY and self._answered < self._request_count


def _give_up_the_dead(wire: asyncio.Transport) -> None:
    connected = wire.get_extra_info("socket")
    if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
        option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux alone has it
        if option is not None:
            with suppress(OSError):  # it has gone in the meantime
                connected.setsockopt(socket.IPPROTO_TCP, option, DEAD_S * 1000)
