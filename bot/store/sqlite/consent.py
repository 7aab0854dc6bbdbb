"""The consent ledger, and the gate's view of it on the person's row."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Literal

from bot.core.decision import ChangeConsent
from bot.core.ledger import change_of, with_change
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.people import consent_of_row
from bot.store.sqlite.times import to_us, to_us_or_none


def apply_words(
    connection: sqlite3.Connection, person: int, asked: ChangeConsent, by: str, inbox: int, now: datetime
) -> None:
    """STOP or START as it was recorded, unless a newer word counts already. ``by`` is the event's dedup key."""
    row = connection.execute(
        "SELECT stopped, opted_in, marketing, consent_at, consent_by FROM person WHERE id = ?", (person,)
    ).fetchone()
    said: Literal["stop", "start"] = "stop" if asked.state == "stopped" else "start"
    change = change_of(said, asked.source, asked.at, consent_of_row(row))
    if change is not None:
        write_change(connection, person, change, by, inbox, now)


def write_change(
    connection: sqlite3.Connection, person: int, change: ChangeConsent, by: str, inbox: int | None, now: datetime
) -> None:
    """One row of the ledger and what it makes of the person; a stop also ends everything that waits to leave."""
    row = connection.execute(
        "SELECT stopped, opted_in, marketing, consent_at, consent_by FROM person WHERE id = ?", (person,)
    ).fetchone()
    connection.execute(
        "INSERT INTO consent (person, purpose, state, source, at, recorded_at, inbox) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (person, change.purpose, change.state, change.source, to_us(change.at), to_us(now), inbox),
    )
    sum_ = with_change(consent_of_row(row), change, by)
    connection.execute(
        "UPDATE person SET stopped = ?, opted_in = ?, marketing = ?, consent_at = ?, consent_by = ? WHERE id = ?",
        (
            int(sum_.stopped),
            int(sum_.opted_in),
            sum_.marketing,
            to_us_or_none(sum_.changed_at),
            sum_.changed_by,
            person,
        ),
    )
    if sum_.stopped:
        _cancel_waiting(connection, person, to_us(now))


def _cancel_waiting(connection: sqlite3.Connection, person: int, at: int) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = 'The person said STOP.'"
        " WHERE person = ? AND kind = 'message' AND state IN ('queued', 'waiting') AND confirms_stop = 0",
        (at, person),
    )
    due_sends(connection, [person])
