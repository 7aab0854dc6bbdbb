"""``/healthz``: the process is alive. ``/readyz``: it can do its work, and if not, why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from bot.errors import Failed, ParleyError
from bot.store.port import Store

LEAST_LIFE_S: Final = 60.0  # what breaks at every start must not keep webhooks from being recorded in between

log = structlog.get_logger()


class Health:
    """What keeps the server from being ready. ``remarks`` are what an operator should know although it works, ``shortages`` what else keeps
    it from taking work."""

    def __init__(
        self, store: Store, remarks: Callable[[], Sequence[str]], shortages: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._store = store
        self._shortages = shortages
        self.remarks = remarks  # sentences that an operator should know, though the server is ready
        self._dead_workers: list[str] = []
        self._stopping = False
        self._broken = asyncio.Event()
        self._born_at = time.monotonic()

    def stop(self) -> None:
        """From now on not ready: the balancer should look elsewhere."""
        self._stopping = True

    def worker_died(self, name: str) -> None:
        """A task that must never end has ended."""
        self._dead_workers.append(name)
        self._broken.set()

    def watched(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A worker; when it dies, the server says so, is not ready any more, and ends."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and task.exception() is not None:
                log.error("worker_died", worker=name, exc_info=task.exception())
                self.worker_died(name)

        task = asyncio.create_task(work, name=name)
        task.add_done_callback(ended)
        return task

    async def until_over(self, until: asyncio.Event) -> None:
        """Return when ``until`` is set, or when a worker died: it cannot be mended from within, so whoever watches over this process starts
        another. One that dies young is waited for, since what is recorded in the meantime is not lost."""
        waits = [asyncio.create_task(each.wait()) for each in (until, self._broken)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            left_s = LEAST_LIFE_S - (time.monotonic() - self._born_at)
            if not until.is_set() and left_s > 0:
                await asyncio.wait(waits[:1], timeout=left_s)
        finally:
            for wait in waits:
                wait.cancel()

    def check(self) -> None:
        """Raises ``Failed`` where a worker has died."""
        if self._dead_workers:
            names = ", ".join(self._dead_workers)
            raise Failed(f"The server ended because of a mistake in Parley: its worker {names} died. Start it again.")

    async def problems(self) -> list[str]:
        """Sentences; none means ready."""
        found = ["The server is stopping."] if self._stopping else []
        found += [f"The worker {name} has died; the server ends within a minute." for name in self._dead_workers]
        found += self._shortages()
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
