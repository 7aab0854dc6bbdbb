"""The wired server: what it starts with, what it answers to webhooks that are wrong, how it stops."""

import asyncio
import gc
import io
import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.app import serve
from bot.config import Config
from bot.errors import Misconfigured
from bot.sinch.emulator import DEFAULT_TRIGGERS, Emulator, Fault, FaultKind
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.signatures import callback_headers, new_nonce
from bot.store.sqlite.audit import broken
from bot.store.sqlite.connection import socket_path
from bot.work.clock import RunningClock
from bot.work.rate import FAILURES_TO_OPEN
from tests.cli.conftest import ROOT, clean_environment
from tests.journeys.shop import APP, BEN, SECRET, Guest, config_for, serving
from tests.sinch.payloads import PAYLOADS

GOOD = """
rules:
  - name: welcome
    when: {says: [hi]}
    reply: {text: Good morning}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: Pardon?}
"""
BROKEN = """
rules:
  - name: welcome
    when: {say: [hi]}
    reply: {text: Good evening}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {txt: Pardon?}
"""
WITHIN_S = 30.0


@dataclass
class Watch:
    """Wakes who waits for the emulator's truth to hold something."""

    entries: list[Json]
    changed: asyncio.Condition

    def told(self, entry: Json) -> None:
        self.entries.append(entry)
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._wake()))

    async def _wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, kind: str) -> None:
        async with asyncio.timeout(WITHIN_S), self.changed:
            await self.changed.wait_for(lambda: any(entry["kind"] == kind for entry in self.entries))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shop.yaml").write_text(GOOD, encoding="utf-8")
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


@pytest.fixture
def watch() -> Watch:
    return Watch([], asyncio.Condition())


@pytest.fixture
async def emulator(watch: Watch) -> AsyncIterator[Emulator]:
    running = Emulator(listener=watch.told)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def config(emulator: Emulator, database: Path, rules: Path) -> Config:
    return config_for(emulator.url, database, rules)


