"""The systems behind the workshop: they hold its repairs and take its bookings, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.journeys.shop import PATIENCE_S

REPAIR = {"status": "in work", "ready_on": "Friday", "internal": "no business of customers"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Backend:
    """``/repairs/…`` answers ``answer``, ``/bookings`` a number, ``/silent/…`` nothing.

    While ``may_answer`` is clear nobody is answered.
    """

    place: str = ""
    answer: tuple[int, str | Mapping[str, Any]] = (200, REPAIR)
    asked: list[Asked] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def is_asked(self, times: int = 1) -> None:
        """Return once that many requests have come."""
        async with asyncio.timeout(PATIENCE_S), self._came:
            await self._came.wait_for(lambda: len(self.asked) >= times)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """What a request gets."""
        body = await request.json() if request.method == "POST" else {}
        async with self._came:
            self.asked.append(Asked(request.method, request.path, body))
            self._came.notify_all()
        if request.path.startswith("/silent/"):
            await self.over.wait()
        await self.may_answer.wait()
        if request.path == "/bookings":
            return web.json_response({"number": 41}, status=201)
        status, said = self.answer
        return (
            web.Response(status=status, text=said) if isinstance(said, str) else web.json_response(said, status=status)
        )


@asynccontextmanager
async def working_backend() -> AsyncIterator[Backend]:
    """It answers until the end."""
    backend = Backend()
    backend.may_answer.set()
    runner = web.ServerRunner(web.Server(backend.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    backend.place = "{}:{}".format(*runner.addresses[0])
    try:
        yield backend
    finally:
        backend.over.set()
        backend.may_answer.set()
        await runner.cleanup()
