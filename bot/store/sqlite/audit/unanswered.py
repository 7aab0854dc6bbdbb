"""Nobody is left waiting: which messages of people ended in nothing."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.store.sqlite.audit.question import FORGIVEN
from bot.store.sqlite.times import from_us, to_us

Why = Literal["dead", "lost", "nothing"]

# How a reply stands: it arrived or may still; it was to be kept back; or it surely never arrived.
_FATE: Final = """
    SELECT max(CASE WHEN o.kind = 'call' OR o.state IN ('queued', 'waiting', 'sending', 'unknown', 'held') THEN 2
        WHEN o.state = 'sent' AND o.delivery <> 9 OR o.delivery IN (2, 3) THEN 2
        WHEN o.state = 'cancelled' OR o.if_closed = '"skip"' THEN 2 ELSE 1 END)
    FROM outbox o WHERE o.origin = 'rule' AND o.origin_id = CAST(i.id AS TEXT)
"""
# What answers by itself, or leaves the person to a colleague, is not among the layers; nor are reactions and what was copied in.
_LAYERS: Final = "('question', 'taps', 'near_miss', 'rules', 'first_contact', 'nothing_matched')"
_UNANSWERED: Final = f"""
    SELECT i.id, i.person, i.received_at, CASE WHEN i.state = 'dead' THEN 'dead' WHEN fate = 1 THEN 'lost' ELSE 'nothing' END
    FROM (SELECT i.*, coalesce(t.rule, '') AS rule, ({_FATE}) AS fate FROM inbox i LEFT JOIN trace t ON t.inbox = i.id
        WHERE i.kind = 'inbound' AND i.person IS NOT NULL AND i.received_at >= :since AND i.settled_at <= :old
        AND (i.state = 'dead' OR (i.state = 'decided' AND t.layer IN {_LAYERS}))) i
    JOIN person p ON p.id = i.person LEFT JOIN lane l ON l.person = i.person
    WHERE (i.state = 'dead' OR fate = 1 OR (fate IS NULL AND i.rule = '')) AND p.stopped = 0 AND l.waiting_since IS NULL
    AND NOT EXISTS (SELECT 1 FROM inbox c WHERE c.person = i.person AND c.kind = 'operator' AND c.id > i.id)
    AND NOT EXISTS (SELECT 1 FROM outbox s WHERE s.person = i.person AND s.kind = 'message' AND s.state = 'sent' AND s.delivery <> 9
        AND s.ended_at >= i.settled_at AND s.origin_id <> CAST(i.id AS TEXT))
    ORDER BY i.received_at DESC, i.id DESC LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A person's message after which nothing reached them. ``why``: it is a dead letter, its replies did not arrive, or there is none."""

    inbox_id: int
    person: int
    received_at: datetime
    why: Why


def unanswered(
    connection: sqlite3.Connection, since: datetime | None = None, now: datetime | None = None, most: int = -1
) -> list[Unanswered]:
    """Messages received since then that ended in nothing, newest first: no reply, no colleague, no rule that says nothing on purpose, and
    nothing since. Who is stopped waits for nothing; whose message was settled within 60 s of ``now`` is not waiting yet."""
    given = {
        "since": 0 if since is None else to_us(since),
        "old": 1 << 62 if now is None else to_us(now - FORGIVEN),
        "most": most,
    }
    return [Unanswered(row[0], row[1], from_us(row[2]), row[3]) for row in connection.execute(_UNANSWERED, given)]


LISTED_FOR: Final = timedelta(days=30)
