"""What a real server asks of the system, in order, as strace sees it: the second witness of ``power``, with the system's own SQLite."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_CALLS: Final = "fdatasync,fsync,write,pwrite64,sendto,sendmsg,writev"
_SYNCS: Final = ("fdatasync", "fsync")
# pid, call, what the descriptor is, the rest; and the second half of a call that another thread's came between
_LINE: Final = re.compile(r"^(?P<pid>\d+) +(?P<call>\w+)\(\d+<(?P<file>(?:[^>]|(?<=-)>)*)>(?P<rest>.*)$")
_RESUMED: Final = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)$")
_DONE: Final = re.compile(r"\) += (\d+)$")


def command(out: Path) -> list[str]:
    """What to put before a command so that its calls are written to ``out``, with all bytes of a page and the names of files."""
    calls = ("-e", f"trace={_CALLS}", "-e", "signal=none")
    # -D: the command itself is what was started, so that it gets the signals, and strace ends with it.
    return ["strace", "-D", "-f", "--seccomp-bpf", "-yy", "-s", "5000", *calls, "-o", str(out)]


@cache
def why_not() -> str:
    """Why this system does not let us; empty where it does."""
    try:
        tried = subprocess.run([*command(Path("/dev/null")), "true"], capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        return "strace is not installed"
    return "" if tried.returncode == 0 else tried.stderr.strip()


@dataclass(frozen=True, slots=True)
class Call:
    """``begun`` and ``ended`` are numbers of lines, ``file`` is a path or ``TCP:[…]``, ``said`` what was written, as strace shows it."""

    call: str
    file: str
    said: str
    begun: int
    ended: int


def calls(trace: str) -> list[Call]:
    """All that ended well, by their beginning."""
    return sorted(_calls(trace.splitlines()), key=lambda call: call.begun)


def _calls(lines: Sequence[str]) -> Iterator[Call]:
    open_: dict[str, tuple[re.Match[str], int]] = {}
    for number, line in enumerate(lines):
        if (found := _LINE.match(line)) is not None:
            if found["rest"].endswith("<unfinished ...>"):
                open_[found["pid"]] = found, number
            elif _DONE.search(found["rest"]):
                yield Call(found["call"], found["file"], found["rest"], number, number)
        elif (found := _RESUMED.match(line)) is not None and found["pid"] in open_:
            first, begun = open_.pop(found["pid"])
            if _DONE.search(found["rest"]):
                yield Call(first["call"], first["file"], first["rest"] + found["rest"], begun, number)


def too_early(trace: Sequence[Call], kept: Sequence[str], port: int, told: str) -> str:
    """Empty where what is said with ``told`` in it to the other end's ``port`` began to leave only after the log was synced, and that only
    after a page with all of ``kept`` in it was written; otherwise a sentence that says what came too early, or never."""
    written = _first(trace, lambda call: call.file.endswith("-wal") and all(each in call.said for each in kept))
    if written is None:
        return f"No page with {kept} was written to the log."
    synced = _first(trace, lambda c: c.call in _SYNCS and c.file.endswith("-wal") and c.begun > written.ended)
    left = _first(trace, lambda call: call.file.endswith(f":{port}]") and told in call.said)
    if synced is None or left is None:
        return f"{'The sync of the log' if synced is None else told} never came."
    if left.begun <= synced.ended:
        return (
            f"{told} left in line {left.begun}; its page was written in {written.begun} and synced in {synced.ended}."
        )
    return ""


def _first(trace: Sequence[Call], fits: Callable[[Call], bool]) -> Call | None:
    return next((call for call in trace if fits(call)), None)
