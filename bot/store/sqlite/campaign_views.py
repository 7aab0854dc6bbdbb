"""Campaigns as people look at them: how far they are, who got what, and why others did not."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from bot.core.delivery import FAILED_RANK, OutboxState, delivery_name
from bot.core.event import Reason
from bot.store.campaigns import BAD_ROW, DUPLICATE, RECIPIENT_STATUSES, CampaignView, Failure, RecipientView
from bot.store.sqlite.times import from_us, from_us_or_none

REASONS_TOLD: Final = 50

_CAMPAIGN: Final = (
    "SELECT id, name, template, declared, language, category, rate, quiet, state, why, author, starts_at, created_at, ended_at, total"
    " FROM campaign WHERE app = ? AND state <> 'storing'"
)


def listed(connection: sqlite3.Connection, app: str, before: int | None, limit: int) -> list[CampaignView]:
    """Newest first, without the reasons of failures."""
    rows = connection.execute(
        f"{_CAMPAIGN} AND id < ? ORDER BY id DESC LIMIT ?", (app, 1 << 62 if before is None else before, limit)
    ).fetchall()
    return [_view(connection, row, ()) for row in rows]


def view(connection: sqlite3.Connection, app: str, id_: int) -> CampaignView | None:
    """One, with the most frequent reasons of what failed and was skipped."""
    row = connection.execute(f"{_CAMPAIGN} AND id = ?", (app, id_)).fetchone()
    return None if row is None else _view(connection, row, _failures(connection, id_))


def _view(connection: sqlite3.Connection, row: Sequence[Any], failures: Sequence[Failure]) -> CampaignView:
    pending, next_due, last_due = connection.execute(
        "SELECT count(*), min(due_at), max(due_at) FROM recipient INDEXED BY recipient_pending WHERE campaign = ? AND state = 'pending'",
        (row[0],),
    ).fetchone()
    (
        id_,
        name,
        template,
        declared,
        language,
        category,
        rate,
        quiet,
        state,
        why,
        author,
        starts_at,
        created_at,
        ended_at,
        total,
    ) = row
    return CampaignView(
        id_, name, template, declared, language, category, rate, quiet, state, why, author,
        from_us(starts_at), from_us(created_at), from_us_or_none(ended_at), total,
        _counts(connection, id_, "cancelled" if state == "cancelled" else "pending", pending), failures,
        from_us_or_none(next_due), from_us_or_none(last_due),
    )  # fmt: skip


def _counts(connection: sqlite3.Connection, id_: int, not_placed: str, pending: int) -> dict[str, int]:
    """From indexes alone, so that looking each second at a large campaign costs little."""
    counts = dict.fromkeys(RECIPIENT_STATUSES, 0)
    rows = connection.execute(
        "SELECT state, delivery, count(*) FROM outbox WHERE origin = 'campaign' AND origin_id = ? GROUP BY state, delivery",
        (str(id_),),
    )
    for state, delivery, count in rows:
        counts[_status(state, delivery)] += count
    (skipped,) = connection.execute(
        "SELECT count(*) FROM recipient INDEXED BY recipient_skipped WHERE campaign = ? AND state = 'skipped'", (id_,)
    ).fetchone()
    counts["skipped"] = skipped
    counts[not_placed] += pending
    return counts


def _status(state: str, delivery: int) -> str:
    if state == OutboxState.SENT or delivery:
        return delivery_name(delivery)
    return "queued" if state in ("queued", "waiting", "sending", "unknown") else state


_ENDED_BADLY: Final = f"""
    SELECT o.state, o.delivery, o.reason, count(*), coalesce(a.status, 0), coalesce(a.code, '')
    FROM outbox o LEFT JOIN attempt a ON o.state = 'failed' AND a.outbox = o.seq AND a.number = o.attempts
    WHERE o.origin = 'campaign' AND o.origin_id = ?
        AND (o.state IN ('failed', 'expired', 'cancelled', 'held') OR (o.state = 'sent' AND o.delivery = {FAILED_RANK}))
    GROUP BY o.state, o.delivery, o.reason, a.status, a.code
