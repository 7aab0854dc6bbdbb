"""Which event is being decided at this moment, where whoever starts after a sudden death finds it.

Rules on a strange text can end the whole process: a fault within a C library, or memory that runs out. Nothing of the transaction is
left then, so the event is noted beside it, in memory that the system keeps for a file: it outlives the process, costs no write to the
disk, and one event less than a microsecond.
"""

from __future__ import annotations

import mmap
import os
import struct
from datetime import datetime
from pathlib import Path

from bot.store.units import Claimed

# The number in the inbox, and when it was received: a number is given anew if its row was never committed.
FORM = struct.Struct("<qd")
_NOBODY = bytes(FORM.size)


class LastEvent:
    """The note at the beginning of the file ``path``; without one it is kept for this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._note = mapped(path, FORM.size)

    def begins(self, claimed: Claimed) -> None:
        """This one is being read or decided now."""
        FORM.pack_into(self._note, 0, claimed.inbox_id, claimed.received_at.timestamp())

    def ends(self) -> None:
        """None is."""
        self._note[: FORM.size] = _NOBODY

    def taken(self) -> tuple[int, float] | None:
        """Number and POSIX time of receipt of the event that an earlier process died with, None where it died otherwise. Asked once."""
        number, received_at = FORM.unpack_from(self._note)
        self.ends()
        return (number, received_at) if number else None


def is_of(received_at: datetime, noted: float) -> bool:
    """Whether an event received then is the one that was noted."""
    return received_at.timestamp() == noted


def mapped(path: Path | None, size: int) -> mmap.mmap:
    """The first ``size`` bytes of the file, zeros where it was shorter; of this process alone where there is no file, or no room."""
    if path is None:
        return mmap.mmap(-1, size)
    try:
        descriptor = os.open(path, os.O_RDWR)  # of its own: a mapping keeps it, and with it would keep a lock
        try:
            if (there := os.fstat(descriptor).st_size) < size:
                # What is there already asks the disk for no room later.
                os.pwrite(descriptor, bytes(size - there), there)
            return mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
    except (OSError, ValueError):  # no room on the disk: then nothing is noted, and the server serves
        return mmap.mmap(-1, size)
