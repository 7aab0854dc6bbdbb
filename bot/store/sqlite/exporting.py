"""Everything kept about a person, by plain names, read in one snapshot beside a running server."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import orjson

from bot.core.event import ContactKey
from bot.store.sqlite import erasing, tracing
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import from_us

_LISTED: Final = "(SELECT value FROM json_each(:people))"
# Columns that hold a time, and those that hold JSON, whatever they are called outside.
_TIMES: Final = frozenset(
    "created_at consent_changed_at window_closes_at last_wrote_at written_at received_at settled_at decided_at ended_at started_at at"
    " recorded_at due_at waiting_since not_before not_after stale_at".split()
)
_JSON: Final = frozenset("fields tags state reply answer content if_closed".split())
_FLAGS: Final = frozenset("stopped opted_in confirms_stop at_most_once".split())

_PARTS: Final[Mapping[str, str]] = {
    "people": "SELECT id AS number, language, time_zone, fields, tags, stopped, opted_in, marketing, consent_at AS consent_changed_at,"
    " consent_by AS consent_changed_by, merged_into AS same_as,"
    f" created_at FROM person WHERE id IN {_LISTED} ORDER BY id",
    "identities": "SELECT channel, identity, contact_id AS sinch_contact_id, closes_at AS window_closes_at, wrote_at AS last_wrote_at"
    f" FROM identity WHERE person IN {_LISTED} ORDER BY channel, identity",
    "conversation": f"SELECT state, waiting_since FROM lane WHERE person IN {_LISTED} AND state <> ''",
    "consent": "SELECT purpose, state AS said, source, proof, at, recorded_at, inbox AS received_number"
    f" FROM consent WHERE person IN {_LISTED} ORDER BY id",
    "received": "SELECT id AS number, dedup AS known_as, kind, state AS became, why, written_at, received_at, settled_at,"
    f" media_kind AS file_kind, raw AS body FROM inbox WHERE person IN {_LISTED} ORDER BY id",
    "sent": "SELECT seq AS number, id, kind, origin, origin_id AS origin_number, author, state AS status, delivery, reason, channel,"
    " identity, payload AS reply, if_closed, category, rule, version AS rulebook, reference, confirms_stop, at_most_once, created_at,"
    f" not_before, not_after, ended_at FROM outbox WHERE person IN {_LISTED} ORDER BY seq",
    "attempts": "SELECT outbox AS number, number AS attempt, started_at, ended_at, outcome, status, code, sentence, message_id AS"
    f" sinch_message_id FROM attempt WHERE outbox IN (SELECT seq FROM outbox WHERE person IN {_LISTED}) ORDER BY id",
    "receipts": "SELECT outbox AS number, message_id AS sinch_message_id, status, at, reason FROM receipt WHERE outbox IN"
    f" (SELECT seq FROM outbox WHERE person IN {_LISTED}) ORDER BY inbox",
    "idempotency_keys": "SELECT outbox AS number, key, created_at FROM idempotency WHERE outbox IN (SELECT seq FROM outbox"
    f" WHERE person IN {_LISTED}) ORDER BY outbox",
    "timers": f"SELECT name, due_at, version AS rulebook, content FROM timer WHERE person IN {_LISTED} ORDER BY due_at",
    "news": f"SELECT kind, at, content FROM news WHERE person IN {_LISTED} ORDER BY id",
}


def beside(path: Path) -> sqlite3.Connection:
    """A connection of its own that can write nothing, for long looks."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA busy_timeout=2000")
    return connection


def exported(path: Path, contact: ContactKey) -> dict[str, object] | None:
    """What ``bot.store.privacy`` says of ``export``."""
    with closing(beside(path)) as connection:
        connection.execute("BEGIN")
        found = erasing.find(connection, contact)
        return _told(connection, found) if found.people or found.nobodys or found.refused else None


def _told(connection: sqlite3.Connection, found: erasing.Found) -> dict[str, object]:
    told: dict[str, object] = {"app": found.asked.app}
    told.update({name: _rows(connection, question, found) for name, question in _PARTS.items()})
    told["decisions"] = [trace for person in found.people for trace in tracing.traces_of(connection, person)]
    told["campaigns"] = [row for contact in found.contacts for row in _campaigns(connection, contact)]
    told["stale_webhooks"] = _bodies(connection, "refused", found.refused)
    told["webhooks_of_nobody"] = _bodies(connection, "inbox", found.nobodys)
    return told


def _rows(connection: sqlite3.Connection, question: str, found: erasing.Found) -> list[dict[str, object]]:
    cursor = connection.execute(question, {"people": json_array(found.people)})
    return _plain(cursor, cursor.fetchall())


def _campaigns(connection: sqlite3.Connection, contact: ContactKey) -> list[dict[str, object]]:
    cursor = connection.execute(
        "SELECT c.id AS number, c.name, c.template, r.line, r.channel, r.identity, r.language, r.time_zone, r.content,"
        " r.state AS became, r.why FROM recipient r JOIN campaign c ON c.id = r.campaign"
        " WHERE c.app = ? AND r.channel = ? AND r.identity = ? ORDER BY c.id, r.line",
        (contact.app, contact.channel, contact.identity),
    )
    return _plain(cursor, cursor.fetchall())


def _bodies(connection: sqlite3.Connection, table: str, ids: Sequence[int]) -> list[dict[str, object]]:
    cursor = connection.execute(
        f"SELECT received_at, why, raw AS body FROM {table} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json_array(ids),),
    )
    return _plain(cursor, cursor.fetchall())


def _plain(cursor: sqlite3.Cursor, rows: Iterable[Sequence[Any]]) -> list[dict[str, object]]:
    names = [column[0] for column in cursor.description]
    return [{name: _value(name, value) for name, value in zip(names, row, strict=True)} for row in rows]


def _value(name: str, value: Any) -> object:
    if value is None:
        return None
    if name in _TIMES:
        return from_us(value).isoformat()
    if name in _FLAGS:
        return bool(value)
    if name in _JSON:
        return _json(value)
    return bytes(value) if isinstance(value, bytes | memoryview) else value


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
