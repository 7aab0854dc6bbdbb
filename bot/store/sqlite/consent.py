"""The consent ledger, and the gate's view of it on the person's row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from bot.core.consent_reasons import LedgerRow
from bot.core.decision import ChangeConsent, Purpose
from bot.core.event import ContactKey
from bot.core.ledger import Judgement, Ledger, change_of, judge, stop_after_given, with_change
from bot.store.contacts import Brought, BroughtRow, ExportedRow, LedgerView
from bot.store.sqlite.lanes import due_sends
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import consent_of_row, people_of
from bot.store.sqlite.reading import standings
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us, to_us, to_us_or_none
from bot.store.units import Standing

# The newest row of a purpose by the person's own time is the one that counts; of the same time, a stop.
NEWEST_FIRST = "ORDER BY at DESC, state = 'stopped' DESC, id DESC LIMIT 1"
# A row that came of an event is proved by it.
_ROW = (
    "c.purpose, c.state, c.source, c.at, c.recorded_at, coalesce(nullif(c.proof, ''),"
    " (SELECT i.dedup FROM inbox i WHERE i.id = c.inbox), '')"
)


def apply_words(
    connection: sqlite3.Connection, person: int, asked: ChangeConsent, by: str, inbox: int, now: datetime
) -> None:
    """STOP or START as it was recorded, unless a newer word counts already. ``by`` is the event's dedup key.

    Newer words of others than the person count for less: see ``core.ledger.stop_after_given``.
    """
    row = connection.execute(
        "SELECT stopped, opted_in, marketing, consent_at, consent_by FROM person WHERE id = ?", (person,)
    ).fetchone()
    said: Literal["stop", "start"] = "stop" if asked.state == "stopped" else "start"
    current = consent_of_row(row)
    change = change_of(said, asked.source, asked.at, current)
    if change is None and said == "stop" and not current.stopped:
        given_at = _given_at(connection, person)
        change = None if given_at is None else stop_after_given(asked, given_at)
    if change is not None:
        write_change(connection, person, change, by, inbox, now)


def _given_at(connection: sqlite3.Connection, person: int) -> datetime | None:
    """When the opt-in that counts is dated, where it is none of the person's own words."""
    row = connection.execute(
        "SELECT at, max(inbox IS NOT NULL) FROM consent WHERE person = ? AND purpose = 'all' GROUP BY at ORDER BY at DESC LIMIT 1",
        (person,),
    ).fetchone()
    return from_us(row[0]) if row is not None and not row[1] else None


def write_change(
    connection: sqlite3.Connection,
    person: int,
    change: ChangeConsent,
    by: str,
    inbox: int | None,
    now: datetime,
    proof: str = "",
) -> None:
    """One row of the ledger and what it makes of the person; a stop also ends everything that waits to leave.

    A row of the purpose ``all`` must be known to count (see ``core.ledger``); an older one of ``marketing`` is kept and changes nothing.
    """
    row = connection.execute(
        "SELECT stopped, opted_in, marketing, consent_at, consent_by FROM person WHERE id = ?", (person,)
    ).fetchone()
    connection.execute(
        "INSERT INTO consent (person, purpose, state, source, proof, at, recorded_at, inbox)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (person, change.purpose, change.state, change.source, proof, to_us(change.at), to_us(now), inbox),
    )
    sum_ = with_change(consent_of_row(row), change, by)
    if change.purpose == "marketing":
        sum_ = replace(sum_, marketing=_marketing(connection, person))
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


def _marketing(connection: sqlite3.Connection, person: int) -> str:
    """What counts by the person's own time, whatever order the rows came in."""
    question = f"SELECT state FROM consent WHERE person = ? AND purpose = 'marketing' {NEWEST_FIRST}"  # noqa: S608 our own words
    return str(connection.execute(question, (person,)).fetchone()[0])


def _cancel_waiting(connection: sqlite3.Connection, person: int, at: int) -> None:
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = 'The person said STOP.'"
        " WHERE person = ? AND kind = 'message' AND state IN ('queued', 'waiting') AND confirms_stop = 0",
        (at, person),
    )
    due_sends(connection, [person])


# --- rows that backends and files bring ---------------------------------------------------------------------------------


def set_consent(
    connection: sqlite3.Connection,
    memory: Memory,
    contact: ContactKey,
    asked: ChangeConsent,
    proof: str,
    by: str,
    now: datetime,
) -> Judgement:
    """What ``bot.store.contacts`` says."""
    person = people_of(connection, memory, [contact], now)[contact]
    [standing] = standings(connection, [contact], memory.installation_key).values()
    judgement = judge(asked, proof, _ledgers(connection, [standing])[person])
    if judgement == "counts":
        write_change(connection, person, asked, by, None, now, proof)
    return judgement


