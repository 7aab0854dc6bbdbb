"""What is still to be done, on SQLite: every number is counted along a partial index, and counting stops at a limit."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Final

from bot.store.sqlite.times import from_us_or_none, to_us
from bot.store.work_left import COUNTED_MOST, WorkLeft


def _some(where: str) -> str:
    return f"(SELECT count(*) FROM (SELECT 1 FROM {where} LIMIT {COUNTED_MOST + 1}))"  # noqa: S608 our own words


# Each condition is spelt as its index spells it.
WORK_LEFT: Final = f"""
    SELECT {_some("outbox WHERE kind = 'message' AND state = 'queued'")}, {_some("lane WHERE send_at <= :now")},
        (SELECT min(send_at) FROM lane WHERE send_at <= :now),
        {_some("outbox INDEXED BY outbox_one_message WHERE kind = 'message' AND state IN ('sending', 'unknown') AND state = 'sending'")},
        {_some("outbox WHERE kind = 'message' AND state = 'waiting'")}, {_some("outbox WHERE state = 'unknown'")},
        {_some("outbox WHERE state = 'held'")}, {_some("lane WHERE waiting_since IS NOT NULL")},
        (SELECT min(waiting_since) FROM lane WHERE waiting_since IS NOT NULL), {_some("inbox WHERE state = 'pending'")},
        {_some("outbox WHERE kind = 'callback' AND state = 'queued'")}
"""  # noqa: S608 our own words


def work_left(connection: sqlite3.Connection, now: datetime) -> WorkLeft:
    """What ``bot.store.port`` says."""
    row = connection.execute(WORK_LEFT, {"now": to_us(now)}).fetchone()
    queued, due, due_since, in_flight, waiting, unknown, held, people, people_since, undecided, callbacks = row
    return WorkLeft(
        queued, due, from_us_or_none(due_since), in_flight, waiting, unknown, held, people,
        from_us_or_none(people_since or None), undecided, callbacks,
    )  # fmt: skip
