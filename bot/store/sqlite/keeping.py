"""Rulebooks and what was refused: small units of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

import orjson

from bot.errors import Refused
from bot.store.sqlite.times import from_us, from_us_or_none, to_us
from bot.store.units import Release, StoredRulebook


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


_ROLLBACK = "rollback from "


def go_back(connection: sqlite3.Connection, number: int, who: str, now: datetime) -> None:
    """What ``bot.store.port`` says. Where it is live already, it stays so."""
    if connection.execute("SELECT 1 FROM rulebook WHERE number = ?", (number,)).fetchone() is None:
        raise Refused(
            f"There is no rulebook {number}.", "no_such_rulebook", "Choose a number that `rules history` lists.", 404
        )
    last = connection.execute("SELECT number FROM rulebook_live ORDER BY id DESC LIMIT 1").fetchone()
    if last is None or last[0] != number:
        why = f"{_ROLLBACK}{last[0]}" if last is not None else ""
        connection.execute(
            "INSERT INTO rulebook_live (number, live_from, who, why) VALUES (?, ?, ?, ?)",
            (number, to_us(now), who, why),
        )


def releases(connection: sqlite3.Connection, limit: int) -> list[Release]:
    """Which rulebook went live when, newest first."""
    rows = connection.execute(
        "SELECT l.number, r.digest, l.live_from, l.who, l.why FROM rulebook_live l JOIN rulebook r ON r.number = l.number"
        " ORDER BY l.id DESC LIMIT ?",
        (limit,),
    ).fetchall()
    return [
        Release(number, digest, from_us(live_from), who, why, int(why.partition(_ROLLBACK)[2] or 0))
        for number, digest, live_from, who, why in rows
    ]


# The partial index finds the few lanes with something open; each counts for the question's rule and for the call's.
_ASKING = """
    SELECT json_extract(o.value, '$.version'), json_extract(o.value, '$.rule'), count(DISTINCT l.person)
    FROM lane l JOIN json_each(json_array(json_extract(l.state, '$.question'), json_extract(l.state, '$.call'))) o
    WHERE l.pinned IS NOT NULL AND o.value IS NOT NULL GROUP BY 1, 2
"""


def asking(connection: sqlite3.Connection) -> dict[int, dict[str, int]]:
    """The rulebooks that open questions and calls are pinned to, with how many people each of their rules holds."""
    found: dict[int, dict[str, int]] = {}
    for version, rule, count in connection.execute(_ASKING).fetchall():
        found.setdefault(version or 0, {})[rule] = count
    return found


def rulebooks(connection: sqlite3.Connection) -> list[StoredRulebook]:
    """Every stored rulebook, by number."""
    numbers = connection.execute("SELECT number FROM rulebook ORDER BY number").fetchall()
    return [found for (number,) in numbers if (found := rulebook(connection, number)) is not None]


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


def refuse(connection: sqlite3.Connection, raw: bytes, why: str, now: datetime) -> None:
    """Keep an authentic but stale body."""
    connection.execute("INSERT INTO refused (received_at, why, raw) VALUES (?, ?, ?)", (to_us(now), why, raw))


def touch(connection: sqlite3.Connection) -> None:
    """A write of no meaning that has to reach the disk: SQLite writes nothing where a row stays as it was, so this one never does."""
    connection.execute(
        "INSERT INTO setting (name, value) VALUES ('probe', randomblob(8)) ON CONFLICT DO UPDATE SET value = excluded.value"
    )
