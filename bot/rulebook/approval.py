"""Approving rules in a child process, so that the server goes on answering while a thousand rules are read, checked and tested.

``python -m bot.rulebook.approval FOLDER`` reads the folder once; the bytes as read are what goes live. ``-`` instead of a folder takes
stored ones from stdin. What came of it leaves on stdout as frames, each a length in four bytes and so many bytes: the head as JSON;
where the rules are approved also every file's bytes, then the rulebook in parcels; a length of ``END`` at the end, so that a child that
died early is never mistaken for one that was done. The child gives way to everybody (nice), reaches no network, and ends when its
parent does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

import bot
from bot.core.rule import Place
from bot.core.rulebook import Rulebook
from bot.rulebook.author import Author, author_of
from bot.rulebook.load import Reading, digest_of, load, load_files
from bot.rulebook.parcel import pack, unpack
from bot.rulebook.problem import Problem
from bot.rulebook.suite.run import run_tests

WITHIN_S: Final = 60.0  # a thousand rules take two; a busy machine lets the child wait
END: Final = 2**32 - 1
STEP_S: Final = 0.003  # the loop is held so long at most, and a parcel's step more
TOLD_MOST: Final = 500  # problems; nobody reads more at a time
_NICE: Final = 10
_BUFFER: Final = 1024 * 1024
_NETWORK: Final = frozenset(
    f"socket.{what}" for what in "bind connect getaddrinfo gethostbyname sendmsg sendto".split()
)


@dataclass(frozen=True, slots=True)
class Approval:
    """What came of one try. ``rulebook`` (version 0) is there only when it may go live; ``problems`` are errors and warnings by place.

    ``digest`` is of ``files`` as read, and empty where the child failed: the same files may be tried again then. ``files`` are there only
    with a rulebook. ``who`` saved them, with what they said of it.
    """

    rulebook: Rulebook | None
    problems: tuple[Problem, ...]
    digest: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    who: str = ""


# --- the child ----------------------------------------------------------------------------------------------------------


def approved(reading: Reading) -> tuple[bool, tuple[Problem, ...]]:
    """Whether what was read may go live, and all that is wrong with it: its tests are run where its checks found no error."""
    if reading.rulebook is None:
        return False, reading.problems
    results = run_tests(reading.rulebook, reading.tests)
    failures = [problem for result in results for problem in result.problems()]
    return not failures, (*failures, *reading.problems)


def _frames(reading: Reading, is_approved: bool, problems: Sequence[Problem], author: Author) -> Iterator[bytes]:
    head = {
        "approved": is_approved,
        "digest": digest_of(reading.files),
        "who": str(author),
        "problems": [problem.as_plain() for problem in _most_important(problems)],
        "files": list(reading.files),
    }
    yield orjson.dumps(head)
    if is_approved and reading.rulebook is not None:
        yield from reading.files.values()
        yield from pack(reading.rulebook)


def _most_important(problems: Sequence[Problem]) -> Sequence[Problem]:
    """All of them, or errors first where they are too many."""
    if len(problems) <= TOLD_MOST:
        return problems
    return sorted(problems, key=lambda problem: problem.severity)[:TOLD_MOST]


def _write(out: BinaryIO, frames: Iterable[bytes]) -> None:
    for frame in frames:
        out.write(len(frame).to_bytes(4, "big"))
        out.write(frame)
    out.write(END.to_bytes(4, "big"))
    out.flush()


def _files_from(source: BinaryIO) -> dict[str, bytes]:
    names = orjson.loads(_frame(source))
    return {name: _frame(source) for name in names}


def _frame(source: BinaryIO) -> bytes:
    return source.read(int.from_bytes(source.read(4), "big"))


def _end_with_parent() -> None:
    """Nothing more comes on stdin; that it ends tells that nobody waits for an answer any more."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK:
        raise PermissionError("Checking rules reaches no network.")


def main(folder: str) -> None:
    """The child's whole life. Ends the process at once, as the thread that watches stdin would be waited for."""
    gc.disable()  # all that is made here is needed to the end, and looking at it again and again takes half of the time
    os.nice(_NICE)
    sys.addaudithook(_refuse_network)
    out = os.fdopen(os.dup(1), "wb", _BUFFER)
    os.dup2(2, 1)  # whatever prints must not end up between the frames
    try:
        _write(out, _answer(folder))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _answer(folder: str) -> Iterator[bytes]:
    if folder == "-":
        files = _files_from(sys.stdin.buffer)
        _end_with_parent()
        reading = load_files(files)
        return _frames(reading, reading.rulebook is not None, reading.problems, Author())
    _end_with_parent()
    reading = load(path := Path(folder))
    return _frames(reading, *approved(reading), author_of(path, reading.files))


# --- the parent ---------------------------------------------------------------------------------------------------------


