"""Counting what went amiss, and what is refused again and again without having ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bot.core.delivery import FAILED_RANK, OutboxState
from bot.core.event import Reason
from bot.store.amiss import Amiss
from bot.store.sqlite.times import from_us, to_us

# Two partial indexes hold all that can be meant: what ended amiss, and what is queued. A refusal's sentence holds Sinch's words about one
# message; its status and code tell enough.
_COUNT: Final = f"""
    WITH amiss AS (
        SELECT seq, id, state, delivery, reason, payload, attempts, coalesce(ended_at, created_at) AS at FROM outbox
        WHERE kind = 'message' AND (state IN ('failed', 'expired', 'cancelled', 'held') OR delivery = {FAILED_RANK})
            AND app = :app AND coalesce(ended_at, created_at) >= :since
        UNION ALL
        SELECT seq, id, state, delivery, reason, payload, attempts, created_at FROM outbox
        WHERE kind = 'message' AND state = 'queued' AND attempts > 0 AND app = :app)
    SELECT count(*), max(m.at), max(m.id), m.state, m.delivery = {FAILED_RANK},
        CASE WHEN m.reason LIKE '[%' THEN m.reason ->> '$[0]' END, CASE WHEN m.reason LIKE '[%' THEN m.reason ->> '$[2]' END,
        CASE WHEN m.reason LIKE '[%' THEN m.reason ->> '$[3]' END,
        CASE WHEN m.reason LIKE '[%' OR a.outcome IN ('failed', 'retry') AND m.reason = a.sentence THEN '' ELSE m.reason END,
        coalesce(a.outcome, ''), coalesce(a.status, 0), coalesce(a.code, ''), m.payload ->> '$.kind' IN ('template', 'omni')
    FROM amiss m LEFT JOIN attempt a ON a.outbox = m.seq AND a.number = m.attempts
    GROUP BY 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
"""  # noqa: S608 our own words


def amiss(connection: sqlite3.Connection, app: str, since: datetime) -> list[Amiss]:
    """What ended amiss since then, and whatever is being refused now."""
    rows = connection.execute(_COUNT, {"app": app, "since": to_us(since)}).fetchall()
    return [_amiss(row) for row in rows]


def _amiss(row: Sequence[Any]) -> Amiss:
    count, last_at, example, state, failed, code, sub_code, channel_code, *rest = row
    reason = None if code is None else Reason(code, "", sub_code, channel_code)
    sentence, outcome, status, word, is_template = rest
    return Amiss(
        count, from_us(last_at), example, OutboxState(state), bool(failed), reason, sentence, outcome, status, word,
        bool(is_template),
    )  # fmt: skip
