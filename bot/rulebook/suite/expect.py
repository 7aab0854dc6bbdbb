"""``expect``: what a step should bring, as written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

from bot.rulebook.node import Node, Scalar, canonical
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import language_code
from bot.rulebook.shape.value import NAME, choice, fields, must_be_true, word, words, yes_no
from bot.rulebook.suite.test import Key, Wanted
from bot.rulebook.traps import quote

EXPECTATIONS: Final[tuple[Key, ...]] = get_args(Key)
_SILENT: Final = ("text", "text_contains", "buttons", "template", "asks")

Values = tuple[str, ...] | None
Reads = Callable[[Node, str, Scope], Values]


def wanted(node: Node | None, scope: Scope) -> tuple[Wanted, ...]:
    """Every line of ``expect`` that could be read."""
    if isinstance(node, Scalar) and node.text.strip():
        is_name = NAME.fullmatch(node.text.strip())
        cure = (
            f"Write expect: {{rule: {node.text.strip()}}}."
            if is_name
            else f"Write expect: {{text: {quote(node.text.strip())}}}."
        )
        scope.error(node.place, f"expect must be written as keys with values. {cure}")
        return ()
    mapping = fields(node, "expect", "expect: {rule: welcome, text_contains: How can we help}", scope)
    if mapping is None:
        return ()
    keys = Keys(mapping, "expect", scope)
    found: list[Wanted] = []
    for key in EXPECTATIONS:
        value = keys.take(key)
        values = _READERS[key](value, key, scope) if value is not None else None
        if values is not None:
            found.append(Wanted(key, values, keys.place_of(key)))
    keys.finish()
    shown = [each.key for each in found if each.key in _SILENT and each.values]
    if shown and any(each.key == "nothing" for each in found):
        scope.error(keys.place_of("nothing"), f'A step that shows nothing has no "{shown[0]}". Keep one of the two.')
    return tuple(found)


# --- one reader for each kind of value --------------------------------------------------------------------------------------


def _name(node: Node, what: str, scope: Scope) -> Values:
    text = word(node, what, scope)
    return None if text is None else (canonical(text),)


def _texts(node: Node, what: str, scope: Scope) -> Values:
    return words(node, what, scope) or None


def _buttons(node: Node, what: str, scope: Scope) -> Values:
    """``none``, or an empty list, for a message without any."""
    titles = words(node, "A button", scope)
    return () if [canonical(title) for title in titles] == ["none"] else titles


def _tags(node: Node, what: str, scope: Scope) -> Values:
    return words(node, "A tag", scope) or None


def _language(node: Node, what: str, scope: Scope) -> Values:
    text = word(node, what, scope)
    if text is None:
        return None
    code, known = language_code(text), scope.notes.languages
    if code in known:
        return (code,)
    guess = closest(code, known)
    cure = f'Did you mean "{guess}"?' if guess else f"Write {listed(known, 'or')}."
    scope.error(node.place, f'"{text}" is not one of the languages in settings. {cure}')
    return None


def _yes_no(node: Node, what: str, scope: Scope) -> Values:
    said = yes_no(node, what, scope)
    return None if said is None else ("yes" if said else "no",)


def _question(node: Node, what: str, scope: Scope) -> Values:
    said = choice(node, what, ("open", "dropped", "none"), scope)
    return None if said is None else (said,)


def _handed_over(node: Node, what: str, scope: Scope) -> Values:
    """A team, or yes for any, or no."""
    text = word(node, what, scope)
    if text is None:
        return None
    said = {"true": "yes", "yes": "yes", "on": "yes", "false": "no", "no": "no", "off": "no", "none": "no"}
    return (said.get(text.lower(), canonical(text)),)


def _nothing(node: Node, what: str, scope: Scope) -> Values:
    return ("yes",) if must_be_true(node, what, scope) else None


_READERS: Final[dict[Key, Reads]] = {
    "rule": _name,
    "asks": _name,
    "text": _texts,
    "text_contains": _texts,
    "buttons": _buttons,
    "template": _name,
    "language": _language,
    "opted_out": _yes_no,
    "question": _question,
    "handed_over": _handed_over,
    "tags": _tags,
    "nothing": _nothing,
}
