"""One whole life in the parent before it forks: what is imported late, compiled and read once is then there for every fork."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.app import serve
from bot.config import SERVER, read_config
from tests.kill.clock import FastClock
from tests.kill.driver import EVERYTHING, Driver
from tests.kill.settings import RULES, environment, write_config

_SERVES_S = 0.3  # how many messages that is does not matter
_WITHIN_S = 20.0

Ready = Callable[[str], None]
Emulate = Callable[[asyncio.Event, Ready], Awaitable[None]]


def rehearse(emulate: Callable[[Path, FastClock], Emulate]) -> None:
    """Serve some messages and end. ``emulate`` makes who plays Sinch, in the folder and at the time that it is given."""
    clock = FastClock(datetime.now(UTC), 1.0)
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(RULES, folder / "shop")
        write_config(folder, "127.0.0.1:1")
        asyncio.run(_live(folder, clock, emulate(folder, clock)))


async def _live(folder: Path, clock: FastClock, emulate: Emulate) -> None:
    until = asyncio.Event()
    async with asyncio.timeout(_WITHIN_S), asyncio.TaskGroup() as tasks:
        sinch = await _started(tasks, emulate, until)
        config = read_config(folder, environment(folder, 0, sinch), needs=SERVER)
        server = await _started(tasks, lambda until, ready: serve(config, clock, until, ready), until)
        driver = Driver(f"{server}/webhooks/sinch", clock, 5, random.Random(1), EVERYTHING)
        async with driver.sending():
            await asyncio.sleep(_SERVES_S)
        until.set()


async def _started(tasks: asyncio.TaskGroup, part: Emulate, until: asyncio.Event) -> str:
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tasks.create_task(_run(part, until, address.set_result))
    return await address


async def _run(part: Emulate, until: asyncio.Event, ready: Ready) -> None:
    await part(until, ready)
