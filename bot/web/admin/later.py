"""What takes long to make: asked for by pages, made behind the scenes, remembered. Nobody waits long for it, and nothing is made twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import perf_counter
from typing import Final, Generic, TypeVar

from bot.errors import ParleyError

V = TypeVar("V")
AGAIN_AFTER: Final = timedelta(seconds=20)  # what failed is tried once more
_SOON_S: Final = 5.0
_RESTS: Final = 20  # times as long as the making took before it is made anew


@dataclass(frozen=True, slots=True)
class Known(Generic[V]):
    """``value`` None: it is still being made, or ``trouble`` says in a sentence why it could not be. ``as_of``: when it was made."""

    value: V | None
    as_of: datetime
    trouble: str = ""


@dataclass(slots=True)
class _Kept(Generic[V]):
    known: Known[V]
    took_s: float


class Later(Generic[V]):
    """Values by key, the ``most`` that were asked for last. ``fresh_for`` None: what was made stays true. ``touch`` is called whenever
    something new is known."""

    def __init__(
        self,
        now: Callable[[], datetime],
        touch: Callable[[], None],
        most: int = 16,
        fresh_for: timedelta | None = None,
    ) -> None:
        self._now = now
        self._touch = touch
        self._most = most
        self._fresh_for = fresh_for
        self._kept: dict[Hashable, _Kept[V]] = {}
        self._making: dict[Hashable, asyncio.Task[None]] = {}

    async def wanted(self, key: Hashable, make: Callable[[], Awaitable[V]], within_s: float = 0.0) -> Known[V]:
        """What is known under ``key``, at once; where nothing is yet, after waiting for it up to ``within_s``."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._kept[key] = kept  # asked for last
        rest_s = 0.0 if kept is None else self._rest_s(kept)
        if (
            rest_s <= _SOON_S and key not in self._making
        ):  # what is nearly old is made anew when it is: nobody may ask again
            self._making[key] = asyncio.create_task(self._make(key, make, rest_s), name="later")
        if kept is None and within_s:
            await asyncio.wait({self._making[key]}, timeout=within_s)
            kept = self._kept.get(key)
        return kept.known if kept is not None else Known(None, self._now())

    def forget(self) -> None:
        """Remember nothing of what is known until now."""
        self._kept.clear()

    async def stop(self) -> None:
        """What is being made is dropped; returns when nothing of it is left."""
        tasks = [*self._making.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _rest_s(self, kept: _Kept[V]) -> float:
        """For how long what is known stays as good as new."""
        fresh_for = AGAIN_AFTER if kept.known.trouble else self._fresh_for
        if fresh_for is None:
            return inf
        age_s = (self._now() - kept.known.as_of).total_seconds()
        return max(0.0, max(fresh_for.total_seconds(), kept.took_s * _RESTS) - age_s)

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[V]], rest_s: float) -> None:
        try:
            await asyncio.sleep(rest_s)
            began, at = perf_counter(), self._now()
            try:
                known = Known(await make(), at)
            except ParleyError as trouble:
                known = Known(None, at, str(trouble))
            before = self._kept.pop(key, None)
            self._kept[key] = _Kept(known, perf_counter() - began)
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        finally:
            del self._making[key]
        if before is None or before.known.value != known.value or before.known.trouble != known.trouble:
            self._touch()
