"""Which values a placeholder may rely on in each rule, and how long they can be.

A rule is entered in several ways: by each of its phrases, by an event, by a tap on a button, by another rule that goes to it. A value
is guaranteed where every way in brings it. Answers are there once all is answered, results of a call where it found something. What the
contact's fields hold is never guaranteed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache

from bot.core.answer import TEXT_MAX
from bot.core.asking import Question
from bot.core.rule import Condition, DeliveryFailed, Happened, Heard, Matches, Rule, Sent
from bot.core.rulebook import Hours
from bot.core.wording import opening_words
from bot.rulebook.checks.outcomes import WITH_ANSWERS, flow_results, outcomes_met, outcomes_of
from bot.rulebook.checks.steps import Step, outcomes_done
from bot.rulebook.expression import Expression, compile_expression
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
EMOJI = frozenset({"emoji"})  # a reaction's
FAILED = frozenset({"failed_rule", "reason"})  # of a message that never arrived; neither is always known
OURS = ("closing_time", "next_opening", "today")
CLOCK, ISO_DAY = len("18:00"), len("2026-01-05")
PHONE = len("+") + 15  # digits of a number with its country, at most (ITU-T E.164)


@dataclass(frozen=True, slots=True)
class Values:
    """What is known in one place. ``longest`` has the values whose greatest length is known; ``foreign``: an event or a flow may
    bring values that nobody declared. ``slots`` are those that a condition ``slot`` may name, ``later`` the answers still to come."""

    guaranteed: frozenset[str] = frozenset()
    possible: frozenset[str] = frozenset()
    longest: Mapping[str, int] | None = None
    foreign: bool = False
    slots: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()

    def length(self, name: str) -> int | None:
        """The most characters that the value of ``name`` can have, where that is known."""
        return (self.longest or {}).get(name)


NOTHING = Values()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known in the places of one rule: at each question, when the call is made, in each reply, in ``then``, and in the rule's
    own ``if_closed``, which may stand for a question and for several replies."""

    entry: Values
    questions: tuple[Values, ...]
    call: Values
    items: tuple[Values, ...]
    then: Values
    closed: Values


def values_of_rules(draft: Draft, steps: Mapping[str, Sequence[Step]]) -> Mapping[str, Known]:
    """For every rule what its texts may rely on, whichever way it was entered."""
    tapped = {mention.name for mention in draft.notes.mentions if mention.kind == "rule" and mention.how == "button"}
    by_name = {rule.name: rule for rule in draft.rules}
    ways = {name: _different(_ways_in(rule, name in tapped)) for name, rule in by_name.items()}
    waiting = [name for name in ways if ways[name]]
    while waiting:
        source = waiting.pop()
        for step in steps.get(source, ()):
            brought = _brought(step, by_name[source], _joined(ways[source]), draft)
            if step.target in by_name and brought not in ways[step.target]:
                ways[step.target].append(brought)
                waiting.append(step.target)
    fields = frozenset({*FIELDS, *OURS, *draft.notes.contact_fields})
    return {name: _known(by_name[name], _joined(found), fields, draft) for name, found in ways.items()}


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


# --- one rule -----------------------------------------------------------------------------------------------------------


def _known(rule: Rule, entered: Values, fields: frozenset[str], draft: Draft) -> Known:
    entry = _with_ours(entered, rule, fields, draft)
    if not rule.goes_on and outcomes_of(rule) == ("",):
        items = tuple(within(entry, item.condition, draft) for item in rule.reply)
        return Known(entry, (), entry, items, entry, entry)

    by_outcome = {outcome: _at(outcome, rule, entered, draft) for outcome in outcomes_of(rule)}

    @cache
    def at(outcomes: frozenset[str]) -> Values:
        """What is known at any of ``outcomes``."""
        joined = _joined(by_outcome[outcome] for outcome in sorted(outcomes))
        return _with_ours(joined, rule, fields, draft)

    items = tuple(within(at(outcomes_met(rule, item)), item.condition, draft) for item in rule.reply)
    answered = _with_answers(entry, rule.ask)
    names = [question.slot for question in rule.ask]
    questions = tuple(
        replace(_with_answers(entry, rule.ask[:position]), later=frozenset(names[position:]))
        for position in range(len(names))
    )
    stands_for = [
        values for values, item in zip(items, rule.reply, strict=True) if item.says and item.if_closed is None
    ]
    closed = _joined([*questions[:1], *stands_for]) if questions or stands_for else entry
    return Known(entry, questions, answered, items, at(outcomes_done(rule)), closed)


