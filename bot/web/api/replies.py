"""``reply`` of a request: the keys of a rule's reply, read by the same code that reads the rules, so that both can say the same.

In a problem's place the file is the field's path (``reply.buttons[0].label``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from bot.core import saying
from bot.core.filling import value_of
from bot.core.reply import Reply
from bot.core.rule import LocalText, Place, Placeholder, Say
from bot.core.scene import Scene
from bot.errors import Refused
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, canonical
from bot.rulebook.problem import Problems, did_you_mean
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Notes, Scope
from bot.rulebook.shape.say import say
from bot.web.api.problem import Invalid

DEPTH_MAX: Final = 10


def reply_of(content: Mapping[str, Any], scene: Scene) -> Reply:
    """The words ready to leave, in the person's language. Raises ``Refused`` (422): ``Invalid`` with every fault of its form."""
    said = _read(content, scene)
    _check_values(said, scene)
    try:
        return saying.say(said, replace(scene, notes=[]))
    except saying.Unsayable as reason:
        raise Refused(
            str(reason), "wrong-values", "Give every value that it needs, and shorter ones where it is too long.", 422
        ) from None


def _read(content: Mapping[str, Any], scene: Scene) -> Say:
    notes = Notes(Problems(), scene.rulebook.settings.languages)
    scope = Scope(notes, languages=(scene.language,))
    keys = Keys(_mapping(content, "reply", DEPTH_MAX), "A reply", scope)
    said = say(keys, scope)
    keys.finish()
    _check_names(notes, scene)
    errors = [(each.place.file, each.sentence) for each in notes.problems if each.severity == "error"]
    if errors or said is None:
        raise Invalid(errors or [("reply", "This reply says nothing. Send at least a text.")])
    return said


def _check_names(notes: Notes, scene: Scene) -> None:
    known = {"rule": scene.rulebook.by_name, "template": scene.rulebook.templates}
    for mention in notes.mentions:
        names = known.get(mention.kind, {})
        if mention.name not in names:
            hint = did_you_mean(mention.name, list(names))
            notes.problems.error(mention.place, f'There is no {mention.kind} "{mention.name}".{hint}')


def _check_values(said: Say, scene: Scene) -> None:
    holes = {hole.name for hole in _holes(said, scene.language) if hole.default is None}
    empty = sorted(name for name in holes if not value_of(name, scene).strip())
    if empty:
        raise Refused(
            f"Nothing is known for {', '.join(empty)}.",
            "wrong-values",
            f"Write a default, such as {{{{{empty[0]}|…}}}}, or put the words in yourself.",
            422,
        )


def _holes(part: object, language: str) -> Iterator[Placeholder]:
    """Every placeholder that would be filled in ``language``."""
    if isinstance(part, LocalText):
        yield from (piece for piece in part.in_language(language) if isinstance(piece, Placeholder))
    elif isinstance(part, tuple):
        for each in part:
            yield from _holes(each, language)
    elif is_dataclass(part):
        for each in fields(part):
            yield from _holes(getattr(part, each.name), language)


def _node(value: object, path: str, depth: int) -> Node:
    place = Place(path, 1, 1)
    if depth == 0:
        raise Invalid([(path, "This is nested too deep.")])
    match value:
        case dict():
            return _mapping(value, path, depth)
        case list():
            return Items(tuple(_node(each, f"{path}[{at}]", depth - 1) for at, each in enumerate(value)), place)
        case None:
            return Scalar("", place)
        case bool():
            return Scalar(str(value).lower(), place, quoted=True)
        case _:
            return Scalar(str(value), place, quoted=True)


def _mapping(content: Mapping[str, Any], path: str, depth: int) -> Fields:
    entries = (
        Entry(canonical(key), key, Place(f"{path}.{key}", 1, 1), _node(value, f"{path}.{key}", depth - 1))
        for key, value in content.items()
    )
    return Fields(tuple(entries), Place(path, 1, 1))
