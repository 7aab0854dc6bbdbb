"""When a lane has something to send, and how much of it may wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bot.store.sqlite.counting import Counting, count_lost
from bot.store.sqlite.sets import json_array

# When a lane's oldest pending event can be claimed. What is held for a call is passed by until its own time, and what is behind an event
# that is not held can only follow it.
READY = (
    "SELECT CASE i.held WHEN 1 THEN (SELECT min(h.ready_at) FROM (SELECT e.ready_at, e.held,"
    " sum(e.held <> 1) OVER (ORDER BY e.written_at, e.id) AS free FROM inbox e WHERE e.person = lane.person AND e.state = 'pending') h"
    " WHERE h.free = 0 OR (h.free = 1 AND h.held <> 1)) ELSE i.ready_at END"
    " FROM inbox i WHERE i.person = lane.person AND i.state = 'pending' ORDER BY i.written_at, i.id LIMIT 1"
)

# The head of a lane: a message that was tried before and must not be overtaken, else the oldest that is due. Messages asked for a later
# time wait aside until then; all others are due as soon as they are there, also where the clock was set back since.
HEAD = (
    "SELECT q.seq FROM outbox q WHERE q.person = lane.person AND q.kind = 'message' AND q.state = 'queued'"
    " AND (q.attempts > 0 OR q.not_before IS NULL OR q.due_at <= :now) ORDER BY q.attempts > 0 DESC, q.seq LIMIT 1"
)
_DUE = (
    "SELECT coalesce((SELECT q.due_at FROM outbox q WHERE q.person = lane.person AND q.kind = 'message' AND q.state = 'queued'"
    " AND q.attempts > 0 LIMIT 1), (SELECT min(q.due_at) FROM outbox q WHERE q.person = lane.person AND q.kind = 'message'"
    " AND q.state = 'queued'))"
)


def due_sends(connection: sqlite3.Connection, people: Iterable[int], since: int = 0) -> None:
    """Set ``send_at`` of these lanes anew: NULL while a message is in flight or nothing is queued. People to whom one has just left, at
    ``since``, come after everybody who has waited from before then."""
    listed = json_array(people)
    if listed == "[]":
        return
    connection.execute(
        "UPDATE lane SET send_at = CASE WHEN EXISTS (SELECT 1 FROM outbox f WHERE f.person = lane.person"  # noqa: S608 our own words
        f" AND f.kind = 'message' AND f.state IN ('sending', 'unknown')) THEN NULL ELSE max(({_DUE}), ?) END"
        " WHERE person IN (SELECT value FROM json_each(?))",
        (since, listed),
    )


MOST_WAITING = 3


def expire_crowded(connection: sqlite3.Connection, counting: Counting, people: Iterable[int], at: int) -> None:
    """At most three messages wait for a person to write; the oldest beyond that expire visibly."""
    expired = connection.execute(
        "UPDATE outbox SET state = 'expired', ended_at = ?, reason = 'Newer messages were waiting already.' WHERE seq IN"
        " (SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY person ORDER BY seq DESC) AS place FROM outbox"
        " WHERE kind = 'message' AND state = 'waiting' AND person IN (SELECT value FROM json_each(?))) WHERE place > ?)"
        " RETURNING seq",
        (at, json_array(people), MOST_WAITING),
    ).fetchall()
    count_lost(connection, counting, [row[0] for row in expired], at)
