"""A proxy in front of Sinch that does to a request what networks, gateways and dying machines do.

Every fault has two sides: how much of the request arrives, and what the caller sees. Each that happened is counted, so that a test can show
that it was there.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
CUTS = {"none": 0.0, "head": 0.1, "half": 0.5, "most": 0.97, "all": 1.0}
SINCH_503 = b'{"error": {"code": 503, "message": "Busy.", "status": "UNAVAILABLE", "details": []}}'
SINCH_429 = b'{"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED", "details": []}}'
SINCH_500 = b'{"error": {"code": 500, "message": "Oh.", "status": "INTERNAL", "details": []}}'
SINCH_400 = b'{"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT", "details": []}}'
SINCH_401 = b'{"error": {"code": 401, "message": "Who?", "status": "UNAUTHENTICATED", "details": []}}'
SINCH_404 = b'{"error": {"code": 404, "message": "Where?", "status": "NOT_FOUND", "details": []}}'
NO_CLIENT = b'{"error": "invalid_client", "error_description": "Who?"}'
DATED = "Date: Fri, 20 Nov 2026 10:15:30 GMT\r\n"
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
    """Another answer in the true one's place; ``retry_after`` and ``more`` lines of the head are sent as they are."""

    status: int
    body: bytes = b""
    retry_after: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Blurts:
    """These very bytes, and the end."""

    said: bytes


@dataclass(frozen=True, slots=True)
class Drips:
    """The true answer, but for its last byte, one byte at a time until the caller gives up."""

    every_s: float


@dataclass(frozen=True, slots=True)
class Bent:
    """The true answer with its ``expires_in`` as here."""

    life: bytes


Shown = Reset | Close | Silence | Late | Cut | Says | Blurts | Drips | Bent


@dataclass(frozen=True, slots=True)
class Fault:
    """``arrives``: how much of the request gets through."""

    name: str
    arrives: Literal["none", "head", "half", "most", "all"]
    shown: Shown


