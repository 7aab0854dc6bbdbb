"""A list of replies leaves no case open, and none of its replies is out of reach.

Each thing that conditions speak of takes finitely many values as far as they can tell apart: hours open or closed, each language, a
field equal to one of the values named or to something else, the outcomes a rule can come to, the days around those that are named.
All combinations are tried, up to ``MOST``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import product
from math import prod
from typing import Final

from bot.core.asking import Question
from bot.core.rule import Condition, ReplyItem, Rule, ValueTest
from bot.rulebook.checks.outcomes import EVERY, SILENT, WITH_ANSWERS, awaits_flow, meets, outcomes_of
from bot.rulebook.checks.questions import never_given, options_of
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.book import Draft

MOST: Final = 5000
OTHER: Final = ""  # a value that no condition names
NOT_GIVEN: Final = "-"  # no answer; no value looks so after normalising
_DAY: Final = timedelta(days=1)
_BOUNDED: Final = ("yes_or_no", "one_of", "number")  # kinds of which every answer is near one that is tried
Case = Mapping[tuple[str, ...], str]
Axes = dict[tuple[str, ...], list[str]]


def check_cases(draft: Draft) -> None:
    """Tell the open cases of each rule, and replies that can never be chosen."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken or not rule.reply:
            continue
        if _refuse_impossible(rule, draft):
            continue
        used = _look_at(rule, draft)
        for position, item in enumerate(rule.reply):
            if position not in used:
                draft.notes.problems.warning(
                    item.place,
                    "This reply is never chosen: those above it hold in all its cases. Move it up, or delete it.",
                )


def _look_at(rule: Rule, draft: Draft) -> set[int]:
    """The positions of the replies that some case chooses; everything, where there are too many cases to try."""
    everything = set(range(len(rule.reply)))
    if rule.reply[-1].condition.is_empty and len(rule.reply) == 1 and not awaits_flow(rule):
        return everything
    axes = _axes(rule, draft)
    if prod(map(len, axes.values())) > MOST:
        _refuse_untried(rule, draft)
        return everything
    used: set[int] = set()
    closed: set[str] = set()
    left_open: dict[str, Case] = {}
    for case in _cases(rule, axes):
        chosen = next((at for at, item in enumerate(rule.reply) if _chooses(rule, item, case)), None)
        if chosen is not None:
            used.add(chosen)
            closed.add(case["outcome",])
        elif case["outcome",] != SILENT:
            left_open.setdefault(case["outcome",], case)
    if left_open:
        draft.notes.problems.error(rule.reply[-1].place, _open_case(rule, left_open, closed))
    return used


def _open_case(rule: Rule, left_open: Mapping[str, Case], closed: set[str]) -> str:
    """The outcomes without any reply together; else the first case that has none."""
    wholly = [outcome for outcome in left_open if outcome and outcome not in closed]
    if wholly:
        said = [f"for the outcome{'s' if len(wholly) > 1 else ''} {listed(wholly)}"]
    else:
        spoken = {key for item in rule.reply for key in _axes_of(item.condition)}
        spoken |= {("outcome",)} if closed - {*left_open} else set()
        first = next(iter(left_open.values()))
        said = [_said(key, value) for key, value in first.items() if key in spoken and (value or key[0] != "outcome")]
    return (
        f"Rule {rule.name} answers nothing {' and '.join(said)}. Add a reply for that case, "
        "or a last one without a condition (say_nothing: true, if silence is meant)."
    )


def _refuse_impossible(rule: Rule, draft: Draft) -> bool:
    """Tell about conditions that never hold: outcomes that cannot occur, days that end before they start, answers nobody gives."""
    before = draft.notes.problems.errors
    known = outcomes_of(rule)
    for early in _known_later(rule.condition):
        draft.notes.problems.error(rule.place, f"The {early} comes after rule {rule.name} began. Write it in a reply.")
    for condition, place in ((rule.condition, rule.place), *((item.condition, item.place) for item in rule.reply)):
        if condition.outcome and condition is not rule.condition and condition.outcome not in known:
            draft.notes.problems.error(place, _no_outcome(rule, condition.outcome, [each for each in known if each]))
        if condition.starts_on and condition.ends_on and condition.starts_on > condition.ends_on:
            draft.notes.problems.error(
                place,
                f"This begins on {condition.starts_on} and ends on {condition.ends_on}, and never holds. Swap the two days.",
            )
    for place, sentence in never_given(rule):
        draft.notes.problems.error(place, sentence)
    return draft.notes.problems.errors > before


