"""One rule: when, if, reply, then."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.core.rule import Phrase, Rule
from bot.rulebook.node import Fields, Items, Node
from bot.rulebook.shape.ask import questions
from bot.rulebook.shape.condition import condition
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.oddities import answers_nothing, gathered, look_for_moved, refuse_oddities
from bot.rulebook.shape.other_words import key_meant
from bot.rulebook.shape.pace import at_most, not_between
from bot.rulebook.shape.reply import closed, reply
from bot.rulebook.shape.templates import CATEGORIES
from bot.rulebook.shape.then import then
from bot.rulebook.shape.value import choice, fields, items, mention_name, name, word, yes_no
from bot.rulebook.shape.when import triggers

_EXAMPLE: Final = "- {name: hours, when: {says: opening hours}, reply: {text: ...}}"


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
    node = keys.take("name")
    if (
        node is None
        and not keys.has("name")
        and not any(key_meant(entry.written, ("name",)) for entry in mapping.entries)
    ):
        scope.error(mapping.place, 'A rule has no "name". Add: name: a short name, such as opening_hours.')
    called = name(node, "The name of a rule", scope) or ""
    if called and node:
        scope.notes.define("rule", called, node.place)
    return called


def _rule(mapping: Fields, called: str, scope: Scope) -> Rule | None:
    mapping = gathered(mapping, scope)
    keys = Keys(mapping, f"Rule {called}" if called else "This rule", scope)
    keys.also("name")
    heard = triggers(keys.take("when"), scope)
    holds = condition(keys.take("if"), None, scope)
    inside = scope.speaking(holds.languages)
    examples = _examples(keys.take("examples"), scope)
    found = Rule(
        name=called,
        place=mapping.place,
        triggers=heard,
        ask=questions(keys.take("ask"), inside),
        call=_call(keys.take("call"), scope),
        reply=reply(keys.take("reply"), inside),
        condition=holds,
        if_closed=closed(keys.take("if_closed"), inside),
        then=then(keys.take("then"), inside),
        enabled=yes_no(keys.take("enabled"), "enabled", scope) is not False,
        category=choice(keys.take("category"), "category", CATEGORIES, scope) or "utility",
        examples_match=examples[0],
        examples_no_match=examples[1],
        anytime=yes_no(keys.take("anytime"), "anytime", scope) is True,
        typos=_typos(keys.take("typos"), scope),
        at_most=at_most(keys.take("at_most"), scope),
        not_between=not_between(keys.take("not_between"), scope),
    )
    moved = look_for_moved(mapping, keys, scope)
    if keys.finish() and not moved and (silence := answers_nothing(found, keys)):
        scope.error(mapping.place, silence)
    refuse_oddities(found, keys, scope)
    return found


def _call(node: Node | None, scope: Scope) -> str:
    if isinstance(node, Fields | Items):
        scope.error(node.place, "call names one connection. Write call: orders, and declare orders under connections.")
        return ""
    called = mention_name(node, "call", scope) or ""
    if called and node is not None:
        scope.mention("connection", called, node.place, "call")
    return called


def _typos(node: Node | None, scope: Scope) -> int:
    text = word(node, "typos", scope)
    if text is None or node is None or text in ("0", "1"):
        return int(text or 0)
    scope.error(
        node.place,
        f'typos is how many slips a word of five letters or more may have: 0 or 1, not "{text}". Write typos: 1.',
    )
    return 0


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
