"""Looking at what is committed, through connections that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from bot.core.codec import reply_from_plain
from bot.core.conversation import Consent, Window
from bot.core.delivery import OutboxState, delivery_name
from bot.core.event import ContactKey, Reason
from bot.store.sqlite.people import PERSON_COLUMNS, person_of_row, stops_of_the_erased
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import AttemptView, Counts, MessageView, Origin, ReceiptView, Standing


def standing(connection: sqlite3.Connection, contact: ContactKey, key: bytes) -> Standing:
    """Consent and window of an address."""
    return standings(connection, [contact], key)[contact]


def standings(connection: sqlite3.Connection, contacts: Sequence[ContactKey], key: bytes) -> dict[ContactKey, Standing]:
    """Consent and window of each address; ``key`` is the installation's."""
    if not contacts:
        return {}
    rows = connection.execute(
        f"SELECT i.app, i.channel, i.identity, i.closes_at, {PERSON_COLUMNS} FROM json_each(?) j JOIN identity i"  # noqa: S608
        " ON i.app = json_extract(j.value, '$[0]') AND i.channel = json_extract(j.value, '$[1]')"
        " AND i.identity = json_extract(j.value, '$[2]') JOIN person p ON p.id = i.person",
        (json_array((contact.app, contact.channel, contact.identity) for contact in contacts),),
    ).fetchall()
    found = {ContactKey(*row[:3]): _standing(row[4:], row[3]) for row in rows}
    unknown = [contact for contact in contacts if contact not in found]
    found.update({contact: _stranger(connection, contact, key) for contact in unknown})
    return found


def _standing(person_columns: Sequence[Any], closes_at: int | None) -> Standing:
    person, consent = person_of_row(person_columns)
    window = Window(from_us_or_none(closes_at))
    return Standing(True, consent, window, person.language, person.fields, person.id, person.time_zone, person.tags)


def _stranger(connection: sqlite3.Connection, contact: ContactKey, key: bytes) -> Standing:
    stop = stops_of_the_erased(connection, key, [contact]).get(contact)
    consent = Consent() if stop is None else stop.consent
    return Standing(known=False, consent=consent, window=Window())


def message(connection: sqlite3.Connection, outbox_id: str) -> MessageView | None:
    """One message with its attempts and receipts."""
    row = connection.execute(f"SELECT {MESSAGE} FROM outbox WHERE id = ? AND kind = 'message'", (outbox_id,)).fetchone()  # noqa: S608
    return None if row is None else message_of_row(connection, row)


# What ``message_of_row`` reads of the outbox.
MESSAGE = (
    "seq, id, app, channel, identity, state, delivery, reason, payload, reference, created_at, origin, category, rule,"
    " author, not_before, not_after"
)


def message_of_row(connection: sqlite3.Connection, row: Sequence[Any]) -> MessageView:
    """A message with its attempts and receipts, from the columns ``MESSAGE``."""
    (view,) = messages_of_rows(connection, [row])
    return view


def messages_of_rows(connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[MessageView]:
    """The same of many, each from the columns ``MESSAGE``, in their order."""
    seqs = json_array(row[0] for row in rows)
    attempts, receipts = _attempts(connection, seqs), _receipts(connection, seqs)
    return [_message(row, tuple(attempts.get(row[0], ())), tuple(receipts.get(row[0], ()))) for row in rows]


def _message(row: Sequence[Any], attempts: tuple[AttemptView, ...], receipts: tuple[ReceiptView, ...]) -> MessageView:
    state = OutboxState(row[5])
    return MessageView(
        outbox_id=row[1],
        contact=ContactKey(row[2], row[3], row[4]),
        state=state,
        status=_status(state, row[6]),
        reason=_reason_text(row[7]),
        reply=reply_from_plain(orjson.loads(row[8])),
        reference=row[9],
        created_at=from_us(row[10]),
        attempts=attempts,
        receipts=receipts,
        origin=Origin(row[11]),
        category=row[12],
        rule=row[13],
        author=row[14],
        not_before=from_us_or_none(row[15]),
        not_after=from_us_or_none(row[16]),
    )


def _status(state: OutboxState, delivery: int) -> str:
    if state is OutboxState.SENT or delivery:
        return delivery_name(delivery)
    open_states = {OutboxState.QUEUED, OutboxState.WAITING, OutboxState.SENDING, OutboxState.UNKNOWN}
    return "queued" if state in open_states else state.value


def _reason_text(reason: str) -> str:
    """A stored reason is a sentence, or the parts of a receipt's."""
    if not reason.startswith("["):
        return reason
    code, description, _, channel_code = orjson.loads(reason)
    return f"{code}{f' ({channel_code})' if channel_code else ''}: {description}" if description else code


def _attempts(connection: sqlite3.Connection, seqs: str) -> dict[int, list[AttemptView]]:
    rows = connection.execute(
        "SELECT outbox, number, started_at, ended_at, outcome, status, sentence, message_id, code FROM attempt"
        " WHERE outbox IN (SELECT value FROM json_each(?)) ORDER BY outbox, number",
        (seqs,),
    ).fetchall()
    found: dict[int, list[AttemptView]] = {}
    for seq, number, started_at, ended_at, *rest in rows:
        attempt = AttemptView(number, from_us(started_at), from_us_or_none(ended_at), *rest)
        found.setdefault(seq, []).append(attempt)
    return found


def _receipts(connection: sqlite3.Connection, seqs: str) -> dict[int, list[ReceiptView]]:
    rows = connection.execute(
        "SELECT outbox, status, at, reason FROM receipt WHERE outbox IN (SELECT value FROM json_each(?)) ORDER BY inbox",
        (seqs,),
    ).fetchall()
    found: dict[int, list[ReceiptView]] = {}
    for seq, status, at, reason in rows:
        found.setdefault(seq, []).append(ReceiptView(status, from_us(at), _reason(reason)))
    return found


def _reason(text: str) -> Reason | None:
    return Reason(*orjson.loads(text)) if text else None


def counts(connection: sqlite3.Connection) -> Counts:
    """Open work at a glance; each number comes from a partial index."""
    row: tuple[Any, ...] = connection.execute(
        "SELECT (SELECT count(*) FROM inbox WHERE state = 'pending'), (SELECT count(*) FROM inbox WHERE state = 'dead'),"
        " (SELECT count(*) FROM outbox WHERE kind = 'message' AND state = 'queued')"
        " + (SELECT count(*) FROM outbox WHERE kind = 'message' AND state = 'waiting'),"
        " (SELECT count(*) FROM outbox WHERE state = 'unknown'), (SELECT count(*) FROM outbox WHERE state = 'held')"
    ).fetchone()
    return Counts(*row)


def next_send(connection: sqlite3.Connection, now: datetime) -> datetime | None:
    """When the first lane may send."""
    row = connection.execute("SELECT min(send_at) FROM lane WHERE send_at IS NOT NULL").fetchone()
    return from_us(max(row[0], to_us(now))) if row[0] is not None else None
