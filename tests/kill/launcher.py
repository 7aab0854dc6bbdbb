"""A warmed parent: everything is imported once, and each server or emulator is a fork of it, 30 times as quick as a cold start.

Forks are made before any loop or thread exists here. Orders come as JSON lines on stdin, what happens goes out as JSON lines on stdout:

    {"start": one of ``_ROLES``, "as": name, …}          {"as": name, "pid": number}, {"as": name, "ready": address},
                                                       in the end {"as": name, "ended": status}
    {"signal": number, "as": name}

A status is an exit code, or a signal's number made negative. When stdin ends, so do all children.
"""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import orjson

from bot import crash
from bot.app import serve
from bot.cli.logs import start_logging
from bot.config import SERVER, read_config
from bot.sinch.emulator import Emulator, EmulatorSettings, Fault, FaultKind, WebhookSettings
from bot.store.sqlite.backing_up import back_up
from bot.store.sqlite.restoring import restore
from bot.web.site.pages import warm
from tests.kill import sabotage
from tests.kill.clock import FastClock
from tests.kill.driver import APP_ID
from tests.kill.rehearsal import rehearse

_THREADS_END_S = 5.0
_RETRY_S = 0.04  # of real time: a server that was killed is soon back

Ready = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Order:
    """One child to start. ``folder`` holds its log, its config.yaml and the database; ``webhook`` is where the emulator reports to;
    ``backup`` a file to write, or to restore."""

    start: str
    folder: str
    origin: str
    speed: float
    environment: dict[str, str] = field(default_factory=dict)
    crash: str = ""
    sabotage: str = ""
    port: int = 0
    app_id: str = ""
    webhook: str = ""
    secret: str = ""
    seed: int = 0
    backup: str = ""

    @property
    def database(self) -> Path:
        """The run's."""
        return Path(self.folder) / "parley.db"

    @property
    def clock(self) -> FastClock:
        """The run's time."""
        return FastClock(datetime.fromisoformat(self.origin), self.speed)


async def _server(order: Order, until: asyncio.Event, ready: Ready) -> None:
    sabotage.commit(order.sabotage)
    config = read_config(Path(order.folder), order.environment, needs=SERVER)
    crash.arm(order.crash)
    await serve(config, order.clock, until, ready)


async def _emulator(order: Order, until: asyncio.Event, ready: Ready) -> None:
    settings = EmulatorSettings(
        port=order.port,
        app_id=order.app_id,
        token_life_s=10**6,
        processing_mode="CONVERSATION",
        webhooks=(WebhookSettings(order.webhook, order.secret, ("MESSAGE_DELIVERY",)),),
        retry_first_s=_RETRY_S * order.speed,
        truth_path=Path(order.folder) / "truth.jsonl",
        seed=order.seed,
    )
    emulator = Emulator(settings, order.clock)
    emulator.faults.chance(Fault(FaultKind.DUPLICATE), 0.1)
    emulator.faults.chance(Fault(FaultKind.REORDER), 0.1)
    emulator.faults.chance(Fault(FaultKind.LOST_RESPONSE), 0.02)
    await emulator.start()
    ready(emulator.url)
    await until.wait()
    await emulator.stop()


def _as_sinch(folder: Path, clock: FastClock) -> Callable[[asyncio.Event, Ready], Coroutine[Any, Any, None]]:
    order = Order(
        "emulator", str(folder), clock.origin.isoformat(), clock.speed, app_id=APP_ID, webhook="http://127.0.0.1:1/"
    )
    return partial(_emulator, order)


async def _backup(order: Order, until: asyncio.Event, ready: Ready) -> None:
    crash.arm(order.crash)
    await asyncio.to_thread(back_up, order.database, Path(order.backup))


async def _restore(order: Order, until: asyncio.Event, ready: Ready) -> None:
    crash.arm(order.crash)
    await asyncio.to_thread(restore, Path(order.backup), order.database, order.clock.now())


_ROLES = {"server": _server, "emulator": _emulator, "backup": _backup, "restore": _restore}


async def _until_told(order: Order, ready: Ready) -> None:
    until = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, until.set)
    await _ROLES[order.start](order, until, ready)


def _live(order: Order, pipe: int) -> NoReturn:
    """The child's whole life."""
    status = 1
    try:
        log = os.open(Path(order.folder) / f"{order.start}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for stream, instead in ((0, nothing), (1, log), (2, log)):
            os.dup2(instead, stream)
        start_logging("warning")
        asyncio.run(_until_told(order, lambda address: _write(pipe, address.encode())))
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


class Launcher:
    """The parent. A child's pipe carries its address once, and ends when the child does."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._children: dict[str, int] = {}
        self._unread = b""

    def run(self) -> None:
        """Serve orders until stdin ends."""
        self._selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fd == 0:
                    if not self._hear():
                        return
                else:
                    self._look_at(key.fd, key.data)

    def end_children(self) -> None:
        """Nobody outlives this process."""
        for pid in self._children.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _hear(self) -> bool:
        found = os.read(0, 65536)
        *lines, self._unread = (self._unread + found).split(b"\n")
        for line in lines:
            order = orjson.loads(line)
            name = order.pop("as")
            if "start" in order:
                self._fork(name, Order(**order))
            elif name in self._children:  # not yet waited for, so this number is nobody else's
                os.kill(self._children[name], order["signal"])
        return bool(found)

    def _fork(self, name: str, order: Order) -> None:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            _live(order, write_end)
        os.close(write_end)
        self._children[name] = pid
        self._tell({"as": name, "pid": pid})
        self._selector.register(read_end, selectors.EVENT_READ, name)

    def _look_at(self, pipe: int, name: str) -> None:
        if address := os.read(pipe, 4096):
            self._tell({"as": name, "ready": address.decode()})
            return
        self._selector.unregister(pipe)
        os.close(pipe)
        _, status = os.waitpid(self._children.pop(name), 0)
        self._tell({"as": name, "ended": os.waitstatus_to_exitcode(status)})

    def _tell(self, what: dict[str, object]) -> None:
        _write(1, orjson.dumps(what) + b"\n")


def _is_alone() -> bool:
    """Whether the rehearsal's threads are gone; what ends is waited for."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(_THREADS_END_S)
    until = time.monotonic() + _THREADS_END_S
    while threading.active_count() > 1 or len(os.listdir("/proc/self/task")) > 1:  # also those of other languages
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def main() -> None:
    """Be the warmed parent."""
    warm()
    start_logging("critical")  # nobody is at the other end of what a rehearsal calls
    rehearse(_as_sinch)
    if not _is_alone():
        raise SystemExit(f"A fork would lose the threads that are left: {threading.enumerate()}")
    gc.collect()
    gc.freeze()
    launcher = Launcher()
    try:
        launcher.run()
    finally:
        launcher.end_children()


if __name__ == "__main__":
    main()
