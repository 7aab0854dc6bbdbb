"""Rulebooks, API keys and what was refused: small units of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

import orjson

from bot.errors import Refused
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import ApiKey, StoredRulebook


def save_rulebook(
    connection: sqlite3.Connection, digest: str, files: Mapping[str, bytes], who: str, now: datetime
) -> int:
    """Store and mark live; files that were stored before keep their number."""
    at = to_us(now)
    text = orjson.dumps({name: content.decode() for name, content in files.items()}).decode()
    connection.execute(
        "INSERT OR IGNORE INTO rulebook (digest, files, checked_at) VALUES (?, ?, ?)", (digest, text, at)
    )
    number = int(connection.execute("SELECT number FROM rulebook WHERE digest = ?", (digest,)).fetchone()[0])
    last = connection.execute("SELECT number FROM rulebook_live ORDER BY id DESC LIMIT 1").fetchone()
    if last is None or last[0] != number:
        connection.execute("INSERT INTO rulebook_live (number, live_from, who) VALUES (?, ?, ?)", (number, at, who))
    return number


def last_good_rulebook(connection: sqlite3.Connection) -> StoredRulebook | None:
    """The one marked live last."""
    row = connection.execute("SELECT number FROM rulebook_live ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else rulebook(connection, row[0])


def rulebook(connection: sqlite3.Connection, number: int) -> StoredRulebook | None:
    """A stored rulebook."""
    row = connection.execute(
        "SELECT number, digest, files, checked_at, (SELECT max(live_from) FROM rulebook_live l WHERE l.number = r.number)"
        " FROM rulebook r WHERE number = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    files = {name: text.encode() for name, text in orjson.loads(row[2]).items()}
    return StoredRulebook(row[0], row[1], files, from_us(row[3]), from_us_or_none(row[4]))


def create_key(
    connection: sqlite3.Connection, app: str, name: str, scopes: frozenset[str], key_hash: bytes, now: datetime
) -> ApiKey:
    """Store a key's hash."""
    taken = connection.execute(
        "SELECT 1 FROM api_key WHERE app = ? AND name = ? AND revoked_at IS NULL", (app, name)
    ).fetchone()
    if taken is not None:
        raise Refused(f'An API key named "{name}" exists already.', "key_name_taken", "Choose another name.")
    row = connection.execute(
        "INSERT INTO api_key (app, name, hash, scopes, created_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (app, name, key_hash, ",".join(sorted(scopes)), to_us(now)),
    ).fetchone()
    return ApiKey(int(row[0]), name, scopes)


def find_key(connection: sqlite3.Connection, app: str, key_hash: bytes) -> ApiKey | None:
    """The key of that hash unless it was revoked."""
    row = connection.execute(
        "SELECT id, name, scopes FROM api_key WHERE hash = ? AND app = ? AND revoked_at IS NULL", (key_hash, app)
    ).fetchone()
    return None if row is None else ApiKey(row[0], row[1], frozenset(row[2].split(",")))


def refuse(connection: sqlite3.Connection, raw: bytes, why: str, now: datetime) -> None:
    """Keep an authentic but stale body."""
    connection.execute("INSERT INTO refused (received_at, why, raw) VALUES (?, ?, ?)", (to_us(now), why, raw))


def touch(connection: sqlite3.Connection) -> None:
    """A write that changes nothing and still has to reach the disk."""
    connection.execute("UPDATE setting SET value = value WHERE name = 'installation_key'")
