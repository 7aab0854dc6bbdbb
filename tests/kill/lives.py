"""Processes of a run, started, signalled and waited for: warmed forks, and cold starts as an operator would make them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[2]

START_WITHIN_S = 30.0
END_WITHIN_S = 20.0


class Life:
    """One process, from its start to its end. ``status`` is its exit code, or the number of the signal that ended it, negative; ``pid``
    its number from the start on, 0 where nobody told."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.status: int | None = None
        self.address = ""
        self.pid = 0
        self._log = log

    def is_ready(self, address: str) -> None:
        """It serves there."""
        self.address = address
        self.ready.set()

    def has_ended(self, status: int) -> None:
        """It is no more."""
        self.status = status
        self.ended.set()

    async def until_ready(self) -> bool:
        """Wait until it serves; False where it ended first."""
        waits = [asyncio.create_task(self.ready.wait()), asyncio.create_task(self.ended.wait())]
        done, waiting = await asyncio.wait(waits, timeout=START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waiting:
            wait.cancel()
        if not done:
            raise AssertionError(
                f"{self.name} did not start within {START_WITHIN_S:.0f} s. It wrote:\n{self.written()}"
            )
        return self.ready.is_set()

    async def until_ended(self, within_s: float = END_WITHIN_S) -> bool:
        """Wait until it is no more; False where it still lives after so many seconds."""
        try:
            async with asyncio.timeout(within_s):
                await self.ended.wait()
        except TimeoutError:
            return False
        return True

    def lines(self) -> list[str]:
        """All of its log, and of what was started before it under the same role."""
        return self._log.read_text(errors="replace").splitlines() if self._log.exists() else []

    def written(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else "nothing"


class Launcher:
    """The warmed parent's process, seen from the test."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._lives: dict[str, Life] = {}
        self._listening = asyncio.create_task(self._listen())

    def start(self, what: str, folder: Path, **order: object) -> Life:
        """Fork a ``server`` or an ``emulator``; see ``tests.kill.launcher.Order``."""
        name = f"{what} {len(self._lives) + 1}"
        life = self._lives[name] = Life(name, folder / f"{what}.log")
        self._tell({"start": what, "as": name, "folder": str(folder), **order})
        return life

    def signal(self, life: Life, number: signal.Signals) -> None:
        """Send a signal, where it still lives."""
        self._tell({"signal": int(number), "as": life.name})

    async def end_all(self) -> None:
        """End every child that still lives."""
        for life in self._lives.values():
            if life.status is None:
                self.signal(life, signal.SIGKILL)
                await life.until_ended()

    async def close(self) -> None:
        """End it, and all its children."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await self._listening

    def _tell(self, what: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(what) + b"\n")

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = orjson.loads(line)
            life = self._lives[told["as"]]
            if "pid" in told:
                life.pid = told["pid"]
            elif "ended" in told:
                life.has_ended(told["ended"])
            else:
                life.is_ready(told["ready"])
        for life in self._lives.values():  # a parent that is no more leaves no child
            if life.status is None:
                life.has_ended(await self._process.wait())


@asynccontextmanager
async def launcher() -> AsyncIterator[Launcher]:
    """A warmed parent until the block ends."""
    arguments = [sys.executable, "-m", "tests.kill.launcher"]
    process = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    started = Launcher(process)
    try:
        yield started
    finally:
        await started.close()


class Cold:
    """``run.py serve`` as an operator starts it."""

    def __init__(self, life: Life, process: Process) -> None:
        self.life = life
        self._process = process
        self._listening = asyncio.create_task(self._listen())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, where it still lives."""
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def close(self) -> None:
        """Whatever became of it, it ends now."""
        self.signal(signal.SIGKILL)
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if b"http://" in line:
                self.life.is_ready(line.decode())
        self.life.has_ended(await self._process.wait())


async def cold_start(folder: Path, environment: dict[str, str], crash: str = "") -> Cold:
    """Start it in ``folder``, where its config.yaml is, to die at ``crash``."""
    log = folder / "server.log"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "run.py"),
            "serve",
            cwd=folder,
            env={**os.environ, **environment, "PARLEY_CRASH": crash},
            stdout=PIPE,
            stderr=errors,
        )
    return Cold(Life("run.py serve", log), process)


_PORTS = range(20_000, 32_000)  # below those that systems hand to outgoing connections
# Test processes at work at the same time have numbers near each other, so their ports differ.
_port = count(os.getpid() * 16)


def quiet_port() -> int:
    """A free port that stays free while a server is down for a moment."""
    for number in _port:
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("Counting never ends.")
