"""The office behind the shop: it sends by the API, runs a campaign, and listens to what it is told; each over real HTTP, again and again.

A request that was not answered is repeated with its Idempotency-Key, as docs/api.md says. What it is told counts once its signature holds.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from standardwebhooks import Webhook

_PAUSE_S = 0.02
_AGAIN_S = 0.05
_REFUSES = 0.05  # how often it answers that it is broken


class Office:
    """``placed``: the id that each key was answered with; ``told``: how often each event came, by its id."""

    def __init__(self, server: str, key: str, dice: random.Random) -> None:
        self.placed: dict[str, str] = {}
        self.other_answers: list[str] = []
        self.told: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.url = ""
        self.secret = ""
        self._server = server
        self._headers = {"Authorization": f"Bearer {key}"}
        self._dice = dice
        self._serial = 0
        self._refused: set[str] = set()

    async def asks(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = ""
    ) -> dict[str, Any]:
        """The answer, asking until there is one; anything but 2xx is a failure of the test."""
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        while True:
            try:
                async with (
                    aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
                    session.request(method, self._server + path, json=body, headers=headers) as answer,
                ):
                    found: dict[str, Any] = await answer.json(content_type=None) or {}
                    if answer.status < 300:
                        return found
                    assert answer.status == 503, (answer.status, found)
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # killed meanwhile: nothing is known, so it is asked again
            await asyncio.sleep(_AGAIN_S)

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send messages until the block ends; the last one may be left without an answer."""
        worker = asyncio.create_task(self._work())
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    async def finish(self) -> None:
        """Repeat what was left without an answer, and some that were answered: they must be answered the same."""
        for number in range(1, self._serial + 1):
            key = f"order-{number}"
            if key not in self.placed or number % 7 == 0:
                await self._send(number)

    async def hears(self, request: web.Request) -> web.Response:
        """What it subscribed to."""
        body = await request.read()
        if not self._is_signed(request, body):
            return web.Response(status=401)
        found = orjson.loads(body)
        id_ = request.headers["webhook-id"]
        if id_ not in self._refused and self._dice.random() < _REFUSES:
            self._refused.add(id_)  # once: what is refused again and again waits for hours
            return web.Response(status=500)
        self.told[id_] += 1
        self.kinds[found["type"]] += 1
        return web.Response(status=204)

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        """As ``Webhook.verify``, but for the age: the server's time runs faster than this process's."""
        sent_at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        signature = Webhook(self.secret).sign(request.headers["webhook-id"], sent_at, body.decode())
        return signature in request.headers["webhook-signature"].split()

    async def _work(self) -> None:
        while True:
            self._serial += 1
            await self._send(self._serial)
            await asyncio.sleep(self._dice.random() * _PAUSE_S)

    async def _send(self, number: int) -> None:
        key = f"order-{number}"
        body = {
            "to": f"+4673{number % 40:07d}",
            "template": {"name": "order_packed", "values": {"number": str(number)}},
        }
        answer = await self.asks("POST", "/v1/messages", body, key)
        if self.placed.setdefault(key, answer["id"]) != answer["id"]:
            self.other_answers.append(key)


@asynccontextmanager
async def office(server: str, key: str, dice: random.Random) -> AsyncIterator[Office]:
    """One that listens until the block ends."""
    found = Office(server, key, dice)
    application = web.Application()
    application.router.add_post("/told", found.hears)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        found.url = f"http://{host}:{port}/told"
        yield found
    finally:
        await runner.cleanup()
