"""Keys that can do nothing where they stand, and one that leaves people without an answer."""

from __future__ import annotations

from typing import Final

from bot.core.rule import FirstContact, Heard, Matches, NothingMatched, Rule, Sent, Tapped
from bot.rulebook.shape.book import Draft

_HEARD: Final = (Heard, Matches, Tapped, Sent)  # what a person may write in the middle of a question
_WRITTEN: Final = (*_HEARD, FirstContact, NothingMatched)


def check_idle(draft: Draft) -> None:
    """Warn of what somebody wrote in the belief that it does something."""
    started = _started_by_us(draft)
    for rule in draft.rules:
        if rule.name in draft.notes.broken or not rule.enabled:
            continue
        for sentence in (_anytime(rule), _typos(rule), _not_between(rule, started)):
            if sentence:
                draft.notes.problems.warning(rule.place, sentence)
    _check_last_resort(draft)


def _anytime(rule: Rule) -> str:
    if not rule.anytime or any(isinstance(trigger, _HEARD) for trigger in rule.triggers):
        return ""
    return (
        f"Rule {rule.name} is anytime: true, which lets a message interrupt a question, and no message sets this rule off. "
        "Delete anytime, or add says: [...]."
    )


def _typos(rule: Rule) -> str:
    if not rule.typos or any(isinstance(trigger, Heard) for trigger in rule.triggers):
        return ""
    return f"Rule {rule.name} has typos: {rule.typos}, which is about phrases of says, and it has none. Delete typos, or add says: [...]."


def _not_between(rule: Rule, started: set[str]) -> str:
    if rule.not_between is None or rule.name in started:
        return ""
    return (
        f"Rule {rule.name} has not_between, which holds back what the bot starts, and this rule only answers people. "
        "Delete it, or write if: {during: ...} to answer at certain hours only."
    )


def _started_by_us(draft: Draft) -> set[str]:
    """Rules that something else than a person's message may set off, at once or by way of another rule."""
    rules = {rule.name: rule for rule in draft.rules}
    found = {
        name for name, rule in rules.items() if any(not isinstance(trigger, _WRITTEN) for trigger in rule.triggers)
    }
    waiting = [*found, *(rule.then.remind.goes_to for rule in draft.rules if rule.then.remind is not None)]
    waiting += [rule.name for rule in draft.rules if any(question.no_answer_after for question in rule.ask)]
    found |= set(waiting)
    while waiting:
        rule = rules.get(waiting.pop())
        if rule is None:
            continue
        for name in (rule.then.goes_to, *(item.goes_to for item in rule.reply)):
            if name and name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _check_last_resort(draft: Draft) -> None:
    """Once ``at_most`` is used up nobody answers what no rule hears, unless another rule does."""
    last = [
        rule for rule in draft.rules if rule.enabled and any(isinstance(each, NothingMatched) for each in rule.triggers)
    ]
    if not last or any(rule.at_most is None for rule in last):
        return
    draft.notes.problems.warning(
        last[-1].place,
        f"Rule {last[-1].name} answers what no other rule hears, and at_most leaves people without any answer once it is used up. "
        "Delete at_most, or add another rule with nothing_matched: true below it.",
    )
