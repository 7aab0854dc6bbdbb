"""A text for people: plain, or one for each language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from bot.core.rule import LocalText, Phrasing, Place
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, is_missing, seen
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import Keys, comma_trap, glued_trap
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import language_meant
from bot.rulebook.shape.placeholders import phrasing
from bot.rulebook.shape.value import items, listing, not_a_text, word
from bot.rulebook.slot import SlotKind, read_kind
from bot.rulebook.traps import quote


def language_code(written: str) -> str:
    """``sv``, ``pt-br``: small letters, with a hyphen."""
    return seen(written).strip().lower().replace("_", "-")


def local_text(
    node: Node | None, what: str, scope: Scope, *, names: bool = False, varied: bool = False
) -> LocalText | None:
    """A text and its languages. ``names``: a name, address or number, which need not be translated. ``varied``: several wordings
    may stand for it (``any_of``), for all languages together or for each."""
    if node is None:
        return None
    if _varies(node):
        if varied:
            return _varied(node, what, scope)
        scope.error(
            node.place,
            f"{what} is always the same; any_of varies the text of a reply or question only. Write one text.",
        )
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
    found: dict[str, Phrasing] = {}
    places: dict[str, Place] = {}
    before: Entry | None = None
    for entry in node.entries:
        language = language_code(entry.written)
        if language not in scope.notes.languages:
            scope.error(entry.place, _odd_language(node, entry, before, what, scope))
            language = _language_meant(language, scope)
            if not language:
                return None
        text = word(entry.value, f"{what} in {language}", scope)
        if text is None:
            return None
        found[language] = phrasing(text, entry.value.place, scope)
        places[language] = entry.value.place
        before = entry
    return _complete(LocalText(found, node.place), places, what, scope)


def spoken_text(keys: Keys, what: str, scope: Scope) -> LocalText | None:
    """The ``text`` of a reply or question, or ``any_of`` in its place."""
    if keys.has("any_of") and keys.has("text"):
        keys.also("text", "any_of")
        scope.error(
            keys.place_of("any_of"), "any_of stands for the text, and here are both. Move the text into any_of."
        )
        return None
    if keys.has("any_of"):
        return wordings(keys.take("any_of"), what, scope)
    return local_text(keys.take("text"), what, scope, varied=True)


def wordings(node: Node | None, what: str, scope: Scope) -> LocalText | None:
    """``any_of``: several texts that say the same, of which one is chosen each time."""
    nodes = listing(node, "any_of", 'any_of: ["Hello!", "Hi there!"]', scope)
    found = [local_text(item, what, scope) for item in nodes]
    if node is not None and isinstance(node, Items) and len(nodes) < 2:
        scope.error(
            node.place, "any_of chooses between texts, so it needs at least two. Add one, or write text: instead."
        )
        return None
    _doubt_commas(nodes, scope)
    texts = [text for text in found if text is not None]
    return replace(texts[0], others=tuple(texts[1:])) if texts and len(texts) == len(nodes) else None


def _doubt_commas(nodes: Sequence[Node], scope: Scope) -> None:
    """``[Hi, how are you?]`` without quotes is two texts to YAML; the second one's small letter gives it away."""
    for first, second in pairwise(nodes):
        if not isinstance(first, Scalar) or not isinstance(second, Scalar) or first.quoted or second.quoted:
            continue
        if first.place.line == second.place.line and first.text[:1].isupper() and second.text[:1].islower():
            whole = f"{first.text}, {second.text}"
            scope.warning(
                second.place,
                f"In brackets a comma ends a text, so {quote(second.text)} is a text of its own. "
                f"If that is not meant, write {quote(whole)}.",
            )


def _varies(node: Node) -> bool:
    return isinstance(node, Fields) and (
        node.entry("any_of") is not None
        or any(isinstance(entry.value, Fields) and entry.value.entry("any_of") for entry in node.entries)
    )


def _varied(node: Node, what: str, scope: Scope) -> LocalText | None:
    if not isinstance(node, Fields):
        return None
    if node.entry("any_of") is None:
        return _varied_by_language(node, what, scope)
    keys = Keys(node, what, scope)
    found = wordings(keys.take("any_of"), what, scope)
    return found if keys.finish() else None


def _varied_by_language(node: Fields, what: str, scope: Scope) -> LocalText | None:
    """Each language has its own number of wordings; those with fewer say theirs again."""
    lists = [_wordings_of(entry) for entry in node.entries]
    found: list[LocalText] = []
    for at in range(max(map(len, lists))):
        entries = tuple(
            replace(entry, value=each[at % len(each)]) for entry, each in zip(node.entries, lists, strict=True)
        )
        place = node.place if at == 0 else max(lists, key=len)[at].place
        text = _by_language(Fields(entries, place, node.raw), what, scope)
        if text is None:
            return None
        found.append(text)
    return replace(found[0], others=tuple(found[1:]))


def _wordings_of(entry: Entry) -> Sequence[Node]:
    several = entry.value.entry("any_of") if isinstance(entry.value, Fields) else None
    return (items(several.value) if several else ()) or (entry.value,)


def _odd_language(node: Fields, entry: Entry, before: Entry | None, what: str, scope: Scope) -> str:
    trap = comma_trap(entry, before) or glued_trap(entry)
    if trap:
        return trap
    if (
        before is None
        and node.raw
        and not _language_meant(entry.written, scope)
        and (is_slot(entry) or not re.fullmatch(r"[a-z]{2,3}(-\w+)?", entry.written))
    ):
        return not_a_text(node, what)
    known = scope.notes.languages
    guess = _language_meant(entry.written, scope) or closest(language_code(entry.written), known)
    cure = f'Did you mean "{guess}"?' if guess else f"Add it to settings: languages, or write {listed(known, 'or')}."
    return f'{what} has "{entry.written}", which is not one of the languages in settings. {cure}'


def _language_meant(written: str, scope: Scope) -> str:
    """The language of settings that ``swedish``, ``se`` or ``sv-SE`` stands for; empty if none."""
    code = language_meant(written) or language_code(written).partition("-")[0]
    return code if code in scope.notes.languages else ""


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