"""  # noqa: S608 our own words
_SKIPPED: Final = """
    SELECT CASE WHEN why LIKE ?1 || ': %' THEN ?1 WHEN why LIKE ?2 || ': %' THEN ?2 ELSE why END AS reason, count(*)
    FROM recipient INDEXED BY recipient_skipped WHERE campaign = ?3 AND state = 'skipped' GROUP BY reason
"""


def _failures(connection: sqlite3.Connection, id_: int) -> list[Failure]:
    rows = connection.execute(_ENDED_BADLY, (str(id_),)).fetchall()
    found = [
        replace(_failure(_status(*row[:2]), *row[2:4]), state=OutboxState(row[0]), http_status=row[4], http_code=row[5])
        for row in rows
    ]
    skipped = connection.execute(_SKIPPED, (DUPLICATE, BAD_ROW, id_))
    found += [Failure("skipped", why, count) for why, count in skipped]
    return sorted(found, key=lambda each: -each.count)[:REASONS_TOLD]


def _failure(status: str, reason: str, count: int) -> Failure:
    """A stored reason is a sentence, or the parts of a receipt's."""
    if not reason.startswith("["):
        return Failure(status, reason, count)
    code, description, sub_code, channel_code = orjson.loads(reason)
    return Failure(status, description, count, Reason(code, description, sub_code, channel_code))


# --- recipients ---------------------------------------------------------------------------------------------------------

_RECIPIENT: Final = """
    SELECT r.line, r.identity, r.state, r.why, c.state, c.why, o.id, o.state, o.delivery, o.reason
    FROM recipient r JOIN campaign c ON c.id = r.campaign LEFT JOIN outbox o
        ON o.origin = 'campaign' AND o.origin_id = CAST(r.campaign AS TEXT) AND o.position = r.line AND o.replaces = ''
    WHERE r.campaign = ? AND r.line > ?
"""
_OPEN: Final = "o.state IN ('queued', 'waiting', 'sending', 'unknown') AND o.delivery = 0"
_WHERE: Final = {
    "pending": "r.state = 'pending' AND c.state <> 'cancelled'",
    "skipped": "r.state = 'skipped'",
    "queued": f"r.state = 'placed' AND {_OPEN}",
    "sent": "r.state = 'placed' AND (o.delivery = 1 OR o.state = 'sent' AND o.delivery = 0)",
    "delivered": "r.state = 'placed' AND o.delivery = 2",
    "read": "r.state = 'placed' AND o.delivery = 3",
    "failed": f"r.state = 'placed' AND (o.delivery = {FAILED_RANK} OR o.state = 'failed' AND o.delivery = 0)",
    "expired": "r.state = 'placed' AND o.state = 'expired' AND o.delivery = 0",
    "cancelled": "(r.state = 'pending' AND c.state = 'cancelled' OR r.state = 'placed' AND o.state = 'cancelled' AND o.delivery = 0)",
    "held": "r.state = 'placed' AND o.state = 'held' AND o.delivery = 0",
}


def recipients(
    connection: sqlite3.Connection, id_: int, status: str | None, after: int, limit: int
) -> list[RecipientView]:
    """By line, from those after line ``after``."""
    condition = "" if status is None else f" AND ({_WHERE[status]})"
    rows = connection.execute(f"{_RECIPIENT}{condition} ORDER BY r.line LIMIT ?", (id_, after, limit))
    return [_recipient(row) for row in rows]


def _recipient(row: Sequence[Any]) -> RecipientView:
    line, identity, state, why, campaign, campaign_why, message_id, outbox_state, delivery, reason = row
    if state == "skipped":
        return RecipientView(line, identity, "skipped", why, "")
    if state == "pending":
        is_off = campaign == "cancelled"
        return RecipientView(line, identity, "cancelled" if is_off else "pending", campaign_why if is_off else "", "")
    if message_id is None:  # its person was erased meanwhile
        return RecipientView(line, identity, "sent", "", "")
    return RecipientView(line, identity, _status(outbox_state, delivery), _told(reason), message_id)


def _told(reason: str) -> str:
    failure = _failure("", reason, 1)
    why = failure.reason
    if why is None:
        return failure.sentence
    number = f" ({why.channel_code})" if why.channel_code else ""
    return f"{why.code}{number}: {why.description}" if why.description else why.code
