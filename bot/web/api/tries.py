"""Failed tries to get in, counted per address, so that keys cannot be guessed at line speed. Memory is bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

FAILED_MOST: Final = 10
WITHIN: Final = timedelta(minutes=1)
ADDRESSES_MOST: Final = 10_000


class FailedTries:
    """At most ``most`` failures per address and ``within``; of more than ``addresses`` addresses the quietest are forgotten."""

    def __init__(
        self,
        now: Callable[[], datetime],
        most: int = FAILED_MOST,
        within: timedelta = WITHIN,
        addresses: int = ADDRESSES_MOST,
    ) -> None:
        self._now = now
        self._most = most
        self._within = within
        self._addresses = addresses
        self._failed: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Seconds until this address may try again; 0 when it may now."""
        since, count = self._failed.get(address, (self._now(), 0))
        left = (since + self._within - self._now()).total_seconds()
        if left <= 0:
            self._failed.pop(address, None)
            return 0
        return int(left) + 1 if count >= self._most else 0

    def failed(self, address: str) -> None:
        """Count a failure."""
        since, count = self._failed.pop(address, (self._now(), 0))
        if self._now() >= since + self._within:
            since, count = self._now(), 0
        self._failed[address] = (since, count + 1)
        while len(self._failed) > self._addresses:
            self._failed.popitem(last=False)

    def __len__(self) -> int:
        return len(self._failed)
