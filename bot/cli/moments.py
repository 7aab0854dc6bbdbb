"""Times and stretches of time as people type them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import typer

_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST: Final = timedelta(days=36_525)
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
_STRETCH: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")


def stretch_of(text: str) -> timedelta | None:
    """``7d``, ``90 m``, ``1d 2h``; None for anything else, and for more than a hundred years."""
    parts = _STRETCH.findall(text)
    if not parts or _STRETCH.sub("", text).strip():
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else None


def moment_of(text: str, option: str) -> datetime:
    """An ISO time with its offset, or a day (midnight UTC), from 1970 to 2199. Raises ``BadParameter`` for ``option``."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or not EARLIEST.year <= at.year < LATEST.year:
        raise typer.BadParameter(f'"{text}" is not a time, such as 2026-12-24T18:00+01:00.', param_hint=option)
    if at.tzinfo is None and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
        raise typer.BadParameter("tell the offset as well, such as +01:00.", param_hint=option)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def since_of(text: str, until: datetime, option: str) -> datetime:
    """How far back: a stretch before ``until``, or a time. Raises ``BadParameter`` for ``option``."""
    stretch = stretch_of(text)
    if stretch is not None:
        return until - stretch
    if not re.match(r"\d{4}-", text.strip()):
        raise typer.BadParameter(
            f'"{text}" is neither how long, such as 7d or 12h, nor a time, such as 2026-12-24.', param_hint=option
        )
    return moment_of(text, option)
