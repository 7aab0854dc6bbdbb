"""``when``: what sets a rule off."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Final, Literal

from bot.core.rule import (
    DeliveryFailed,
    FirstContact,
    Happened,
    Heard,
    Matches,
    NothingMatched,
    OptsIn,
    OptsOut,
    Phrase,
    Sent,
    SilentFor,
    Tapped,
    Trigger,
    WindowCloses,
)
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, canonical
from bot.rulebook.pattern import PatternError
from bot.rulebook.phrases import parsed
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.expressions import expression
from bot.rulebook.shape.keys import Keys, comma_trap, doubt_comma, glued_text
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import key_meant, language_meant
from bot.rulebook.shape.text import is_slot, language_code
from bot.rulebook.shape.value import EVENT, choice, duration, fields, items, must_be_true, not_a_text, word, words
from bot.rulebook.traps import quote

KINDS: Final = (
    "image", "video", "voice", "audio", "document", "sticker", "file", "media", "location", "contact", "order", "flow",
    "reaction", "unsupported",
)  # fmt: skip
WINDOW: Final = timedelta(hours=24)
_EXAMPLE: Final = "when: {says: [opening hours, when are you open]}"


def triggers(node: Node | None, scope: Scope) -> tuple[Trigger, ...]:
    """One trigger, or several alternatives: the keys of one mapping, or a list of mappings."""
    found: list[Trigger] = []
    if node is not None and (bare := _bare(node)):
        scope.error(node.place, bare)
        return ()
    for item in items(node):
        mapping = fields(item, "when", _EXAMPLE, scope)
        if mapping is not None:
            found += _triggers(Keys(mapping, "when", scope), scope)
    return tuple(found)


def _bare(node: Node) -> str:
    """The sentence for phrases that stand where ``says`` should; empty for others."""
    parts = items(node)
    if (
        isinstance(node, Fields)
        or not all(isinstance(part, Scalar) and part.text.strip() for part in parts)
        or not parts
    ):
        return ""
    texts = [part.text.strip() for part in parts if isinstance(part, Scalar)]
    if glued := glued_text(parts[0]):
        return glued
    if key_meant(texts[0], ("nothing_matched", "first_contact")) or canonical(texts[0]) in (
        "nothing_matched",
        "first_contact",
    ):
        key = key_meant(texts[0], ("nothing_matched", "first_contact")) or canonical(texts[0])
        return f"when says what sets the rule off. Write when: {{{key}: true}}."
    phrases = f"[{', '.join(texts)}]" if isinstance(node, Items) else texts[0]
    return f"when must say in what way these words are heard. Write when: {{says: {phrases}}}."


def _triggers(keys: Keys, scope: Scope) -> list[Trigger]:
    found: list[Trigger | None] = [
        _heard(keys, "says", scope),
        _heard(keys, "says_exactly", scope),
        _heard(keys, "starts_with", scope),
        _tapped(keys, scope),
        _sent(keys, scope),
        _happened(keys, scope),
        _matches(keys, scope),
        _silent(keys, scope),
        _window_closes(keys, scope),
        OptsIn() if must_be_true(keys.take("opts_in"), "opts_in", scope) else None,
        OptsOut() if must_be_true(keys.take("opts_out"), "opts_out", scope) else None,
        DeliveryFailed() if must_be_true(keys.take("delivery_failed"), "delivery_failed", scope) else None,
        FirstContact() if must_be_true(keys.take("first_contact"), "first_contact", scope) else None,
        NothingMatched() if must_be_true(keys.take("nothing_matched"), "nothing_matched", scope) else None,
    ]
    keys.finish()
    return [trigger for trigger in found if trigger is not None]


def _heard(keys: Keys, how: Literal["says", "says_exactly", "starts_with"], scope: Scope) -> Heard | None:
    phrases = phrase_list(keys.take(how), how, scope)
    return Heard(how, phrases) if phrases else None


def _matches(keys: Keys, scope: Scope) -> Matches | None:
    expressions = phrase_list(keys.take("matches"), "matches", scope)
    return Matches(expressions) if expressions else None


def _silent(keys: Keys, scope: Scope) -> SilentFor | None:
    after = duration(keys.take("silent_for"), "silent_for", scope)
    return SilentFor(after) if after else None


def _window_closes(keys: Keys, scope: Scope) -> WindowCloses | None:
    before = duration(keys.take("window_closes_in"), "window_closes_in", scope)
    if before is not None and before >= WINDOW:
        scope.error(
            keys.place_of("window_closes_in"),
            "The window is open for 24 hours after a person wrote, so window_closes_in must be less. Write for example 2 hours.",
        )
        return None
    return WindowCloses(before) if before else None


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
        return _phrases(node, "", what, scope)
    found: list[Phrase] = []
    before: Entry | None = None
    for entry in node.entries:
        language = language_code(entry.written)
        if language not in scope.notes.languages:
            scope.error(entry.place, _odd_language(node, entry, before, what, scope))
            if language_meant(language) not in scope.notes.languages:
                return tuple(found)
            language = language_meant(language)
        found += _phrases(entry.value, language, what, scope)
        before = entry
    return tuple(found)


def _phrases(node: Node | None, language: str, what: str, scope: Scope) -> tuple[Phrase, ...]:
    nodes = items(node)
    for first, second in pairwise(nodes):
        if isinstance(first, Scalar) and isinstance(second, Scalar) and _is_cut_number(first, second):
            whole = f"{first.text},{second.text}"
            sentence = f"In brackets a comma ends a phrase, so {quote(whole)} is cut in two. If that is not meant, put it in quotes."
            scope.warning(second.place, sentence)
    found = (_phrase(item, language, what, scope, len(nodes) == 1) for item in nodes)
    return tuple(phrase for phrase in found if phrase is not None)


def _is_cut_number(first: Scalar, second: Scalar) -> bool:
    """``9,90`` without quotes in a list."""
    glued = first.place.line == second.place.line and second.place.column == first.place.column + len(first.text) + 1
    return (
        glued and not first.quoted and not second.quoted and first.text[-1:].isdecimal() and second.text[:1].isdecimal()
    )


def _odd_language(node: Fields, entry: Entry, before: Entry | None, what: str, scope: Scope) -> str:
    trap = comma_trap(entry, before)
    if trap:
        return trap
    meant = language_meant(entry.written)
    guess = meant if meant in scope.notes.languages else closest(language_code(entry.written), scope.notes.languages)
    if node.raw and before is None and (not guess or is_slot(entry)):
        return not_a_text(node, what)
    cure = (
        f'Did you mean "{guess}"?'
        if guess
        else f"Write {listed(scope.notes.languages, 'or')}, or one list without languages."
    )
    return f'{what} has "{entry.written}", which is not one of the languages in settings. {cure}'


def _phrase(node: Node, language: str, what: str, scope: Scope, alone: bool) -> Phrase | None:
    text = word(node, f"A phrase in {what}", scope)
    if text is None:
        return None
    if what == "matches":
        return Phrase(text, language, node.place) if expression(node, "The expression", scope) else None
    if what != "taps" and not _is_pattern(node, text, scope):
        return None
    if what != "taps":
        _doubt_phrase(node, text, alone, scope)
    return Phrase(text, language, node.place)


def _doubt_phrase(node: Node, text: str, alone: bool, scope: Scope) -> None:
    doubt_comma(text, node.place, scope, alone)
    if isinstance(node, Scalar) and node.lines > 1:
        sentence = f"These {node.lines} lines are read as one phrase. If these are several, start each with a dash and a space."
        scope.warning(node.place, sentence)
    elif found := re.search(r"(?<![*\w])(\w+)\*(?!\w)", text):
        sentence = f'The star in "{found[0]}" stands for nothing, as words are heard whole. Write each form as a phrase of its own.'
        scope.warning(node.place, sentence)


def _is_pattern(node: Node, text: str, scope: Scope) -> bool:
    try:
        parsed(text)
    except PatternError as error:
        inside = 1 if isinstance(node, Scalar) and node.quoted else 0
        place = replace(node.place, column=node.place.column + inside + error.offset)
        scope.error(place, str(error))
        return False
    return True
