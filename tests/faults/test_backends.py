"""Backends that are called, and those that are told, through the fault proxy, whatever the network and the backend do: a POST of a rule is
made once at most, every call ends, and a callback comes at least once.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web

from bot.core.event import CallAnswered
from bot.net import GuardedClient
from bot.store.sqlite import SqliteStore, open_store
from bot.store.sqlite.audit import broken
from bot.store.subscriptions import CallbackDone, Starting
from bot.work.callbacks import Deliverer
from bot.work.calls import Caller
from tests.faults.proxy import EVERY, REJECTIONS, SEND, UNPROVED, Fault, FaultProxy, Says
from tests.faults.road import person
from tests.store.making import CALL, NOON, Seen, answers, asks, wrote
from tests.work.still import StillClock

LIMIT_S = 1.5
FAULTS = (*EVERY, *REJECTIONS, *UNPROVED)


@dataclass
class Backend:
    """Takes whatever comes; ``arrived`` counts by path, ``told`` by ``webhook-id``. ``proxy`` stands before it."""

    proxy: FaultProxy = field(init=False)
    arrived: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)

    async def take(self, request: web.Request) -> web.Response:
        await request.read()
        self.arrived[request.path] += 1
        self.told[request.headers.get("webhook-id", "")] += 1
        return web.json_response({"status": "on its way"})


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", backend.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    backend.proxy = FaultProxy(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await backend.proxy.start()
    yield backend
    await backend.proxy.stop()
    await runner.cleanup()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "parley.db", app="APP")
    yield store
    await store.close()


def allowed(backend: Backend) -> tuple[str]:
    return (backend.proxy.url.removeprefix("http://"),)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_call_is_made_as_often_as_it_may_be_and_always_ends(
    store: SqliteStore, tmp_path: Path, backend: Backend, method: Literal["POST", "GET"]
) -> None:
    calls = [
        replace(CALL, method=method, url=f"{backend.proxy.url}/{number}/{SEND}", body={}, timeout_s=LIMIT_S)
        for number in range(len(FAULTS))
    ]
    backend.proxy.script(*FAULTS)
    ended = asyncio.Semaphore(0)
    async with AsyncExitStack() as stack:
        client = GuardedClient(allowed(backend))
        stack.push_async_callback(client.close)
        caller = Caller(store, client, StillClock(NOON), ended.release)
        for number, call in enumerate(calls):
            await store.record([wrote("track", person(number))], NOON)
            await store.decide_ready(1, NOON, asks(call))
        task = asyncio.create_task(caller.run())
        async with asyncio.timeout(20):
            for _ in calls:
                await ended.acquire()
            await caller.drain(5)
            await task
    seen = Seen()
    await store.decide_ready(len(calls), NOON, seen)
    outcomes = [event.outcome for event in seen.events if isinstance(event, CallAnswered)]
    assert len(outcomes) == len(calls), "each has one answer"
    assert backend.proxy.happened.total() >= len(FAULTS)
    # aiohttp asks once more, by itself, where a kept connection breaks under a GET; never under a POST.
    assert max(backend.arrived.values()) <= (1 if method == "POST" else 2)
    assert outcomes.count("found") <= sum(fault.arrives == "all" for fault in FAULTS)
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert [each for each in broken(connection) if "rulebook" not in each] == []


class Finished:
    """The store's callbacks; ``over`` is released for each try that ended, ``taken`` counts those that were taken."""

    def __init__(self, store: SqliteStore) -> None:
        self._callbacks = store.subscriptions
        self.over = asyncio.Semaphore(0)
        self.taken = 0

    async def start(self, limit: int, now: datetime) -> Starting:
        return await self._callbacks.start(limit, now)

    async def finish(self, done: CallbackDone, now: datetime) -> None:
        await self._callbacks.finish(done, now)
        self.taken += done.outcome == "taken"
        self.over.release()

    async def give_up(self, now: datetime) -> int:
        return await self._callbacks.give_up(now)


def lies(fault: Fault) -> bool:
    """A 2xx to what never arrived: whoever says so has it."""
    return fault.arrives != "all" and isinstance(fault.shown, Says) and fault.shown.status < 300


async def test_a_callback_comes_at_least_once(
    store: SqliteStore, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.work.callbacks.TIMEOUT_S", LIMIT_S)
    await store.subscriptions.create(f"{backend.proxy.url}/{SEND}", ("*",), "shop", "whsec_AAAA", NOON)
    clock, finished = StillClock(NOON), Finished(store)
    faults = [fault for fault in FAULTS if not lies(fault)]
    async with AsyncExitStack() as stack:
        client = GuardedClient(allowed(backend))
        stack.push_async_callback(client.close)
        deliverer = Deliverer(finished, client, clock)
        task = asyncio.create_task(deliverer.run())
        stack.push_async_callback(asyncio.wait, [task])
        stack.push_async_callback(deliverer.drain, 5)
        for number, fault in enumerate(faults):
            await store.record([wrote("hi", person(number), when=clock.now())], clock.now())
            await store.decide_ready(1, clock.now(), answers())
            await store.subscriptions.publish(10, lambda news: f'{{"news": {news.number}}}', clock.now())
            backend.proxy.script(fault)
            await until_taken(deliverer, clock, finished, number + 1)
    assert backend.proxy.happened == dict.fromkeys((fault.name for fault in faults), 1)
    assert len(backend.told) == len(faults), "each has arrived whole"
    assert sum(count > 1 for count in backend.told.values()) > 5, "and those that were not answered came again"


async def until_taken(deliverer: Deliverer, clock: StillClock, finished: Finished, count: int) -> None:
    """Time passes, up to three days, until so many events were taken."""
    for _ in range(12):
        deliverer.wake()
        async with asyncio.timeout(5):
            await finished.over.acquire()
        if finished.taken == count:
            return
        clock.advance(6 * 3600)
    raise AssertionError(f"{finished.taken} of {count} events were taken after three days")
