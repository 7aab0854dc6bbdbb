"""Traces: the inputs of decisions, found by what somebody holds in hand, or read in bulk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bot.core.event import ContactKey, MediaKind
from bot.store.sqlite.receipts import SUBMISSION, submission_of
from bot.store.sqlite.times import from_us, to_us
from bot.store.units import InboxKind, TraceView

PAGE = 2000

# Of receipts only those have a trace that told of a failure, and they name the message that failed.
_COLUMNS = f"""
    t.inbox, t.version, i.kind, i.raw, i.received_at, t.decided_at, t.inputs, t.digest, i.media_kind, t.pinned, t.person,
    t.layer, {SUBMISSION}
"""
_JOINS = """
    JOIN inbox i ON i.id = t.inbox
    LEFT JOIN receipt r ON i.kind = 'receipt' AND r.inbox = t.inbox LEFT JOIN outbox o ON o.seq = r.outbox
"""
_TRACE = f"SELECT {_COLUMNS} FROM trace t {_JOINS}"  # noqa: S608 our own words


def trace(connection: sqlite3.Connection, inbox_id: int) -> TraceView | None:
    """The inputs of one decision."""
    return _one(connection, "WHERE t.inbox = ?", inbox_id)


def last_trace(connection: sqlite3.Connection, contact: ContactKey) -> TraceView | None:
    """The inputs of the newest decision about a person."""
    person = "SELECT person FROM identity WHERE app = ? AND channel = ? AND identity = ?"
    where = f"WHERE t.person = ({person}) ORDER BY t.inbox DESC LIMIT 1"
    return _one(connection, where, contact.app, contact.channel, contact.identity)


# A message that came is recorded under "in:" and Sinch's id of it. Keys begin with the app, and there are few: each is found by one step
# in the index.
_BY_KEY = """
    WITH RECURSIVE apps (app) AS (SELECT min(app) FROM inbox UNION ALL
        SELECT (SELECT min(app) FROM inbox WHERE app > apps.app) FROM apps WHERE apps.app IS NOT NULL)
    SELECT i.id FROM apps CROSS JOIN inbox i ON i.app = apps.app AND i.dedup = ?
"""
_OURS = """
    SELECT id, replaces, origin, origin_id FROM outbox WHERE id = ?1 UNION ALL
    SELECT o.id, o.replaces, o.origin, o.origin_id FROM attempt a JOIN outbox o ON o.seq = a.outbox
    WHERE a.message_id = ?1 AND a.message_id <> '' LIMIT 1
"""


def trace_of(connection: sqlite3.Connection, message_id: str) -> TraceView | None:
    """What ``bot.store.port`` says. What stands in for a message is explained by what led to that message."""
    if not message_id:
        return None
    came = connection.execute(_BY_KEY, (f"in:{message_id}",)).fetchone()
    if came is not None:
        return trace(connection, came[0])
    ours = connection.execute(_OURS, (message_id,)).fetchone()
    if ours is None or ours[2] != "rule":
        return None
    found = trace(connection, int(ours[3]))
    return trace_of(connection, ours[1]) if found is None else found


def _one(connection: sqlite3.Connection, where: str, *values: object) -> TraceView | None:
    row = connection.execute(f"{_TRACE} {where}", values).fetchone()
    return None if row is None else _view(row)


# Traces of one app's people; of all, where no app is named.
_OF_APP = "(:app = '' OR EXISTS (SELECT 1 FROM person p WHERE p.id = trace.person AND p.app = :app))"
_PAGE = f"""
    SELECT {_COLUMNS} FROM (SELECT * FROM trace WHERE (person, inbox) > (:person, :inbox) AND person % :of = :index
        AND decided_at >= :since AND decided_at < :until AND {_OF_APP} ORDER BY person, inbox LIMIT :page) t {_JOINS}
    ORDER BY t.person, t.inbox
"""  # noqa: S608 our own words


def traces(
    connection: sqlite3.Connection,
    since: datetime,
    until: datetime,
    bucket: tuple[int, int],
    limit: int | None,
    app: str = "",
) -> Iterator[TraceView]:
    """What ``bot.store.port`` says. A read transaction lasts as long as one page takes to be fetched."""
    index, of = bucket
    values: dict[str, int | str] = {"person": 0, "inbox": 0, "index": index, "of": of}
    values |= {"since": to_us(since), "until": to_us(until), "app": app}
    left = limit
    while left is None or left > 0:
        values["page"] = page = PAGE if left is None else min(PAGE, left)
        rows = connection.execute(_PAGE, values).fetchall()
        yield from map(_view, rows)
        if len(rows) < page:
            return
        values["person"], values["inbox"] = rows[-1][10], rows[-1][0]
        left = None if left is None else left - len(rows)


_UNMATCHED = f"""
    SELECT {_COLUMNS} FROM (SELECT * FROM trace INDEXED BY trace_unmatched WHERE layer = 'nothing_matched' AND inbox < :before
        AND {_OF_APP} ORDER BY inbox DESC LIMIT :page) t {_JOINS}
    ORDER BY t.inbox DESC
"""  # noqa: S608 our own words


def unmatched(
    connection: sqlite3.Connection, since: datetime, until: datetime, limit: int, app: str = ""
) -> list[TraceView]:
    """What ``bot.store.port`` says. Goes back through an index of these alone, and stops at a page of which nothing falls in the period:
    what is decided waits hours behind what came after it, never so many messages."""
    found: list[TraceView] = []
    before = 1 << 62
    while len(found) < limit:
        rows = connection.execute(_UNMATCHED, {"before": before, "page": PAGE, "app": app}).fetchall()
        views = list(map(_view, rows))
        found += [view for view in views if since <= view.decided_at < until]
        if len(rows) < PAGE or all(view.decided_at < since for view in views):
            break
        before = rows[-1][0]
    return found[:limit][::-1]


_LATELY = f"""
    SELECT {_COLUMNS} FROM (SELECT * FROM (SELECT * FROM trace ORDER BY inbox DESC LIMIT :looked_at)
        AS trace WHERE rule = :rule AND {_OF_APP} LIMIT :limit) t {_JOINS} ORDER BY t.inbox DESC
"""  # noqa: S608 our own words


def answered_by(
    connection: sqlite3.Connection, rule: str, limit: int, looked_at: int, app: str = ""
) -> list[TraceView]:
    """What ``bot.store.port`` says."""
    values = {"rule": rule, "limit": limit, "looked_at": looked_at, "app": app}
    rows = connection.execute(_LATELY, values).fetchall()
    return list(map(_view, rows))


def traces_of(connection: sqlite3.Connection, person: int) -> list[TraceView]:
    """Everything that was decided about a person, in the order of the inbox."""
    return [_view(row) for row in connection.execute(f"{_TRACE} WHERE t.person = ? ORDER BY t.inbox", (person,))]


def people(connection: sqlite3.Connection, since: datetime, until: datetime) -> list[int]:
    """About whom something was decided then."""
    rows = connection.execute(
        "SELECT DISTINCT person FROM trace WHERE decided_at >= ? AND decided_at < ? ORDER BY person",
        (to_us(since), to_us(until)),
    ).fetchall()
    return [row[0] for row in rows]


def _view(row: Sequence[Any]) -> TraceView:
    return TraceView(
        row[0],
        row[1],
        InboxKind(row[2]),
        bytes(row[3] or b""),
        from_us(row[4]),
        from_us(row[5]),
        bytes(row[6]),
        row[7],
        MediaKind(row[8]) if row[8] else None,
        row[9],
        row[10],
        row[11],
        None if row[12] is None else submission_of(row[12:]),
    )
