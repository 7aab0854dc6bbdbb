"""Clients that speak to a server byte by byte, as no library would."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from bot.web.crowd import Crowd, Limits
from bot.web.guard import hide_server, runner_of

WITHIN_S = 20.0  # a bound for what should take a moment
FINE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Raw:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        """Write it without waiting."""
        self.writer.write(data)

    async def rest(self) -> bytes:
        """All that comes until the server hangs up."""
        found = bytearray()
        async with asyncio.timeout(WITHIN_S):
            with suppress(ConnectionError):
                while chunk := await self.reader.read(65536):
                    found += chunk
        return bytes(found)

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer that tells its length."""
        async with asyncio.timeout(WITHIN_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            return int(head[9:12]), await self.reader.readexactly(int(length[1]) if length else 0)

    def close(self) -> None:
        """Hang up at once."""
        self.writer.transport.abort()


@asynccontextmanager
async def connected(port: int, window: int | None = None) -> AsyncIterator[Raw]:
    """A connection; with ``window`` no more than about so many bytes are on their way to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=window or 2**16)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


async def told(port: int, request: bytes) -> bytes:
    """Everything that the server says to ``request`` until it hangs up. One that waits for more is told that there is none."""
    async with connected(port) as raw:
        with suppress(ConnectionError):
            raw.send(request)
            await raw.writer.drain()
        return await raw.rest()


def status(said: bytes) -> int:
    """Of the first answer; 0 where there is none."""
    return int(said[9:12]) if said.startswith(b"HTTP/1.") else 0


async def until(is_so: Callable[[], bool]) -> None:
    """Until that is so."""
    async with asyncio.timeout(WITHIN_S):
        while not is_so():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.005)


@dataclass
class Served:
    """A small application behind the guards."""

    port: int
    crowd: Crowd
    runner: web.AppRunner
    go_on: asyncio.Event
    at_work: asyncio.Semaphore

    async def until(self, why: str, times: int = 1) -> None:
        """Until so many were turned away for that."""
        await until(lambda: self.crowd.refused[why] >= times)


@asynccontextmanager
async def served(limits: Limits, shutdown_s: float = 5.0) -> AsyncIterator[Served]:
    """``/`` answers, ``/echo`` tells a body's length, ``/large`` is large, ``/wait`` waits for ``go_on``, ``/broken`` is a mistake."""
    app = web.Application(client_max_size=4 * 1024 * 1024)
    hide_server(app)
    runner = runner_of(app, shutdown_s, limits)
    serving = Served(0, runner.crowd, runner, asyncio.Event(), asyncio.Semaphore(0))
    app.add_routes(_routes(serving))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        serving.port = runner.addresses[0][1]
        yield serving
    finally:
        serving.go_on.set()
        await runner.cleanup()


def _routes(serving: Served) -> list[web.RouteDef]:
    async def fine(request: web.Request) -> web.Response:
        return web.Response(text="fine")

    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async def large(request: web.Request) -> web.Response:
        return web.Response(body=bytes(16 * 1024 * 1024))

    async def wait(request: web.Request) -> web.Response:
        serving.at_work.release()
        await serving.go_on.wait()
        return web.Response(text=str(len(await request.read())))

    async def broken(request: web.Request) -> web.Response:
        raise ZeroDivisionError("a secret of ours")

    return [
        web.get("/", fine),
        web.post("/echo", echo),
        web.get("/large", large),
        web.get("/wait", wait),
        web.post("/wait", wait),
        web.get("/broken", broken),
    ]
