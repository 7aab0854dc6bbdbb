"""One question of the audit, and how it is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.core.conversation import MARGIN
from bot.store.sqlite.times import to_us

FORGIVEN: Final = timedelta(seconds=60)  # what is younger is merely under way
FAULT: Final = (
    "This must never be. Make a backup, keep the log of that time, and report both; the bot may go on meanwhile."
)
RUNNING: Final = (
    "Is the server running, and what does its log say? It goes on with this by itself once nothing is in its way."
)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Question:
    """``promise``: I1 to I12. ``sentence`` takes a row of what ``sql`` finds, ``todo`` says what to do about it.

    ``is_aged``: it looks for what took too long, so it needs to know how late it is.
    """

    promise: str
    sentence: str
    sql: str
    todo: str = FAULT
    is_aged: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks a promise, in a sentence, and what to do."""

    promise: str
    sentence: str
    todo: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.sentence}"


Values = Mapping[str, int]


def values(now: datetime | None, answers_after_stop: bool, margin: timedelta = MARGIN) -> Values:
    """What the questions are asked with. ``margin``: how long before its end a window counts as closed."""
    return {
        "answers_after_stop": int(answers_after_stop),
        "old": 0 if now is None else to_us(now - FORGIVEN),
        "open_for": (timedelta(hours=24) - margin) // _MICROSECOND,
    }


def answers(connection: sqlite3.Connection, question: Question, given: Values, most: int = -1) -> list[Finding]:
    """What it finds, at most so many (-1: all)."""
    sql = f"SELECT * FROM ({question.sql}) LIMIT {most:d}"  # noqa: S608 our own words
    return [
        Finding(question.promise, f"{question.sentence.format(*row)}.", question.todo)
        for row in connection.execute(sql, given)
    ]


def moment(column: str) -> str:
    """SQL that tells a time in microseconds as people read it."""
    return f"strftime('%Y-%m-%d %H:%M:%S UTC', {column} / 1000000, 'unixepoch')"
