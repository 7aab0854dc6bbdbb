"""Looks over the shoulder of everything that is logged: no line may hold a phone number."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

# A run of digits as long as an international number, standing by itself: ids have letters beside theirs, times have signs between.
NUMBER: Final = re.compile(r"(?<![0-9A-Za-z.])\+?[1-9]\d{8,14}(?![0-9A-Za-z])")


def names_somebody(line: str) -> bool:
    """Whether there is something in it that could be a phone number."""
    return NUMBER.search(line) is not None


def naming(lines: Iterable[str]) -> list[str]:
    """Those of the lines that name somebody."""
    return [line for line in lines if names_somebody(line)]


class Watch(logging.Handler):
    """Both a step of structlog and a handler of logging; ``named`` fills up with lines that name somebody."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def event(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """One of ours, with the traceback it would be printed with."""
        told = structlog.processors.format_exc_info(logger, method, dict(event))
        self._look(" ".join(f"{key}={value}" for key, value in told.items()))
        return event

    def emit(self, record: logging.LogRecord) -> None:
        """One of a library."""
        self._look(self.format(record))

    def _look(self, line: str) -> None:
        if names_somebody(line):
            self.named.append(line)
