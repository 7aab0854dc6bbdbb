"""Looking for conversations by a part of a number, of a field or of a tag, or by a message.

Nothing is indexed for it: a hundred thousand people are gone through in some hundredths of a second, and an index of every part of every
word would hold what was erased.
"""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bot.store.sqlite.sets import Value, json_array

FEW: Final = 1000  # people found at once; of more only those who moved last are looked at
LOOK: Final = 2000  # people whose fields are read one by one
_NUMBER: Final = re.compile(r"[+(]?\d[\d\s()./-]*")
_SHORTEST: Final = 3  # digits
_NEARLY_WHOLE: Final = 6


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: ``word`` in fields and tags, ``digits`` in numbers (empty: it is no number)."""

    word: str
    digits: str

    @property
    def is_of_many(self) -> bool:
        """Whether many may be meant, as far as that can be told: nearly a whole number is one person's."""
        return len(self.digits) < _NEARLY_WHOLE

    @property
    def values(self) -> dict[str, Value]:
        """For ``MAY_FIT`` and ``NUMBER_FITS``."""
        text = orjson.dumps(self.word).decode()[1:-1]  # as it stands in a JSON text
        return {"word": _pattern(text), "value": _pattern(self.word), "digits": self.digits}

    def fits(self, number_fits: bool, fields: dict[str, Any], tags: Iterable[str]) -> bool:
        """Whether somebody is meant of whom SQLite says that they may be."""
        word = self.word.casefold()
        return number_fits or any(word in str(each).casefold() for each in (*fields.values(), *tags))


def sought(search: str) -> Sought | None:
    """None where nothing is looked for."""
    word = " ".join(search.split())
    if not word:
        return None
    digits = re.sub(r"\D", "", word) if _NUMBER.fullmatch(word) else ""
    if len(digits.lstrip("0")) >= _SHORTEST:
        digits = digits.lstrip("0")  # nobody's number begins so: it stands for the country, or for "abroad"
    return Sought(word, digits if len(digits) >= _SHORTEST else "")


def _pattern(text: str) -> str:
    """For LIKE: it finds all that is meant, and some more. SQLite knows upper and lower case of ASCII only."""
    return f"%{''.join(map(_loose, text))}%"


def _loose(letter: str) -> str:
    if letter.isascii():
        return f"\\{letter}" if letter in "%_\\" else letter
    return "_" if len(letter.casefold()) == len(letter.upper()) == 1 else "%"


NUMBER_FITS: Final = (
    "(:digits <> '' AND EXISTS (SELECT 1 FROM identity i WHERE i.person = p.id AND instr(i.identity, :digits) > 0))"
)
MAY_FIT: Final = (
    f"({NUMBER_FITS} OR p.tags LIKE :word ESCAPE '\\' OR (p.fields LIKE :word ESCAPE '\\' AND EXISTS"
    " (SELECT 1 FROM json_each(p.fields) f WHERE f.value LIKE :value ESCAPE '\\')))"
)

NUMBERS: Final = (
    "SELECT json_group_array(person) FROM (SELECT DISTINCT person FROM identity WHERE app = :app AND instr(identity, :digits) > 0"
    f" LIMIT {FEW + 1})"
)
WORDS: Final = (
    "SELECT json_group_array(json_array(id, json(fields), json(tags))) FROM (SELECT p.id, p.fields, p.tags FROM person p"
    " WHERE p.app = :app AND (p.fields LIKE :word ESCAPE '\\' OR p.tags LIKE :word ESCAPE '\\') LIMIT :look)"
)
IDS: Final = f"""
    SELECT json_group_array(person) FROM (SELECT person FROM (
        SELECT person FROM outbox WHERE kind = 'message' AND id IN (SELECT value FROM json_each(:ids))
        UNION SELECT person FROM outbox WHERE kind = 'message' AND reference <> '' AND reference IN (SELECT value FROM json_each(:ids))
        UNION SELECT o.person FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE o.kind = 'message' AND a.message_id <> ''
            AND a.message_id IN (SELECT value FROM json_each(:ids))
        UNION SELECT person FROM inbox WHERE app = :app AND dedup IN (SELECT 'in:' || value FROM json_each(:ids)) AND person IS NOT NULL)
        LIMIT {FEW + 1})
"""


def found(connection: sqlite3.Connection, app: str, what: Sought) -> Sequence[int] | None:
    """The numbers of all who are meant; None where they are too many to be read at once."""
    values = {
        **what.values,
        "app": app,
        "look": LOOK + 1,
        "ids": json_array({what.word, what.word.lower(), what.word.upper()}),
    }
    people = set(_read(connection, IDS, values))
    if what.digits:
        people.update(_read(connection, NUMBERS, values))
    if len(people) > FEW:
        return None
    some = _read(connection, WORDS, values)
    people.update(id_ for id_, fields, tags in some if what.fits(False, fields, tags))
    return None if len(some) > LOOK or len(people) > FEW else sorted(people)


def _read(connection: sqlite3.Connection, question: str, values: dict[str, Value]) -> list[Any]:
    rows: list[Any] = orjson.loads(connection.execute(question, values).fetchone()[0])
    return rows
