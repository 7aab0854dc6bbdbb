"""A server process whose every secret is a canary, what stands around it, and a look at everything that it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, web

from bot.sinch.emulator import DEFAULT_TRIGGERS, Emulator, EmulatorSettings, Person
from bot.sinch.emulator.signatures import callback_headers, new_nonce
from tests.bench.asking import free_port
from tests.faults.proxy import FaultProxy
from tests.privacy.canaries import Canaries, found

ROOT: Final = Path(__file__).parents[2]
APP, PROJECT = "01HPRIVACY000000000000000A", "privacy"
WITHIN_S: Final = 30.0
OURS: Final = ("parley.db",)
RULES: Final = """
settings: {{time_zone: Europe/Stockholm, languages: [en]}}
teams: [support]
connections:
  lost: {{url: "http://{place}/ask/{{{{word}}}}", results: [status], timeout: 2 s, secret: SHOP_TOKEN}}
rules:
  - name: named
    when: {{says: ["I am {{first_name}}"]}}
    reply: {{text: "Hello {{{{first_name}}}}"}}
    then: {{set: {{first_name: "{{{{first_name}}}}"}}, tell_backend: person.named}}
  - name: parcel
    when: {{says: ["parcel {{word}}"]}}
    call: lost
    reply:
      - {{if: found, text: "It is {{{{status}}}}."}}
      - {{text: "No word of {{{{word}}}}."}}
  - name: wish
    when: {{says: [wish]}}
    ask: {{wish: {{text: "What do you wish?", must_be: text}}}}
    reply: {{text: "So {{{{wish|that}}}} it is."}}
  - name: otherwise
    when: {{nothing_matched: true}}
    reply: {{text: "What?"}}
