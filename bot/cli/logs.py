"""Log lines: JSON, one a line, on stderr, so that stdout stays what a command answers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def start_logging(level: str, told_otherwise: Collection[str] = ()) -> None:
    """Log from ``level`` (debug, info, warning, error) on, ours and the libraries' alike, but for the events ``told_otherwise``."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s"
    )
    structlog.configure(
        processors=[
            _without(told_otherwise),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # stderr as it is when something is logged, and nothing kept from one process's part to the next: warnings are rare.
        logger_factory=lambda *args: structlog.WriteLogger(sys.stderr),
    )


def _without(events: Collection[str]) -> Processor:
    def drop(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if event.get("event") in events:
            raise structlog.DropEvent
        return event

    return drop
