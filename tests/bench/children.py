"""Processes that the benchmark starts, pins to cores, watches and ends; it never touches any other."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_END_S = 20.0
_START_S = 30.0
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields 14 and 15 of /proc/<pid>/stat, counted after the name, which may hold anything


class Broken(Exception):
    """A process did not do its part, so there is nothing to measure; the sentence says which one and what it wrote."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Where to run what: the server under test alone on one core, all that stands around it on the others."""

    server: frozenset[int]
    others: frozenset[int]

    @property
    def are_pinned(self) -> bool:
        """Whether the two are kept apart."""
        return self.server.isdisjoint(self.others)


def cores(pin: bool) -> Cores:
    """How this machine's cores are shared out; with one core, or without ``pin``, everything runs everywhere."""
    allowed = sorted(os.sched_getaffinity(0))
    if not pin or len(allowed) == 1:
        return Cores(frozenset(allowed), frozenset(allowed))
    return Cores(frozenset(allowed[:1]), frozenset(allowed[1:]))


async def until_stopped() -> None:
    """What a child of ours that serves waits for: SIGTERM, or the end of its stdin, which comes even when its parent was killed."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    await stopped.wait()
    loop.remove_reader(sys.stdin.fileno())


def busy_s(on: frozenset[int]) -> float:
    """CPU seconds that anybody has used of these cores since the machine started, or that a host has taken from it."""
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    used = {line[0]: sum(map(int, line[1:4])) + sum(map(int, line[6:9])) for line in lines if line[0].startswith("cpu")}
    return sum(used[f"cpu{core}"] for core in on) / _TICKS_A_SECOND


class Child:
    """A process of ours. ``log`` is the file with what it writes to stderr (and to stdout, where that is not a pipe)."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    def cpu_s(self) -> float:
        """CPU seconds used so far, user and system, all threads, in steps of a clock tick (10 ms)."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_bytes()
        fields = stat[stat.rindex(b")") + 2 :].split()
        return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_A_SECOND

    def memory_mb(self) -> float:
        """What it holds of the machine's memory at this moment (10^6 bytes)."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_bytes().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def peak_mb(self) -> float:
        """The most it ever held (10^6 bytes)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(kib) * 1024 / 1e6

    def tell(self, line: bytes) -> None:
        """Write a line to its stdin."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self.broken("has ended") from None

    def hear(self) -> bytes:
        """The next line of its stdout. Raises Broken where it ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self.broken("has ended")
        return line

    def port(self) -> int:
        """The port it says it listens on. Raises Broken."""
        word, _, number = self.hear().decode().partition(" ")
        if word != "port":
            raise self.broken("did not say its port")
        return int(number)

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def broken(self, what: str) -> Broken:
        """The sentence about it, with the end of its log."""
        written = self._log.read_text(errors="replace").strip()[-2000:]
        return Broken(f"The {self.name} {what}." + (f" It wrote:\n{written}" if written else " It wrote nothing."))

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not heard in time."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def child(
    name: str,
    arguments: Sequence[str],
    on: frozenset[int],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    speaks: bool = True,
) -> Iterator[Child]:
    """Run this Python with these arguments on these cores until the block ends.

    ``speaks``: stdin and stdout are pipes; otherwise stdout goes to the log. ``environment`` is added to our own.
    """
    log = folder / f"{name.replace(' ', '-')}.log"
    pipe = subprocess.PIPE if speaks else None
    with log.open("wb") as errors, _running_on(on):  # threads that a child starts later inherit what it starts with
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=pipe or subprocess.DEVNULL,
            stdout=pipe or errors,
            stderr=errors,
        )
    started = Child(name, process, log)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def _running_on(on: frozenset[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, on)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def wait_until_ready(one: Child, is_ready: Callable[[], bool]) -> None:
    """Ask ``is_ready()`` again and again until it is. Raises Broken when the process ends first, or the time."""
    until = time.monotonic() + _START_S
    while not is_ready():
        if not one.is_running:
            raise one.broken("ended while it was starting")
        if time.monotonic() > until:
            raise one.broken(f"was not ready within {_START_S:.0f} seconds")
        time.sleep(0.05)