async def approve(folder: Path, within_s: float = WITHIN_S) -> Approval:
    """Read, check and test what ``folder`` holds now. Never raises for what the rules or the child do: that is a problem in a sentence.

    The loop is never held for longer than a few thousandths of a second. Cancelled, it leaves no child behind.
    """
    return await _answer_of(os.path.join(".", folder), {}, within_s, Place(folder.name, 1, 1))


async def approve_stored(files: Mapping[str, bytes], within_s: float = WITHIN_S) -> Approval:
    """The same for files that were live before: their tests held then, and are not run again."""
    place = Place(next(iter(files), "rules").partition("/")[0], 1, 1)
    return await _answer_of("-", files, within_s, place)


async def _answer_of(folder: str, files: Mapping[str, bytes], within_s: float, place: Place) -> Approval:
    try:
        async with asyncio.timeout(within_s), _child(folder) as child:
            try:
                if folder == "-":
                    await _hand_over(child.stdin, files)
                return await _read(child.stdout)
            except (asyncio.IncompleteReadError, ConnectionError):
                return _failed(place, _end_of(await child.process.wait(), await child.complaint))
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                return _failed(place, f"gave an answer that makes no sense ({type(error).__name__})")
    except TimeoutError:
        return _failed(place, f"was not done within {within_s:g} seconds and was ended")
    except OSError as error:
        return _failed(place, f"could not be started ({error.strerror})")


async def _hand_over(stdin: asyncio.StreamWriter, files: Mapping[str, bytes]) -> None:
    for frame in (orjson.dumps(list(files)), *files.values()):
        stdin.write(len(frame).to_bytes(4, "big") + frame)
    await stdin.drain()


async def _read(stdout: asyncio.StreamReader) -> Approval:
    head = orjson.loads(await _next(stdout) or b"")
    problems = tuple(_problem(each) for each in head["problems"])
    if not head["approved"]:
        return Approval(None, problems, head["digest"], {}, head["who"])
    files = {name: await _next(stdout) or b"" for name in head["files"]}
    parcels: list[bytes] = []
    while (parcel := await _next(stdout)) is not None:
        parcels.append(parcel)
    return Approval(await _built(parcels), problems, head["digest"], files, head["who"])


async def _next(stream: asyncio.StreamReader) -> bytes | None:
    """The next frame, or None at the end. Raises ``IncompleteReadError`` where the child stopped before."""
    length = int.from_bytes(await stream.readexactly(4), "big")
    return None if length == END else await stream.readexactly(length)


async def _built(parcels: Sequence[bytes]) -> Rulebook:
    """The rulebook, put together in steps between which everybody else has their turn.

    It stays for long, so the garbage collector need not look at so many new things again and again, nor at any of them later.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return await _assembled(unpack(parcels))
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


async def _assembled(steps: Iterator[Rulebook | None]) -> Rulebook:
    until = time.perf_counter() + STEP_S
    for built in steps:
        if built is not None:
            return built
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + STEP_S
    raise ValueError("The parcels hold no rulebook.")


def _problem(plain: Mapping[str, Any]) -> Problem:
    return Problem(Place(plain["file"], plain["line"], plain["column"]), plain["sentence"], plain["severity"])


def _failed(place: Place, how: str) -> Approval:
    sentence = f"Checking the rules {how}. Save them again; if it happens again, run the check command to see why."
    return Approval(None, (Problem(place, sentence),))


def _end_of(status: int, complaint: str) -> str:
    if status < 0:
        return f"was ended by the system (signal {-status}), as happens when memory is short"
    return f"failed ({complaint or f'exit code {status}'})"


@dataclass(frozen=True, slots=True)
class _Child:
    """The process, its pipes, and the last line that it will have complained with."""

    process: Process
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    complaint: asyncio.Task[str]


@asynccontextmanager
async def _child(folder: str) -> AsyncIterator[_Child]:
    """Killed where it still runs at the end."""
    command = (sys.executable, "-P", "-m", "bot.rulebook.approval", folder)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=_BUFFER,
        env=_environment(Path(bot.__file__).parents[1]),
        start_new_session=True,  # Ctrl-C is for the server, which then ends it
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("A child process was made without the pipes that were asked for.")
    complaint = asyncio.create_task(_last_line(process.stderr))
    try:
        yield _Child(process, process.stdin, process.stdout, complaint)
    finally:
        with suppress(ProcessLookupError):  # it ended just now
            process.kill()
        await asyncio.shield(process.wait())
        complaint.cancel()


def _environment(root: Path) -> dict[str, str]:
    """What Python and git need, and no secret."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TZDIR", "SYSTEMROOT", "GIT_CONFIG_GLOBAL")
    return {"PYTHONPATH": str(root), **{name: os.environ[name] for name in kept if name in os.environ}}


async def _last_line(stderr: asyncio.StreamReader) -> str:
    tail = b""
    while found := await stderr.read(65536):
        tail = (tail + found)[-4096:]
    lines = tail.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


if __name__ == "__main__":
    main(sys.argv[1])
