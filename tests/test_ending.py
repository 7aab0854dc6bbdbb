"""How a server ends: asked to by SIGTERM, or by itself where one of its parts is lost."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

import bot.app as app_module
import bot.web.health as health_module
from bot.app import App, open_app, serve
from bot.config import Config
from bot.errors import Failed
from bot.sinch.emulator import Emulator
from bot.sinch.emulator.signatures import callback_headers, new_nonce
from bot.store.sqlite.audit import broken
from bot.store.sqlite.writer import run_on
from bot.work.clock import RunningClock
from tests.journeys.shop import SECRET, config_for
from tests.sinch.payloads import PAYLOADS

WITHIN_S = 20.0
RULES = "rules: [{name: otherwise, when: {nothing_matched: true}, reply: {text: Pardon?}}]"
BODY = PAYLOADS["text"]


@dataclass
class Served:
    """A server in this process, as ``run.py serve`` runs it."""

    config: Config
    until: asyncio.Event = field(default_factory=asyncio.Event)
    parts: list[App] = field(default_factory=list)
    url: str = ""

    @property
    def app(self) -> App:
        return self.parts[-1]

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"{self.app.path.as_uri()}?mode=ro", uri=True)) as connection:
            assert list(broken(connection)) == []
            return connection.execute(question).fetchall()


@pytest.fixture
def config(tmp_path: Path, emulator: Emulator) -> Config:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
    return config_for(emulator.url, tmp_path / "parley.db", tmp_path / "rules")


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    running = Emulator()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def memory() -> Iterator[None]:
    """A server tunes the garbage collector of its process, which is this one."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.fixture
def served(config: Config, monkeypatch: pytest.MonkeyPatch, memory: None) -> Served:
    made = Served(config)

    async def opened(*arguments: Any) -> App:
        made.parts.append(await open_app(*arguments))
        return made.app

    monkeypatch.setattr(app_module, "open_app", opened)
    return made


@asynccontextmanager
async def running(served: Served) -> AsyncIterator[asyncio.Task[None]]:
    """Until the block ends, which finds it over."""
    started = asyncio.Event()

    def told(url: str) -> None:
        served.url = url
        started.set()

    async with asyncio.timeout(WITHIN_S):
        task = asyncio.create_task(serve(served.config, RunningClock(), served.until, told))
        await started.wait()
        yield task
        served.until.set()
        await asyncio.wait([task])


def head(length: int, body: bytes) -> bytes:
    timestamp = str(int(datetime.now(UTC).timestamp()))
    headers = callback_headers("sinch", SECRET, body, new_nonce(), timestamp)
    lines = ["POST /webhooks/sinch HTTP/1.1", "Host: parley", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


async def half_sent(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A webhook whose body is on its way."""
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head(len(BODY), BODY) + BODY[:10])
    await writer.drain()
    async with ClientSession() as session, session.get(f"{served.url}/healthz") as answer:
        assert answer.status == 200  # what was written before it has arrived as well
    return reader, writer


# --- asked to end -------------------------------------------------------------------------------------------------------


async def test_rules_that_are_still_being_approved_are_not_waited_for(
    child: None, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next start they are approved from the beginning."""
    program, begun = tmp_path / "python", tmp_path / "begun"
    os.mkfifo(begun)
    program.write_text(f"#!/bin/sh\necho $$ > '{begun}'\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    async with asyncio.timeout(WITHIN_S):
        task = asyncio.create_task(serve(served.config, RunningClock(), served.until, lambda url: None))
        process = int(await asyncio.to_thread(begun.read_text))
        served.until.set()
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    monkeypatch.undo()
    served.until.clear()
    async with running(served):  # the database was let go
        pass


async def test_a_request_that_is_open_is_answered_before_it_ends(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(served) as task:
        reader, writer = await half_sent(served)
        stopped = asyncio.Event()
        stop = served.app.health.stop

        def stops() -> None:
            stop()
            stopped.set()

        monkeypatch.setattr(served.app.health, "stop", stops)
        served.until.set()
        await stopped.wait()
        assert "The server is stopping." in await served.app.health.problems()
        writer.write(BODY[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        await task
    assert served.rows("SELECT state FROM inbox") in ([("decided",)], [("pending",)])


async def test_a_request_that_never_ends_is_waited_for_within_limits(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "DRAIN_S", 0.2)
    async with running(served) as task:
        reader, writer = await half_sent(served)
        served.until.set()
        await task
        assert await reader.read() == b""
        writer.close()
    assert served.rows("SELECT count(*) FROM inbox") == [(0,)]


async def test_what_is_recorded_while_it_ends_is_decided_at_the_next_start(served: Served) -> None:
    async with running(served):
        served.app.inbox.stop()
        reader, writer = await half_sent(served)
        writer.write(BODY[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
    assert served.rows("SELECT state FROM inbox") == [("pending",)], "nothing more was claimed"
    served.until = asyncio.Event()
    async with running(served):
        while (await served.app.store.counts()).inbox_pending:
            pass  # until somebody has decided it, or for too long
    assert served.rows("SELECT state FROM inbox") == [("decided",)]


async def test_a_worker_that_does_not_end_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "DRAIN_S", 0.2)
    async with running(served) as task:
        served.app.tasks.append(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type] # as one that waits for a store
        served.until.set()
        await task


# --- ending by itself ---------------------------------------------------------------------------------------------------


async def test_a_server_whose_database_connection_is_lost_ends_with_a_failure(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "LEAST_LIFE_S", 0.0)
    monkeypatch.setattr(app_module, "DRAIN_S", 0.2)
    async with running(served) as task:
        await run_on(served.app.store._writing, lambda connection: connection.close())  # type: ignore[attr-defined]
        with pytest.raises(Failed, match=r"its worker store.* died"):
            await task
    async with running(Served(served.config, parts=served.parts)):
        pass  # the lock was let go


async def test_a_server_of_which_a_worker_died_ends_with_a_failure_and_keeps_what_it_recorded(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "LEAST_LIFE_S", 0.0)
    async with running(served) as task:
        reader, writer = await half_sent(served)
        writer.write(BODY[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        served.app.health.worker_died("outbox")
        with pytest.raises(Failed, match="its worker outbox died"):
            await task
    assert served.rows("SELECT count(*) FROM inbox") == [(1,)]


async def test_one_of_which_a_worker_dies_young_goes_on_recording_for_a_while(served: Served) -> None:
    async with running(served) as task:
        served.app.health.worker_died("outbox")
        reader, writer = await half_sent(served)
        writer.write(BODY[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        async with ClientSession() as session, session.get(f"{served.url}/readyz") as answer:
            assert answer.status == 503
            assert "worker outbox has died" in await answer.text()
        assert not task.done()
        served.until.set()
        with pytest.raises(Failed):
            await task