@pytest.fixture
def memory() -> Iterator[None]:
    """A server tunes the garbage collector of its process, which is this one."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def guest_of(emulator: Emulator, url: str) -> Guest:
    """A customer of the server at ``url``."""
    emulator.webhook(f"{url}/webhooks/sinch", SECRET, DEFAULT_TRIGGERS, APP)
    return Guest(emulator.person(BEN, APP))


async def ready(session: ClientSession, url: str) -> tuple[int, dict[str, Any]]:
    async with session.get(f"{url}/readyz") as answer:
        found: dict[str, Any] = await answer.json()
        return answer.status, found


def rows(database: Path, question: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


# --- starting -----------------------------------------------------------------------------------------------------------


async def test_a_server_that_is_well_says_so(config: Config, session: ClientSession) -> None:
    async with serving(config, RunningClock()) as (_, url):
        async with session.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "alive\n")
            assert "Server" not in answer.headers
        assert await ready(session, url) == (200, {"ready": True, "problems": [], "remarks": []})


async def test_sinch_being_down_is_told(config: Config, session: ClientSession) -> None:
    clock = RunningClock()
    async with serving(config, clock) as (app, url):
        for _ in range(FAILURES_TO_OPEN):
            app.sender._circuit.failed(clock.now())
        status, told = await ready(session, url)
        assert (status, told["problems"]) == (200, [])  # webhooks are recorded all the same
        (remark,) = told["remarks"]
        assert remark.startswith("Sinch cannot be reached")


async def test_broken_rules_at_start_leave_the_last_good_ones_in_service(
    config: Config, rules: Path, emulator: Emulator, session: ClientSession
) -> None:
    async with serving(config, RunningClock()):
        pass
    (rules / "shop.yaml").write_text(BROKEN, encoding="utf-8")
    async with serving(config, RunningClock()) as (app, url):
        assert await guest_of(emulator, url).asks("hi") == "Good morning"
        status, told = await ready(session, url)
        assert (status, told["ready"], len(told["remarks"])) == (200, True, 2)
        assert all("not live" in remark and "shop.yaml:" in remark for remark in told["remarks"])
        assert app.rules.live.version == 1
    (rules / "shop.yaml").write_text(GOOD.replace("morning", "afternoon"), encoding="utf-8")
    async with serving(config, RunningClock()) as (app, url):
        assert (await ready(session, url))[1]["remarks"] == []
        assert app.rules.live.version == 2


async def test_broken_rules_without_an_earlier_rulebook_are_refused_with_every_problem(
    config: Config, rules: Path
) -> None:
    (rules / "shop.yaml").write_text(BROKEN, encoding="utf-8")
    with pytest.raises(Misconfigured) as refused:
        async with serving(config, RunningClock()):
            pass
    assert "shop.yaml:4:12: " in str(refused.value)
    assert "shop.yaml:8:13: " in str(refused.value)
    (rules / "shop.yaml").write_text(GOOD, encoding="utf-8")
    async with serving(config, RunningClock()):  # the database was let go
        pass


async def test_a_second_server_on_the_same_database_is_refused(config: Config, session: ClientSession) -> None:
    async with serving(config, RunningClock()) as (_, url), asyncio.timeout(WITHIN_S):
        with pytest.raises(Misconfigured, match="Another Parley is already using the database"):
            await serve(config, RunningClock(), asyncio.Event(), lambda url: None)
        assert (await ready(session, url))[0] == 200


async def test_a_taken_port_is_told_and_the_database_let_go(config: Config, memory: None) -> None:
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        with pytest.raises(Misconfigured, match=f"Port {port} on 127.0.0.1"):
            await serve(config.model_copy(update={"port": port}), RunningClock(), asyncio.Event(), lambda url: None)
    until, addresses = asyncio.Event(), list[str]()

    def started(address: str) -> None:
        addresses.append(address)
        until.set()

    async with asyncio.timeout(WITHIN_S):
        await serve(config, RunningClock(), until, started)
    assert addresses[0].startswith("http://127.0.0.1:")


async def test_a_server_that_stops_is_not_ready(config: Config, session: ClientSession) -> None:
    async with serving(config, RunningClock()) as (app, url):
        app.health.stop()
        status, told = await ready(session, url)
        assert (status, told["problems"]) == (503, ["The server is stopping."])


async def test_a_worker_that_died_is_told(config: Config, session: ClientSession) -> None:
    async with serving(config, RunningClock()) as (app, url):
        app.health.worker_died("outbox")
        status, told = await ready(session, url)
        assert (status, told["ready"]) == (503, False)
        assert "outbox" in told["problems"][0]


# --- webhooks that are wrong --------------------------------------------------------------------------------------------


def signed(body: bytes, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    timestamp = str(int((at or datetime.now(UTC)).timestamp()))
    return callback_headers("sinch", secret, body, new_nonce(), timestamp)


async def posted(session: ClientSession, url: str, body: Any, headers: dict[str, str]) -> int:
    async with session.post(f"{url}/webhooks/sinch", data=body, headers=headers) as answer:
        assert (answer.status == 503) == ("Retry-After" in answer.headers)
        return answer.status


async def test_what_is_not_authentic_is_refused_and_not_stored(
    config: Config, session: ClientSession, database: Path
) -> None:
    body = PAYLOADS["text"]
    async with serving(config, RunningClock()) as (_, url):
        for headers in (
            {},
            signed(body, "another secret"),
            signed(body + b" "),
            {**signed(body), "x": "y"} | signed(b""),
        ):
            assert await posted(session, url, body, headers) == 401
        assert rows(database, "SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM refused)") == [(0, 0)]
        assert await posted(session, url, body, signed(body)) == 200
        assert rows(database, "SELECT count(*) FROM inbox") == [(1,)]


async def test_what_is_authentic_but_stale_is_refused_and_kept(
    config: Config, session: ClientSession, database: Path
) -> None:
    body, now = PAYLOADS["text"], datetime.now(UTC)
    async with serving(config, RunningClock()) as (_, url):
        for at in (now - timedelta(seconds=310), now + timedelta(seconds=330)):
            assert await posted(session, url, body, signed(body, at=at)) == 401
        assert await posted(session, url, body, signed(body, at=now - timedelta(seconds=250))) == 200
    assert rows(database, "SELECT raw FROM refused") == [(body,), (body,)]


async def test_both_secrets_count_while_one_is_changed(config: Config, session: ClientSession) -> None:
    body = PAYLOADS["text"]
    rotating = Config(**{**config.model_dump(), "webhook_secrets": f"a new secret, {SECRET}"})
    async with serving(rotating, RunningClock()) as (_, url):
        assert await posted(session, url, body, signed(body)) == 200
        assert await posted(session, url, body, signed(body, "a new secret")) == 200
        assert await posted(session, url, body, signed(body, "an old secret")) == 401


async def test_too_large_and_compressed_bodies(config: Config, session: ClientSession, database: Path) -> None:
    async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    most = b'{"x":"' + b"x" * (1024 * 1024 - 8) + b'"}'
    async with serving(config, RunningClock()) as (_, url):
        assert await posted(session, url, io.BytesIO(most + b" "), signed(most + b" ")) == 413
        assert await posted(session, url, in_chunks(most + b" "), signed(most + b" ")) == 413
        assert await posted(session, url, b"x", {**signed(b"x"), "Content-Encoding": "gzip"}) == 415
        assert rows(database, "SELECT count(*) FROM inbox") == [(0,)]
        assert await posted(session, url, in_chunks(most), signed(most)) == 200


async def test_a_locked_database_is_our_trouble_and_nothing_is_lost(
    config: Config, session: ClientSession, emulator: Emulator, database: Path
) -> None:
    async with serving(config, RunningClock()) as (_, url):
        ben = guest_of(emulator, url)
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await ben.says("hi")
            assert rows(database, "SELECT count(*) FROM inbox") == [(0,)]
            async with session.get(f"{url}/readyz") as answer:
                assert answer.status == 503
                assert "database" in await answer.text()
            other.execute("ROLLBACK")
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 200
        assert emulator.retries_waiting == 1
        emulator.advance(seconds=5)
        assert (await ben.reads()).shown.text == "Good morning"


# --- the real process ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def process(emulator: Emulator, folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``run.py serve``, and where it answers; killed at the end where it still runs."""
    settings = {
        "SINCH_PROJECT_ID": "shop",
        "SINCH_APP_ID": APP,
        "SINCH_KEY_ID": "key",
        "SINCH_KEY_SECRET": "key secret",
        "SINCH_WEBHOOK_SECRET": SECRET,
        "SINCH_API_URL": emulator.url,
        "SINCH_AUTH_URL": emulator.url,
        "PORT": "0",
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "run.py"),
        "serve",
        cwd=folder,
        env=clean_environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert running.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            line = (await running.stdout.readline()).decode()
        assert line.startswith("Parley answers at http://127.0.0.1:"), line
        yield running, line.split()[-1].rstrip(".")
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def until_gone(path: Path) -> None:
    """Return when the file is no longer there."""
    async with asyncio.timeout(WITHIN_S):
        while await asyncio.to_thread(path.exists):
            pass


