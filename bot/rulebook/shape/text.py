"""A text for people: plain, or one for each language."""

from __future__ import annotations

import re

from bot.core.rule import LocalText, Phrasing, Place
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, is_missing
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import comma_trap, glued_trap
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.placeholders import phrasing
from bot.rulebook.shape.value import not_a_text, word
from bot.rulebook.slot import SlotKind, read_kind


def language_code(written: str) -> str:
    """``sv``, ``pt-br``: small letters, with a hyphen."""
    return written.strip().lower().replace("_", "-")


def local_text(node: Node | None, what: str, scope: Scope, *, names: bool = False) -> LocalText | None:
    """A text and its languages. ``names``: a name, address or number, which need not be translated."""
    if node is None:
        return None
    if isinstance(node, Scalar):
        return _plain(node, what, scope, names)
    if isinstance(node, Items):
        scope.error(node.place, not_a_text(node, what))
        return None
    return _by_language(node, what, scope)


def _plain(node: Scalar, what: str, scope: Scope, names: bool) -> LocalText | None:
    text = word(node, what, scope)
    if text is None:
        return None
    words = phrasing(text, node.place, scope)
    if len(scope.readers) > 1 and not names and _has_words(words):
        wanted = ", ".join(f"{language}: ..." for language in scope.readers)
        scope.warning(node.place, f"{what} is the same for every language. If that is not meant, write {{{wanted}}}.")
    return LocalText({"": words}, node.place)


def _has_words(words: Phrasing) -> bool:
    return any(re.search(r"[^\W\d_]", re.sub(r"https?://\S+", "", part)) for part in words if isinstance(part, str))


def _by_language(node: Fields, what: str, scope: Scope) -> LocalText | None:
    if node.entry("any_of"):
        scope.error(node.place, '"any_of" is not available in this version. Write one text.')
        return None
    found: dict[str, Phrasing] = {}
    places: dict[str, Place] = {}
    before: Entry | None = None
    for entry in node.entries:
        language = language_code(entry.written)
        if language not in scope.notes.languages:
            scope.error(entry.place, _odd_language(node, entry, before, what, scope))
            return None
        text = word(entry.value, f"{what} in {language}", scope)
        if text is None:
            return None
        found[language] = phrasing(text, entry.value.place, scope)
        places[language] = entry.value.place
        before = entry
    return _complete(LocalText(found, node.place), places, what, scope)


def _odd_language(node: Fields, entry: Entry, before: Entry | None, what: str, scope: Scope) -> str:
    trap = comma_trap(entry, before) or glued_trap(entry)
    if trap:
        return trap
    if before is None and node.raw and (is_slot(entry) or not re.fullmatch(r"[a-z]{2,3}(-\w+)?", entry.written)):
        return not_a_text(node, what)
    known = scope.notes.languages
    guess = closest(language_code(entry.written), known)
    cure = f'Did you mean "{guess}"?' if guess else f"Add it to settings: languages, or write {listed(known, 'or')}."
    return f'{what} has "{entry.written}", which is not one of the languages in settings. {cure}'


def _complete(text: LocalText, places: dict[str, Place], what: str, scope: Scope) -> LocalText | None:
    missing = [language for language in scope.readers if language not in text.by_language]
    if missing:
        wanted = ", ".join(f"{language}: ..." for language in missing)
        scope.error(text.place, f"{what} is missing in {listed(missing)}. Add {wanted}")
        return None
    scope.notes.text_places[text.place] = places
    return text


def is_slot(entry: Entry) -> bool:
    """Whether ``{name}`` or ``{name: 8 digits}`` without quotes became this entry of a mapping."""
    if is_missing(entry.value):
        return True
    return isinstance(entry.value, Scalar) and isinstance(read_kind(entry.value.text), SlotKind)
