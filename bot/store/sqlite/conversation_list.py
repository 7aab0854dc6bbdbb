"""Pages of conversations, and how many there are of each kind.

Every page begins at an index: of what moved last and then of who never wrote, of who waits, of what failed, of whom a team has; or at a set
of people that is small enough to be read whole (those who were searched for, those who said STOP). What an index does not tell is looked
for among the next ``LOOK`` rows and no more; the page is short then, and goes on from there.
"""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from bot.store.conversations import LIST_MAX, ListCursor, Listed, Totals, Wanted
from bot.store.sqlite.conversation_rows import FAILED, NEVER_ARRIVED, rows_of
from bot.store.sqlite.conversation_search import MAY_FIT, NUMBER_FITS, Sought, found, sought
from bot.store.sqlite.sets import Value, json_array

LOOK: Final = 10_000
LOOK_SOUGHT: Final = 5000
NEAR: Final = 2000  # what many have is found among so many
LOOK_FAILED: Final = 5000
FEW_STOPPED: Final = 5000  # who said STOP, read whole up to so many
COUNTED: Final = 100
RAW: Final = 1000  # rows that may be meant, where each is looked at
_END: Final = 1 << 62
_SILENT: Final = -1  # in place of a time, behind all times

_UNREAD: Final = "l.active_at > coalesce(l.seen_at, -1)"
_WAITS: Final = "l.waiting_since IS NOT NULL"
_TEAM: Final = """instr(l.state, '"team":["') > 0 AND json_extract(l.state, '$.team[0]') = :team"""
_SHOWN: Final = {"all": "TRUE", "unread": _UNREAD, "needs_person": _WAITS, "failed": FAILED, "stopped": "p.stopped = 1"}

Place = tuple[int, int]  # of a row in the list: its time, and whose it is


@dataclass(frozen=True, slots=True)
class Question:
    """What a page is asked for. ``limit`` is one more than the page takes. ``sought``: whose number, fields and tags are looked at.
    ``people``: only these are meant."""

    app: str
    wanted: Wanted
    sought: Sought | None
    limit: int
    look: int
    people: Sequence[int] | None = None

    @property
    def values(self) -> dict[str, Value]:
        """What all statements may name."""
        values: dict[str, Value] = {"app": self.app, "team": self.wanted.team, "limit": self.most, "look": self.look}
        if self.people is not None:
            values["people"] = json_array(self.people)
        return values if self.sought is None else {**values, **self.sought.values}

    @property
    def most(self) -> int:
        """How many rows are read at once."""
        return self.limit if self.sought is None else RAW

    @property
    def team(self) -> str:
        """Whose conversations, of ``lane l``."""
        return _TEAM if self.wanted.team else "TRUE"

    @property
    def person(self) -> str:
        """Who may be meant, of ``lane l`` and ``person p``."""
        fits = MAY_FIT if self.sought is not None else "TRUE"
        among = "l.person IN (SELECT value FROM json_each(:people))" if self.people is not None else "TRUE"
        return f"p.app = :app AND p.merged_into IS NULL AND {among} AND {fits}"

    @property
    def shown(self) -> str:
        """Which conversations, of ``lane l`` and ``person p``."""
        return f"{_SHOWN[self.wanted.show]} AND {self.team}"

    @property
    def columns(self) -> str:
        """What ``meant`` looks at besides."""
        return f", {NUMBER_FITS} AS number_fits, json(p.fields) AS fields, json(p.tags) AS tags" if self.sought else ""

    @property
    def names(self) -> str:
        """The same, as a statement around it calls them."""
        return ", number_fits, json(fields), json(tags)" if self.sought else ""

    def meant(self, row: Sequence[Any]) -> bool:
        """Whether a row that ends with ``columns`` is meant for certain."""
        return self.sought is None or self.sought.fits(*row[-3:])


Page = tuple[list[int], Place | None]  # the people, and where the next page begins