def _known_later(condition: Condition) -> Iterator[str]:
    """What a rule's own ``if`` cannot know yet."""
    if condition.outcome:
        yield f"outcome {condition.outcome}"
    yield from (f"{test.source} {test.name}" for test in condition.values if test.source in ("answer", "result"))


def _no_outcome(rule: Rule, outcome: str, known: list[str]) -> str:
    if not known:
        return (
            f'"if: {outcome}" is the outcome of a question or a call, and rule {rule.name} has neither. '
            "Add ask: or call:, or take the condition out."
        )
    if outcome == SILENT and rule.ask:
        return f"Rule {rule.name} never comes to no_answer, as its questions wait for ever. Add no_answer_after: 20 minutes to one."
    guess = closest(outcome, known) if outcome not in EVERY else ""
    cure = f'Did you mean "{guess}"?' if guess else f"Write {listed(known, 'or')}."
    why = ", as its call comes after the answers" if outcome == "answered" and rule.call and rule.ask else ""
    return f"Rule {rule.name} never comes to {outcome}{why}. {cure}"


def _said(key: tuple[str, ...], value: str) -> str:
    match key[0], value:
        case "hours", _:
            return f"{'during' if value == 'open' else 'outside'} {key[1]}"
        case "window", _:
            return f"when the window is {value}"
        case "language", _:
            return f"in language {value}"
        case "tag", _:
            return f"{'with' if value else 'without'} the tag {key[1]}"
        case "consent", _:
            return f"when consent is {value}"
        case "first_contact", _:
            return "at first contact" if value else "after the first contact"
        case "outcome", _:
            return f"for the outcome {value}"
        case "day", _:
            return f"on {value}"
        case "answer", _ if value == NOT_GIVEN:
            return f"when {key[1]} was not answered"
        case "after_rule", _:
            return f"after rule {value}" if value else "after another rule"
        case _:
            return f"when {key[0]} {key[1]} is {value}" if value else f"when {key[0]} {key[1]} is something else"


def _refuse_untried(rule: Rule, draft: Draft) -> None:
    if not rule.reply[-1].condition.is_empty:
        draft.notes.problems.error(
            rule.reply[-1].place,
            f"The replies of rule {rule.name} depend on too many things to see whether a case is left open. "
            "Add a last reply without a condition.",
        )


def _axes(rule: Rule, draft: Draft) -> Axes:
    axes: Axes = {("outcome",): list(outcomes_of(rule))}
    for condition in (rule.condition, *(item.condition for item in rule.reply)):
        for key, values in _axes_of(condition, draft.settings.languages).items():
            known = axes.setdefault(key, [])
            known += [value for value in values if value not in known]
    for question in rule.ask:
        key = ("answer", question.slot)
        if key in axes:
            axes[key] = _answers(question, axes[key])
    if ("day",) in axes:
        axes["day",].sort()
    return axes


def _answers(question: Question, named: list[str]) -> list[str]:
    """What an answer can be as far as the conditions tell: one of its choices, or a value near those named."""
    match question.must_be.kind:
        case "yes_or_no" | "one_of":
            return [NOT_GIVEN, *options_of(question)]
        case "number":
            halves = [f"{float(value) + step:g}" for value in named if _is_number(value) for step in (-0.5, 0, 0.5)]
            least, most = question.must_be.least, question.must_be.most
            inside = [
                value
                for value in dict.fromkeys(halves)
                if (least is None or float(value) >= least) and (most is None or float(value) <= most)
            ]
            return [NOT_GIVEN, *inside] if inside else [NOT_GIVEN, *named]
        case _:
            return named


def _cases(rule: Rule, axes: Axes) -> Iterator[Case]:
    """The cases that can occur: once all questions are answered, each has one of the answers it can have."""
    sure = [
        ("answer", each.slot) for each in rule.ask if each.must_be.kind in _BOUNDED and ("answer", each.slot) in axes
    ]
    for values in product(*axes.values()):
        case = dict(zip(axes, values, strict=True))
        if case["outcome",] in WITH_ANSWERS and any(case[key] == NOT_GIVEN for key in sure):
            continue
        if _holds(rule.condition, case):
            yield case


def _chooses(rule: Rule, item: ReplyItem, case: Case) -> bool:
    return meets(rule, item, case["outcome",]) and _holds(item.condition, case)