async def test_sigterm_lets_a_send_in_flight_end(
    emulator: Emulator, watch: Watch, rules: Path, tmp_path: Path, database: Path
) -> None:
    async with process(emulator, tmp_path) as (running, url):
        ben = guest_of(emulator, url)
        emulator.faults.script(Fault(FaultKind.SLOW, seconds=600))
        await ben.says("hi")
        await watch.until("accepted")
        running.send_signal(signal.SIGTERM)
        await until_gone(socket_path(database))  # it listens no more, and only waits for its sends
        emulator.advance(seconds=601)
        async with asyncio.timeout(WITHIN_S):
            out, err = await running.communicate()
        assert (running.returncode, out) == (0, b"Parley has stopped.\n"), err
    assert (await ben.reads()).shown.text == "Good morning"
    assert rows(database, "SELECT outcome FROM attempt") == [("sent",)]
    with closing(sqlite3.connect(database)) as connection:
        assert list(broken(connection)) == []


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux to take a running process its disk space")
async def test_a_full_disk_is_our_trouble_and_the_same_process_goes_on(
    emulator: Emulator, session: ClientSession, rules: Path, tmp_path: Path, database: Path
) -> None:
    async with process(emulator, tmp_path) as (running, url):
        ben = guest_of(emulator, url)
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (0, unlimited))
        assert await posted(session, url, PAYLOADS["text"], signed(PAYLOADS["text"])) == 503
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        assert await posted(session, url, PAYLOADS["text"], signed(PAYLOADS["text"])) == 200
        assert await ben.asks("hi") == "Good morning"
    with closing(sqlite3.connect(database)) as connection:
        assert list(broken(connection)) == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
