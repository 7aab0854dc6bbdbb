"""Long work in a process of its own, so that the server goes on answering: a thread would not do, as threads take turns with the loop.

``python -m bot.work.beside`` reads what to do from stdin and answers on stdout, in frames: a length in four bytes, then a pickle of a word
and a value. It gives way to everybody (nice), and ends, with all processes that it started, when whoever waits for it does.

Frames are pickles: only a process and its own child exchange them.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
import traceback
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import bot
from bot.errors import Failed, ParleyError

WITHIN_S: Final = 120.0
_NICE: Final = 10
_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TZDIR", "SYSTEMROOT")  # of the environment: no secret

R = TypeVar("R")
Tell = Callable[[object], None]


async def beside(work: Callable[..., R], *arguments: object, within_s: float = WITHIN_S, told: Tell | None = None) -> R:
    """What ``work(*arguments)`` returns; a function of a module, with arguments and result that can be pickled.

    With ``told`` it is called as ``work(*arguments, tell)``, and what it tells comes here meanwhile. Raises ``Failed`` with the sentence
    of a ``ParleyError`` that it raised, or where it died or took too long. Cancelled, it leaves no process behind.
    """
    try:
        async with asyncio.timeout(within_s), _child() as process:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("A child process was made without the pipes that were asked for.")
            process.stdin.write(_frame((work, arguments, told is not None)))
            await process.stdin.drain()
            return await _answer(process.stdout, told)  # type: ignore[no-any-return]
    except (asyncio.IncompleteReadError, ConnectionError):
        raise Failed(
            "What was to be worked out broke off. Try again; the server's log may say why.", "broke_off"
        ) from None
    except TimeoutError:
        raise Failed(f"This was not done within {within_s:g} seconds and was ended.", "too_long") from None
    except OSError as error:
        raise Failed(f"No process could be started ({error.strerror}). Try again later.", "no_process") from None


async def _answer(stdout: asyncio.StreamReader, told: Tell | None) -> Any:
    while True:
        length = int.from_bytes(await stdout.readexactly(4), "big")
        word, value = pickle.loads(await stdout.readexactly(length))  # noqa: S301 our own child wrote it
        if word == "done":
            return value
        if word == "failed":
            raise Failed(*value)
        if told is not None:
            told(value)


@asynccontextmanager
async def _child() -> AsyncIterator[Process]:
    """In a group of its own, which is killed where it still runs at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "bot.work.beside"),
        stdin=PIPE,
        stdout=PIPE,
        env={
            "PYTHONPATH": str(Path(bot.__file__).parents[1]),
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
        },
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())


def _frame(content: object) -> bytes:
    body = pickle.dumps(content)
    return len(body).to_bytes(4, "big") + body


# --- the child ----------------------------------------------------------------------------------------------------------


def main() -> None:
    """The child's whole life. Ends the process at once, as the thread that watches stdin would be waited for."""
    os.nice(_NICE)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not end up between the frames
    source = sys.stdin.buffer
    length = int.from_bytes(source.read(4), "big")
    try:
        work, arguments, tells = pickle.loads(source.read(length))  # noqa: S301 our own parent wrote it
        threading.Thread(target=_end_with_parent, daemon=True).start()
        _send(out, ("done", work(*arguments, *((lambda value: _send(out, ("told", value)),) if tells else ()))))
    except ParleyError as trouble:
        _send(out, ("failed", (str(trouble), getattr(trouble, "code", "failed"))))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _send(out: BinaryIO, content: object) -> None:
    out.write(_frame(content))
    out.flush()


def _end_with_parent() -> None:
    """Nothing more comes on stdin; that it ends tells that nobody waits for an answer any more."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
