"""What may run with the 24-hour window closed says what leaves then.

A reply to what a person just wrote is inside the window by nature. What an event sets off may run at any time, and so may every rule
that it goes on to.
"""

from __future__ import annotations

from bot.core.rule import Happened, ReplyItem, Rule, SayTemplate
from bot.rulebook.checks.loops import hops
from bot.rulebook.shape.book import Draft


def check_window(draft: Draft) -> None:
    """A free-form reply that can meet a closed window needs ``if_closed``."""
    reached = _reached(draft)
    for rule in draft.rules:
        if rule.name in draft.notes.broken or rule.condition.window == "open" or rule.if_closed is not None:
            continue
        open_items = [item for item in rule.reply if _needs(item)]
        if rule.name in reached and open_items:
            draft.notes.problems.error(rule.place, _may_run(rule, reached[rule.name]))
            continue
        for item in open_items:
            if "closed" in (item.condition.window, rule.condition.window):
                draft.notes.problems.error(
                    item.place,
                    "This reply is for a closed window, and WhatsApp then accepts templates only. "
                    'Write it as "template: ...", or add "if_closed: wait".',
                )


def _reached(draft: Draft) -> dict[str, str]:
    """Rules that an event can set off, by themselves (empty) or through the rule named."""
    edges = hops(draft)
    found = {rule.name: "" for rule in draft.rules if any(isinstance(trigger, Happened) for trigger in rule.triggers)}
    waiting = list(found)
    while waiting:
        source = waiting.pop()
        for mention in edges.get(source, ()):
            if mention.name not in found:
                found[mention.name] = found[source] or source
                waiting.append(mention.name)
    return found


def _needs(item: ReplyItem) -> bool:
    free_form = any(not isinstance(say, SayTemplate) for say in item.says)
    return free_form and item.if_closed is None and item.condition.window != "open"


def _may_run(rule: Rule, source: str) -> str:
    through = f" (rule {source} goes to it)" if source else ""
    return (
        f"Rule {rule.name} can run when the person has been silent for over 24 hours{through}; WhatsApp then accepts templates only. "
        'Add "if_closed: {template: ...}" or "if_closed: skip".'
    )
