"""Timers: rows until they are due, then events like any other."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from bot.core.decision import SetTimer
from bot.core.event import ContactKey, TimerFired
from bot.crash import reach
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.recording import Own, record_own
from bot.store.sqlite.sets import insert_many, json_array
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import Fired, InboxKind


@dataclass(frozen=True, slots=True)
class Setting:
    """A timer to be set, and whom it is about; ``version`` is the rulebook that set it."""

    contact: ContactKey
    version: int
    timer: SetTimer


Changes = Mapping[tuple[int, str], Setting | None]  # by person and name, the last word on each; None: dropped


def change(connection: sqlite3.Connection, changes: Changes) -> datetime | None:
    """Set and drop; returns when the first of those set is due."""
    dropped = json_array(key for key, setting in changes.items() if setting is None)
    if dropped != "[]":
        connection.execute(
            "DELETE FROM timer WHERE (person, name) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')"
            " FROM json_each(?))",
            (dropped,),
        )
    rows = [_row(person, setting) for (person, _), setting in changes.items() if setting is not None]
    insert_many(
        connection,
        "INSERT INTO timer (person, name, due_at, version, content) VALUES",
        rows,
        "ON CONFLICT DO UPDATE SET due_at = excluded.due_at, version = excluded.version, content = excluded.content",
    )
    return from_us(min(row[2] for row in rows)) if rows else None


def _row(person: int, setting: Setting) -> tuple[int, str, int, int, str]:
    contact, timer = setting.contact, setting.timer
    content = {"contact": [contact.app, contact.channel, contact.identity], "values": dict(timer.values)}
    return person, timer.name, to_us(timer.due_at), setting.version, orjson.dumps(content).decode()


# What the person wrote before the timer was due is decided first: it may drop the timer.
_DUE = """
    SELECT person, name, due_at, content FROM timer WHERE due_at <= :now AND NOT EXISTS (SELECT 1 FROM inbox i
        WHERE i.person = timer.person AND i.state = 'pending' AND i.written_at < timer.due_at)
    ORDER BY due_at, person, name LIMIT :limit
"""


def fire(memory: Memory, connection: sqlite3.Connection, limit: int, now: datetime) -> Fired:
    """What ``bot.store.port`` says of ``fire_timers``."""
    rows = connection.execute(_DUE, {"now": to_us(now), "limit": limit}).fetchall()
    if rows:
        record_own(memory, connection, [_event(row, now) for row in rows], now)
        connection.executemany("DELETE FROM timer WHERE person = ? AND name = ?", [row[:2] for row in rows])
        reach("timers.in_transaction")
    next_at = connection.execute("SELECT min(due_at) FROM timer").fetchone()[0]
    return Fired(len(rows), from_us_or_none(next_at))


def _event(row: Sequence[Any], now: datetime) -> Own:
    person, name, due_at, content = row
    kept = orjson.loads(content)
    dedup = f"timer:{person}:{name}:{due_at}"
    event = TimerFired(dedup, ContactKey(*kept["contact"]), name, from_us(due_at), kept["values"], now)
    return Own(InboxKind.TIMER, person, due_at, event)