def listed(connection: sqlite3.Connection, app: str, wanted: Wanted, now: datetime) -> Listed:
    """What ``bot.store.conversations`` says."""
    limit = max(1, min(wanted.limit, LIST_MAX))
    people, next_ = _page(connection, app, wanted, limit + 1)
    return Listed(tuple(rows_of(connection, people, now)), None if next_ is None else ListCursor(*next_))


def _page(connection: sqlite3.Connection, app: str, wanted: Wanted, limit: int) -> Page:
    what = sought(wanted.search)
    after = None if wanted.after is None else (wanted.after.first, wanted.after.second)
    question = Question(app, wanted, what, limit, LOOK if what is None else min(LOOK, LOOK_SOUGHT))
    people = None
    if what is not None:
        if what.is_of_many:
            near = _along(connection, replace(question, look=min(LOOK, NEAR)), after)
            if len(near[0]) == limit - 1:
                return near
        people = found(connection, app, what)
    elif wanted.show == "stopped":
        people = _stopped(connection)
    if people is None:
        return _along(connection, question, after)
    question = replace(question, sought=None, people=people)
    return (_along if wanted.show == "failed" else _of_set)(connection, question, after)


def _along(connection: sqlite3.Connection, question: Question, after: Place | None) -> Page:
    """A page along the index of what is shown."""
    match question.wanted.show:
        case "needs_person":
            return _cut(question, *_walk(connection, question, WAITING, after or (-1, -1)))
        case "failed":
            look = min(question.look, LOOK_FAILED)
            return _failed(connection, replace(question, look=look), after or (_END, _END))
        case "all" | "unread" | "stopped":
            return _moved(connection, question, after or (_END, _END))


def _cut(question: Question, places: list[Place], end: Place | None) -> Page:
    """``places`` as far as a page goes; ``end``: how far was looked, where that was not to the end."""
    if len(places) >= question.limit:
        places = places[: question.limit - 1]
        end = places[-1]
    return [person for _, person in places], end


def _read(connection: sqlite3.Connection, statement: str, values: dict[str, Value]) -> list[Any]:
    """All rows as one JSON text: in one step, as each lets another thread take the interpreter."""
    rows: list[Any] = orjson.loads(connection.execute(statement, values).fetchone()[0])
    return rows


# --- a set that is small ----------------------------------------------------------------------------------------------------------

STOPPED: Final = "SELECT json_group_array(id) FROM (SELECT id FROM person WHERE stopped = 1 LIMIT :limit)"


def _stopped(connection: sqlite3.Connection) -> list[int] | None:
    """Who said STOP; None where they are many."""
    people: list[int] = _read(connection, STOPPED, {"limit": FEW_STOPPED + 1})
    return None if len(people) > FEW_STOPPED else people


def set_statement(question: Question) -> str:
    """Reads those of a set that are meant."""
    return f"""
        SELECT json_group_array(json_array(coalesce(l.active_at, {_SILENT}), l.person, l.waiting_since))
        FROM json_each(:people) j CROSS JOIN lane l ON l.person = j.value CROSS JOIN person p ON p.id = l.person
        WHERE {question.person} AND {question.shown}
    """


def _of_set(connection: sqlite3.Connection, question: Question, after: Place | None) -> Page:
    rows = _read(connection, set_statement(question), question.values)
    if question.wanted.show == "needs_person":
        places = sorted((waiting_since, person) for _, person, waiting_since in rows)
        return _cut(question, [place for place in places if after is None or place > after], None)
    places = sorted(((at, person) for at, person, _ in rows), reverse=True)
    return _cut(question, [place for place in places if after is None or place < after], None)


# --- going along an index ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Walk:
    """A way along ``index``: the rows of ``lane l`` behind (:first, :second) in their order; ``first`` is what they are in order by."""

    index: str
    first: str
    behind: str
    order: str

    def statement(self, question: Question) -> str:
        """Reads what is meant."""
        return f"""
            SELECT json_group_array(json_array(first, person{question.names})) FROM (SELECT w.first, w.person{question.columns}
                FROM ({self._lanes(question)} LIMIT :look) w
                CROSS JOIN lane l ON l.person = w.person CROSS JOIN person p ON p.id = w.person
                WHERE {question.person} AND {question.shown} LIMIT :limit)
        """

    def floor(self, question: Question) -> str:
        """Finds how far down one page looks."""
        return f"{self._lanes(question)} LIMIT 1 OFFSET :look - 1"

    def _lanes(self, question: Question) -> str:
        unread = _UNREAD if question.wanted.show == "unread" else "TRUE"
        return (
            f"SELECT {self.first} AS first, l.person AS person FROM lane l INDEXED BY {self.index}"
            f" WHERE {self.behind} AND {unread} AND {question.team} ORDER BY {self.order}"
        )


