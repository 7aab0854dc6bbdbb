"""Tests made of real conversations, with a number in them that nobody has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.rulebook.suite.test import Act, Gives, Happens, Mock, Says, Taps, Test

FILM_NUMBER: Final = "447700900123"  # kept free for films
_NUMBER: Final = re.compile(r"\+?\(?\d[\d ()./-]{5,}\d")


def without_numbers(test: Test, identity: str) -> Test:
    """The same conversation, in which each phone number is one that nobody has. ``identity`` is the person's own."""

    def clean(text: str) -> str:
        return _NUMBER.sub(lambda found: _film_number(found[0], identity), text)

    def all_clean(texts: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(clean, texts))

    def act(done: Act | None) -> Act | None:
        match done:
            case Says(texts=texts):
                return Says(all_clean(texts))
            case Taps(what=what):
                return Taps(clean(what))
            case Gives(kind=kind, caption=caption, fields=fields):
                return Gives(kind, clean(caption), {name: clean(value) for name, value in fields.items()})
            case Happens(name=name, data=data):
                return Happens(name, {key: clean(value) for key, value in data.items()})
            case _:
                return done

    def mock(one: Mock) -> Mock:
        values = {name: clean(value) for name, value in one.answered.values.items()}
        return replace(one, answered=replace(one.answered, values=values))

    steps = (
        replace(
            step,
            act=act(step.act),
            wanted=tuple(replace(each, values=all_clean(each.values)) for each in step.wanted),
            calls=tuple(map(mock, step.calls)),
        )
        for step in test.steps
    )
    fields = {name: clean(value) for name, value in test.given.fields.items()}
    return replace(test, steps=tuple(steps), given=replace(test.given, fields=fields))


def _film_number(text: str, identity: str) -> str:
    """``text`` unless it is a phone number: the person's own in any form, or one that begins as numbers do across borders."""
    digits = re.sub(r"\D", "", text)
    own = len(digits.lstrip("0")) >= 8 and (digits.endswith(identity[-8:]) or identity.endswith(digits.lstrip("0")))
    if own or text.startswith("+") or (digits.startswith("00") and len(digits) > 9):
        return f"+{FILM_NUMBER}" if text.startswith("+") else FILM_NUMBER
    return text
