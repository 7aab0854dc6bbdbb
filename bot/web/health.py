"""``/healthz``: the process is alive. ``/readyz``: it can do its work, and if not, why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from aiohttp import web

from bot.errors import ParleyError
from bot.store.port import Store


class Health:
    """What keeps the server from being ready. ``remarks`` are what an operator should know although it works."""

    def __init__(self, store: Store, remarks: Callable[[], Sequence[str]]) -> None:
        self._store = store
        self.remarks = remarks  # sentences that an operator should know, though the server is ready
        self._dead_workers: list[str] = []
        self._stopping = False

    def stop(self) -> None:
        """From now on not ready: the balancer should look elsewhere."""
        self._stopping = True

    def worker_died(self, name: str) -> None:
        """A task that must never end has ended."""
        self._dead_workers.append(name)

    async def problems(self) -> list[str]:
        """Sentences; none means ready."""
        found = ["The server is stopping."] if self._stopping else []
        found += [f"The worker {name} has died; restart the server." for name in self._dead_workers]
        try:
            await self._store.probe()
        except ParleyError as trouble:
            found.append(str(trouble))
        return found


def health_routes(health: Health) -> list[web.RouteDef]:
    """The two routes."""

    async def alive(request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(request: web.Request) -> web.Response:
        problems = await health.problems()
        answer = {"ready": not problems, "problems": problems, "remarks": list(health.remarks())}
        return web.Response(body=orjson.dumps(answer), status=503 if problems else 200, content_type="application/json")

    return [web.get("/healthz", alive), web.get("/readyz", ready)]
