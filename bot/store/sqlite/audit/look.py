"""A look through a live database: every question once, each of one state of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from bot.core.event import ContactKey
from bot.store.sqlite.archive import open_reading
from bot.store.sqlite.audit.question import Finding, Question, answers, values
from bot.store.sqlite.audit.unanswered import LISTED_FOR, Unanswered, unanswered
from bot.store.sqlite.people import identity_hmac

# While a state is looked at the server cannot shorten its log, and an erasure waits to the end of it: so none is for long.
ONE_STATE_S: Final = 5.0
SHOWN_MOST: Final = 20  # findings a question, and messages that nobody answered
LISTED_MOST: Final = 1000
_TABLES: Final = {
    "people": "person", "events": "inbox", "decisions": "trace", "messages, calls and callbacks": "outbox", "attempts": "attempt",
    "receipts": "receipt", "words of consent": "consent", "timers": "timer", "rulebooks": "rulebook",
}  # fmt: skip


class OnQuestion(Protocol):
    """Told before each question: how many were asked, of how many, and of which promise the next one is."""

    def __call__(self, asked: int, of: int, promise: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at and found. ``rows``: how many of each; ``asked``: questions by promise; ``states``: how many states of the
    database were looked at, one after another. ``cut``: sentences of questions that found more than is told."""

    rows: Mapping[str, int]
    asked: Mapping[str, int]
    findings: tuple[Finding, ...]
    cut: tuple[str, ...]
    waiting: tuple[Unanswered, ...]
    seconds: float
    states: int


def look(
    path: Path,
    questions: tuple[Question, ...],
    now: datetime,
    after_stop: bool,
    margin: timedelta,
    on_question: OnQuestion,
) -> Looked:
    """Ask all of them. One state of the database, where that takes less than five seconds; else each question has one of its own.

    Raises ``Misconfigured`` where there is no database of this program's, ``sqlite3.Error`` where it cannot be read to the end.
    """
    begun, given = time.monotonic(), values(now, after_stop, margin)
    findings: list[Finding] = []
    cut: list[str] = []
    asked: dict[str, int] = {}
    with closing(open_reading(path)) as connection:
        prepare(connection)
        states = _States(connection)
        rows = {name: _count(connection, table) for name, table in _TABLES.items()}
        for n, question in enumerate(questions):
            on_question(n, len(questions) + 1, question.promise)
            states.next()
            found = answers(connection, question, given, SHOWN_MOST + 1)
            findings += found[:SHOWN_MOST]
            cut += [question.promise] if len(found) > SHOWN_MOST else []
            asked[question.promise] = asked.get(question.promise, 0) + 1
        on_question(len(questions), len(questions) + 1, "I12")
        states.next()
        waiting = unanswered(connection, now - LISTED_FOR, now, LISTED_MOST)
    return Looked(rows, asked, tuple(findings), tuple(cut), tuple(waiting), time.monotonic() - begun, states.count)


class _States:
    """Read transactions, one after another."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self.count = 0
        self._begin()

    def next(self) -> None:
        """Go on to the present state, where this one was looked at for long enough."""
        if self._clock() - self._since > ONE_STATE_S:
            self._connection.execute("ROLLBACK")
            self._begin()

    def _begin(self) -> None:
        self._connection.execute("BEGIN")
        self._since = self._clock()
        self.count += 1


def prepare(connection: sqlite3.Connection) -> None:
    """Teach ``connection`` what the questions need."""
    row = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
    key = b"" if row is None else bytes(row[0])
    connection.create_function(
        "parley_hmac", 3, lambda *address: identity_hmac(key, ContactKey(*address)), deterministic=True
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 our own words
    return found