def _axes_of(condition: Condition, languages: tuple[str, ...] = ()) -> Axes:
    found: Axes = {}
    for name in (condition.during, condition.outside):
        if name:
            found["hours", name] = ["open", "closed"]
    if condition.languages:
        found["language",] = list(languages)
    if condition.window:
        found["window",] = ["open", "closed"]
    for tag in (condition.tag, condition.no_tag):
        if tag:
            found["tag", tag] = ["yes", OTHER]
    if condition.consent:
        found["consent",] = ["unknown", "opted_in", "stopped"]
    if condition.first_contact is not None:
        found["first_contact",] = ["yes", OTHER]
    if condition.outcome:
        found["outcome",] = [condition.outcome]
    if condition.after_rule:
        found["after_rule",] = [OTHER, condition.after_rule]
    days = _days_around(condition)
    if days:
        found["day",] = days
    for test in condition.values:
        key: tuple[str, ...] = (test.source, test.name)
        found.setdefault(key, [OTHER]).extend(_values(test))
    return found


def _days_around(condition: Condition) -> list[str]:
    """The days between which the condition begins and ceases to hold."""
    found: list[date] = []
    if condition.starts_on is not None:
        found += [max(condition.starts_on, date.min + _DAY) - _DAY, condition.starts_on]
    if condition.ends_on is not None:
        found += [condition.ends_on, min(condition.ends_on, date.max - _DAY) + _DAY]
    return [day.isoformat() for day in found]


def _values(test: ValueTest) -> list[str]:
    """Values that tell the test's outcomes apart: those it names, and the edges of its bounds."""
    bounds = [bound for bound in (test.at_least, test.at_most) if bound is not None]
    return [*test.anyof, *(f"{bound + step:g}" for bound in bounds for step in (-1, 0, 1))]


def _holds(condition: Condition, case: Case) -> bool:
    return (
        (not condition.during or case["hours", condition.during] == "open")
        and (not condition.outside or case["hours", condition.outside] == "closed")
        and (not condition.languages or case["language",] in condition.languages)
        and (not condition.window or case["window",] == condition.window)
        and (not condition.tag or bool(case["tag", condition.tag]))
        and (not condition.no_tag or not case["tag", condition.no_tag])
        and (not condition.consent or case["consent",] == condition.consent)
        and (condition.first_contact is None or bool(case["first_contact",]) == condition.first_contact)
        and (condition.starts_on is None or case["day",] >= condition.starts_on.isoformat())
        and (condition.ends_on is None or case["day",] <= condition.ends_on.isoformat())
        and (not condition.after_rule or case["after_rule",] == condition.after_rule)
        and all(_passes(test, case[test.source, test.name]) for test in condition.values)
    )


def _passes(test: ValueTest, value: str) -> bool:
    if test.at_least is None and test.at_most is None:
        return value in test.anyof
    if not _is_number(value):
        return False
    number = float(value)
    return (test.at_least is None or number >= test.at_least) and (test.at_most is None or number <= test.at_most)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def implies(narrow: Condition, wide: Condition) -> bool:
    """Whether ``wide`` holds whenever ``narrow`` does, as far as their words show."""
    return (
        wide.during in ("", narrow.during)
        and wide.outside in ("", narrow.outside)
        and (not wide.languages or (bool(narrow.languages) and narrow.languages <= wide.languages))
        and wide.window in ("", narrow.window)
        and wide.tag in ("", narrow.tag)
        and wide.no_tag in ("", narrow.no_tag)
        and wide.consent in ("", narrow.consent)
        and wide.first_contact in (None, narrow.first_contact)
        and wide.outcome in ("", narrow.outcome)
        and wide.after_rule in ("", narrow.after_rule)
        and (wide.starts_on is None or (narrow.starts_on is not None and narrow.starts_on >= wide.starts_on))
        and (wide.ends_on is None or (narrow.ends_on is not None and narrow.ends_on <= wide.ends_on))
        and all(any(_narrower(own, test) for own in narrow.values) for test in wide.values)
    )


def _narrower(narrow: ValueTest, wide: ValueTest) -> bool:
    """Whether every value that passes ``narrow`` passes ``wide``."""
    if (narrow.source, narrow.name) != (wide.source, wide.name):
        return False
    if narrow.anyof:
        return all(_passes(wide, value) for value in narrow.anyof)
    return (
        not wide.anyof
        and (wide.at_least is None or (narrow.at_least is not None and narrow.at_least >= wide.at_least))
        and (wide.at_most is None or (narrow.at_most is not None and narrow.at_most <= wide.at_most))
    )
