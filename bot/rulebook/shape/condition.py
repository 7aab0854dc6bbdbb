"""``if``: what must also hold. In a reply item the same keys may stand bare."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from bot.core.rule import ALWAYS, Condition, ValueTest
from bot.core.text import normalise
from bot.rulebook.node import Entry, Items, Node, Scalar, canonical
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.outcome import outcome
from bot.rulebook.shape.text import language_code
from bot.rulebook.shape.value import choice, fields, iso_day, items, mention_name, word, yes_no

BARE: Final = (
    "during", "outside", "language", "window", "tag", "no_tag", "consent", "first_contact", "slot", "event", "answer", "result", "from",
    "until", "after_rule",
)  # fmt: skip
Source = Literal["contact", "slot", "event", "answer", "result"]


class _Sources:
    """The keys of one condition, which may be spread over an item and its ``if``."""

    def __init__(self, sources: Sequence[Keys], scope: Scope) -> None:
        self._sources = sources
        self._scope = scope

    def take(self, key: str) -> Node | None:
        found = [node for source in self._sources if (node := source.take(key)) is not None]
        for node in found[1:]:
            self._scope.error(node.place, f'"{key}" is written twice for this reply. Keep one of the two.')
        return found[0] if found else None


def condition(node: Node | None, bare: Keys | None, scope: Scope, *, contact_is_bare: bool = False) -> Condition:
    """What ``if`` (``node``) and the bare keys of an item say together."""
    sources = [bare] if bare is not None else []
    word_alone = outcome(node, scope) if isinstance(node, Scalar) else ""
    inside = _if(node, scope)
    both = _Sources(sources + ([inside] if inside else []), scope)
    contact = both if contact_is_bare or bare is None else _Sources([inside] if inside else [], scope)
    found = Condition(
        during=_hours(both.take("during"), "during", scope),
        outside=_hours(both.take("outside"), "outside", scope),
        languages=_languages(both.take("language"), scope),
        window=_window(both.take("window"), scope),
        tag=word(both.take("tag"), "tag", scope) or "",
        no_tag=word(both.take("no_tag"), "no_tag", scope) or "",
        consent=choice(both.take("consent"), "consent", ("opted_in", "stopped", "unknown"), scope) or "",
        first_contact=yes_no(both.take("first_contact"), "first_contact", scope),
        values=(
            *_values(contact.take("contact"), "contact", scope),
            *_values(both.take("slot"), "slot", scope),
            *_values(both.take("event"), "event", scope),
            *_values(both.take("answer"), "answer", scope),
            *_values(both.take("result"), "result", scope),
        ),
        outcome=word_alone,
        starts_on=iso_day(both.take("from"), "from", scope),
        ends_on=iso_day(both.take("until"), "until", scope),
        after_rule=_after_rule(both.take("after_rule"), scope),
    )
    if inside is not None:
        inside.finish()
    return ALWAYS if found.is_empty else found


def _if(node: Node | None, scope: Scope) -> Keys | None:
    if isinstance(node, Scalar):
        return None
    if isinstance(node, Items):
        scope.error(
            node.place, "if takes one outcome, or conditions as keys. For two outcomes write two replies, one for each."
        )
        return None
    mapping = fields(node, "if", "if: {during: shop}", scope)
    named = mapping.entry("outcome") if mapping else None
    if named is not None:
        scope.error(
            named.place,
            "An outcome is written as a word alone, other conditions beside it: {if: found, during: shop, ...}.",
        )
        return None
    return Keys(mapping, "if", scope) if mapping else None


def _after_rule(node: Node | None, scope: Scope) -> str:
    name = mention_name(node, "after_rule", scope)
    if name and node:
        scope.mention("rule", name, node.place, "after_rule")
    return name or ""


def _hours(node: Node | None, what: str, scope: Scope) -> str:
    name = mention_name(node, what, scope)
    if name and node:
        scope.mention("hours", name, node.place, what)
    return name or ""


def _languages(node: Node | None, scope: Scope) -> frozenset[str]:
    found: set[str] = set()
    for item in items(node):
        text = word(item, "language", scope)
        code = language_code(text or "")
        if text and code not in scope.notes.languages:
            guess = closest(code, scope.notes.languages)
            cure = f'Did you mean "{guess}"?' if guess else f"Write {listed(scope.notes.languages, 'or')}."
            scope.error(item.place, f'"{text}" is not one of the languages in settings. {cure}')
        elif text:
            found.add(code)
    return frozenset(found)


def _window(node: Node | None, scope: Scope) -> Literal["", "open", "closed"]:
    match choice(node, "window", ("open", "closed"), scope):
        case "open":
            return "open"
        case "closed":
            return "closed"
        case _:
            return ""


def _values(node: Node | None, source: Source, scope: Scope) -> list[ValueTest]:
    mapping = fields(node, source, f"{source}: {{name: value}}", scope)
    found = [_value(entry, source, scope) for entry in (mapping.entries if mapping else ())]
    return [test for test in found if test is not None]


def _value(entry: Entry, source: Source, scope: Scope) -> ValueTest | None:
    name = canonical(entry.written)
    texts = [word(item, f"The value of {entry.written}", scope) for item in items(entry.value)]
    if None in texts or not texts:
        return None
    if source in ("slot", "answer", "result"):
        scope.mention(source, name, entry.place, source)
    elif source == "contact":
        scope.notes.contact_fields.add(name)
    known = [text for text in texts if text is not None]
    bound = re.fullmatch(r"at (least|most) (-?\d+(?:[.,]\d+)?)", known[0].lower())
    if bound and len(known) == 1:
        number = float(bound.group(2).replace(",", "."))
        least = bound.group(1) == "least"
        return ValueTest(source, name, at_least=number if least else None, at_most=None if least else number)
    return ValueTest(source, name, tuple(normalise(text).plain for text in known))