def bring_in(
    connection: sqlite3.Connection, memory: Memory, rows: Sequence[BroughtRow], now: datetime, dry_run: bool
) -> list[Brought]:
    """What ``bot.store.contacts`` says."""
    if not dry_run:
        people_of(connection, memory, dict.fromkeys(row.contact for row in rows if not row.known_only), now)
    contacts = list(dict.fromkeys(row.contact for row in rows))
    standing = standings(connection, contacts, memory.installation_key)
    kept = _ledgers(connection, [each for each in standing.values() if each.known])
    ledgers = {contact: kept.get(each.person_id) or _new(each) for contact, each in standing.items()}
    known = {row.contact for row in rows if not row.known_only or standing[row.contact].known}
    outcomes: list[Brought] = []
    for row in rows:
        if row.contact not in known:
            outcomes.append("unknown")
            continue
        judgement = judge(row.change, row.proof, ledgers[row.contact])
        outcomes.append(judgement)
        if judgement == "counts":
            ledgers[row.contact] = ledgers[row.contact].with_row(row.change)
            if not dry_run:
                person = standing[row.contact].person_id
                write_change(connection, person, row.change, "file", None, now, row.proof)
    return outcomes


def _new(standing: Standing) -> Ledger:
    """Of somebody whom writing would make: one who was erased as stopped is stopped since then."""
    since = standing.consent.changed_at
    return Ledger(standing.consent, None, () if since is None else (("all", "stopped", since),))


def _ledgers(connection: sqlite3.Connection, standing: Iterable[Standing]) -> dict[int, Ledger]:
    """Of each person, by number."""
    consents = {each.person_id: each.consent for each in standing}
    rows: dict[int, set[tuple[Purpose, str, datetime]]] = {person: set() for person in consents}
    for person, purpose, state, at in connection.execute(
        "SELECT person, purpose, state, at FROM consent WHERE person IN (SELECT value FROM json_each(?))",
        (json_array(consents),),
    ):
        rows[person].add((purpose, state, from_us(at)))
    return {
        person: Ledger(consent, max((at for purpose, _, at in rows[person] if purpose == "marketing"), default=None), rows[person])
        for person, consent in consents.items()
    }  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------------


def counting(connection: sqlite3.Connection, person: int) -> tuple[LedgerRow, ...]:
    """The rows that count, at most one a purpose."""
    rows = (
        connection.execute(
            f"SELECT {_ROW} FROM consent c WHERE c.person = ? AND c.purpose = ? {NEWEST_FIRST}",  # noqa: S608
            (person, purpose),
        ).fetchone()
        for purpose in ("all", "marketing")
    )
    return tuple(_row(row) for row in rows if row is not None)


def ledger(connection: sqlite3.Connection, person: int, limit: int, before: int | None) -> list[LedgerView]:
    """Rows about a person, newest first."""
    rows = connection.execute(
        f"SELECT c.id, {_ROW} FROM consent c WHERE c.person = ? AND c.id < ? ORDER BY c.id DESC LIMIT ?",  # noqa: S608
        (person, (1 << 63) - 1 if before is None else before, limit),
    )
    return [LedgerView(row[0], _row(row[1:])) for row in rows]


def ledger_rows(connection: sqlite3.Connection, person: int) -> tuple[LedgerRow, ...]:
    """All rows about a person, in the order they were recorded."""
    rows = connection.execute(f"SELECT {_ROW} FROM consent c WHERE c.person = ? ORDER BY c.id", (person,))  # noqa: S608
    return tuple(map(_row, rows))


def exported(connection: sqlite3.Connection, app: str, after: int, limit: int) -> list[ExportedRow]:
    """Rows about everybody of ``app`` with a greater number than ``after``, in the order they were recorded."""
    rows = connection.execute(
        f"SELECT c.id, coalesce((SELECT i.identity FROM identity i WHERE i.person = c.person ORDER BY i.wrote_at DESC,"  # noqa: S608
        f" i.identity LIMIT 1), ''), {_ROW} FROM consent c JOIN person p ON p.id = c.person AND p.app = ?"
        " WHERE c.id > ? ORDER BY c.id LIMIT ?",
        (app, after, limit),
    )
    return [ExportedRow(row[0], row[1], _row(row[2:])) for row in rows]


def _row(row: Sequence[Any]) -> LedgerRow:
    purpose, state, source, at, recorded_at, proof = row
    return LedgerRow(purpose, state, source, from_us(at), from_us(recorded_at), proof)
