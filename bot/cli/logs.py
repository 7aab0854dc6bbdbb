"""Log lines: JSON, one a line, on stderr, so that stdout stays what a command answers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from contextlib import suppress
from copy import copy
from types import TracebackType
from typing import Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.cli.mistakes import tell_last_mistake, tell_mistake, told

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def start_logging(level: str, told_otherwise: Collection[str] = ()) -> None:
    """Log from ``level`` (debug, info, warning, error) on, ours and the libraries' alike, but for the events ``told_otherwise``."""
    number = logging.getLevelNamesMapping()[level.upper()]
    lines = _LinesOfLibraries(_ERRORS)
    lines.setFormatter(_OfLibraries("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[lines])
    sys.excepthook = tell_last_mistake
    structlog.configure(
        processors=[
            _without(told_otherwise),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            tell_mistake,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # stderr as it is when something is logged, and nothing kept from one process's part to the next: warnings are rare.
        logger_factory=lambda *args: structlog.WriteLogger(_ERRORS),  # type: ignore[arg-type]  # all that it asks of a file
    )


class _LinesOfLibraries(logging.StreamHandler["_Errors"]):
    """Where they go. One that cannot be printed is lost: logging itself would print all that is in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging calls it so
        """It is lost."""


class _OfLibraries(logging.Formatter):
    """Lines of libraries. What they say of a mistake may hold what somebody wrote."""

    def format(self, record: logging.LogRecord) -> str:
        told_of = copy(record)  # which is also others' to format
        told_of.exc_text = None
        if record.name == "asyncio":  # whose later lines are whole objects, such as a task with what broke it
            told_of.msg, told_of.args = record.getMessage().partition("\n")[0], ()
        return super().format(told_of)

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - logging calls it so
        return "" if ei[1] is None else told(ei[1])


class _Errors:
    """stderr. A line that it does not take, as its disk is full or nobody reads the pipe any more, is lost, and the server goes on."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


_ERRORS: Final = _Errors()  # one for all: structlog keeps a lock of each file for ever


def _without(events: Collection[str]) -> Processor:
    def drop(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if event.get("event") in events:
            raise structlog.DropEvent
        return event

    return drop
