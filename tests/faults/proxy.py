"""A proxy in front of Sinch that does to a request what networks, gateways and dying machines do.

Every fault has two sides: how much of the request arrives, and what the caller sees. Each that happened is counted, so that a test can show
that it was there.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
SINCH_503 = b'{"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE", "details": []}}'
SINCH_429 = b'{"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED", "details": []}}'
SINCH_500 = b'{"error": {"code": 500, "message": "Oh.", "status": "INTERNAL", "details": []}}'
PAGE = b"<html><body><h1>Something is wrong</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """The connection ends politely, without an answer."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is ever said; the caller must give up by itself."""


@dataclass(frozen=True, slots=True)
class Late:
    """The true answer, ``delay_s`` later."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """This share of the true answer, then a reset."""

    share: float


@dataclass(frozen=True, slots=True)
class Says:
    """Another answer in the true one's place; ``retry_after`` is sent as it is."""

    status: int
    body: bytes = b""
    retry_after: str = ""


Shown = Reset | Close | Silence | Late | Cut | Says


@dataclass(frozen=True, slots=True)
class Fault:
    """``arrives``: how much of the request gets through."""

    name: str
    arrives: Literal["none", "half", "all"]
    shown: Shown


# Refusals that Sinch means: then the request was not taken.
REFUSALS = (
    Fault("429", "none", Says(429, SINCH_429)),
    Fault("429, come back at once", "none", Says(429, SINCH_429, "0")),
    Fault("429, come back in a month", "none", Says(429, SINCH_429, "2592000")),
    Fault("429, come back before now", "none", Says(429, SINCH_429, "-1")),
    Fault("429, come back at nan", "none", Says(429, SINCH_429, "nan")),
    Fault("429, come back at infinity", "none", Says(429, SINCH_429, "inf")),
    Fault("503 of Sinch", "none", Says(503, SINCH_503)),
    Fault("503 of Sinch, come back in 5", "none", Says(503, SINCH_503, "5")),
)
LOST = (
    Fault("reset before it arrived", "none", Reset()),
    Fault("closed before it arrived", "none", Close()),
    Fault("reset half way", "half", Reset()),
    Fault("silence before it arrived", "none", Silence()),
    Fault("500 before it arrived", "none", Says(500, SINCH_500)),
    Fault("502 before it arrived", "none", Says(502, PAGE)),
    Fault("503 of a gateway before it arrived", "none", Says(503, PAGE)),
    Fault("504 before it arrived", "none", Says(504)),
    Fault("200 page before it arrived", "none", Says(200, PAGE)),
)
TAKEN = (
    Fault("reset after it arrived", "all", Reset()),
    Fault("closed after it arrived", "all", Close()),
    Fault("silence after it arrived", "all", Silence()),
    Fault("cut within the head", "all", Cut(0.1)),
    Fault("cut within the body", "all", Cut(0.95)),
    Fault("500 after it arrived", "all", Says(500, SINCH_500)),
    Fault("502 after it arrived", "all", Says(502, PAGE)),
    Fault("503 of a gateway after it arrived", "all", Says(503, PAGE, "1")),
    Fault("504 after it arrived", "all", Says(504)),
    Fault("200 page after it arrived", "all", Says(200, PAGE)),
    Fault("200 and nothing after it arrived", "all", Says(200)),
)
SLOW = (Fault("late", "all", Late(0.05)),)
UNKNOWN = LOST + TAKEN
EVERY = REFUSALS + UNKNOWN + SLOW


class FaultProxy:
    """Between a caller and ``upstream`` (an address). A script goes before chance; only paths that end in ``where`` are touched."""

    def __init__(self, upstream: str, where: str = "messages:send", seed: int = 0) -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._where = where.encode()
        self._random = random.Random(seed)
        self._script: deque[Fault | None] = deque()
        self._chance: tuple[float, Sequence[Fault]] = (0.0, ())
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._own_port = 0
        self.happened: Counter[str] = Counter()
        self.passed = 0  # requests that might have met a fault, and met none

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._own_port}"

    @property
    def outstanding(self) -> int:
        """Scripted faults that have not happened."""
        return sum(fault is not None for fault in self._script)

    def script(self, *faults: Fault | None) -> None:
        """What befalls the next requests, in this order; None leaves one alone."""
        self._script.extend(faults)

    def chance(self, probability: float, faults: Sequence[Fault]) -> None:
        """From now on one of ``faults`` befalls each request with this probability."""
        self._chance = (probability, faults)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._own_port)
        self._own_port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self._refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Nobody can connect, and who was connected no longer is."""
        await self._refuse()
        try:
            yield
        finally:
            await self.start()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            for caller in list(self._callers):
                _reset(caller)
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._callers.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._tasks.discard(task)
            self._callers.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the caller's connection lives on."""
        request = await _read(reader)
        fault = self._next() if self._is_touched(request) else None
        if fault is None:
            writer.write(await self._forward(request))
            await writer.drain()
            return True
        self.happened[fault.name] += 1
        answer = await self._forward_some(request, fault)
        return await _show(fault.shown, answer, reader, writer)

    def _is_touched(self, request: bytes) -> bool:
        return request.split(b" ", 2)[1].split(b"?")[0].endswith(self._where)

    def _next(self) -> Fault | None:
        probability, faults = self._chance
        if self._script:
            fault = self._script.popleft()
        else:
            fault = self._random.choice(faults) if self._random.random() < probability else None
        self.passed += fault is None
        return fault

    async def _forward_some(self, request: bytes, fault: Fault) -> bytes:
        if fault.arrives == "all":
            return await self._forward(request)
        if fault.arrives == "half":
            _, upstream = await asyncio.open_connection(self._host, self._port)
            upstream.write(request[: len(request) // 2])
            await upstream.drain()
            _reset(upstream)
        return b""

    async def _forward(self, request: bytes) -> bytes:
        reader, upstream = await asyncio.open_connection(self._host, self._port)
        try:
            upstream.write(request)
            await upstream.drain()
            return await _read(reader)
        finally:
            upstream.close()


async def _show(shown: Shown, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    match shown:
        case Reset():
            _reset(writer)
            return False
        case Close():
            return False
        case Silence():
            await reader.read()  # until the caller gives up
            return False
        case Late(delay_s):
            await asyncio.sleep(delay_s)
            writer.write(answer)
        case Cut(share):
            writer.write(answer[: int(len(answer) * share)])
            await writer.drain()
            return False
        case Says(status, body, retry_after):
            more = f"Retry-After: {retry_after}\r\n" if retry_after else ""
            head = f"HTTP/1.1 {status} Fault\r\nContent-Length: {len(body)}\r\n{more}\r\n"
            writer.write(head.encode() + body)
    await writer.drain()
    return True


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One request or answer with its body, as it came."""
    head = await reader.readuntil(HEAD_END)
    length = next(
        (line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), b"0"
    )
    return head + await reader.readexactly(int(length))


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
