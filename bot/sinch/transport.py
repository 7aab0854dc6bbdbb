"""The one hot request, ``POST messages:send``, over aiohttp's connections but past the layers above them.

Half of a session's CPU for this request goes to what never changes in it: building a URL, headers, cookies, a payload and a response
object, timers, a task to write the body. So here the head is made once, goes out with the body in one write, and aiohttp's parser reads the
answer. Names, TLS, limits and the end of connections remain with the session's connector. Every other request goes through the session.

aiohttp documents ``connect`` of a connector and the ``Connection`` that it gives, but not that connection's ``protocol``: ``USED`` of it is
used here and nowhere else, a test pins it, and where an aiohttp lacks any of it (``FITS``), sends go through the session as well.
"""

from __future__ import annotations

import asyncio
import inspect
import select
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from aiohttp import BaseConnector, ClientRequest, ClientTimeout, StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from yarl import URL

from bot.crash import reach
from bot.sinch.auth import Headers

KEEP_ALIVE_S = 15.0  # less than gateways allow: on a connection that the other side just closed, outcomes are unknown
IDLE_MOST = 64
ANSWER_MAX = 1024 * 1024
DOZE_S = 0.05  # idle for longer, a connection is looked at before it is used: its end may not have been heard of yet

USED = frozenset({"is_connected", "read", "set_exception", "set_response_params", "should_close"})
FITS = (
    set(dir(ResponseHandler)) >= USED
    and "read_until_eof" in inspect.signature(ResponseHandler.set_response_params).parameters
)

BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


