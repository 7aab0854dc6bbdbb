"""What went over the wire about each message, kept for whoever wants to see it: webhooks and their answers, sends and ours.

Bounded in every direction: the last 2000 messages and 32 MiB in all, 20 webhooks and 20 sends a message, 64 KiB a body;
and the last 200 sends that were refused.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from bot.sinch.emulator.fields import Json

MESSAGES_KEPT = 2000
BYTES_KEPT = 32 * 1024 * 1024
EACH_KEPT = 20
REFUSED_KEPT = 200
BODY_MAX = 64 * 1024
_One = TypeVar("_One", "Delivery", "Exchange")
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try of one webhook. ``status`` is what was answered, 0 where nothing was; ``size`` the whole body's, in bytes."""

    trigger: str
    about: str
    url: str
    at: datetime
    attempt: int
    headers: Mapping[str, str]
    body: bytes
    size: int
    status: int

    def resource(self) -> Json:
        """As JSON, the body as text."""
        return {
            "trigger": self.trigger,
            "about": self.about,
            "url": self.url,
            "at": self.at.isoformat(),
            "attempt": self.attempt,
            "headers": dict(self.headers),
            "body": self.body.decode("utf-8", "replace"),
            "size": self.size,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class Exchange:
    """A send of the bot and our answer. ``fault`` names the trouble on order that befell it, empty for none.

    ``status`` is 0 where we took nothing and hung up; with the fault ``lost_response`` the bot never saw the answer.
    """

    method: str
    path: str
    at: datetime
    headers: Mapping[str, str]
    body: bytes
    size: int
    status: int
    answer: bytes
    fault: str = ""

    def resource(self) -> Json:
        """As JSON, bodies as text."""
        return {
            "method": self.method,
            "path": self.path,
            "at": self.at.isoformat(),
            "headers": dict(self.headers),
            "body": self.body.decode("utf-8", "replace"),
            "size": self.size,
            "status": self.status,
            "answer": self.answer.decode("utf-8", "replace"),
            "fault": self.fault,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """All there is about one message, oldest first. ``sends`` also has those refused before, by their metadata."""

    message_id: str
    deliveries: tuple[Delivery, ...] = ()
    sends: tuple[Exchange, ...] = ()

    def resource(self) -> Json:
        """As JSON."""
        return {
            "message_id": self.message_id,
            "deliveries": [each.resource() for each in self.deliveries],
            "sends": [each.resource() for each in self.sends],
        }


@dataclass(slots=True)
class _Kept:
    deliveries: deque[Delivery] = field(default_factory=deque)
    sends: deque[Exchange] = field(default_factory=deque)


class Traffic:
    """Keeps it, by message."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._refused: deque[tuple[str, Exchange]] = deque(maxlen=REFUSED_KEPT)
        self._size = 0

    def of(self, message_id: str) -> Seen:
        """What is kept of a message; nothing of one that is unknown or gone."""
        kept = self._kept.get(message_id, _Kept())
        return Seen(message_id, tuple(kept.deliveries), tuple(kept.sends))

    @property
    def refused(self) -> tuple[Exchange, ...]:
        """The last sends that became no message, oldest first, as far as none with their metadata was taken since."""
        return tuple(exchange for _, exchange in self._refused)

    def delivered(self, message_id: str, delivery: Delivery) -> None:
        """A webhook was tried."""
        self._keep(self._of(message_id).deliveries, delivery)

    def accepted(self, message_id: str, metadata: str, exchange: Exchange) -> None:
        """A send became this message; those refused with the same metadata before belong to it."""
        kept = self._of(message_id).sends
        before = [each for each in self._refused if metadata and each[0] == metadata]
        for each in before:
            self._refused.remove(each)
            self._keep(kept, each[1])
        self._keep(kept, exchange)

    def turned_down(self, metadata: str, exchange: Exchange) -> None:
        """A send became no message."""
        self._refused.append((metadata, exchange))

    def _of(self, message_id: str) -> _Kept:
        kept = self._kept.get(message_id)
        if kept is None:
            kept = self._kept[message_id] = _Kept()
            if len(self._kept) > MESSAGES_KEPT:
                self._drop_oldest()
        return kept

    def _keep(self, kept: deque[_One], one: _One) -> None:
        kept.append(one)
        self._size += _size(one)
        if len(kept) > EACH_KEPT:
            self._size -= _size(kept.popleft())
        while self._size > BYTES_KEPT:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, gone = self._kept.popitem(last=False)
        self._size -= sum(map(_size, gone.deliveries)) + sum(map(_size, gone.sends))


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with whatever would let a reader in left out: of ``Authorization``, the scheme stays."""
    return {str(name): _hidden(value) if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}


def _hidden(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} (hidden)" if space else "(hidden)"


def _size(one: Delivery | Exchange) -> int:
    answer = len(one.answer) if isinstance(one, Exchange) else 0
    return len(one.body) + answer + 1024  # about what headers and the rest take
