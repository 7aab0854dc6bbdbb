"""``if`` in words that go on a sentence: ``during shop``, ``the person has the tag vip``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.core.rule import Condition, ValueTest
from bot.rulebook.problem import listed
from bot.rulebook.readback.words import one_of

OUTCOMES: Final = {
    "answered": "once that is answered",
    "given_up": "after too many wrong answers",
    "no_answer": "if no answer comes",
    "found": "if that is found",
    "not_found": "if that is not found",
    "failed": "if the call fails",
}
_SOURCES: Final = {
    "contact": "the person's {}",
    "slot": "the {} of the message",
    "event": "the event's {}",
    "answer": "the answer {}",
    "result": "the {} that came back",
}


def case(condition: Condition) -> str:
    """When a case of a reply holds, such as ``during shop, if the answer delivery is home``; empty for any time."""
    outcome = OUTCOMES.get(condition.outcome, condition.outcome)
    tests = list(_tests(condition))
    rest = f"if {listed(tests)}" if tests else ""
    if outcome.startswith("if ") and rest:
        return ", ".join([*_times(condition), f"{outcome} and {rest.removeprefix('if ')}"])
    return ", ".join(part for part in (outcome, *_times(condition), rest) if part)


def _times(condition: Condition) -> Iterator[str]:
    if condition.during:
        yield f"during {condition.during}"
    if condition.outside:
        yield f"outside {condition.outside}"
    if condition.starts_on:
        yield f"from {condition.starts_on.isoformat()} on"
    if condition.ends_on:
        yield f"until {condition.ends_on.isoformat()}"
    if condition.languages:
        yield f"for readers of {one_of(sorted(condition.languages))}"


def _tests(condition: Condition) -> Iterator[str]:
    if condition.window:
        yield f"the 24-hour window is {condition.window}"
    if condition.tag:
        yield f"the person has the tag {condition.tag}"
    if condition.no_tag:
        yield f"the person has no tag {condition.no_tag}"
    if condition.consent:
        yield f"consent is {condition.consent}"
    if condition.first_contact is not None:
        yield "the person never wrote before" if condition.first_contact else "the person wrote before"
    if condition.after_rule:
        yield f"rule {condition.after_rule} was the last to answer"
    for test in condition.values:
        yield f"{_SOURCES[test.source].format(test.name)} is {_wanted(test)}"


def _wanted(test: ValueTest) -> str:
    bounds = [f"at least {test.at_least:g}"] if test.at_least is not None else []
    bounds += [f"at most {test.at_most:g}"] if test.at_most is not None else []
    return " and ".join(bounds) or one_of(test.anyof)