def _at(outcome: str, rule: Rule, entered: Values, draft: Draft) -> Values:
    """What is known at ``outcome``. A flow comes back alone: what led to it is not kept."""
    if not rule.goes_on:
        if not outcome:
            return entered
        sure, every = flow_results(rule)
        return Values(sure, entered.possible | every, {}, slots=entered.slots | every)
    answered = _with_answers(entered, rule.ask)
    if outcome not in WITH_ANSWERS:
        return replace(answered, guaranteed=entered.guaranteed)
    connection = draft.connections.get(rule.call)
    if connection is None:
        return answered
    results = frozenset(connection.results)
    every = results | frozenset(connection.may_give)
    lengths = {name: length for name, length in (answered.longest or {}).items() if name not in every}
    found = results if outcome == "found" else frozenset[str]()
    return replace(
        answered, guaranteed=answered.guaranteed | found, possible=answered.possible | every, longest=lengths
    )


def _with_answers(values: Values, asked: Sequence[Question]) -> Values:
    """``values`` once these questions are answered; an answer stands before what else has its name."""
    if not asked:
        return values
    names = frozenset(question.slot for question in asked)
    lengths = {name: length for name, length in (values.longest or {}).items() if name not in names}
    lengths |= {each.slot: length for each in asked if (length := _longest_answer(each)) is not None}
    return replace(values, guaranteed=values.guaranteed | names, possible=values.possible | names, longest=lengths)


def _longest_answer(question: Question) -> int | None:
    """The most characters of an answer as it is kept."""
    must_be = question.must_be
    match must_be.kind:
        case "digits":
            return None if must_be.most is None else int(must_be.most)
        case "one_of":
            return max((len(choice.value) for choice in must_be.choices), default=None)
        case "yes_or_no":
            return len("yes")
        case "text":
            return TEXT_MAX
        case "phone":
            return PHONE
        case "date" | "future_date":
            return ISO_DAY
        case "time":
            return CLOCK
        case _:
            return None


def _brought(step: Step, rule: Rule, entered: Values, draft: Draft) -> Values:
    """What ``step`` of ``rule`` hands on: all that was learnt so far, as slots; a reminder nothing."""
    if step.how == "remind":
        return NOTHING
    found = _joined(_at(outcome, rule, entered, draft) for outcome in sorted(step.outcomes))
    learnt = found.possible if rule.goes_on else frozenset[str]()
    return replace(found, slots=found.slots | learnt) if learnt else found


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


# --- ways into a rule ---------------------------------------------------------------------------------------------------


def _ways_in(rule: Rule, tapped: bool) -> Iterator[Values]:
    if tapped:
        yield NOTHING
    for trigger in rule.triggers:
        match trigger:
            case Heard(phrases=phrases):
                yield from (_heard(parsed(phrase.pattern)) for phrase in phrases)
            case Matches(expressions=expressions):
                yield from (_matched(phrase.pattern) for phrase in expressions)
            case Happened(needs=needs):
                yield Values(frozenset(needs), frozenset(needs), {}, foreign=True)
            case Sent(kinds=kinds):
                yield from _sent(kinds)
            case DeliveryFailed():
                yield Values(possible=FAILED)
            case _:
                yield NOTHING


def _sent(kinds: frozenset[str]) -> Iterator[Values]:
    if "reaction" in kinds:
        yield Values(EMOJI, EMOJI, {}, slots=EMOJI)
    if kinds != {"reaction"}:
        yield Values(foreign="flow" in kinds)


def _different(ways: Iterable[Values]) -> list[Values]:
    """The ways that differ in what they bring; most bring nothing."""
    found: list[Values] = []
    for way in ways:
        if not any(way is known or way == known for known in found):
            found.append(way)
    return found


def _heard(pattern: Pattern) -> Values:
    if not pattern.kinds:
        return NOTHING
    lengths = {
        name: max(map(len, kind.edges))
        for name, kind in pattern.kinds.items()
        if kind.name.endswith("digits") or kind.name.startswith("number ")
    }
    names = frozenset(pattern.slots)
    return Values(pattern.always, names, lengths, slots=names)


@lru_cache(maxsize=10_000)
def _matched(source: str) -> Values:
    found = compile_expression(source)
    if not isinstance(found, Expression):
        return NOTHING
    return Values(found.always, frozenset(found.slots), {}, slots=frozenset(found.slots))


def _joined(ways: Iterable[Values]) -> Values:
    """What holds whichever of ``ways`` was taken; a length is known where every way that brings the value knows it."""
    found = list(ways)
    if len(found) < 2:
        return found[0] if found else NOTHING
    lengths: dict[str, int] = {}
    for name in {name for way in found for name in way.longest or ()}:
        known = [way.length(name) for way in found if name in way.possible]
        if known and None not in known:
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