"""


@dataclass
class Place:
    """``heard`` are requests of strangers with what they were answered, ``happened`` counts what did."""

    folder: Path
    canaries: Canaries
    emulator: Emulator
    proxy: FaultProxy
    backend: str
    session: ClientSession
    environment: Mapping[str, str]
    url: str
    happened: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None
    key: str = ""
    lives: int = 0

    # --- the process

    async def start(self, *program: str) -> None:
        """A life of the server, ``run.py`` unless told otherwise, until it is ready."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, *(program or (str(ROOT / "run.py"),)), "serve"),
                cwd=self.folder,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.lives += 1
        await self.until("ready", self._is_ready)

    async def end(self, number: signal.Signals) -> int:
        """How it ended."""
        assert self.process is not None
        self.look()
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), WITHIN_S)

    async def command(self, *arguments: str, given: str = "") -> str:
        """What a command of ours prints; the operator's terminal may show whom it is about."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "run.py"), *arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(given.encode()), WITHIN_S)
        if process.returncode:
            self.broken.append(f"{arguments[0]} {arguments[1]} ended with {process.returncode}: {err.decode()[-300:]}")
        leaked = self.canaries.found_in(out + err, secrets_only=True)
        made = ["API key in part"] if arguments[:2] == ("keys", "create") else []
        self._note(f"what {arguments[0]} prints", [each for each in leaked if each not in made])
        return out.decode()

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Return once it is so. Raises with the end of the log where it never is."""
        until = time.monotonic() + WITHIN_S
        while not await holds():
            if time.monotonic() > until or (self.process is not None and self.process.returncode is not None):
                log = (self.folder / "server.log").read_text(errors="replace")[-2000:]
                raise AssertionError(f"never {what}; the log ends with:\n{log}")
            await asyncio.sleep(0.05)

    async def rests(self) -> None:
        """All that is recorded is decided, and all that was to leave has left."""
        open_ = "SELECT (SELECT count(*) FROM inbox WHERE state = 'pending') + (SELECT count(*) FROM outbox WHERE kind <> 'callback'"
        await self.until(
            "at rest", lambda: self._is_none(f"{open_} AND state IN ('queued', 'sending') AND not_before IS NULL)")
        )

    async def _is_ready(self) -> bool:
        try:
            async with self.session.get(f"{self.url}/readyz") as answer:
                self.heard.append(("GET /readyz", await answer.read()))
                return answer.status == 200
        except OSError:
            return False

    async def _is_none(self, question: str) -> bool:
        return self.rows(question) == [(0,)]

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(question, values).fetchall()

    @property
    def database(self) -> Path:
        return self.folder / "parley.db"

    # --- what is sent to it

    def person(self, number: str) -> Person:
        """Somebody with a phone."""
        return self.emulator.person(number, APP)

    async def posted(self, body: bytes, secret: str = "", age_s: int = 0) -> int:
        """A webhook, signed as Sinch does; the status."""
        stamp = str(int(time.time()) - age_s)
        signed = callback_headers("sinch", secret or self.canaries.secrets["webhook secret"], body, new_nonce(), stamp)
        status, answer = await self.ask("POST", "/webhooks/sinch", body, signed)
        self.heard.append(("a webhook", answer))
        return status

    async def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request as it is given; status 0 where nobody answered."""
        try:
            async with self.session.request(
                method, self.url + path, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, await answer.read()
        except (OSError, ValueError):
            return 0, b""

    async def api(
        self, method: str, path: str, body: object = None, key: str = "", **headers: str
    ) -> tuple[int, bytes]:
        """A request below ``/v1`` with a key; bytes are sent as they are."""
        named = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"} | headers
        content = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        return await self.ask(method, f"/v1{path}", content, named)

    async def asks_as_stranger(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        """The same without a key or login, remembered with what was said to it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, answer = await self.ask(method, path, body or None, named)
        self.heard.append((f"{method} {path} {body!r} {named}", answer))
        return status

    # --- what it leaves behind

    def look(self) -> None:
        """At everything that may hold nobody's words: while the process lives, at its arguments as well."""
        assert self.process is not None
        arguments = Path(f"/proc/{self.process.pid}/cmdline")
        if self.process.returncode is None and arguments.exists():
            self._seek("the process's arguments", arguments.read_bytes())
            self.happened["looks at the arguments"] += 1
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not self._may_hold_words(path):
                self._seek(path.name, path.read_bytes())
            if path.name.startswith(OURS) and not path.is_symlink():
                self._check_mode(path)
        self._note("the database", self.canaries.found_in(self._kept(), secrets_only=True))
        for request, answer in set(self.heard):
            self._note(f"the answer to {request[:150]}", self._not_their_own(request, answer))
        self.happened["answers to strangers"] += len(self.heard)
        self.heard.clear()

    def left_of(self, words: tuple[str, ...], *others: Path) -> list[str]:
        """Where somebody's words stand, in the files beside the database, and in ``others``."""
        names = sorted({*self.folder.glob("parley.db*"), *others})
        return [
            f"{word} is left in {path.name}"
            for path in names
            if path.is_file() and ".before-restore" not in path.name
            for word in found(path.read_bytes(), words)
        ]

    def _may_hold_words(self, path: Path) -> bool:
        """The database with its log, and copies of it; what staff wrote."""
        is_copy = path.suffix == ".backup" or ".before-restore" in path.name
        return is_copy or path.suffix == ".yaml" or path.name in {"parley.db", "parley.db-wal", "parley.db-shm"}

    def _kept(self) -> bytes:
        return b"".join(each.read_bytes() for each in self.folder.glob("parley.db*") if each.is_file())

    def _check_mode(self, path: Path) -> None:
        mode = stat.S_IMODE(path.stat().st_mode)
        self.happened["looks at a file's mode"] += 1
        if mode & 0o077:
            self.broken.append(f"{path.name} has mode {mode:o}, so others may read it.")

    def _not_their_own(self, request: str, answer: bytes) -> list[str]:
        """What it tells, but for what the very request had in it: that is no news to them."""
        told = self.canaries.found_in(answer)
        return [each for each in told if each.split("'")[1].rpartition(" ")[2] not in request] if told else []

    def _seek(self, where: str, content: bytes) -> None:
        self._note(where, self.canaries.found_in(content))
        self.happened["files and lines looked through"] += content.count(b"\n") + 1

    def _note(self, where: str, leaked: list[str]) -> None:
        self.broken += [f"In {where}: {each}" for each in leaked[:10]]


