"""A bot that only listens: it keeps what it is sent and answers as told."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import orjson
from aiohttp import web

from bot.sinch.emulator.fields import Json


@dataclass(frozen=True, slots=True)
class Received:
    """One request; ``headers`` in lower case."""

    headers: dict[str, str]
    body: bytes
    path: str
    peer: object

    @property
    def json(self) -> Json:
        value = orjson.loads(self.body)
        assert isinstance(value, dict)
        return value


class Sink:
    """Listens on a free port; ``answers`` are the statuses of the next requests, 200 when used up, 0 for hanging up."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: deque[int] = deque()
        self._arrived = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self._runner = web.ServerRunner(web.Server(self._take))

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        self._open.set()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhook"

    def hold(self) -> None:
        """Answer nothing until ``let_go``."""
        self._open.clear()

    def let_go(self) -> None:
        self._open.set()

    async def until(self, count: int) -> list[Received]:
        """Wait for ``count`` requests in all."""
        async with asyncio.timeout(5):
            while len(self.received) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.received

    def statuses(self) -> list[str]:
        """The statuses of the delivery receipts, in the order they came."""
        reports = [
            each.json["message_delivery_report"] for each in self.received if b"message_delivery_report" in each.body
        ]
        return [str(report["status"]) for report in reports if isinstance(report, dict)]

    async def _take(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        peer = request.transport.get_extra_info("peername") if request.transport else None
        self.received.append(Received(headers, await request.read(), request.path, peer))
        self._arrived.set()
        await self._open.wait()
        status = self.answers.popleft() if self.answers else 200
        if status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 500)
