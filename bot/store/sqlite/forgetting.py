"""Retention: bodies are emptied when they are old, keys against redelivery go a while after they served.

Everything is walked through by its number, which grows with time, in short looks through the reading connection; only what is found is
written, a few rows a group. So it needs no index that every message would pay for.
"""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import orjson

from bot.core.codec import reply_to_plain
from bot.core.reply import TextReply
from bot.crash import reach
from bot.store.privacy import Walk
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import to_us

NO_LONGER_KEPT: Final = "(This message is no longer kept.)"
SPAN: Final = 2000  # rows a look, some milliseconds
_GONE: Final = orjson.dumps(reply_to_plain(TextReply(NO_LONGER_KEPT))).decode()
_LISTED: Final = "(SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Old:
    """Rows whose time has come, and how far the walk is with them."""

    walk: Walk
    inbox: tuple[int, ...] = ()
    outbox: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.inbox) + len(self.outbox)


_OLD_INBOX: Final = (
    "SELECT id FROM inbox WHERE id > ? AND id <= ? AND raw IS NOT NULL AND state <> 'pending'"
    " AND settled_at < CASE state WHEN 'dead' THEN ? ELSE ? END ORDER BY id LIMIT ?"
)
_OLD_OUTBOX: Final = (
    "SELECT seq FROM outbox WHERE seq > ? AND seq <= ? AND state IN ('sent', 'failed', 'expired', 'cancelled')"
    " AND ended_at < ? AND kind <> 'callback' AND payload NOT IN (?, '{}') ORDER BY seq LIMIT ?"
)
# Nothing points to it: no decision is kept under its number, nor a receipt or a word of consent.
_OLD_KEYS: Final = (
    "SELECT id FROM inbox WHERE id > ? AND id <= ? AND raw IS NULL AND state <> 'pending' AND settled_at < ?"
    " AND NOT EXISTS (SELECT 1 FROM trace t WHERE t.inbox = inbox.id)"
    " AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.inbox = inbox.id)"
    " AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.inbox = inbox.id) ORDER BY id LIMIT ?"
)


def old_bodies(connection: sqlite3.Connection, walk: Walk, before: datetime, dead_before: datetime, limit: int) -> Old:
    """The next bodies to empty."""
    at = to_us(before)
    inbox, inbox_next, inbox_done = _look(
        connection, ("inbox", "id", "received_at"), walk.inbox, at, _OLD_INBOX, (to_us(dead_before), at), limit
    )
    outbox, outbox_next, outbox_done = _look(
        connection, ("outbox", "seq", "created_at"), walk.outbox, at, _OLD_OUTBOX, (at, _GONE), limit
    )
    done = inbox_done and outbox_done
    forgotten = walk.forgotten + len(inbox) + len(outbox)
    return Old(Walk(inbox_next, outbox_next, forgotten, done), inbox, outbox)


def old_keys(connection: sqlite3.Connection, walk: Walk, before: datetime, limit: int) -> Old:
    """The next keys to delete."""
    at = to_us(before)
    found, next_, done = _look(connection, ("inbox", "id", "received_at"), walk.inbox, at, _OLD_KEYS, (at,), limit)
    return Old(replace(walk, inbox=next_, forgotten=walk.forgotten + len(found), done=done), found)


def _look(
    connection: sqlite3.Connection,
    table: tuple[str, str, str],
    after: int,
    before: int,
    question: str,
    values: Sequence[Any],
    limit: int,
) -> tuple[tuple[int, ...], int, bool]:
    """What is found in the next span of numbers, where the walk goes on, and whether only younger rows follow."""
    name, number, time = table
    end = connection.execute(
        f"SELECT {number}, {time} FROM {name} WHERE {number} > ? ORDER BY {number} LIMIT 1 OFFSET {SPAN - 1}",
        (after,),
    ).fetchone()
    upto, done = (1 << 62, True) if end is None else (end[0], end[1] >= before)
    found = tuple(row[0] for row in connection.execute(question, (after, upto, *values, limit)))
    if len(found) == limit:
        return found, found[-1], False
    return found, (after if end is None else upto), done


def forget_bodies(connection: sqlite3.Connection, old: Old) -> None:
    """What was said, decided on and received goes; that it was, when, and by which rule stays."""
    inbox = json_array(old.inbox)
    connection.execute(f"UPDATE inbox SET raw = NULL WHERE id IN {_LISTED}", (inbox,))
    connection.execute(f"UPDATE trace SET inputs = x'' WHERE inbox IN {_LISTED}", (inbox,))
    connection.execute(f"DELETE FROM receipt WHERE inbox IN {_LISTED}", (inbox,))
    connection.execute(
        "UPDATE outbox SET payload = CASE kind WHEN 'message' THEN ? ELSE '{}' END, if_closed = '\"fail\"'"
        f" WHERE seq IN {_LISTED}",
        (_GONE, json_array(old.outbox)),
    )
    reach("forget.in_transaction")


def forget_keys(connection: sqlite3.Connection, old: Old) -> None:
    """Delete these rows, unless something came to point to one meanwhile."""
    connection.execute(
        f"DELETE FROM inbox WHERE id IN {_LISTED} AND NOT EXISTS (SELECT 1 FROM trace t WHERE t.inbox = inbox.id)"
        " AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.inbox = inbox.id)"
        " AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.inbox = inbox.id)",
        (json_array(old.inbox),),
    )
    reach("forget.in_transaction")


def forget_idempotency(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """Keys that nobody is answered by any more."""
    return connection.execute(
        "DELETE FROM idempotency WHERE (api_key, key) IN"
        " (SELECT api_key, key FROM idempotency WHERE created_at < ? ORDER BY created_at LIMIT ?)",
        (to_us(before), limit),
    ).rowcount


def forget_refused(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """Webhooks that came too late."""
    return connection.execute(
        "DELETE FROM refused WHERE id IN (SELECT id FROM refused ORDER BY id LIMIT ?) AND received_at < ?",
        (limit, to_us(before)),
    ).rowcount


def forget_deeds(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """What colleagues did long ago."""
    return connection.execute(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal ORDER BY id LIMIT ?) AND at < ?",
        (limit, to_us(before)),
    ).rowcount
