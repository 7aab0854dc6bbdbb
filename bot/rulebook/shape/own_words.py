"""Lists of words that staff add to built-in ones: consent words, cancel words."""

from __future__ import annotations

from bot.core.text import normalise
from bot.rulebook.node import Fields, Node
from bot.rulebook.problem import listed
from bot.rulebook.shape.keys import doubt_comma
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import language_code
from bot.rulebook.shape.value import items, word


def own_words(node: Node | None, what: str, scope: Scope) -> frozenset[str]:
    """Staff's own words, normalised; a language as key is for the reader alone, every word counts for everyone."""
    lists: list[Node] = [node] if node is not None and not isinstance(node, Fields) else []
    for entry in node.entries if isinstance(node, Fields) else ():
        if language_code(entry.written) not in scope.notes.languages:
            known = listed(scope.notes.languages, "or")
            scope.error(
                entry.place,
                f'{what} has "{entry.written}", which is not one of the languages in settings. Write {known}.',
            )
        lists.append(entry.value)
    found: set[str] = set()
    for item in (item for words in lists for item in items(words)):
        text = word(item, f"A word in {what}", scope)
        plain = normalise(text).plain if text else ""
        doubt_comma(text or "", item.place, scope)
        if text and not plain:
            scope.error(item.place, f'"{text}" in {what} has no letters or digits left to compare. Write a word.')
        found |= {plain} if plain else set()
    return frozenset(found)
