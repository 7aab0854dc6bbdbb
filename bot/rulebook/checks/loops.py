"""Rules that lead back to themselves without a person doing anything new in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.core.rule import Rule
from bot.rulebook.checks.outcomes import SILENT, WITH_ANSWERS
from bot.rulebook.checks.steps import Step, comes_round, in_silence
from bot.rulebook.problem import listed
from bot.rulebook.shape.book import Draft

Steps = Mapping[str, Sequence[Step]]


def check_loops(draft: Draft, steps: Steps) -> Steps:
    """Each circle of steps is told once, where it closes: those within one decision, and those of reminders to somebody silent.

    The answer is ``steps`` without those of rules that go in circles.
    """
    rules = {rule.name: rule for rule in draft.rules}
    every = [(step, rules[name]) for name, found in steps.items() for step in found]
    at_once = [step for step, rule in every if step.how != "remind" and comes_round(step, rule)]
    in_time = [step for step, rule in every if in_silence(step, rule)]
    told: set[frozenset[str]] = set()
    for edges in (_in_circles(_by_source(at_once)), _in_circles(_by_source(in_time))):
        for circle in (circle for start in edges for circle in _circles(start, edges)):
            names = frozenset(step.source for step in circle)
            if names not in told:
                told.add(names)
                draft.notes.problems.error(circle[-1].place, _sentence(circle, rules))
    circling = frozenset[str]().union(*told)
    return {name: found for name, found in steps.items() if name not in circling} if circling else steps


def _by_source(steps: Iterable[Step]) -> Steps:
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.source, []).append(step)
    return found


def _in_circles(edges: Steps) -> Steps:
    """What is left once rules that nothing leads to, or that lead nowhere, are taken away, again and again."""
    while True:
        led_to = {step.target for found in edges.values() for step in found}
        kept = {
            name: inner
            for name, found in edges.items()
            if name in led_to and (inner := [step for step in found if step.target in edges])
        }
        if sum(map(len, kept.values())) == sum(map(len, edges.values())):
            return kept
        edges = kept


def _circles(start: str, edges: Steps) -> Iterator[list[Step]]:
    """Shortest ways from ``start`` back to it."""
    came_by: dict[str, Step] = {}
    waiting = [start]
    for name in waiting:
        for step in edges.get(name, ()):
            if step.target == start:
                yield _way(start, step, came_by)
            elif step.target not in came_by:
                came_by[step.target] = step
                waiting.append(step.target)


def _way(start: str, last: Step, came_by: Mapping[str, Step]) -> list[Step]:
    way = [last]
    while way[-1].source != start:
        way.append(came_by[way[-1].source])
    return way[::-1]


def _sentence(circle: Sequence[Step], rules: Mapping[str, Rule]) -> str:
    shown = " to ".join([*(step.source for step in circle), circle[0].source])
    if any(step.how == "remind" for step in circle):
        return (
            f"These reminders never end while the person is silent: {shown}. Let the last one remind nobody, "
            "or offer the next step as a button."
        )
    met = frozenset[str]().union(*(step.outcomes for step in circle if rules[step.source].ask))
    for outcome, fault, cure in _ENDLESS:
        if outcome in met:
            return f"{fault}: {shown}. {cure}"
    if met & WITH_ANSWERS:
        asked = listed([question.slot for step in circle for question in rules[step.source].ask])
        return (
            f"This goes in a circle: {shown}. What was answered ({asked}) is not asked again. "
            "Offer it as a button instead, such as Try again."
        )
    return f"This goes in a circle: {shown}. Take out one goes_to, or offer it as a button instead."


_ENDLESS = (
    (
        "given_up",
        "Nobody gets out of this question, as giving up leads back to it",
        "Let given_up go to another rule, such as one that hands over.",
    ),
    (
        SILENT,
        "This asks again and again while the person is silent",
        "Let no_answer say something, or go to a rule that does not ask.",
    ),
)
