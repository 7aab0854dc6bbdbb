"""Troubles on order: scripted one by one, or by chance from a seed; each that happened is counted."""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from enum import StrEnum

from bot.sinch.emulator.fields import Json, number_in, text_in


class FaultKind(StrEnum):
    """What goes wrong. The first seven befall a request, the next three a callback, the last a message."""

    STATUS = "status"
    HTML = "html"
    LOST_RESPONSE = "lost_response"
    REFUSED = "refused"
    SLOW = "slow"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DELAY = "delay"
    FAILED = "failed"
    NONE = "none"


_CALLBACK = frozenset({FaultKind.DUPLICATE, FaultKind.REORDER, FaultKind.DELAY})
CALLBACK = "callback"
MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble.

    ``status`` (with STATUS, HTML), ``retry_after`` (header text, sent as it is, also a hostile one), ``seconds``
    (SLOW, DELAY), ``code`` and ``channel_code`` (FAILED: Sinch's reason and WhatsApp's number). ``where`` is how the
    path of the requests it befalls ends; callbacks and messages have no path. ``trigger`` has it befall callbacks of
    that trigger alone. ``switch`` is the name of the switch it belongs to. NONE leaves one request alone, to make room
    in a script.
    """

    kind: FaultKind
    status: int = 500
    retry_after: str = ""
    seconds: float = 0.0
    code: str = "UNKNOWN"
    channel_code: str = ""
    where: str = "messages:send"
    trigger: str = ""
    switch: str = ""

    @property
    def place(self) -> str:
        """What it befalls: ``callback``, ``callback`` and a trigger, ``message`` or the end of a path."""
        if self.kind in _CALLBACK:
            return f"{CALLBACK} {self.trigger}" if self.trigger else CALLBACK
        return MESSAGE if self.kind is FaultKind.FAILED else self.where


@dataclass(frozen=True, slots=True)
class _Chance:
    fault: Fault
    probability: float


class Faults:
    """Which fault befalls what comes next. A script goes before chance; each place has its own script."""

    def __init__(self, seed: int) -> None:
        self.happened: Counter[str] = Counter()
        self.by_switch: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._scripts: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._chances: list[_Chance] = []

    def script(self, *faults: Fault) -> None:
        """Let these happen, one each, to what comes next at their places, in this order."""
        for fault in faults:
            self._scripts[fault.place].append(fault)

    def chance(self, fault: Fault, probability: float) -> None:
        """Let this happen to everything at its place with this probability, from 0 to 1."""
        self._chances.append(_Chance(fault, probability))

    def clear(self) -> None:
        """Nothing more goes wrong; what happened stays counted."""
        self._scripts.clear()
        self._chances.clear()

    def withdraw(self, switch: str) -> None:
        """What belongs to a switch happens no more."""
        self._chances = [each for each in self._chances if each.fault.switch != switch]
        for place, script in list(self._scripts.items()):
            self._scripts[place] = deque(fault for fault in script if fault.switch != switch)
            if not self._scripts[place]:
                del self._scripts[place]

    def probability_of(self, switch: str) -> float:
        """The probability of what belongs to a switch; 0 where nothing is left to chance."""
        return max((each.probability for each in self._chances if each.fault.switch == switch), default=0.0)

    def outstanding_of(self, switch: str) -> int:
        """How many scripted faults of a switch have not happened yet."""
        return sum(fault.switch == switch for script in self._scripts.values() for fault in script)

    @property
    def outstanding(self) -> int:
        """How many scripted faults have not happened yet."""
        return sum(len(script) for script in self._scripts.values())

    def for_request(self, path: str) -> Fault | None:
        """What befalls the request to ``path``."""
        if not self._scripts and not self._chances:
            return None
        for place in self._scripts:
            if _is_path(place) and path.endswith(place):
                return self._next(place)
        return self._by_chance([each for each in self._chances if path.endswith(each.fault.place)])

    def for_callback(self, trigger: str = "") -> Fault | None:
        """What befalls the next callback, which has this trigger."""
        return self._at(CALLBACK, f"{CALLBACK} {trigger}")

    def for_message(self) -> Fault | None:
        """What befalls the next message on its way to the person."""
        return self._at(MESSAGE)

    def count(self, fault: Fault) -> None:
        """It happened."""
        self.happened[fault.kind.value] += 1
        if fault.switch:
            self.by_switch[fault.switch] += 1

    def _at(self, *places: str) -> Fault | None:
        if not self._scripts and not self._chances:
            return None
        for place in places:
            if place in self._scripts:
                return self._next(place)
        return self._by_chance([each for each in self._chances if each.fault.place in places])

    def _next(self, place: str) -> Fault | None:
        script = self._scripts[place]
        fault = script.popleft()
        if not script:
            del self._scripts[place]
        return None if fault.kind is FaultKind.NONE else fault

    def _by_chance(self, chances: list[_Chance]) -> Fault | None:
        for each in chances:
            if self._random.random() < each.probability:
                return each.fault
        return None


def _is_path(place: str) -> bool:
    return place != MESSAGE and place.partition(" ")[0] != CALLBACK


def fault_from(source: Json) -> Fault:
    """A fault from its JSON form, ``{"kind": "slow", "seconds": 2}``; ValueError names a kind that does not exist."""
    plain = Fault(FaultKind(text_in(source, "kind")))
    return Fault(
        kind=plain.kind,
        status=int(number_in(source, "status")) or plain.status,
        retry_after=text_in(source, "retry_after"),
        seconds=number_in(source, "seconds"),
        code=text_in(source, "code") or plain.code,
        channel_code=text_in(source, "channel_code"),
        where=text_in(source, "where") or plain.where,
        trigger=text_in(source, "trigger"),
    )
