"""All open connections together: who may come in, who has to go, and how often that happened.

Every client is somebody else's program, so each has little time and room, and all of them share a fixed amount. There is no limit for each
address: behind a proxy everybody comes from the same one. Instead, when there are too many, those go first that keep us waiting longest.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

import structlog

log = structlog.get_logger()

TOLD_EVERY_S: Final = 60.0
TICK_S: Final = 0.5
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients get; times in seconds, each with a tolerance of ``tick_s``.

    ``silent_s`` until the first byte, ``head_s`` from there to the end of the head, also of each later request; ``body_s`` for the whole
    body, ``known_body_s`` where ``give_time`` said so; ``idle_s`` between two requests. Within ``write_s`` a client takes at least
    ``write_bytes`` of what waits for it. ``line_bytes`` is the most for the request's target and for a header, ``head_bytes`` for all of
    the head. ``held_bytes``: of unfinished requests, and again of answers that are not taken, over all connections.
    """

    silent_s: float = 5.0
    head_s: float = 5.0
    body_s: float = 5.0
    known_body_s: float = 60.0
    idle_s: float = 75.0
    write_s: float = 10.0
    write_bytes: int = 64 * 1024
    linger_s: float = 2.0
    headers: int = 64
    line_bytes: int = 8 * 1024
    head_bytes: int = 32 * 1024
    held_bytes: int = 64 * MIB
    connections: int = 1000

    @property
    def tick_s(self) -> float:
        """How often it is looked who is late."""
        return min(TICK_S, min(self.silent_s, self.head_s, self.body_s, self.write_s) / 5)


class Member(Protocol):
    """A connection, as the crowd sees it."""

    def check(self, now: float) -> None:
        """Go, if the client is late. ``now`` is the loop's time."""

    def drop(self, why: str) -> None:
        """Hang up at once, without an answer."""

    def patience(self) -> tuple[int, float] | None:
        """Who goes first when there are too many: the least. None: we are at work for it."""

    def unsent(self) -> int:
        """Bytes that wait until the client takes them."""

    def held(self) -> int:
        """Bytes of a request that is not whole yet."""


class Crowd:
    """Everybody who is connected to one server. Belongs to the event loop in which it is started."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.refused: Counter[str] = Counter()
        """How often clients were turned away, by the reason, since the start."""
        self._told: Counter[str] = Counter()
        self._told_at = -inf
        self._members: dict[Member, None] = {}
        self._stuck: dict[Member, None] = {}
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._members)

    def start(self) -> None:
        """Look after the members from now on."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.limits.tick_s, self._tick, loop)

    def stop(self) -> None:
        """Look after nobody any more, and tell what was not told yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell()

    def admit(self, member: Member) -> bool:
        """Whether it may stay. ``leave`` must follow a True."""
        if len(self._members) >= self.limits.connections and not self._make_room():
            self.count("full")
            return False
        self._members[member] = None
        return True

    def leave(self, member: Member) -> None:
        """It is gone; may be called more than once."""
        self._members.pop(member, None)
        self._stuck.pop(member, None)

    def count(self, why: str) -> None:
        """A client was turned away."""
        self.refused[why] += 1

    def hold(self, change: int) -> None:
        """So many more, or fewer, bytes of unfinished requests are kept."""
        self._held += change
        if change > 0 and self._held > self.limits.held_bytes:
            holding = [each for each in self._members if each.held()]
            greedy = [each for each in holding if each.held() > self.limits.held_bytes // 3]  # no body may be as large
            self._drop(greedy or holding, "crowded_out")

    def is_stuck(self, member: Member) -> None:
        """Its client does not take what was written."""
        self._stuck[member] = None
        if sum(each.unsent() for each in self._stuck) > self.limits.held_bytes:
            self._drop(list(self._stuck), "slow_reader")

    def goes_on(self, member: Member) -> None:
        """Its client took what was written."""
        self._stuck.pop(member, None)

    def _make_room(self) -> bool:
        """Several at a time, so that looking for them costs little each."""
        self._drop(list(self._members), "crowded_out")
        return len(self._members) < self.limits.connections

    def _drop(self, members: list[Member], why: str) -> None:
        ranked = [(patience, each) for each in members if (patience := each.patience()) is not None]
        for _, member in heapq.nsmallest(max(1, len(ranked) // 20), ranked, key=lambda pair: pair[0]):
            member.drop(why)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for member in tuple(self._members):
            member.check(now)
        if now - self._told_at >= TOLD_EVERY_S and self.refused != self._told:
            self._told_at = now
            self._tell()
        self._timer = loop.call_later(self.limits.tick_s, self._tick, loop)

    def _tell(self) -> None:
        """One line for all, since somebody who attacks makes thousands."""
        news: Mapping[str, int] = self.refused - self._told
        if news:
            log.warning("clients_refused", **news, open=len(self._members))
        self._told = self.refused.copy()
