"""Log lines that strangers can cause, so that they cannot fill the disk."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

EVERY: Final = timedelta(minutes=1)
MOST: Final = 10  # in that time


class Seldom:
    """Lets ``MOST`` lines a minute through and counts the others."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._told = 0
        self._left_out = 0

    def left_out(self, now: datetime) -> int | None:
        """How many were left out since the last line, to be told with this one. None: leave this one out, too."""
        if self._began is None or not timedelta() <= now - self._began < EVERY:
            self._began, self._told = now, 0
        if self._told >= MOST:
            self._left_out += 1
            return None
        self._told += 1
        left_out, self._left_out = self._left_out, 0
        return left_out
