"""Telling systemd how it goes, where systemd started us with ``Type=notify``; see sd_notify(3). Elsewhere nothing is told."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
ALIVE: Final = "WATCHDOG=1"
MOST_S: Final = 1.0


class ServiceManager:
    """``beat_every_s``: how often it should hear that we are alive, at most half the time that it waits for that."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.beat_every_s = min(MOST_S, _watchdog_s(environment) / 2)

    def tell(self, state: str) -> None:
        """Never blocks, and never fails: a manager that has gone is no reason to stop serving."""
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
            try:
                line.sendto(state.encode(), address)
            except OSError:
                return


def _watchdog_s(environment: Mapping[str, str]) -> float:
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) else math.inf
