"""``ask``: the questions of a rule, in order."""

from __future__ import annotations

from typing import Final

from bot.core.asking import Question
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, canonical
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.must_be import must_be
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import local_text, spoken_text
from bot.rulebook.shape.value import duration, fields, value_name, word
from bot.rulebook.traps import quote

TRIES: Final = 3
TRIES_MAX: Final = 10
_EXAMPLE: Final = 'ask: {order_number: {text: "Your order number?", must_be: 8 digits}}'
_PARTS: Final = ("text", "any_of", "must_be", "if_wrong", "tries", "no_answer_after", "one_of", "pattern")
_ELSEWHERE: Final = {
    "one_of": "must_be: {one_of: [...]}",
    "pattern": "must_be: {pattern: ...}",
    "buttons": "must_be: {one_of: [...]}, whose choices are shown as buttons",
    "list": "must_be: {one_of: [...]} and menu: ..., which are shown as a list",
    "timeout": "no_answer_after: 20 minutes",
    "retries": "tries: 3",
    "type": "must_be: 8 digits, or whatever the answer must be",
    "options": "must_be: {one_of: [...]}",
    "choices": "must_be: {one_of: [...]}",
    "question": 'text: "..."',
    "error": 'if_wrong: "..."',
}


def questions(node: Node | None, scope: Scope) -> tuple[Question, ...]:
    """The questions by name, as written."""
    if isinstance(node, Items) and node.items and all(isinstance(item, Fields) for item in node.items):
        scope.error(
            node.place, f"The questions of ask are keys with their names, not a list. Write {_EXAMPLE}, without dashes."
        )
        return ()
    mapping = fields(node, "ask", _EXAMPLE, scope)
    if mapping is None:
        return ()
    if any(entry.key in _PARTS for entry in mapping.entries):
        scope.error(mapping.place, f"This question has no name, and its answer is kept under it. Write {_EXAMPLE}.")
        return ()
    found = (_question(entry, scope) for entry in mapping.entries)
    return tuple(question for question in found if question is not None)


def _question(entry: Entry, scope: Scope) -> Question | None:
    what = f"Question {entry.written}"
    slot = value_name(entry.written, entry.place, "The question", scope)
    if isinstance(entry.value, Scalar) and entry.value.text.strip():
        scope.error(
            entry.value.place,
            f"{what} does not say what counts as an answer. Write {canonical(entry.written)}: "
            f"{{text: {quote(entry.value.text)}, must_be: text}}.",
        )
        return None
    mapping = fields(entry.value, what, '{text: "Your order number?", must_be: 8 digits}', scope)
    if mapping is None:
        return None
    keys = Keys(mapping, what, scope)
    if not keys.has("any_of") and not keys.has("question"):
        keys.need("text", 'text: "..."')
    text = spoken_text(keys, "This question", scope)
    misplaced = _look_for_misplaced(keys, scope)
    kind_node = (
        keys.take("must_be")
        if misplaced
        else keys.need("must_be", "must_be: text, or 8 digits, date, {one_of: [...]} ...")
    )
    kind = must_be(kind_node, keys.take("menu"), scope)
    if_wrong = local_text(keys.take("if_wrong"), "if_wrong", scope, varied=True)
    tries = _tries(keys.take("tries"), scope)
    no_answer_after = duration(keys.take("no_answer_after"), "no_answer_after", scope)
    keys.finish()
    if text is None or kind is None or slot is None:
        return None
    return Question(slot, text, kind, entry.place, if_wrong, tries, no_answer_after)


def _look_for_misplaced(keys: Keys, scope: Scope) -> bool:
    found = False
    for key, home in _ELSEWHERE.items():
        if keys.has(key):
            keys.also(key)
            found = True
            scope.error(keys.place_of(key), f'A question has no "{key}" of its own. Write {home}.')
    return found


def _tries(node: Node | None, scope: Scope) -> int:
    text = word(node, "tries", scope)
    if text is None or node is None:
        return TRIES
    if text.isdecimal() and 1 <= int(text) <= TRIES_MAX:
        return int(text)
    fault = "With 0 tries nobody could answer" if text == "0" else f'tries must be a whole number, not "{text}"'
    if text.isdecimal() and int(text) > TRIES_MAX:
        fault = f"Nobody wants to be asked {text} times"
    scope.error(node.place, f"{fault}. Write from 1 to {TRIES_MAX}: with {TRIES}, the third wrong answer gives up.")
    return TRIES
