"""Rows of the list of conversations, of people who were found already."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from bot.core.codec import state_from_plain
from bot.core.colleague import charge_of
from bot.core.event import ContactKey
from bot.core.reply import TextReply
from bot.store.contacts import Came, Left
from bot.store.conversations import Row
from bot.store.sqlite.exchange import CAME, came_of_row, left_of_rows
from bot.store.sqlite.forgetting import NO_LONGER_KEPT
from bot.store.sqlite.reading import MESSAGE
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us_or_none

# A message that is known not to have arrived, of outbox ``o``; what a receipt tells counts before the state.
NEVER_ARRIVED: Final = "(o.delivery = 9 OR (o.delivery = 0 AND o.state IN ('failed', 'expired', 'held')))"
FAILED: Final = f"""
    (coalesce((SELECT {NEVER_ARRIVED} FROM outbox o WHERE o.person = l.person AND o.kind = 'message' ORDER BY o.seq DESC LIMIT 1), 0)
        OR EXISTS (SELECT 1 FROM inbox d WHERE d.person = l.person AND d.state = 'dead'))
"""
_ADDRESS: Final = (
    "(SELECT json_array(i.app, i.channel, i.identity, i.closes_at) FROM identity i WHERE i.person = l.person"
    " ORDER BY coalesce(i.wrote_at, 0) DESC, i.channel, i.identity LIMIT 1)"
)
# In one step, as each lets another thread take the interpreter.
ROWS: Final = f"""
    SELECT json_group_array(json_array(l.person, l.state, l.active_at, l.active_at > coalesce(l.seen_at, -1), l.waiting_since,
        json(p.fields), p.language, p.stopped, json({_ADDRESS}), {FAILED}))
    FROM json_each(?) j CROSS JOIN lane l ON l.person = j.value CROSS JOIN person p ON p.id = l.person
"""


def rows_of(connection: sqlite3.Connection, people: Sequence[int], now: datetime) -> list[Row]:
    """The rows of these people, in their order; one without an address has none."""
    listed = json_array(people)
    found = {row[0]: row for row in orjson.loads(connection.execute(ROWS, (listed,)).fetchone()[0])}
    last = _last(connection, listed)
    return [_row(found[person], last.get(person), now) for person in people if person in found and found[person][8]]


def address_of(connection: sqlite3.Connection, app: str, person: int) -> ContactKey | None:
    """The address that wrote last."""
    row = connection.execute(
        f"SELECT {_ADDRESS} FROM lane l JOIN person p ON p.id = l.person WHERE l.person = ? AND p.app = ?",
        (person, app),
    ).fetchone()
    return None if row is None or row[0] is None else ContactKey(*orjson.loads(row[0])[:3])


def _row(row: Sequence[Any], last: Came | Left | None, now: datetime) -> Row:
    person, text, active_at, unread, waiting_since, fields, language, stopped, address, failed = row
    return Row(
        person=person,
        contact=ContactKey(*address[:3]),
        fields=fields,
        language=language,
        moved_at=from_us_or_none(active_at),
        unread=bool(unread),
        waiting_since=from_us_or_none(waiting_since),
        team=charge_of(state_from_plain(orjson.loads(text))).held_by(now) if text else "",
        stopped=bool(stopped),
        failed=bool(failed),
        closes_at=from_us_or_none(address[3]),
        last=last,
    )


# What a person wrote is known by its key. One that Sinch only copied to us was never anybody's to decide.
CAME_LAST: Final = f"""
    SELECT j.value, {CAME} FROM json_each(?) j CROSS JOIN inbox i ON i.id = (SELECT m.id FROM inbox m
        WHERE m.person = j.value AND m.kind = 'inbound' AND substr(m.dedup, 1, 3) = 'in:'
        AND (m.state <> 'ignored' OR EXISTS (SELECT 1 FROM trace e WHERE e.inbox = m.id)) ORDER BY m.id DESC LIMIT 1)
    LEFT JOIN trace t ON t.inbox = i.id
"""
LEFT_LAST: Final = f"""
    SELECT {", ".join("o." + name.strip() for name in MESSAGE.split(","))}, o.origin_id, o.person
    FROM json_each(?) j CROSS JOIN outbox o ON o.seq = (SELECT n.seq FROM outbox n
        WHERE n.person = j.value AND n.kind = 'message' ORDER BY n.seq DESC LIMIT 1)
"""


def _last(connection: sqlite3.Connection, listed: str) -> Mapping[int, Came | Left]:
    """The newest message of each, either way, where its content is kept."""
    came = {row[0]: came_of_row(row[1:]) for row in connection.execute(CAME_LAST, (listed,)).fetchall()}
    rows = connection.execute(LEFT_LAST, (listed,)).fetchall()
    messages = left_of_rows(connection, [row[:-1] for row in rows])
    left = {row[-1]: message for row, (_, message) in zip(rows, messages, strict=True)}
    newest = {person: _newer(came.get(person), left.get(person)) for person in came.keys() | left.keys()}
    return {person: one for person, one in newest.items() if _is_kept(one)}


def _newer(came: Came | None, left: Left | None) -> Came | Left:
    if came is None or left is None:
        one = came or left
        assert one is not None  # noqa: S101 there is one of them, or it would not be asked
        return one
    return left if left.message.created_at >= came.received_at else came


def _is_kept(one: Came | Left) -> bool:
    return bool(one.raw) if isinstance(one, Came) else one.message.reply != TextReply(NO_LONGER_KEPT)