_ACTIVE: Final = (
    "l.active_at",
    "l.active_at IS NOT NULL AND (l.active_at, l.person) < (:first, :second)",
    "l.active_at DESC, l.person DESC",
)
_NEVER: Final = (str(_SILENT), "l.active_at IS NULL AND l.person < :second", "l.person DESC")
ACTIVE: Final = Walk("lane_active", *_ACTIVE)
SILENT: Final = Walk("lane_silent", *_NEVER)
ACTIVE_OF_TEAM: Final = Walk("lane_team", *_ACTIVE)
SILENT_OF_TEAM: Final = Walk("lane_team", *_NEVER)
WAITING: Final = Walk(
    "lane_waiting",
    "l.waiting_since",
    "l.waiting_since IS NOT NULL AND (l.waiting_since, l.person) > (:first, :second)",
    "l.waiting_since, l.person",
)


def _walk(
    connection: sqlite3.Connection, question: Question, walk: Walk, after: Place
) -> tuple[list[Place], Place | None]:
    """What is meant behind ``after``, and how far was looked, where that was not to the end."""
    values = {**question.values, "first": after[0], "second": after[1]}
    rows = _read(connection, walk.statement(question), values)
    places = [(row[0], row[1]) for row in rows if question.meant(row)]
    if len(rows) >= question.most:
        return places, (rows[-1][0], rows[-1][1])
    floor = connection.execute(walk.floor(question), values).fetchone()
    return places, floor


def _moved(connection: sqlite3.Connection, question: Question, after: Place) -> Page:
    """What moved last first, then who never wrote."""
    active, silent = (ACTIVE_OF_TEAM, SILENT_OF_TEAM) if question.wanted.team else (ACTIVE, SILENT)
    places: list[Place] = []
    if after[0] != _SILENT:
        places, end = _walk(connection, question, active, after)
        if end is not None or question.wanted.show == "unread":
            return _cut(question, places, end)
        after = (_SILENT, _END)
    more, end = _walk(connection, question, silent, after)
    return _cut(question, places + more, end)


# --- what failed --------------------------------------------------------------------------------------------------------------------

# What asks for other rows names the lane's person, so that it is asked last of all.
# Each person once: by the message, where it is the newest of ours and no event of theirs died since; else by the dead event that came last.
_NEWER: Final = "SELECT 1 FROM outbox n WHERE n.person = l.person AND n.kind = 'message' AND n.seq > o.seq"
_LAST: Final = f"""
    (SELECT CASE WHEN {NEVER_ARRIVED} THEN o.created_at END FROM outbox o WHERE o.person = l.person AND o.kind = 'message'
        ORDER BY o.seq DESC LIMIT 1)
"""
_AMISS: Final = (
    "kind = 'message' AND (state IN ('failed', 'expired', 'cancelled', 'held') OR delivery = 9)"  # as the index says it
)


def amiss_statement(question: Question) -> str:
    """Reads (time, number, person) of messages that failed, of numbers less than :first."""
    return f"""
        SELECT json_group_array(json_array(created_at, seq, person{question.names})) FROM (
            SELECT o.created_at, o.seq, o.person{question.columns} FROM (
                SELECT seq, created_at, person, state, delivery FROM outbox INDEXED BY outbox_amiss WHERE {_AMISS} AND seq < :first
                ORDER BY seq DESC LIMIT :look) o
            CROSS JOIN lane l ON l.person = o.person CROSS JOIN person p ON p.id = o.person
            WHERE {NEVER_ARRIVED} AND NOT EXISTS ({_NEWER}) AND NOT EXISTS (SELECT 1 FROM inbox d WHERE d.person = l.person
                AND d.state = 'dead' AND d.received_at > o.created_at) AND {question.person} AND {question.team} LIMIT :limit)
    """


