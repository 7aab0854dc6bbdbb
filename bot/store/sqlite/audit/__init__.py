"""The invariants as questions to the database. Each answer names what breaks one; a sound database answers nothing.

Looks through a connection that need not write; the numbers I1 to I12 are those of ``docs/guarantees.md``. What a database cannot tell is
left to others: what was acknowledged (I1), what really left and with which time to live (I6), what an API's caller was answered (I8), that
an attempt was committed before its first byte left (I9), receipts that were never recorded (I10), whether a stored rulebook was checked
(I11). The window (I6) is asked of the times that the parser read, not of the bytes. Of receipts and inputs that were forgotten for their
age, and of people who were erased, nothing is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from bot.store.sqlite.audit.events import EVENTS
from bot.store.sqlite.audit.kept import RECEIPTS, REFERENCES, RULEBOOKS, TALLIES
from bot.store.sqlite.audit.look import SHOWN_MOST, Looked, OnQuestion, look, prepare
from bot.store.sqlite.audit.messages import MESSAGES
from bot.store.sqlite.audit.pages import Pages, look_through
from bot.store.sqlite.audit.question import FAULT, FORGIVEN, Finding, Question, Values, answers, values
from bot.store.sqlite.audit.unanswered import LISTED_FOR, Unanswered, Why, unanswered

__all__ = [
    "FAULT",
    "FORGIVEN",
    "LISTED_FOR",
    "QUESTIONS",
    "SHOWN_MOST",
    "Finding",
    "Looked",
    "OnQuestion",
    "Pages",
    "Question",
    "Unanswered",
    "Values",
    "Why",
    "answers",
    "broken",
    "look",
    "look_through",
    "prepare",
    "unanswered",
    "values",
]

QUESTIONS: Final[tuple[Question, ...]] = tuple(
    sorted((*EVENTS, *MESSAGES, *RECEIPTS, *RULEBOOKS, *TALLIES, *REFERENCES), key=lambda each: int(each.promise[1:]))
)


def broken(
    connection: sqlite3.Connection, answers_after_stop: bool = False, now: datetime | None = None
) -> Iterator[str]:
    """A sentence for every row that breaks an invariant. ``answers_after_stop``: the rules said ``after_stop: answer`` at some time.

    With ``now`` also what took too long; what is younger than 60 s is merely under way.
    """
    prepare(connection)
    given = values(now, answers_after_stop)
    for question in QUESTIONS:
        if now is not None or not question.is_aged:
            yield from map(str, answers(connection, question, given))
