"""Troubles that a newcomer can turn on and off by name, each told in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.sinch.emulator.changes import Changes
from bot.sinch.emulator.faults import Fault, FaultKind, Faults
from bot.sinch.emulator.fields import Json

LATE_S = 30.0
NEXT_MAX = 1000
EVERY_REQUEST = ""  # every path ends so


@dataclass(frozen=True, slots=True)
class Switch:
    """One of them as it stands. It befalls ``next`` more, or each with ``probability``; ``happened`` counts since the start."""

    name: str
    title: str
    sentence: str
    probability: float = 0.0
    next: int = 0
    happened: int = 0

    @property
    def is_on(self) -> bool:
        """Whether it can happen."""
        return self.probability > 0 or self.next > 0

    def resource(self) -> Json:
        """As JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "sentence": self.sentence,
            "on": self.is_on,
            "probability": self.probability,
            "next": self.next,
            "happened": self.happened,
        }


_OFFERED: dict[str, tuple[str, str, Fault]] = {
    "duplicates": (
        "Every webhook twice",
        "Sinch delivers each webhook two times; the bot must answer once.",
        Fault(FaultKind.DUPLICATE),
    ),
    "late_webhooks": (
        "Webhooks late",
        f"What people write reaches the bot {LATE_S:.0f} seconds late.",
        Fault(FaultKind.DELAY, seconds=LATE_S, trigger="MESSAGE_INBOUND"),
    ),
    "late_receipts": (
        "Receipts late",
        f"The bot learns {LATE_S:.0f} seconds late that its message was sent, delivered or read.",
        Fault(FaultKind.DELAY, seconds=LATE_S, trigger="MESSAGE_DELIVERY"),
    ),
    "shuffled_receipts": (
        "Receipts out of order",
        "A receipt is overtaken by the one after it: delivered before sent.",
        Fault(FaultKind.REORDER, trigger="MESSAGE_DELIVERY"),
    ),
    "lost_answers": (
        "Answer to a send lost",
        "Sinch takes a message, but its answer never arrives: the bot cannot know, and must not send it twice.",
        Fault(FaultKind.LOST_RESPONSE),
    ),
    "too_many_requests": (
        "Too many requests",
        "Sinch answers a send with 429 and asks to wait a second.",
        Fault(FaultKind.RATE_LIMITED, retry_after="1"),
    ),
    "sinch_down": (
        "Sinch is down",
        "Every call to Sinch is answered with 503; messages wait and go out when it is back.",
        Fault(FaultKind.UNAVAILABLE, where=EVERY_REQUEST),
    ),
    "connection_cut": (
        "Connection cut",
        "Sinch hangs up on a send without having taken it; the bot cannot know that either.",
        Fault(FaultKind.REFUSED),
    ),
    "undeliverable": (
        "Not deliverable",
        "Sinch takes a message, then WhatsApp cannot deliver it: the receipt says FAILED.",
        Fault(FaultKind.FAILED, code="RECIPIENT_NOT_REACHABLE", channel_code="131026"),
    ),
}


class Switches:
    """All of them, on top of one emulator's faults; ``changes`` counts every turn of one."""

    def __init__(self, faults: Faults) -> None:
        self.changes = Changes()
        self._faults = faults

    def all(self) -> list[Switch]:
        """Every switch, always in the same order."""
        return [self.get(name) for name in _OFFERED]

    def get(self, name: str) -> Switch:
        """One switch. Raises LookupError with a sentence for a name that none has."""
        title, sentence, _ = _offered(name)
        faults = self._faults
        left, happened = faults.outstanding_of(name), faults.by_switch[name]
        return Switch(name, title, sentence, faults.probability_of(name), left, happened)

    def turn_on(self, name: str, probability: float = 1.0) -> Switch:
        """From now on it befalls each with this probability. LookupError by the name, ValueError by a wrong number."""
        if not 0 < probability <= 1:
            raise ValueError("probability must be above 0 and at most 1.")
        fault = self._cleared(name)
        self._faults.chance(fault, probability)
        return self._turned(name)

    def befall_next(self, name: str, count: int = 1) -> Switch:
        """It befalls the next ``count`` and then is off. LookupError by the name, ValueError by a wrong number."""
        if not 1 <= count <= NEXT_MAX:
            raise ValueError(f"next must be from 1 to {NEXT_MAX}.")
        self._faults.script(*[self._cleared(name)] * count)
        return self._turned(name)

    def turn_off(self, name: str) -> Switch:
        """It happens no more. LookupError by the name."""
        self._cleared(name)
        return self._turned(name)

    def _cleared(self, name: str) -> Fault:
        fault = replace(_offered(name)[2], switch=name)
        self._faults.withdraw(name)
        return fault

    def _turned(self, name: str) -> Switch:
        self.changes.happen()
        return self.get(name)


def _offered(name: str) -> tuple[str, str, Fault]:
    found = _OFFERED.get(name)
    if found is None:
        raise LookupError(f"There is no switch {name!r}; there are {', '.join(_OFFERED)}.")
    return found
