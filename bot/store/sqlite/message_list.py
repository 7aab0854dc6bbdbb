"""Pages of messages, newest first.

Every filter begins at an index: the person's messages, those of a reference, those still open, those that went amiss, else all from the
newest on. What an index does not tell (mostly delivered or read) is looked for among the next ``LOOK`` rows and no more, so that no
question holds up the others; the page is short then, and goes on from there.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.core.delivery import FAILED_RANK, RECEIPT_RANK
from bot.store.messages import PAGE_MAX, Filter, Page
from bot.store.sqlite.ids import first_id
from bot.store.sqlite.reading import MESSAGE, messages_of_rows
from bot.store.sqlite.sets import Value
from bot.store.sqlite.times import to_us

LOOK: Final = 10_000
_SLACK: Final = timedelta(hours=1) // timedelta(microseconds=1)  # how far a clock may be set back between two messages

_PERSON: Final = (
    "o.kind = 'message' AND o.person = (SELECT person FROM identity WHERE app = :app AND channel = :channel"
    " AND identity = :identity)"
)
_OPEN: Final = (
    "o.seq IN (SELECT seq FROM outbox WHERE kind = 'message' AND state = 'queued' UNION ALL"
    " SELECT seq FROM outbox WHERE kind = 'message' AND state = 'waiting' UNION ALL"
    " SELECT seq FROM outbox WHERE kind = 'message' AND state IN ('sending', 'unknown'))"
)
# As the index says it.
_AMISS: Final = "o.kind = 'message' AND (o.state IN ('failed', 'expired', 'cancelled', 'held') OR o.delivery = 9)"

# What a row is told as; a delivery that is known counts before the state.
_STATUS: Final = {
    "queued": "o.delivery = 0 AND o.state IN ('queued', 'waiting', 'sending', 'unknown')",
    "sent": f"(o.delivery = 1 OR (o.state = 'sent' AND o.delivery NOT IN (2, 3, {FAILED_RANK})))",
    "delivered": f"o.delivery = {RECEIPT_RANK['DELIVERED']}",
    "read": f"o.delivery = {RECEIPT_RANK['READ']}",
    "failed": f"(o.delivery = {FAILED_RANK} OR (o.delivery = 0 AND o.state = 'failed'))",
    "expired": "o.delivery = 0 AND o.state = 'expired'",
    "cancelled": "o.delivery = 0 AND o.state = 'cancelled'",
    "held": "o.delivery = 0 AND o.state = 'held'",
}


@dataclass(frozen=True, slots=True)
class Question:
    """``source`` narrows ``outbox o`` by an index, ``match`` among what that finds; ``values`` are those of both."""

    source: str
    match: str
    values: dict[str, Value]

    @property
    def page(self) -> str:
        """The statement that reads a page."""
        columns = ", ".join(f"o.{name.strip()}" for name in MESSAGE.split(","))
        return f"SELECT {columns} FROM outbox o WHERE {self.source} AND {self.match} ORDER BY o.seq DESC LIMIT :limit"  # noqa: S608

    @property
    def floor(self) -> str:
        """The statement that finds how far down one page looks."""
        return f"SELECT o.seq FROM outbox o WHERE {self.source} ORDER BY o.seq DESC LIMIT 1 OFFSET {LOOK - 1}"  # noqa: S608


def listed(connection: sqlite3.Connection, app: str, wanted: Filter) -> Page:
    """A page of the messages of ``app``."""
    limit = max(1, min(wanted.limit, PAGE_MAX))
    question = question_of(connection, app, wanted, limit + 1)
    floor = connection.execute(question.floor, question.values).fetchone()
    # In place of what bounds it below, not besides: of two such bounds SQLite goes by the first, and reads all there is.
    values = question.values if floor is None else {**question.values, "first": floor[0]}
    rows = connection.execute(question.page, values).fetchall()
    if len(rows) > limit:
        return Page(messages_of_rows(connection, rows[:limit]), rows[limit - 1][0])
    return Page(messages_of_rows(connection, rows), None if floor is None else floor[0])


def question_of(connection: sqlite3.Connection, app: str, wanted: Filter, limit: int) -> Question:
    """What is to be read for ``wanted``."""
    values: dict[str, Value] = {"app": app, "limit": limit}
    match = ["o.kind = 'message'", "o.app = :app"]
    if wanted.reference is not None:
        match.append("o.reference = :reference")
        values["reference"] = wanted.reference
    if wanted.contact is not None:
        values.update(channel=wanted.contact.channel, identity=wanted.contact.identity)
    if wanted.status is not None:
        match.append(_STATUS[wanted.status])
    if wanted.amiss:
        match.append(_AMISS)
    _within(connection, wanted, match, values)
    source = f"{_source(wanted)} AND o.seq < :before AND o.seq >= :first"
    return Question(source, " AND ".join(match), values)


def _source(wanted: Filter) -> str:
    if wanted.contact is not None:
        return _PERSON
    if wanted.reference:
        return "o.reference = :reference AND o.reference <> ''"
    if wanted.amiss:
        return _AMISS
    match wanted.status:
        case "queued":
            return _OPEN
        case "failed" | "expired" | "cancelled" | "held":
            return _AMISS
        case _:
            return "TRUE"


def _within(connection: sqlite3.Connection, wanted: Filter, match: list[str], values: dict[str, Value]) -> None:
    """The times asked for, and between which numbers they lie: numbers are given in the order of time, save where a clock was set."""
    before, first = wanted.before if wanted.before is not None else _NEVER, 0
    if wanted.since is not None:
        match.append("o.created_at >= :since")
        values["since"] = to_us(wanted.since)
        first = 1 + _number_at(connection, "id < ? ORDER BY id DESC", to_us(wanted.since) - _SLACK, 0)
    if wanted.until is not None:
        match.append("o.created_at < :until")
        values["until"] = to_us(wanted.until)
        before = min(before, _number_at(connection, "id >= ? ORDER BY id", to_us(wanted.until) + _SLACK, _NEVER))
    values.update(before=before, first=first)


_NEVER: Final = (1 << 63) - 1


def _number_at(connection: sqlite3.Connection, where: str, at_us: int, otherwise: int) -> int:
    """The number of the row next to a time; ids begin with theirs."""
    row = connection.execute(f"SELECT seq FROM outbox WHERE {where} LIMIT 1", (first_id(at_us),)).fetchone()  # noqa: S608
    return otherwise if row is None else int(row[0])
