"""Where commands print, and how each of them ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from bot.errors import ParleyError, Refused

ERRORS_FOUND: Final = 1
INTERRUPTED: Final = 130
T = TypeVar("T")

out: Final = Console(highlight=False, soft_wrap=True)


def line(text: str) -> None:
    """One plain line on stdout, untouched: no colours, no wrapping."""
    print(text, flush=True)


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
