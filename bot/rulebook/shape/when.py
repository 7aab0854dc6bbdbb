"""``when``: what sets a rule off."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from bot.core.rule import FirstContact, Happened, Heard, NothingMatched, Phrase, Sent, Tapped, Trigger
from bot.rulebook.node import Entry, Fields, Node, Scalar, canonical
from bot.rulebook.pattern import PatternError
from bot.rulebook.phrases import parsed
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import Keys, comma_trap
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import is_slot, language_code
from bot.rulebook.shape.value import EVENT, choice, fields, items, must_be_true, not_a_text, word, words
from bot.rulebook.traps import quote

KINDS: Final = (
    "image", "video", "voice", "audio", "document", "sticker", "file", "media", "location", "contact", "order", "flow",
    "reaction", "unsupported",
)  # fmt: skip
LATER: Final = ("matches", "silent_for", "window_closes_in", "opts_in", "opts_out", "delivery_failed")
_EXAMPLE: Final = "when: {says: [opening hours, when are you open]}"


def triggers(node: Node | None, scope: Scope) -> tuple[Trigger, ...]:
    """One trigger, or several alternatives: the keys of one mapping, or a list of mappings."""
    found: list[Trigger] = []
    for item in items(node):
        mapping = fields(item, "when", _EXAMPLE, scope)
        if mapping is not None:
            found += _triggers(Keys(mapping, "when", scope), scope)
    return tuple(found)


def _triggers(keys: Keys, scope: Scope) -> list[Trigger]:
    found: list[Trigger | None] = [
        _heard(keys, "says", scope),
        _heard(keys, "says_exactly", scope),
        _heard(keys, "starts_with", scope),
        _tapped(keys, scope),
        _sent(keys, scope),
        _happened(keys, scope),
        FirstContact() if must_be_true(keys.take("first_contact"), "first_contact", scope) else None,
        NothingMatched() if must_be_true(keys.take("nothing_matched"), "nothing_matched", scope) else None,
    ]
    keys.later(*LATER)
    keys.finish()
    return [trigger for trigger in found if trigger is not None]


def _heard(keys: Keys, how: Literal["says", "says_exactly", "starts_with"], scope: Scope) -> Heard | None:
    phrases = phrase_list(keys.take(how), how, scope)
    return Heard(how, phrases) if phrases else None


def _tapped(keys: Keys, scope: Scope) -> Tapped | None:
    titles = phrase_list(keys.take("taps"), "taps", scope)
    return Tapped(titles) if titles else None


def _sent(keys: Keys, scope: Scope) -> Sent | None:
    kinds = [choice(item, "sends", KINDS, scope) for item in items(keys.take("sends"))]
    known = frozenset(kind for kind in kinds if kind)
    return Sent(known) if known else None


def _happened(keys: Keys, scope: Scope) -> Happened | None:
    node, needed = keys.take("event"), keys.take("needs")
    needs = tuple(canonical(text) for text in words(needed, "A value in needs", scope))
    if node is None:
        if needed is not None:
            scope.error(
                needed.place, '"needs" belongs to an event. Write when: {event: order.shipped, needs: [order_number]}.'
            )
        return None
    name = word(node, "event", scope)
    if name is None:
        return None
    if not EVENT.fullmatch(name):
        scope.error(
            node.place,
            f'The event "{name}" may have small letters, digits, dots, - and _ only. For example order.shipped.',
        )
    return Happened(name, needs)


def phrase_list(node: Node | None, what: str, scope: Scope) -> tuple[Phrase, ...]:
    """Phrases in one list for everybody, or in a list for each language."""
    if not isinstance(node, Fields):
        return tuple(phrase for item in items(node) if (phrase := _phrase(item, "", what, scope)))
    found: list[Phrase] = []
    before: Entry | None = None
    for entry in node.entries:
        language = language_code(entry.written)
        if language not in scope.notes.languages:
            scope.error(entry.place, _odd_language(node, entry, before, what, scope))
            return tuple(found)
        found += [phrase for item in items(entry.value) if (phrase := _phrase(item, language, what, scope))]
        before = entry
    return tuple(found)


def _odd_language(node: Fields, entry: Entry, before: Entry | None, what: str, scope: Scope) -> str:
    trap = comma_trap(entry, before)
    if trap:
        return trap
    guess = closest(language_code(entry.written), scope.notes.languages)
    if node.raw and before is None and (not guess or is_slot(entry)):
        return not_a_text(node, what)
    cure = (
        f'Did you mean "{guess}"?'
        if guess
        else f"Write {listed(scope.notes.languages, 'or')}, or one list without languages."
    )
    return f'{what} has "{entry.written}", which is not one of the languages in settings. {cure}'


def _phrase(node: Node, language: str, what: str, scope: Scope) -> Phrase | None:
    text = word(node, f"A phrase in {what}", scope)
    if text is None:
        return None
    if what != "taps" and not _is_pattern(node, text, scope):
        return None
    if "," in text and what != "taps":
        parts = ", ".join(part.strip() for part in text.split(",") if part.strip())
        scope.warning(
            node.place,
            f"{quote(text)} is one phrase with a comma in it. If these are several, write a list: [{parts}].",
        )
    return Phrase(text, language, node.place)


def _is_pattern(node: Node, text: str, scope: Scope) -> bool:
    try:
        parsed(text)
    except PatternError as error:
        inside = 1 if isinstance(node, Scalar) and node.quoted else 0
        place = replace(node.place, column=node.place.column + inside + error.offset)
        scope.error(place, str(error))
        return False
    return True
