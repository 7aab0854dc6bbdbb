"""What is newer than a backup and carried into what is restored from it: a STOP since then counts on (I7), what was revoked stays
revoked, what is planned for later stays planned, and a campaign goes on behind whom it wrote to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from bot.core.event import ContactKey
from bot.store.sqlite.erasing import mark
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.people import stops_of_the_erased
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us, to_us

_PEOPLE: Final = (
    "SELECT p.id, p.stopped, p.opted_in, p.marketing, p.consent_at, p.consent_by FROM person p"
    " WHERE p.consent_at IS NOT NULL OR p.stopped OR p.marketing <> 'unknown' ORDER BY p.id"
)
_LEDGER: Final = "purpose, state, source, proof, at, recorded_at"


def carry_consent(connection: sqlite3.Connection, present: sqlite3.Connection, key: bytes, now: datetime) -> int:
    """Take over what ``present`` knows better; ``key`` is of ``connection``. Returns of how many people.

    Whom the backup does not know is not made anew: where they are stopped, a mark alone says so, as after an erasure.
    """
    carried = 0
    for row in present.execute(_PEOPLE).fetchall():
        contacts = [
            ContactKey(*each)
            for each in present.execute("SELECT app, channel, identity FROM identity WHERE person = ?", (row[0],))
        ]
        owners = {contact: _owner(connection, contact) for contact in contacts}
        people = sorted({person for person in owners.values() if person is not None})
        merged = [_merge(connection, present, person, row) for person in people]
        stopped = row[1] + 2 * (row[3] == "stopped")
        unknown = [contact for contact, person in owners.items() if person is None] if stopped else []
        _mark(connection, key, unknown, stopped, from_us(row[4]) if row[4] is not None else now)
        carried += int(any(merged) or bool(unknown))
    return carried


def _mark(
    connection: sqlite3.Connection, key: bytes, contacts: Sequence[ContactKey], stopped: int, at: datetime
) -> None:
    """Mark addresses as stopped since ``at``; what a newer mark has stopped stays so."""
    known = stops_of_the_erased(connection, key, contacts)
    for contact in contacts:
        before = known.get(contact)
        if before is None or before.at <= to_us(at):
            mark(connection, key, [contact], stopped, at)
        else:
            mark(connection, key, [contact], stopped | before.all | 2 * before.marketing, from_us(before.at))


def _owner(connection: sqlite3.Connection, contact: ContactKey) -> int | None:
    """Who has this address in the backup."""
    row = connection.execute(
        "SELECT person FROM identity WHERE app = ? AND channel = ? AND identity = ?",
        (contact.app, contact.channel, contact.identity),
    ).fetchone()
    return None if row is None else int(row[0])


def _merge(connection: sqlite3.Connection, present: sqlite3.Connection, person: int, row: Sequence[Any]) -> bool:
    """Add the ledger's rows that are missing, and let the newer of the two sums count; of the same time, the stop."""
    known = set(connection.execute(f"SELECT {_LEDGER} FROM consent WHERE person = ?", (person,)).fetchall())  # noqa: S608
    rows = present.execute(f"SELECT {_LEDGER} FROM consent WHERE person = ? ORDER BY id", (row[0],)).fetchall()  # noqa: S608
    missing = [each for each in rows if each not in known]
    connection.executemany(
        f"INSERT INTO consent (person, {_LEDGER}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 our own words
        [(person, *each) for each in missing],
    )
    _, stopped, opted_in, _, at, by = row
    own_stopped, own_at = connection.execute(
        "SELECT stopped, consent_at FROM person WHERE id = ?", (person,)
    ).fetchone()
    newer = at is not None and (own_at is None or at > own_at or (at == own_at and stopped > own_stopped))
    if newer:
        connection.execute(
            "UPDATE person SET stopped = ?, opted_in = ?, consent_at = ?, consent_by = ? WHERE id = ?",
            (stopped, opted_in, at, by, person),
        )
    connection.execute(
        "UPDATE person SET marketing = coalesce((SELECT state FROM consent WHERE person = ?1 AND purpose = 'marketing'"
        " ORDER BY at DESC, state = 'stopped' DESC, id DESC LIMIT 1), marketing) WHERE id = ?1",
        (person,),
    )
    return bool(missing) or newer


# --- what was revoked ---------------------------------------------------------------------------------------------------------

_REVOKED: Final = (
    ("api_key", "hash"),
    ("users", "name || char(0) || created_at"),
    ("subscription", "id || char(0) || created_at"),
)