class NotConnected(Exception):
    """There was no connection, so no byte of the request has left."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. An incomplete body is empty, and so is one that is larger than any answer of Sinch."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, eq=False)
class _Line:
    """A connection of ours. ``until`` (loop time): where busy, for how long the answer is awaited; where idle, for how long it is kept."""

    connection: Connection
    protocol: ResponseHandler
    transport: asyncio.Transport
    until: float = 0.0
    payload: StreamReader | None = None
    _poll: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        self._poll.register(self.transport.get_extra_info("socket"), select.POLLIN)

    def is_quiet(self) -> bool:
        """Whether nothing has come that nobody asked for; the end of the connection shows in the same way."""
        return not self._poll.poll(0)


class SendConnections:
    """Posts bodies to ``url``. ``fixed`` headers go with all of them, ``timeout_s`` bounds an exchange, ``connect_s`` finding a connection.

    Connections are the connector's and kept here between sends, the last used one first. Close this before the connector.
    """

    def __init__(
        self, connector: BaseConnector, url: URL, fixed: Mapping[str, str], timeout_s: float, connect_s: float
    ) -> None:
        self._connector = connector
        self._loop = asyncio.get_running_loop()
        self._request = ClientRequest("POST", url, loop=self._loop)  # only tells the connector where to
        self._timeout = ClientTimeout(connect=min(connect_s, timeout_s))
        self._timeout_s = timeout_s
        self._fixed = {"Host": self._request.headers["Host"], **fixed}
        self._headers: Headers | None = None
        self._head = b""
        self._idle: deque[_Line] = deque()  # the one that was used longest ago first
        self._busy: set[_Line] = set()
        self._connecting = 0
        self._closed = False
        self._look_every_s = min(1.0, timeout_s / 10)
        self._looking: asyncio.TimerHandle | None = None

    async def post(self, headers: Headers, body: bytes) -> Answer:
        """Post ``body`` once, with ``headers``, which never change once given. Redirects are not followed.

        Raises ``NotConnected``, and one of ``BROKEN`` where no answer came though the request may have left.
        """
        request = b"%b%d\r\n\r\n%b" % (self._head_of(headers), len(body), body)
        until = self._loop.time() + self._timeout_s
        line = self._kept() or await self._connected()
        line.until, line.payload = until, None
        self._busy.add(line)
        if self._looking is None:
            self._looking = self._loop.call_later(self._look_every_s, self._look)
        try:
            answer = await _exchange(line, request)
        except BaseException:
            line.connection.close()
            raise
        finally:
            self._busy.discard(line)
        self._keep(line)
        return answer

    def close(self) -> None:
        """Keep no connection any more; exchanges under way end by themselves, within their time."""
        self._closed = True
        if self._looking is not None and not self._busy:
            self._looking.cancel()
            self._looking = None
        while self._idle:
            self._idle.pop().connection.close()

    def _kept(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            left_s = line.until - self._loop.time()
            if left_s > 0 and _is_usable(line) and (left_s > KEEP_ALIVE_S - DOZE_S or line.is_quiet()):
                return line
            line.connection.close()
        return None

    async def _connected(self) -> _Line:
        self._connecting += 1
        try:
            connection = await self._connector.connect(self._request, [], self._timeout)
        except TimeoutError as trouble:
            raise NotConnected(f"no connection to {self._request.url.host} in time") from trouble
        except (aiohttp.ClientError, OSError) as trouble:
            raise NotConnected(str(trouble) or type(trouble).__name__) from trouble
        finally:
            self._connecting -= 1
        protocol, transport = connection.protocol, connection.transport
        # The connector gives what is connected, also where somebody has spoken unasked: that would pass for the answer.
        if protocol is None or transport is None or protocol.should_close:
            connection.close()
            raise NotConnected("the other side hung up, or spoke first")
        return _Line(connection, protocol, transport)

    def _keep(self, line: _Line) -> None:
        if self._closed or not _is_usable(line) or len(self._idle) >= IDLE_MOST:
            line.connection.close()
        elif self._connecting:
            line.connection.release()  # others may wait for one, and the connector knows who
        else:
            line.until = self._loop.time() + KEEP_ALIVE_S
            self._idle.append(line)

    def _look(self) -> None:
        """One timer for all: a timer for each send would cost more than it is worth."""
        now = self._loop.time()
        for line in self._busy:
            if line.until <= now:
                _give_up(line, TimeoutError(f"no answer within {self._timeout_s:g} seconds"))
        while self._idle and self._idle[0].until <= now:
            self._idle.popleft().connection.close()
        waiting = self._busy or self._idle
        self._looking = self._loop.call_later(self._look_every_s, self._look) if waiting else None

    def _head_of(self, headers: Headers) -> bytes:
        if headers is not self._headers:
            self._head = _render_head(self._request.url.raw_path_qs, {**self._fixed, **headers})
            self._headers = headers
        return self._head


def _render_head(path: str, headers: Mapping[str, str]) -> bytes:
    """Up to where the length of the body follows. Raises ``ValueError`` for what would break out of its line."""
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "Content-Length: "]
    if any(not line.isprintable() for line in lines):
        raise ValueError("A header of a request to Sinch has a character that no header may have.")
    return "\r\n".join(lines).encode()


def _is_usable(line: _Line) -> bool:
    return line.protocol.is_connected() and not line.protocol.should_close


def _give_up(line: _Line, trouble: TimeoutError) -> None:
    line.protocol.set_exception(trouble)
    if line.payload is not None:
        line.payload.set_exception(trouble)


async def _exchange(line: _Line, request: bytes) -> Answer:
    protocol = line.protocol
    protocol.set_response_params(read_until_eof=True)  # forgets what it has half read, too
    line.transport.write(request)
    reach("send.written")
    try:
        message, payload = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, payload = await protocol.read()
    except HttpProcessingError as trouble:
        raise aiohttp.ClientPayloadError("what came is no HTTP answer") from trouble
    line.payload = payload
    return Answer(message.code, message.headers, await _whole_body(payload))


async def _whole_body(payload: StreamReader) -> bytes:
    body = b""
    try:
        if payload.is_eof():  # it came with the head, as nearly always
            body = payload.read_nowait()
        else:
            while len(body) <= ANSWER_MAX and (more := await payload.readany()):
                body += more
    except BROKEN:
        return b""
    return body if len(body) <= ANSWER_MAX else b""
