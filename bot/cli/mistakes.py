"""Mistakes of ours as the log tells them: each place that was passed, and of the words only those that the program chose itself.

An exception's words may hold what somebody wrote, as ``KeyError('+46701740605')`` does, so they are told only of kinds whose words are
Python's, SQLite's or the operating system's own, or sentences of ours.
"""

from __future__ import annotations

import sqlite3
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from structlog.typing import EventDict, ExcInfo, WrappedLogger

from bot.errors import ParleyError, Refused
from bot.work.masking import masked

LEFT_OUT: Final = "(its words are left out: they may hold what somebody wrote)"
_CHAINED: Final = "\nThe next one came of it:\n\n"
_OF_THE_PROGRAM: Final = (
    ArithmeticError,
    AttributeError,
    MemoryError,
    NameError,
    RuntimeError,
    TypeError,
    sqlite3.Error,
    ParleyError,
)


def told(error: BaseException) -> str:
    """``error`` with where it came from, and what it came of, oldest first."""
    return "".join(_lines(error, set())).rstrip("\n")


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in seen:
        yield from _lines(earlier, seen)
        yield _CHAINED
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__qualname__}: {_words(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            if id(each) not in seen:
                yield from _lines(each, seen)


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, _OF_THE_PROGRAM) and not isinstance(error, Refused):
        return masked(str(error))
    return LEFT_OUT


def tell_mistake(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A step of structlog: an event's ``exc_info``, in any of its forms, becomes its ``exception`` in words."""
    found = _error_of(event.pop("exc_info", None))
    return event if found is None else {**event, "exception": told(found)}


def _error_of(given: bool | BaseException | ExcInfo | None) -> BaseException | None:
    match given:
        case BaseException():
            return given
        case (_, BaseException() as error, _):
            return error
        case None | False:
            return None
        case _:
            return sys.exc_info()[1]


def tell_last_mistake(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What Python is to say of one that ended the process."""
    print(told(error), file=sys.stderr)
