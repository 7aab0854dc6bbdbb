"""Noticing that the event loop stands still, from a thread beside it: while it does, nobody is answered, not even whoever asks how it goes.

A call that blocks is a mistake in Parley, and the stack tells which one it was. What never ends is ended by systemd's watchdog, which
hears of every beat.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

STUCK_AFTER_S: Final = 5.0
BEAT_EVERY_S: Final = 1.0
TOLD_FOR: Final = timedelta(hours=1)
_FRAMES_MOST: Final = 12

log = structlog.get_logger()


class Watchdog:
    """``on_beat`` is called from the loop every ``beat_every_s``. Run ``run`` as a task until cancelled."""

    def __init__(
        self,
        now: Callable[[], datetime],
        on_beat: Callable[[], None] = lambda: None,
        stuck_after_s: float = STUCK_AFTER_S,
        beat_every_s: float = BEAT_EVERY_S,
    ) -> None:
        self._now = now
        self._on_beat = on_beat
        self._stuck_after_s = stuck_after_s
        self._beat_every_s = beat_every_s
        self._beat_at = time.monotonic()
        self._over = threading.Event()
        self._loop_thread = 0
        self._last: tuple[datetime, float] | None = None
        self.stalls = 0

    def remarks(self) -> list[str]:
        """What an operator should know for an hour."""
        if self._last is None or self._now() - self._last[0] > TOLD_FOR:
            return []
        at, stuck_s = self._last
        times = "once" if self.stalls == 1 else f"{self.stalls} times"
        told = f"The server stood still for {stuck_s:.0f} s until {at:%H:%M:%S} UTC, {times} since it started"
        return [f"{told}; the log (loop_stuck) tells where."]

    async def run(self) -> None:
        """Beat, and be watched."""
        self._loop_thread = threading.get_ident()
        self._beat_at = time.monotonic()
        watcher = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        watcher.start()
        try:
            while True:
                self._beat()
                await asyncio.sleep(self._beat_every_s)
        finally:
            self._over.set()

    def _beat(self) -> None:
        before, self._beat_at = self._beat_at, time.monotonic()
        stuck_s = self._beat_at - before - self._beat_every_s
        if stuck_s > self._stuck_after_s:
            self.stalls += 1
            self._last = (self._now(), stuck_s)
            log.warning("loop_goes_on", stuck_s=round(stuck_s, 1))
        self._on_beat()

    def _watch(self) -> None:
        """On the thread: tells once of each time it stands still."""
        told_of = 0.0
        while not self._over.wait(self._stuck_after_s / 4):
            beat_at = self._beat_at
            stuck_s = time.monotonic() - beat_at - self._beat_every_s
            if stuck_s > self._stuck_after_s and beat_at != told_of:
                told_of = beat_at
                log.error("loop_stuck", stuck_s=round(stuck_s, 1), where=stack_of(self._loop_thread))


def stack_of(thread: int) -> list[str]:
    """Where a thread is: file, line and function, the innermost last; no values."""
    frame = sys._current_frames().get(thread)
    if frame is None:
        return []
    found = traceback.extract_stack(frame)[-_FRAMES_MOST:]
    return [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in found]