# Refusals that Sinch means: then the request was not taken.
REFUSALS = (
    Fault("429", "none", Says(429, SINCH_429)),
    Fault("429, come back at once", "none", Says(429, SINCH_429, "0")),
    Fault("429, come back in a month", "none", Says(429, SINCH_429, "2592000")),
    Fault("429, come back before now", "none", Says(429, SINCH_429, "-1")),
    Fault("429, come back at nan", "none", Says(429, SINCH_429, "nan")),
    Fault("429, come back at infinity", "none", Says(429, SINCH_429, "inf")),
    Fault("429, come back at 1e308", "none", Says(429, SINCH_429, "1e308")),
    Fault("429, come back in 1000 digits", "none", Says(429, SINCH_429, "9" * 1000)),
    Fault("429, come back on a date", "none", Says(429, SINCH_429, "Fri, 20 Nov 2026 10:15:40 GMT", DATED)),
    Fault("429, come back in the year 9999", "none", Says(429, SINCH_429, "Fri, 31 Dec 9999 23:59:59 GMT", DATED)),
    Fault("429, come back in the year 1", "none", Says(429, SINCH_429, "Mon, 01 Jan 0001 00:00:00 -2359", DATED)),
    Fault("429, come back some day", "none", Says(429, SINCH_429, "some day")),
    Fault("429 of a gateway", "none", Says(429, PAGE, "2")),
    Fault("501 of Sinch", "none", Says(501, SINCH_503)),
    Fault("redirect", "none", Says(307, b"", "", "Location: http://127.0.0.1:9/\r\n")),
    Fault("503 of Sinch", "none", Says(503, SINCH_503)),
    Fault("503 of Sinch, come back in 5", "none", Says(503, SINCH_503, "5")),
)
LOST = (
    Fault("reset before it arrived", "none", Reset()),
    Fault("closed before it arrived", "none", Close()),
    Fault("reset within the head of the request", "head", Reset()),
    Fault("reset half way", "half", Reset()),
    Fault("reset before the last of the body", "most", Reset()),
    Fault("silence before it arrived", "none", Silence()),
    Fault("500 before it arrived", "none", Says(500, SINCH_500)),
    Fault("502 before it arrived", "none", Says(502, PAGE)),
    Fault("503 of a gateway before it arrived", "none", Says(503, PAGE)),
    Fault("504 before it arrived", "none", Says(504)),
    Fault("200 page before it arrived", "none", Says(200, PAGE)),
    Fault("408 before it arrived", "none", Says(408, PAGE)),
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
    Fault("200 and no object after it arrived", "all", Says(200, b"[]")),
    Fault("200 without an id after it arrived", "all", Says(200, b'{"message_id": null}')),
    Fault("no HTTP after it arrived", "all", Blurts(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Fault("a length that is none after it arrived", "all", Blurts(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}")),
    Fault(
        "a broken chunk after it arrived", "all", Blurts(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
    ),
    Fault("too large after it arrived", "all", Says(200, b" " * (9 * 1024 * 1024))),
    Fault("an answer that drips", "all", Drips(0.02)),
)
SLOW = (Fault("late", "all", Late(0.05)),)
UNKNOWN = LOST + TAKEN
EVERY = REFUSALS + UNKNOWN + SLOW

# What Sinch will never take, and a key that it does not know just now.
REJECTIONS = (
    Fault("400 of Sinch", "none", Says(400, SINCH_400)),
    Fault("403 page", "none", Says(403, PAGE)),
    Fault("404 of Sinch", "none", Says(404, SINCH_404)),
    Fault("422 and nothing", "none", Says(422)),
)
UNPROVED = (Fault("401 of Sinch", "none", Says(401, SINCH_401)), Fault("401 page", "none", Says(401, PAGE)))

# To a question, which may be asked again: here all that counts is that no answer passes for a true one.
_BUSY = tuple(fault for fault in REFUSALS if fault.name.startswith(("429", "503")))
LISTINGS = (
    *_BUSY,
    *LOST,
    *(fault for fault in TAKEN if "without an id" not in fault.name),
    *SLOW,
    *UNPROVED,
    Fault("404 of Sinch", "none", Says(404, SINCH_404)),
)
TOKENS = (
    *_BUSY, *LOST, *TAKEN, *SLOW,
    Fault("401 for the key", "none", Says(401, NO_CLIENT)),
    Fault("400 for the key", "none", Says(400, NO_CLIENT)),
    Fault("a token that is none", "none", Says(200, b'{"access_token": "a b", "expires_in": 3599}')),
    Fault("a token of somebody else", "none", Says(200, b'{"access_token": "x", "expires_in": 3599}')),
    *(Fault(f"a token that lives for {life}", "all", Bent(life.encode())) for life in ("-1", "0", "null", "1e308", '"x"', "NaN")),
)  # fmt: skip

# Instead of a connection that can be used.
CONNECTS = (
    Fault("reset when connecting", "none", Reset()),
    Fault("closed when connecting", "none", Close()),
    Fault("spoken to when connecting", "none", Blurts(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")),
)


SEND: Final = "messages:send"
LISTING: Final = "messages"
APP: Final = "APP"
TOKEN: Final = "token"


class FaultProxy:
    """Between a caller and ``upstream`` (an address). A script goes before chance, and touches sends alone.

    ``phase`` names a request by its bytes; each fault is counted under its own name, and in ``met`` under that of the phase, too.
    """

    def __init__(self, upstream: str, seed: int = 0, phase: Callable[[bytes], str] = lambda request: "") -> None:
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._phase = phase
        self._random = random.Random(seed)
        self._script: deque[Fault | None] = deque()
        self._chances: dict[str, tuple[float, Sequence[Fault]]] = {SEND: (0.0, ())}
        self._no_connection = 0.0
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._own_port = 0
        self.happened: Counter[str] = Counter()
        self.met: Counter[tuple[str, str]] = Counter()
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

    def chance(self, probability: float, faults: Sequence[Fault], *places: str) -> None:
        """From now on one of ``faults`` befalls each request to these places, else each send, with this probability.

        A place is the last part of a path.
        """
        self._chances |= dict.fromkeys(places or (SEND,), (probability, faults))

    def no_connection(self, probability: float) -> None:
        """From now on one of ``CONNECTS`` befalls each connection with this probability."""
        self._no_connection = probability

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
            if self._random.random() < self._no_connection:
                fault = self._random.choice(CONNECTS)
                self._count("connecting", fault)
                await _show(fault.shown, b"", reader, writer)
                return
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
        fault = self._next(place) if (place := place_of(request)) in self._chances else None
        if fault is None:
            writer.write(await self._forward(request))
            await writer.drain()
            return True
        self._count(self._phase(request), fault)
        answer = await self._forward_some(request, fault)
        return await _show(fault.shown, answer, reader, writer)

    def _count(self, phase: str, fault: Fault) -> None:
        self.happened[fault.name] += 1
        self.met[phase, fault.name] += 1

    def _next(self, place: str) -> Fault | None:
        probability, faults = self._chances[place]
        if self._script and place == SEND:
            fault = self._script.popleft()
        else:
            fault = self._random.choice(faults) if self._random.random() < probability else None
        self.passed += fault is None and place == SEND
        return fault

    async def _forward_some(self, request: bytes, fault: Fault) -> bytes:
        if fault.arrives == "all":
            return await self._forward(request)
        if fault.arrives != "none":
            _, upstream = await asyncio.open_connection(self._host, self._port)
            upstream.write(request[: int(len(request) * CUTS[fault.arrives])])
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


def place_of(request: bytes) -> str:
    """The last part of its path."""
    return request.split(b" ", 2)[1].split(b"?")[0].rpartition(b"/")[2].decode()


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
        case Says(status, body, retry_after, more):
            more += f"Retry-After: {retry_after}\r\n" if retry_after else ""
            head = f"HTTP/1.1 {status} Fault\r\nContent-Length: {len(body)}\r\n{more}\r\n"
            writer.write(head.encode() + body)
        case Blurts(said):
            writer.write(said)
            await writer.drain()
            return False
        case Drips(every_s):
            await _drip(answer, every_s, writer)
            return False
        case Bent(life):
            writer.write(_bent(answer, life))
    await writer.drain()
    return True


async def _drip(answer: bytes, every_s: float, writer: asyncio.StreamWriter) -> None:
    for byte in answer[:-1]:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(every_s)


def _bent(answer: bytes, life: bytes) -> bytes:
    body = re.sub(rb'("expires_in": ?)[^,}]+', rb"\g<1>" + life, answer.partition(HEAD_END)[2])
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One request or answer with its body, as it came."""
    head = await reader.readuntil(HEAD_END)
    length = next(
        (line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), b"0"
    )
    return head + await reader.readexactly(int(length))


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