@asynccontextmanager
async def place_in(folder: Path, seed: int) -> AsyncIterator[Place]:
    """Everything but the server is up; at the end the server that still lives is killed, by its own number."""
    canaries = Canaries(seed)
    async with AsyncExitStack() as stack:
        backend = await _backend(canaries, stack)
        emulator = Emulator(EmulatorSettings(app_id=APP, project_id=PROJECT, retry_first_s=0.5, seed=seed))
        await emulator.start()
        stack.push_async_callback(emulator.stop)
        proxy = FaultProxy(emulator.url, seed)
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        session = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(60), cookie_jar=DummyCookieJar()))
        port = free_port()
        environment = _environment(folder, port, proxy.url, canaries)
        place = Place(folder, canaries, emulator, proxy, backend, session, environment, f"http://127.0.0.1:{port}")
        _write(folder, backend)
        emulator.webhook(f"{place.url}/webhooks/sinch", canaries.secrets["webhook secret"], DEFAULT_TRIGGERS, APP)
        try:
            yield place
        finally:
            if place.process is not None and place.process.returncode is None:
                place.process.kill()
                await place.process.wait()


def _write(folder: Path, backend: str) -> None:
    (folder / "rules").mkdir()
    (folder / "rules" / "shop.yaml").write_text(RULES.format(place=backend), encoding="utf-8")
    (folder / "config.yaml").write_text(f"allowed_hosts: ['{backend}']\nwebhook: {{max_age: 300}}\n", encoding="utf-8")


def _environment(folder: Path, port: int, sinch: str, canaries: Canaries) -> dict[str, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("SINCH_", "ADMIN_", "DATABASE_"))}
    return keep | {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
        "SINCH_PROJECT_ID": PROJECT,
        "SINCH_APP_ID": APP,
        "SINCH_KEY_ID": "privacy",
        "SINCH_KEY_SECRET": canaries.secret("key secret"),
        "SINCH_WEBHOOK_SECRET": f"{canaries.secret('webhook secret')},{canaries.secret('older webhook secret')}",
        "ADMIN_PASSWORD": canaries.secret("admin password"),
        "SHOP_TOKEN": canaries.secret("connection secret"),
        "SINCH_API_URL": sinch,
        "SINCH_AUTH_URL": sinch,
        "DATABASE_URL": f"sqlite:///{folder / 'parley.db'}",
        "RULES_DIR": str(folder / "rules"),
        "PORT": str(port),
        "SEND_RATE": "0",
        "LOG_LEVEL": "debug",
    }


async def _backend(canaries: Canaries, stack: AsyncExitStack) -> str:
    """The shop's own system: whatever it is asked or told, it fails, each time in another way, and repeats what it heard."""
    ways = ("page", "redirect", "cookie", "large", "reset", "text", "gone")

    async def hear(request: web.BaseRequest) -> web.StreamResponse:
        said = f"{request.path_qs} {request.headers.get('Authorization', '')} {(await request.read()).decode(errors='replace')}"
        match canaries.dice.choice(ways):
            case "redirect":
                return web.Response(status=302, headers={"Location": f"http://127.0.0.1:9{request.path}"}, text=said)
            case "cookie":
                return web.Response(status=500, headers={"Set-Cookie": f"{canaries.people[0].number}@=1; x"}, text=said)
            case "large":
                return web.Response(body=said.encode() * (2_000_000 // len(said)))
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "text":
                return web.Response(text=said)
            case "gone":
                return web.json_response({"status": [said]}, status=404)
            case _:
                return web.Response(status=500, reason="No", text=f"<html>{said}</html>", content_type="text/html")

    runner = web.ServerRunner(web.Server(hear), shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return "{}:{}".format(*runner.addresses[0])
