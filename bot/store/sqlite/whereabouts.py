"""Whether what is written now would be found again: the database's file, and its log, are where they were opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bot.errors import StoreUnavailable
from bot.store.sqlite.sweeping import wal_of

_AFTER_S: Final = 5.0

_Identity = tuple[int, int]


class Whereabouts:
    """Of the database at ``path`` and its log, as they are now. SQLite holds both open, and writes on where somebody deletes or replaces
    them: until the process ends, and then all of that is gone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = wal_of(path)
        self._file_was = _identity(path)
        self._log_was: _Identity | None = None

    def check(self) -> None:
        """Raises ``StoreUnavailable`` while nothing may be written: two looks at the folder, which cost some microseconds."""
        if _identity(self._path) != self._file_was:
            raise StoreUnavailable(_gone(self._path), after_s=_AFTER_S)
        found = _identity(self._log)
        if found != self._log_was and self._log_was is not None:
            raise StoreUnavailable(_gone(self._log), after_s=_AFTER_S)
        self._log_was = found  # it is made with the first write


def _identity(path: Path) -> _Identity | None:
    """Which file this is; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _gone(path: Path) -> str:
    return (
        f"The database file {path} was deleted or replaced while the server was running, so nothing is written to it any more; put it "
        "back where it was, or restart the server."
    )
