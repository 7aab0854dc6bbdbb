"""Whom a save finds in the middle of a question, and whether it changes what they are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from bot.core.phrasing import Place
from bot.core.rule import Rule
from bot.core.rulebook import Rulebook
from bot.rulebook.problem import Problem


def affected(
    older: Mapping[int, Rulebook], new: Rulebook, asking: Mapping[int, Mapping[str, int]]
) -> Iterator[Problem]:
    """A warning for each rule that asks people of an ``older`` version something, and that ``new`` lacks or asks otherwise.

    ``asking``: for each version how many people each of its rules holds.
    """
    for name, people in sorted(_people(older, new, asking).items()):
        count = sum(people.values())
        rule, before = new.rule(name), older[max(people)].rule(name)
        place = rule.place if rule is not None else before.place if before is not None else Place("rules", 1, 1)
        who = "1 person is" if count == 1 else f"{count} people are"
        what = (
            f"This save changes the questions of rule {name}" if rule is not None else f"This save removes rule {name}"
        )
        stay = "They go on with the questions as they were asked, until they have answered or leave them"
        yield Problem(place, f"{what} while {who} in the middle of it. {stay}; there is nothing to do.", "warning")


def _people(
    older: Mapping[int, Rulebook], new: Rulebook, asking: Mapping[int, Mapping[str, int]]
) -> dict[str, dict[int, int]]:
    """By rule, then by version, the people that the new rulebook would ask otherwise."""
    found: dict[str, dict[int, int]] = {}
    for version, rules in asking.items():
        book = older.get(version)
        for name, count in rules.items() if book is not None else ():
            if book is not None and count and not asks_alike(book.rule(name), new.rule(name)):
                found.setdefault(name, {})[version] = count
    return found


def asks_alike(one: Rule | None, other: Rule | None) -> bool:
    """Whether both ask the same questions in the same words, and then the same connection, wherever they are written."""
    if one is None or other is None:
        return one is other
    return one.call == other.call and _alike(one.ask, other.ask)


def _alike(one: object, other: object) -> bool:
    """Equal but for places. What has no equality of its own was made from what is written beside it, and counts as equal."""
    if isinstance(one, Place) or type(one) is not type(other):
        return type(one) is type(other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    if is_dataclass(one):
        return all(_alike(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    return one == other or type(one).__eq__ is object.__eq__
