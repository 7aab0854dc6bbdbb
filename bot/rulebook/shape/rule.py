"""One rule: when, if, reply, then."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.core.rule import Happened, NothingMatched, Phrase, Rule, Then
from bot.rulebook.node import Fields, Node
from bot.rulebook.shape.condition import condition
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.reply import closed, reply
from bot.rulebook.shape.templates import CATEGORIES
from bot.rulebook.shape.then import then
from bot.rulebook.shape.value import choice, fields, items, name, word, yes_no
from bot.rulebook.shape.when import triggers

LATER: Final = ("ask", "call", "anytime", "typos", "at_most", "not_between", "remind", "flow")
_EXAMPLE: Final = "- {name: hours, when: {says: opening hours}, reply: {text: ...}}"
_MOVED: Final = {
    "when": (
        "says",
        "says_exactly",
        "starts_with",
        "taps",
        "sends",
        "event",
        "needs",
        "first_contact",
        "nothing_matched",
    ),
    "reply": ("text", "buttons", "list", "messages", "image", "video", "audio", "document", "template", "say_nothing"),
    "if": ("during", "outside", "language", "window", "tag", "no_tag", "contact"),
    "then": ("goes_to", "hand_over", "set", "untag", "after_misses"),
}


def rule(node: Node, scope: Scope) -> Rule | None:
    """The rule, or None where it could not be shaped; its name counts as known all the same."""
    mapping = fields(node, "A rule", _EXAMPLE, scope)
    if mapping is None:
        return None
    before = scope.notes.problems.errors
    called = _name(mapping, scope)
    found = _rule(mapping, called, replace(scope, rule=called))
    if scope.notes.problems.errors > before:
        scope.notes.broken.add(called)
    return found


def _name(mapping: Fields, scope: Scope) -> str:
    keys = Keys(mapping, "A rule", scope)
    node = keys.need("name", "name: a short name, such as opening_hours")
    called = name(node, "The name of a rule", scope) or ""
    if called and node:
        scope.notes.define("rule", called, node.place)
    return called


def _rule(mapping: Fields, called: str, scope: Scope) -> Rule | None:
    keys = Keys(mapping, f"Rule {called}" if called else "This rule", scope)
    keys.also("name")
    heard = triggers(keys.take("when"), scope)
    holds = condition(keys.take("if"), None, scope)
    inside = scope.speaking(holds.languages)
    after = then(keys.take("then"), inside)
    found = Rule(
        name=called,
        place=mapping.place,
        triggers=heard,
        reply=reply(keys.take("reply"), inside),
        condition=holds,
        if_closed=closed(keys.take("if_closed"), inside),
        then=after,
        enabled=yes_no(keys.take("enabled"), "enabled", scope) is not False,
        category=choice(keys.take("category"), "category", CATEGORIES, scope) or "utility",
        examples_match=(examples := _examples(keys.take("examples"), scope))[0],
        examples_no_match=examples[1],
    )
    moved = _look_for_moved(mapping, keys, scope)
    keys.later(*LATER)
    if keys.finish() and not moved and not keys.has("reply") and not _leads_on(after):
        scope.error(
            mapping.place,
            f"Rule {called} answers nothing. Add reply: {{text: ...}}, or reply: {{say_nothing: true}} if that is meant.",
        )
    _refuse_odd_misses(found, keys, scope)
    return found


def _leads_on(after: Then) -> bool:
    return bool(after.goes_to or after.hand_over or after.misses_goes_to)


def _look_for_moved(mapping: Fields, keys: Keys, scope: Scope) -> bool:
    """Tell about keys that belong one step further in; whether there are any."""
    found = False
    for home, moved in _MOVED.items():
        for key in moved:
            if keys.has(key):
                keys.also(key)
                found = True
                scope.error(keys.place_of(key), f'"{key}" belongs under "{home}". Write {home}: {{{key}: ...}}.')
    return found


def _refuse_odd_misses(rule: Rule, keys: Keys, scope: Scope) -> None:
    if rule.then.misses_count and not any(isinstance(trigger, NothingMatched) for trigger in rule.triggers):
        scope.error(
            keys.place_of("then"), "after_misses belongs to the rule with nothing_matched: true. Move it there."
        )
    if rule.examples_match and rule.triggers and all(isinstance(trigger, Happened) for trigger in rule.triggers):
        scope.error(
            keys.place_of("examples"),
            "Examples are messages of a person, and this rule waits for an event. Delete them.",
        )


def _examples(node: Node | None, scope: Scope) -> tuple[tuple[Phrase, ...], tuple[Phrase, ...]]:
    if node is not None and not isinstance(node, Fields):
        return _phrases(node, scope), ()
    mapping = fields(node, "examples", "examples: {match: [hello there], no_match: [this is late]}", scope)
    if mapping is None:
        return (), ()
    keys = Keys(mapping, "examples", scope)
    found = _phrases(keys.take("match"), scope), _phrases(keys.take("no_match"), scope)
    keys.finish()
    return found


def _phrases(node: Node | None, scope: Scope) -> tuple[Phrase, ...]:
    found = ((item, word(item, "An example", scope)) for item in items(node))
    return tuple(Phrase(text, "", item.place) for item, text in found if text is not None)
