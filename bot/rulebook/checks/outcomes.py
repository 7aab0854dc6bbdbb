"""Which outcomes a rule can come to, and which of its replies each may choose.

A rule that asks comes to answered, given_up or no_answer; one that calls to found, not_found or failed instead of answered. A rule that
shows a WhatsApp Flow with results replies twice: at once, and when the flow comes back answered.
"""

from __future__ import annotations

from typing import Final

from bot.core.rule import Condition, ReplyItem, Rule, SayFlow

AT_ONCE: Final = ""  # a reply that waits for nothing
SILENT: Final = "no_answer"  # of all outcomes the one that needs no reply
CALLED: Final = ("found", "not_found", "failed")
EVERY: Final = ("answered", "given_up", SILENT, *CALLED)
WITH_ANSWERS: Final = frozenset({"answered", *CALLED})  # these come only after every question was answered


def outcomes_of(rule: Rule) -> tuple[str, ...]:
    """Every outcome that can occur, ``AT_ONCE`` among them for a rule that replies without waiting."""
    timed = any(question.no_answer_after is not None for question in rule.ask)
    unanswered = ("given_up", *([SILENT] if timed else [])) if rule.ask else ()
    if rule.call:
        return (*CALLED, *unanswered)
    if rule.ask:
        return ("answered", *unanswered)
    return (AT_ONCE, "answered") if awaits_flow(rule) else (AT_ONCE,)


def awaits_flow(rule: Rule) -> bool:
    """Whether the rule replies once more when a flow that it showed comes back."""
    return not rule.goes_on and any(shows_flow(item) for item in rule.reply)


def shows_flow(item: ReplyItem) -> bool:
    """Whether ``item`` shows a flow whose answer goes on in its rule."""
    return any(isinstance(say, SayFlow) and say.results for say in item.says)


def flow_results(rule: Rule) -> tuple[frozenset[str], frozenset[str]]:
    """The values that every flow of the rule brings back, and those that any of them does."""
    says = (say for item in rule.reply for say in item.says)
    shown = [frozenset(say.results) for say in says if isinstance(say, SayFlow) and say.results]
    return (frozenset.intersection(*shown), frozenset.union(*shown)) if shown else (frozenset(), frozenset())


def meets(rule: Rule, item: ReplyItem, outcome: str) -> bool:
    """Whether the outcome alone lets ``item`` of ``rule`` be chosen.

    Nobody answering is silent unless a reply names it, and what a flow answered is not answered with the flow again.
    """
    if outcome == SILENT:
        return item.condition.outcome == SILENT
    if outcome == "answered" and not rule.goes_on and shows_flow(item):
        return False
    return item.condition.outcome in ("", outcome)


def outcomes_met(rule: Rule, item: ReplyItem) -> frozenset[str]:
    """The outcomes at which ``item`` may be chosen, as far as it and the replies above it without further conditions tell.

    Never none: of a reply that is out of reach, those that it was written for.
    """
    open_still = set(outcomes_of(rule))
    for above in rule.reply:
        found = {outcome for outcome in open_still if meets(rule, above, outcome)}
        if above is item and found:
            return frozenset(found)
        if above.condition == Condition(outcome=above.condition.outcome):
            open_still -= found
    return frozenset({item.condition.outcome}.intersection(outcomes_of(rule)) or outcomes_of(rule))
