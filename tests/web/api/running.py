"""The real server with an emulated Sinch, on an event loop of its own in a thread, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from bot.cli.running import templates_of
from bot.sinch.emulator import DEFAULT_TRIGGERS, Emulator, EmulatorSettings
from bot.web.api.keys import make_key
from bot.work.clock import RunningClock
from tests.journeys.shop import ANNA, APP, BEN, RULES, SECRET, config_for, serving

TEMPLATE = {"name": "order_shipped", "values": {"first_name": "Åsa", "order_number": "12345678"}}
PLANNED = 5
OTHERS = ("+46701740610", "+447700900110")  # whom nobody erases meanwhile


@dataclass(frozen=True)
class Running:
    """Where it answers, and a key that may everything. ``people`` wrote a moment ago, so their windows are open.

    ``messages`` and ``campaigns``: ids of some that are planned for next month. ``narrow`` is a key that may only read.
    """

    url: str
    key: str
    people: tuple[str, ...]
    messages: tuple[str, ...]
    campaigns: tuple[str, ...]
    narrow: str
    emulator: Emulator

    def accepted(self, words: str) -> int:
        """How many messages with these words Sinch took."""
        return sum(
            words in str(entry["shown"]) for entry in list(self.emulator.truth.entries) if entry["kind"] == "accepted"
        )


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """The sample shop, served."""
    ready: Future[Running] = Future()
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(folder, ready, over),))
    thread.start()
    try:
        yield ready.result(timeout=30)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(timeout=30)
        assert not thread.is_alive()
        loop.close()


async def _serve(folder: Path, ready: Future[Running], over: asyncio.Event) -> None:
    try:
        async with AsyncExitStack() as stack:
            settings = EmulatorSettings(app_id=APP, project_id="shop", templates=templates_of(RULES))
            emulator = Emulator(settings)
            await emulator.start()
            stack.push_async_callback(emulator.stop)
            clock = RunningClock()
            app, url = await stack.enter_async_context(serving(config_for(emulator.url, folder / "shop.db"), clock))
            emulator.webhook(f"{url}/webhooks/sinch", SECRET, DEFAULT_TRIGGERS, APP)
            people = (ANNA, BEN)
            for identity in people:
                await emulator.person(identity, APP).says("hi")
            key = await make_key(app.store, "all", ["admin"], clock.now())
            async with ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
                messages = [await _made(session, f"{url}/v1/messages", _message()) for _ in range(PLANNED)]
                campaigns = [await _made(session, f"{url}/v1/campaigns", _campaign()) for _ in range(PLANNED)]
            narrow = await make_key(app.store, "narrow", ["read"], clock.now())
            names = tuple(f"+{each}" for each in people)
            ready.set_result(Running(url, key, names, tuple(messages), tuple(campaigns), narrow, emulator))
            await over.wait()
            await emulator.settled()
    except BaseException as error:
        if not ready.done():
            ready.set_exception(error)
        raise


def _message() -> dict[str, Any]:
    return {"to": OTHERS[0], "template": TEMPLATE, "send_at": {"after": "30 days"}}


def _campaign() -> dict[str, Any]:
    return {"template": TEMPLATE, "recipients": [{"to": each} for each in OTHERS], "send_at": {"after": "30 days"}}


async def _made(session: ClientSession, address: str, body: dict[str, Any]) -> str:
    async with session.post(address, json=body) as response:
        assert response.status in (201, 202), await response.text()
        return str((await response.json())["id"])
