"""The shop's own system, which rules ask: a real server on loopback that remembers every request, also those it never answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.oracle_later import Asked

_SLOW_S = 0.25  # at most, every third answer: long enough for people to write meanwhile
_FAULT = 0.1  # how often it answers that it is broken, or knows of nothing


class Backend:
    """``asked`` is what arrived, in order."""

    def __init__(self, dice: random.Random) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._dice = dice
        self._left = 0
        self._then: Callable[[], None] | None = None
        self._never = asyncio.Event()

    def at(self, visit: int, then: Callable[[], None]) -> None:
        """Call ``then`` when the ``visit``-th request from now has arrived, and answer neither that one nor those after it."""
        self._left, self._then = visit, then

    def answer_again(self) -> None:
        """From now on every request is answered."""
        self._left, self._then = 0, None

    async def answer(self, request: web.Request) -> web.Response:
        """Remember it, then answer; well, as a rule."""
        body = await request.json() if request.method == "POST" else {}
        self.asked.append(Asked(request.method, str(request.url), body))
        if self._then is not None:
            self._left -= 1
            if self._left == 0:
                self._then()
            if self._left <= 0:
                await self._never.wait()  # until whoever asked is no more
        if self._dice.random() < 1 / 3:
            await asyncio.sleep(self._dice.random() * _SLOW_S)
        if self._dice.random() < _FAULT:
            return web.Response(status=self._dice.choice((404, 500)))
        return web.json_response({"status": "shipped", "receipt": f"R{len(self.asked)}"})


@asynccontextmanager
async def backend(dice: random.Random) -> AsyncIterator[Backend]:
    """One that answers until the block ends."""
    found = Backend(dice)
    application = web.Application()
    application.router.add_route("*", "/{what:.*}", found.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        found.url = f"http://{host}:{port}"
        yield found
    finally:
        await runner.cleanup()
