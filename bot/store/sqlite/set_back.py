"""The clock was ahead and is right again: what waits for its next try by the wrong time waits no longer."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import Final

from bot.store.sqlite.lanes import READY, due_sends
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import to_us

# No event waits so long to be decided, and no message for its next try. What is planned for later is told apart by having had no try.
LONGEST: Final = timedelta(hours=1)

_EVENTS: Final = """
    UPDATE inbox SET ready_at = :now WHERE state = 'pending' AND ready_at > :late
        AND person IN (SELECT person FROM lane WHERE ready_at > :late) RETURNING person
"""
_MESSAGES: Final = """
    UPDATE outbox SET due_at = :now WHERE kind = 'message' AND state = 'queued' AND attempts > 0 AND due_at > :late
        AND person IN (SELECT person FROM lane WHERE send_at > :late) RETURNING person
"""
# Both states are named as the index names them, or it would not be used.
_IN_DOUBT: Final = """
    UPDATE outbox SET look_at = :now WHERE kind = 'message' AND state IN ('sending', 'unknown') AND state = 'unknown' AND look_at > :late
"""


def set_back(connection: sqlite3.Connection, now: datetime) -> int:
    """How many events and messages need not wait any more."""
    at = {"now": to_us(now), "late": to_us(now + LONGEST)}
    events = [row[0] for row in connection.execute(_EVENTS, at).fetchall()]
    people = json_array(events)
    connection.execute(
        f"UPDATE lane SET ready_at = ({READY}) WHERE person IN (SELECT value FROM json_each(?))",  # noqa: S608 our own words
        (people,),
    )
    messages = [row[0] for row in connection.execute(_MESSAGES, at).fetchall()]
    due_sends(connection, messages)
    return len(events) + len(messages) + connection.execute(_IN_DOUBT, at).rowcount
