"""``must_be``: what counts as an answer to a question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bot.core.asking import AnswerKind, Choice, MustBe
from bot.core.text import normalise
from bot.rulebook.answers import pattern_reader, phone_reader
from bot.rulebook.node import Fields, Items, Node, Scalar, canonical, is_missing
from bot.rulebook.problem import closest
from bot.rulebook.shape.buttons import refuse_count
from bot.rulebook.shape.expressions import expression
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.pace import COUNTS
from bot.rulebook.shape.text import language_code, local_text
from bot.rulebook.shape.value import items, not_a_text, word

_NAMED: Final[Mapping[str, AnswerKind]] = {
    "number": "number", "date": "date", "future_date": "future_date", "time": "time", "email": "email", "phone": "phone",
    "yes_or_no": "yes_or_no", "text": "text", "image": "image", "document": "document", "location": "location",
}  # fmt: skip
_DIGITS: Final = re.compile(r"(\d{1,3})(?: ?(?:-|–|to) ?(\d{1,3}))? (digits?)")
_RANGE: Final = re.compile(r"number (-?\d{1,15}(?:\.\d+)?) ?(?:-|–|to) ?(-?\d{1,15}(?:\.\d+)?)")
_MEANT: Final = {
    "e_mail": "email", "mail": "email", "email_address": "email", "phone_number": "phone", "telephone": "phone", "mobile": "phone",
    "yes/no": "yes_or_no", "yes_no": "yes_or_no", "boolean": "yes_or_no", "bool": "yes_or_no", "confirmation": "yes_or_no",
    "string": "text", "anything": "text", "any": "text", "any_text": "text", "free_text": "text", "words": "text",
    "integer": "number", "int": "number", "numeric": "number", "amount": "number", "a_number": "number", "whole_number": "number",
    "picture": "image", "photo": "image", "pdf": "document", "file": "document", "place": "location", "address": "text",
    "date_in_the_future": "future date", "day": "date", "clock": "time", "hour": "time", "datum": "date", "tid": "time",
    "uhrzeit": "time", "zahl": "number", "tal": "number", "telefon": "phone", "telefonnummer": "phone", "mobil": "phone",
    "e_post": "email", "epost": "email", "ja/nej": "yes_or_no", "ja/nein": "yes_or_no", "bild": "image", "foto": "image",
    "plats": "location", "fritext": "text", "freitext": "text",
}  # fmt: skip
_KINDS_SAID: Final = (
    "Write one of: text, number, number 1-10, 8 digits, date, future date, time, email, phone, yes_or_no, image, document, location, "
    "{one_of: [...]} or {pattern: ...}."
)  # fmt: skip
_EXAMPLE: Final = "must_be: {one_of: [Small, Large]}"
DIGITS_MAX: Final = 100


def must_be(node: Node | None, menu: Node | None, scope: Scope) -> MustBe | None:
    """The kind of answer; ``menu`` is that key of the question, which may also stand beside ``one_of``."""
    if node is None:
        return None
    if isinstance(node, Items):
        shown = node.raw or "[...]"
        scope.error(
            node.place, f"must_be names one kind of answer. To offer choices, write must_be: {{one_of: {shown}}}."
        )
        return None
    found = _named(node, scope) if isinstance(node, Scalar) else _described(node, menu, scope)
    if menu is not None and (found is None or found.kind != "one_of"):
        scope.error(menu.place, "menu names the button of a list of choices, and there is no one_of. Delete it.")
    return found


def _named(node: Scalar, scope: Scope) -> MustBe | None:
    text = word(node, "must_be", scope)
    if text is None:
        return None
    plain = " ".join(text.lower().split())
    kind = _NAMED.get(canonical(plain))
    if kind is not None:
        return MustBe(kind, text, reads=phone_reader() if kind == "phone" else None)
    if (found := _DIGITS.fullmatch(plain)) and (found[3] == "digits" or found[1] == "1"):
        return _digits(int(found[1]), int(found[2] or found[1]), text, node, scope)
    if bounds := _RANGE.fullmatch(plain):
        return _between(float(bounds[1]), float(bounds[2]), text, node, scope)
    scope.error(node.place, f'must_be cannot be "{text}". {_meant(plain)}')
    return None


def _digits(fewest: int, most: int, text: str, node: Node, scope: Scope) -> MustBe | None:
    if 1 <= fewest <= most <= DIGITS_MAX:
        return MustBe("digits", text, fewest, most)
    scope.error(
        node.place,
        f'No answer has "{text}". Write how many there are, the smaller number first, for example 6-8 digits.',
    )
    return None


def _between(low: float, high: float, text: str, node: Node, scope: Scope) -> MustBe | None:
    if low <= high:
        return MustBe("number", text, low, high)
    scope.error(
        node.place,
        f"No number is at least {low:g} and at most {high:g}. Write the smaller first: number {high:g}-{low:g}.",
    )
    return None


def _meant(plain: str) -> str:
    """A cure for a kind that there is not: the one that was probably meant, else all of them."""
    word = re.sub(r"^(?:an?|the|any|valid|eine?|en|ett) ", "", plain)
    word = canonical(re.sub(r"\s+(?:oder|or|eller)\s+", "/", word))
    if word in _MEANT or word in _NAMED:
        return f'Did you mean "{_MEANT.get(word, word)}"?'
    if re.fullmatch(r"(?:[dmyåj]{1,4}[./ -]?){3}", plain):
        return 'A date is read in any usual way of writing. Did you mean "date"?'
    if parts := _choices_said(plain):
        return f"Choices stand in a list: must_be: {{one_of: [{', '.join(parts)}]}}."
    if re.match(r"one[_ ]of\b", plain):
        return f"Choices stand in a list of their own: {_EXAMPLE}."
    if re.match(r"(?:pattern|regexp?)\b", plain):
        return 'A pattern is written beside its name: must_be: {pattern: "[A-Z]{2}[0-9]{4}"}.'
    numbers = [str(COUNTS.index(each) + 1) if each in COUNTS else each for each in re.findall(r"\d{1,3}|[a-z]+", plain)]
    numbers = [each for each in numbers if each.isdecimal()]
    if len(numbers) == 2 and closest(re.sub(r"[^a-z].*", "", plain), ("number", "between")):
        return f'Did you mean "number {numbers[0]}-{numbers[1]}"?'
    if numbers and re.search(r"char|letter|zeichen|tecken|bokst", plain):
        length = ",".join(numbers[:2]) if len(numbers) > 1 else _length(numbers[0], plain)
        return f'How long a text is, a pattern says: must_be: {{pattern: ".{{{length}}}"}}.'
    if numbers:
        return f'Did you mean "{"-".join(numbers[:2])} digits"?'
    if plain in ("digits", "digit"):
        return 'Write how many, for example "8 digits" or "6-8 digits".'
    guess = closest(plain, _NAMED)
    return f'Did you mean "{guess}"?' if guess else _KINDS_SAID


def _choices_said(plain: str) -> list[str]:
    """``small/large`` and ``small, medium or large`` as parts."""
    parts = [part.strip() for part in re.split(r"[/,;|]|\s+(?:or|oder|eller)\s+", plain)]
    return parts if len(parts) > 1 and all(re.fullmatch(r"[^\W\d_]+(?: [^\W\d_]+)?", part) for part in parts) else []


def _length(number: str, plain: str) -> str:
    if re.search(r"max|most|up to", plain):
        return f"1,{number}"
    return f"{number}," if re.search(r"min|least", plain) else number


def _described(node: Fields, menu: Node | None, scope: Scope) -> MustBe | None:
    if all(entry.key not in ("one_of", "pattern") for entry in node.entries):
        scope.error(node.place, _no_kind(node))
        return None
    keys = Keys(node, "must_be", scope)
    choices, source = keys.take("one_of"), keys.take("pattern")
    inner = keys.take("menu")
    keys.finish()
    if inner is not None and menu is not None:
        scope.error(inner.place, '"menu" is written twice for this question. Keep one of the two.')
    if choices is not None and source is not None:
        scope.error(source.place, "must_be has one_of and pattern. Keep one of the two.")
        return None
    if choices is not None:
        return _one_of(choices, inner or menu, scope)
    return _pattern(source, scope)


def _no_kind(node: Fields) -> str:
    first = node.entries[0] if node.entries else None
    if first is not None and is_missing(first.value):
        return f"must_be names a kind of answer without braces. Write must_be: {first.written}."
    guess = closest(first.written, ("one_of", "pattern")) if first is not None else ""
    if first is not None and guess:
        return f'must_be has an unknown key "{first.written}". Did you mean "{guess}"?'
    return f"must_be does not say what counts as an answer. {_KINDS_SAID}"


def _pattern(node: Node | None, scope: Scope) -> MustBe | None:
    found = expression(node, "The pattern of must_be", scope)
    return MustBe("pattern", found.source, reads=pattern_reader(found.source)) if found is not None else None


# --- one_of -------------------------------------------------------------------------------------------------------------


def _one_of(node: Node, menu_node: Node | None, scope: Scope) -> MustBe | None:
    if isinstance(node, Scalar):
        parts = ", ".join(part.strip() for part in node.text.split(",") if part.strip())
        scope.error(node.place, f"one_of is a list of choices. Write one_of: [{parts}].")
        return None
    before = scope.notes.problems.errors
    entries = _entries(node, scope)
    refuse_count(node, len(entries), menu_node is not None, scope, what="choices")
    found = [_choice(value, label, scope) for value, label in entries]
    menu = local_text(menu_node, "menu", scope)
    choices = tuple(each for each in found if each is not None)
    if scope.notes.problems.errors > before:
        return None
    if len(choices) < 2:
        scope.error(node.place, f"one_of needs at least two choices. For example {_EXAMPLE}.")
        return None
    return MustBe("one_of", "one_of", choices=choices, menu=menu)


def _entries(node: Node, scope: Scope) -> list[tuple[str, Node]]:
    """Value and label of each choice as written: ``[Small, {large: Really large}]``, or one mapping of values and labels."""
    found: list[tuple[str, Node]] = []
    for item in items(node):
        if isinstance(item, Scalar):
            text = word(item, "A choice", scope)
            found += [(text, item)] if text else []
        elif isinstance(item, Fields) and not _is_label_alone(item, scope):
            found += [(entry.written.strip(), entry.value) for entry in item.entries]
        elif isinstance(item, Fields):
            scope.error(
                item.place, f"This choice needs a value before its words. Write {{home: {item.raw or '{en: ...}'}}}."
            )
        else:
            scope.error(item.place, not_a_text(item, "A choice"))
    return found


def _is_label_alone(item: Fields, scope: Scope) -> bool:
    return all(language_code(entry.written) in scope.notes.languages for entry in item.entries)


def _choice(value: str, node: Node, scope: Scope) -> Choice | None:
    if isinstance(node, Scalar) and not node.text.strip():
        node = replace(node, text=value)
    label = local_text(node, f"The choice {value}", scope)
    if not normalise(value).plain:
        scope.error(
            node.place, f'The choice "{value}" has no letters or digits that a person could type. Write a word.'
        )
        return None
    return Choice(value, label) if label is not None else None
