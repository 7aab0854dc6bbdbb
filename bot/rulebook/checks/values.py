"""Which values a placeholder may rely on in each rule, and how long they can be.

A rule is entered in several ways: by each of its phrases, by an event, by a tap on a button, by another rule that goes to it. A value
is guaranteed where every way in brings it. What the contact's fields hold is never guaranteed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from bot.core.rule import Condition, Happened, Heard, Rule, Sent
from bot.core.rulebook import Hours
from bot.core.wording import opening_words
from bot.rulebook.checks.loops import hops
from bot.rulebook.pattern import Pattern
from bot.rulebook.phrases import parsed
from bot.rulebook.shape.book import Draft

FIELDS = (
    "first_name",
    "last_name",
    "name",
    "email",
    "phone",
    "company",
    "city",
)  # a contact may have these without being declared
OURS = ("closing_time", "next_opening", "today")
CLOCK, ISO_DAY = len("18:00"), len("2026-01-05")


@dataclass(frozen=True, slots=True)
class Values:
    """What is known in one rule. ``longest`` has the values whose greatest length is known; ``foreign``: an event or a flow may
    bring values that nobody declared."""

    guaranteed: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    longest: Mapping[str, int] | None = None
    foreign: bool = False
    slots: frozenset[str] = frozenset()

    def length(self, name: str) -> int | None:
        """The most characters that the value of ``name`` can have, where that is known."""
        return (self.longest or {}).get(name)


def values_of_rules(draft: Draft) -> Mapping[str, Values]:
    """For every rule what its placeholders may rely on, whichever way it was entered."""
    tapped = {mention.name for mention in draft.notes.mentions if mention.kind == "rule" and mention.how == "button"}
    by_name = {rule.name: rule for rule in draft.rules}
    ways = {name: list(_ways_in(rule, name in tapped)) for name, rule in by_name.items()}
    edges = hops(draft)
    waiting = [name for name in ways if ways[name]]
    while waiting:
        source = waiting.pop()
        brought = _joined(ways[source])
        for mention in edges.get(source, ()):
            if mention.name in by_name and brought not in ways[mention.name]:
                ways[mention.name].append(brought)
                waiting.append(mention.name)
    fields = frozenset({*FIELDS, *OURS, *draft.notes.contact_fields})
    return {name: _with_ours(_joined(found), by_name[name], fields, draft) for name, found in ways.items()}


def within(values: Values, condition: Condition, draft: Draft) -> Values:
    """What is also guaranteed where ``condition`` holds."""
    tested = {test.name for test in condition.values}
    named = condition.during or condition.outside
    if named and _opens(draft.hours.get(named)):
        tested.add("next_opening")
    if condition.during:
        tested.add("closing_time")
    return (
        replace(values, guaranteed=values.guaranteed | tested, possible=values.possible | tested) if tested else values
    )


def _with_ours(values: Values, rule: Rule, fields: frozenset[str], draft: Draft) -> Values:
    always = {"today"}
    first = next(iter(draft.hours.values()), None)
    if _opens(first):
        always.add("next_opening")
    lengths = {"closing_time": CLOCK, "today": ISO_DAY, **(values.longest or {})}
    whole = replace(values, guaranteed=values.guaranteed | always, possible=values.possible | fields, longest=lengths)
    return within(whole, rule.condition, draft)


def _opens(hours: Hours | None) -> bool:
    return hours is not None and any(hours.by_weekday.values())


def _ways_in(rule: Rule, tapped: bool) -> Iterator[Values]:
    if tapped:
        yield Values()
    for trigger in rule.triggers:
        match trigger:
            case Heard(phrases=phrases):
                yield from (_heard(parsed(phrase.pattern)) for phrase in phrases)
            case Happened(needs=needs):
                yield Values(frozenset(needs), frozenset(needs), {}, foreign=True)
            case Sent(kinds=kinds):
                yield Values(foreign="flow" in kinds)
            case _:
                yield Values()


def _heard(pattern: Pattern) -> Values:
    lengths = {
        name: max(map(len, kind.edges))
        for name, kind in pattern.kinds.items()
        if kind.name.endswith("digits") or kind.name.startswith("number ")
    }
    names = frozenset(pattern.slots)
    return Values(pattern.always, names, lengths, slots=names)


def _joined(ways: Iterable[Values]) -> Values:
    """What holds whichever of ``ways`` was taken; a length is known where every way that brings the value knows it."""
    found = list(ways)
    if not found:
        return Values()
    lengths: dict[str, int] = {}
    for name in frozenset().union(*(way.possible for way in found)):
        known = [way.length(name) for way in found if name in way.possible]
        if None not in known:
            lengths[name] = max(length or 0 for length in known)
    return Values(
        frozenset.intersection(*(way.guaranteed for way in found)),
        frozenset().union(*(way.possible for way in found)),
        lengths,
        any(way.foreign for way in found),
        frozenset().union(*(way.slots for way in found)),
    )


@lru_cache(maxsize=64)
def longest_opening(language: str) -> int:
    """The most characters that ``next_opening`` can have in ``language``."""
    start = date(2026, 1, 5)
    days = (datetime(2026, 1, 5, 23, 59) + timedelta(days=ahead) for ahead in range(9))  # noqa: DTZ001 - a clock on a wall
    return max(len(opening_words(start, day, language)) for day in days)