def dead_statement(question: Question) -> str:
    """Reads the same of dead events, of numbers less than :second."""
    return f"""
        SELECT json_group_array(json_array(received_at, id, person{question.names})) FROM (
            SELECT d.received_at, d.id, d.person{question.columns} FROM (
                SELECT id, received_at, person FROM inbox INDEXED BY inbox_dead WHERE state = 'dead' AND id < :second
                ORDER BY id DESC LIMIT :look) d
            CROSS JOIN lane l ON l.person = d.person CROSS JOIN person p ON p.id = d.person
            WHERE NOT EXISTS (SELECT 1 FROM inbox e WHERE e.person = l.person AND e.state = 'dead' AND e.id > d.id)
                AND coalesce({_LAST}, -1) < d.received_at AND {question.person} AND {question.team} LIMIT :limit)
    """


_FLOORS: Final = (
    f"SELECT seq FROM outbox INDEXED BY outbox_amiss WHERE {_AMISS} AND seq < :first ORDER BY seq DESC LIMIT 1 OFFSET :look - 1",
    "SELECT id FROM inbox INDEXED BY inbox_dead WHERE state = 'dead' AND id < :second ORDER BY id DESC LIMIT 1 OFFSET :look - 1",
)


def _failed(connection: sqlite3.Connection, question: Question, after: Place) -> Page:
    """What failed last first. The place is the number of the message and that of the event before which both go on."""
    values = {**question.values, "first": after[0], "second": after[1]}
    statements = (amiss_statement(question), dead_statement(question))
    read = [_read(connection, statement, values) for statement in statements]
    both = [(row, which) for which, rows in enumerate(read) for row in rows]
    both.sort(key=lambda each: each[0][0], reverse=True)
    taken: list[int] = []
    ends, left = list(after), [len(rows) for rows in read]
    for row, which in both:
        if len(taken) == question.limit - 1:
            break
        ends[which], left[which] = row[1], left[which] - 1
        if question.meant(row):
            taken.append(row[2])
    for which, rows in enumerate(read):
        if not left[which] and len(rows) < question.most:
            floor = connection.execute(_FLOORS[which], values).fetchone()
            ends[which] = 0 if floor is None else floor[0]
    return taken, (ends[0], ends[1]) if any(ends) else None


# --- how many -----------------------------------------------------------------------------------------------------------------------

COUNTS: Final = f"""
    SELECT (SELECT count(*) FROM (SELECT 1 FROM lane l INDEXED BY lane_active CROSS JOIN person p ON p.id = l.person
            WHERE l.active_at IS NOT NULL AND {_UNREAD} AND p.app = :app AND p.merged_into IS NULL LIMIT :most)),
        (SELECT count(*) FROM (SELECT 1 FROM lane l INDEXED BY lane_waiting CROSS JOIN person p ON p.id = l.person
            WHERE l.waiting_since IS NOT NULL AND p.app = :app AND p.merged_into IS NULL LIMIT :most)),
        (SELECT count(*) FROM (SELECT 1 FROM person p INDEXED BY person_stopped
            WHERE p.stopped = 1 AND p.app = :app AND p.merged_into IS NULL LIMIT :most))
"""


def totals(connection: sqlite3.Connection, app: str) -> Totals:
    """What ``bot.store.conversations`` says."""
    unread, needs_person, stopped = connection.execute(COUNTS, {"app": app, "most": COUNTED}).fetchone()
    question = Question(app, Wanted("failed"), None, COUNTED, LOOK_FAILED)
    values = {**question.values, "first": _END, "second": _END}
    failed = [_read(connection, each, values) for each in (amiss_statement(question), dead_statement(question))]
    return Totals(unread, needs_person, min(COUNTED, sum(map(len, failed))), stopped, COUNTED)
