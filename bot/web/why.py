"""Why a decision came out as it did, as pages tell it: where the message was looked at, the rules that spoke to it, where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from bot.core.decision import Because
from bot.core.rule import Place

# As decisions name them, in the order in which a message is looked at (``bot.core.layers``).
LAYERS: Final = {
    "consent": "STOP or START?",
    "person": "Does a colleague have the conversation?",
    "question": "Is a question open?",
    "taps": "A tap on a button?",
    "near_miss": "Nearly a STOP?",
    "rules": "Does a rule hear it?",
    "first_contact": "The first words ever?",
    "nothing_matched": "Nothing matched",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One of the places that a message passes. ``state``: passed (it was asked and did not take the message), answered, or not asked."""

    name: str
    words: str
    state: Literal["passed", "answered", "not asked"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that spoke to the message. ``failed``: its first condition that did not hold; empty: it answers."""

    rule: str
    place: str
    address: str
    heard: str
    failed: str


def layers_of(because: Because) -> tuple[Layer, ...]:
    """Every layer; none where the event was no message."""
    if because.layer not in LAYERS:
        return ()
    at = list(LAYERS).index(because.layer)
    return tuple(
        Layer(name.replace("_", " "), words, "passed" if n < at else "answered" if n == at else "not asked")
        for n, (name, words) in enumerate(LAYERS.items())
    )


def candidates_of(because: Because) -> tuple[Candidate, ...]:
    """In the order in which they were considered."""
    return tuple(
        Candidate(each.rule, line_of(each.place), rule_page(each.rule, each.place), each.heard, each.failed.rstrip("."))
        for each in because.considered
    )


def line_of(place: Place) -> str:
    """``line 34 of orders.yaml``"""
    return f"line {place.line} of {place.file.rpartition('/')[2]}"


def rule_page(rule: str, place: Place) -> str:
    """Where the rules page shows it; the line counts where the rule is not live any more."""
    return f"/admin/rules?{urlencode({'rule': rule, 'file': place.file, 'line': place.line})}#L{place.line}"