def carry_revocations(connection: sqlite3.Connection, present: sqlite3.Connection, now: datetime) -> int:
    """Take over what ``present`` revoked, and the signing secrets and passwords that it changed; returns how many keys and the like were
    revoked."""
    revoked = 0
    for table, same in _REVOKED:
        rows = present.execute(f"SELECT revoked_at, {same} FROM {table} WHERE revoked_at IS NOT NULL").fetchall()  # noqa: S608
        revoked += connection.executemany(
            f"UPDATE {table} SET revoked_at = ? WHERE revoked_at IS NULL AND {same} = ?",  # noqa: S608 our own words
            rows,
        ).rowcount
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = 'Its subscription was deleted.' WHERE kind = 'callback'"
        " AND state IN ('queued', 'failed') AND subscription IN (SELECT id FROM subscription WHERE revoked_at IS NOT NULL)",
        (to_us(now),),
    )
    connection.executemany(
        "UPDATE subscription SET secret = ?, old_secret = ?, old_secret_until = ? WHERE id = ? AND created_at = ?",
        present.execute("SELECT secret, old_secret, old_secret_until, id, created_at FROM subscription").fetchall(),
    )
    # Nobody's old password or role comes back, nor somebody who was revoked and let in anew with another.
    connection.executemany(
        "UPDATE users SET password = ?, role = ?, created_at = ?, revoked_at = ?, last_login_at = ? WHERE name = ?",
        present.execute("SELECT password, role, created_at, revoked_at, last_login_at, name FROM users").fetchall(),
    )
    _count_on(connection, present)
    return revoked


def _count_on(connection: sqlite3.Connection, present: sqlite3.Connection) -> None:
    """Backends put what they are told in order by the number of the news: none may come again."""
    row = present.execute("SELECT seq FROM sqlite_sequence WHERE name = 'news'").fetchone()
    if row is None:
        return
    if not connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'news'", row).rowcount:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('news', ?)", row)


# --- what is planned for later --------------------------------------------------------------------------------------------------

_PLANNED: Final = (
    "SELECT seq, id, at_most_once, not_before FROM outbox WHERE kind = 'message' AND state = 'queued' AND attempts = 0"
    " AND not_before IS NOT NULL"
)


def still_planned(connection: sqlite3.Connection, present: sqlite3.Connection | None, now: datetime) -> list[int]:
    """The messages that cannot have left, as their time is still to come; with the time and all that ``present`` has of them. What was
    cancelled there is cancelled.

    Without ``present`` the backup's own time counts, and what must not leave twice at any price is not among them.
    """
    rows, at = connection.execute(_PLANNED).fetchall(), to_us(now)
    if present is None:
        return [seq for seq, _, at_most_once, not_before in rows if not_before > at and not at_most_once]
    seqs = {id_: seq for seq, id_, *_ in rows}
    kept: list[int] = []
    for id_, state, attempts, reason, *times in present.execute(
        "SELECT id, state, attempts, reason, not_before, not_after, due_at, reference FROM outbox"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json_array(seqs),),
    ).fetchall():
        if state == "queued" and not attempts and times[0] is not None and times[0] > at:
            connection.execute(
                "UPDATE outbox SET not_before = ?, not_after = ?, due_at = ?, reference = ? WHERE seq = ?",
                (*times, seqs[id_]),
            )
            kept.append(seqs[id_])
        elif state == "cancelled":
            connection.execute(
                "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = ? WHERE seq = ?", (at, reason, seqs[id_])
            )
    return kept


def wake_planned(connection: sqlite3.Connection, kept: Iterable[int]) -> None:
    """Let the lanes of these messages know of them."""
    people = connection.execute(
        "SELECT DISTINCT person FROM outbox WHERE seq IN (SELECT value FROM json_each(?))", (json_array(kept),)
    )
    due_sends(connection, [row[0] for row in people.fetchall()])


# --- campaigns --------------------------------------------------------------------------------------------------------------------

WRITTEN_SINCE: Final = "They were written to after the backup was made."
_DEALT_WITH: Final = """
    SELECT CASE r.state WHEN 'placed' THEN ?1 ELSE r.why END, r.campaign, r.line, c.created_at FROM recipient r
    JOIN campaign c ON c.id = r.campaign LEFT JOIN outbox o ON o.origin = 'campaign' AND o.origin_id = CAST(r.campaign AS TEXT)
        AND o.position = r.line AND o.replaces = ''
    WHERE r.state = 'skipped' OR (r.state = 'placed' AND (o.seq IS NULL OR o.attempts > 0 OR o.state NOT IN ('queued', 'waiting')))
"""


def carry_campaigns(connection: sqlite3.Connection, present: sqlite3.Connection) -> None:
    """Nobody whom ``present`` was done with gets it again, and what was cancelled stays cancelled."""
    connection.executemany(
        "UPDATE recipient SET state = 'skipped', why = ? WHERE campaign = ? AND line = ? AND state = 'pending'"
        " AND EXISTS (SELECT 1 FROM campaign WHERE id = recipient.campaign AND created_at = ?)",
        present.execute(_DEALT_WITH, (WRITTEN_SINCE,)),
    )
    connection.executemany(
        "UPDATE campaign SET state = 'cancelled', why = ?, ended_at = ? WHERE id = ? AND created_at = ?"
        " AND state IN ('running', 'paused')",
        present.execute("SELECT why, ended_at, id, created_at FROM campaign WHERE state = 'cancelled'").fetchall(),
    )
