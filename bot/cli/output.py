"""Where commands print, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from io import TextIOWrapper
from typing import Any, Final, TypeVar

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from bot.errors import ParleyError, Refused

ERRORS_FOUND: Final = 1
INTERRUPTED: Final = 130
T = TypeVar("T")

out: Final = Console(highlight=False, soft_wrap=True)


def speak_utf8() -> None:
    """From now on every character can be printed: a pipe or file gets UTF-8, a terminal of another encoding a mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def line(text: str) -> None:
    """One plain line on stdout, untouched: no colours, no wrapping. Where nobody reads any more (``head``), it is dropped, so that the
    exit code stays the command's own."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open to the end of the process


def json_out(plain: object) -> None:
    """A JSON-ready value on stdout, indented."""
    line(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode())


def aside(text: str) -> None:
    """One plain line on stderr, where it is in nobody's way."""
    print(text, file=sys.stderr, flush=True)


def sentence_of(error: ParleyError) -> str:
    """What went wrong, and the cure where one is known."""
    return f"{error} {error.cure}".strip() if isinstance(error, Refused) else str(error)


def stop(error: ParleyError) -> typer.Exit:
    """Tell what went wrong; raise what is returned to end the command with exit code 1."""
    aside(sentence_of(error))
    return typer.Exit(ERRORS_FOUND)


def safe(text: str) -> str:
    """A text of somebody else, for rich: its brackets are no markup."""
    return escape(text)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine on an event loop of its own."""
    import asyncio

    return asyncio.run(work())
