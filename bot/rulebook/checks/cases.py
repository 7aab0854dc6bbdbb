"""A list of replies leaves no case open, and none of its replies is out of reach.

Each thing that conditions speak of takes finitely many values as far as they can tell apart: hours open or closed, each language, a
field equal to one of the values named or to something else. All combinations are tried, up to ``MOST``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Final

from bot.core.rule import Condition, Rule, ValueTest
from bot.rulebook.shape.book import Draft

MOST: Final = 5000
OTHER: Final = ""  # a value that no condition names
Case = Mapping[tuple[str, ...], str]
Axes = dict[tuple[str, ...], list[str]]


def check_cases(draft: Draft) -> None:
    """Tell the first open case of each rule, and replies that can never be chosen."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken or not rule.reply:
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
    if rule.reply[-1].condition.is_empty and len(rule.reply) == 1:
        return everything
    axes = _axes(rule, draft)
    if prod(map(len, axes.values())) > MOST:
        _refuse_untried(rule, draft)
        return everything
    used: set[int] = set()
    told = False
    for case in _cases(rule, axes):
        chosen = next((at for at, item in enumerate(rule.reply) if _holds(item.condition, case)), None)
        if chosen is not None:
            used.add(chosen)
        elif not told:
            told = True
            draft.notes.problems.error(rule.reply[-1].place, _open_case(rule, case))
    return used


def _open_case(rule: Rule, case: Case) -> str:
    spoken = {key for item in rule.reply for key in _axes_of(item.condition)}
    said = [_said(key, value) for key, value in case.items() if key in spoken]
    return (
        f"Rule {rule.name} answers nothing {' and '.join(said)}. Add a reply for that case, "
        "or a last one without a condition (say_nothing: true, if silence is meant)."
    )


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
    axes: Axes = {}
    for condition in (rule.condition, *(item.condition for item in rule.reply)):
        for key, values in _axes_of(condition, draft.settings.languages).items():
            known = axes.setdefault(key, [])
            known += [value for value in values if value not in known]
    return axes


def _cases(rule: Rule, axes: Axes) -> Iterator[Case]:
    for values in product(*axes.values()):
        case = dict(zip(axes, values, strict=True))
        if _holds(rule.condition, case):
            yield case


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
    for test in condition.values:
        key: tuple[str, ...] = (test.source, test.name)
        found.setdefault(key, [OTHER]).extend(_values(test))
    return found


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
        and all(_passes(test, case[test.source, test.name]) for test in condition.values)
    )


def _passes(test: ValueTest, value: str) -> bool:
    if test.at_least is None and test.at_most is None:
        return value in test.anyof
    try:
        number = float(value)
    except ValueError:
        return False
    return (test.at_least is None or number >= test.at_least) and (test.at_most is None or number <= test.at_most)


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
        and set(wide.values) <= set(narrow.values)
        and wide.outcome in ("", narrow.outcome)
    )
