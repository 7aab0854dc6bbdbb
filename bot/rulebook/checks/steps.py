"""Where a rule goes on to by itself: the steps that no button and no message of a person comes between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from bot.core.rule import Place, ReplyItem, Rule
from bot.rulebook.checks.outcomes import AT_ONCE, SILENT, WITH_ANSWERS, outcomes_met, outcomes_of
from bot.rulebook.shape.book import Draft

FILES: Final = ("image", "document", "location")  # kinds of answers that no sentence brings
How = Literal["instead", "then", "misses", "remind"]


@dataclass(frozen=True, slots=True)
class Step:
    """From rule ``source`` to rule ``target``: ``instead`` of the reply ``item``, after any reply, or ``after`` a time as a reminder.

    ``outcomes`` are those at which it may be taken.
    """

    source: str
    target: str
    how: How
    place: Place
    outcomes: frozenset[str] = frozenset({AT_ONCE})
    item: ReplyItem | None = None
    after: timedelta = timedelta()


def steps_of(draft: Draft) -> Mapping[str, Sequence[Step]]:
    """For each rule that goes on by itself, its steps in the order written."""
    places: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    for mention in draft.notes.mentions:
        if mention.kind == "rule" and mention.rule:
            places[mention.rule, mention.how, mention.name].append(mention.place)
    found: dict[str, list[Step]] = {}
    for rule in draft.rules:
        steps = [_placed(step, places[rule.name, step.how, step.target]) for step in _steps(rule)]
        if steps:
            found.setdefault(rule.name, []).extend(steps)
    return found


def _placed(step: Step, places: Sequence[Place]) -> Step:
    """The step at the name it goes to: the first mention at or after the place of what it stands in."""
    at = min((place for place in places if place >= step.place), default=step.place)
    return Step(step.source, step.target, step.how, at, step.outcomes, step.item, step.after)


def _steps(rule: Rule) -> Iterator[Step]:
    for item in rule.reply:
        if item.goes_to:
            yield Step(rule.name, item.goes_to, "instead", item.place, outcomes_met(rule, item), item)
    then, done = rule.then, outcomes_done(rule)
    if then.goes_to:
        yield Step(rule.name, then.goes_to, "then", rule.place, done)
    if then.misses_goes_to:
        yield Step(rule.name, then.misses_goes_to, "misses", rule.place, done)
    if then.remind is not None:
        yield Step(rule.name, then.remind.goes_to, "remind", rule.place, done, after=then.remind.after)


def outcomes_done(rule: Rule) -> frozenset[str]:
    """The outcomes after which ``then`` is done: nobody answering is one only where a reply names it, or there is none at all."""
    if not rule.reply or any(item.condition.outcome == SILENT for item in rule.reply):
        return frozenset(outcomes_of(rule))
    return frozenset(outcomes_of(rule)) - {SILENT}


def comes_round(step: Step, rule: Rule) -> bool:
    """Whether ``step`` of ``rule`` may be taken again and again within one decision.

    What was answered once is handed on and not asked again; only flows and files are.
    """
    if rule.ask and any(question.must_be.kind in FILES for question in rule.ask):
        return not step.outcomes <= WITH_ANSWERS
    return bool(rule.ask) or step.outcomes != {"answered"}


def in_silence(step: Step, rule: Rule) -> bool:
    """Whether ``step`` of ``rule`` may be taken without the person doing anything."""
    return SILENT in step.outcomes if rule.ask else step.outcomes != {"answered"}
