"""Erasing a person: what belongs to them, and taking it out in one transaction.

Looking through everything is left to a connection of its own, so that it keeps neither the writer nor other readers; what came since is
found by its number. The keys of what came from Sinch stay for a month, so that a redelivery does not bring their words back, and hold
nothing of the person; a key that names them goes.
"""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from bot.core.event import ContactKey
from bot.crash import reach
from bot.store.privacy import Erased
from bot.store.sqlite.connection import new_file
from bot.store.sqlite.disk import fsync
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.people import identity_hmac, stops_of_the_erased
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.sweeping import file_of
from bot.store.sqlite.times import to_us

SHORTEST_SOUGHT: Final = 5  # what is shorter stands in anybody's bytes
BEING_ERASED: Final = "The person is being erased."
ERASED: Final = "The person was erased."

_LISTED: Final = "(SELECT value FROM json_each(?))"
_RECIPIENT: Final = "identity = ? AND channel = ? AND campaign IN (SELECT id FROM campaign WHERE app = ?)"


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of somebody. ``inbox`` and ``nobodys`` are rows of the inbox: theirs, and those of nobody that name them.

    ``inbox_upto``, ``outbox_upto`` and ``refused_upto``: the newest rows when it was looked.
    """

    asked: ContactKey
    people: tuple[int, ...]
    contacts: tuple[ContactKey, ...]
    contact_ids: tuple[str, ...]
    inbox: tuple[int, ...]
    nobodys: tuple[int, ...]
    outbox: tuple[int, ...]
    refused: tuple[int, ...]
    inbox_upto: int
    outbox_upto: int
    refused_upto: int


def people_of(connection: sqlite3.Connection, contact: ContactKey) -> tuple[int, ...]:
    """The numbers that the person of this address has, ascending: several where some were merged."""
    rows = connection.execute(
        "WITH RECURSIVE them (id) AS (SELECT person FROM identity WHERE app = ? AND channel = ? AND identity = ?"
        " UNION SELECT p.id FROM them JOIN person p ON p.merged_into = them.id"
        " UNION SELECT p.merged_into FROM them JOIN person p ON p.id = them.id WHERE p.merged_into IS NOT NULL)"
        " SELECT id FROM them ORDER BY id",
        (contact.app, contact.channel, contact.identity),
    )
    return tuple(row[0] for row in rows)


def find(connection: sqlite3.Connection, contact: ContactKey) -> Found:
    """Everything of the person of this address, in one transaction of the caller's. Reads all rows there are: not for the writer's
    connection."""
    people, contacts, contact_ids = who(connection, contact)
    listed, named = json_array(people), _naming([*(each.identity for each in contacts), *contact_ids])
    return Found(
        contact,
        people,
        contacts,
        contact_ids,
        _numbers(connection, f"SELECT id FROM inbox WHERE person IN {_LISTED}", listed),
        _numbers(connection, f"SELECT id FROM inbox WHERE person IS NULL AND ({named.where})", *named.values),
        _numbers(connection, f"SELECT seq FROM outbox WHERE person IN {_LISTED}", listed),
        _numbers(connection, f"SELECT id FROM refused WHERE {named.where}", *named.values),
        _newest(connection, "inbox", "id"),
        _newest(connection, "outbox", "seq"),
        _newest(connection, "refused", "id"),
    )


Who = tuple[tuple[int, ...], tuple[ContactKey, ...], tuple[str, ...]]


def who(connection: sqlite3.Connection, contact: ContactKey) -> Who:
    """The numbers of the person of this address, all their addresses (this one, if nobody has it), and Sinch's ids of them."""
    people = people_of(connection, contact)
    rows = connection.execute(
        f"SELECT app, channel, identity, contact_id FROM identity WHERE person IN {_LISTED}",
        (json_array(people),),
    ).fetchall()
    contacts = tuple(ContactKey(*row[:3]) for row in rows) or (contact,)
    return people, contacts, tuple(sorted({row[3] for row in rows if row[3]}))


@dataclass(frozen=True, slots=True)
class _Naming:
    where: str
    values: tuple[bytes, ...]


def _naming(names: Iterable[str]) -> _Naming:
    """A condition on ``raw``: it names one of these."""
    sought = [name.encode("utf-8", "surrogatepass") for name in names if len(name) >= SHORTEST_SOUGHT]
    return _Naming(" OR ".join(["instr(raw, ?) > 0"] * len(sought)) or "0", tuple(sought))


def _numbers(connection: sqlite3.Connection, question: str, *values: object) -> tuple[int, ...]:
    return tuple(row[0] for row in connection.execute(question, values))


def _newest(connection: sqlite3.Connection, table: str, column: str) -> int:
    return int(connection.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0])


def quiet(connection: sqlite3.Connection, people: Sequence[int], now: datetime) -> None:
    """Nothing more is to start for them: what is queued is cancelled, what waits to be decided is not decided.

    But for receipts, which start nothing: should the erasure come to nothing, none may be lost.
    """
    at, listed = to_us(now), json_array(people)
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = ? WHERE state IN ('queued', 'waiting')"
        " AND kind IN ('message', 'call', 'callback') AND seq IN (SELECT seq FROM outbox WHERE person IN"
        f" {_LISTED} AND kind = 'message' UNION ALL SELECT seq FROM outbox WHERE kind = 'call' AND state = 'queued' AND person IN {_LISTED}"
        f" UNION ALL SELECT seq FROM outbox WHERE kind = 'callback' AND state = 'queued' AND person IN {_LISTED})",
        (at, BEING_ERASED, listed, listed, listed),
    )
    connection.execute(
        "UPDATE inbox SET state = 'ignored', settled_at = ?, why = ?, held = 0 WHERE state = 'pending'"
        f" AND kind <> 'receipt' AND person IN {_LISTED}",
        (at, BEING_ERASED, listed),
    )
    connection.execute(f"DELETE FROM timer WHERE person IN {_LISTED}", (listed,))
    connection.execute(
        "UPDATE lane SET send_at = NULL, ready_at = CASE WHEN EXISTS (SELECT 1 FROM inbox i WHERE i.person = lane.person"
        f" AND i.state = 'pending') THEN ready_at END WHERE person IN {_LISTED}",
        (listed,),
    )


def erase(connection: sqlite3.Connection, memory: Memory, found: Found, now: datetime) -> Erased | None:
    """Take out what was ``found`` and what came since; the caller has a transaction of its own for it. None, and nothing happened, where
    something is under way to them."""
    if is_under_way(connection, found.people):
        return None
    found = _with_newer(connection, found)
    stopped = _stops(connection, memory, found)
    if not is_kept(connection, found):
        before = was_erased(connection, memory.installation_key, found.contacts)
        return Erased(found.contacts, False, bool(stopped & 1), before=before)
    message_ids = _message_ids(connection, found)
    note(file_of(connection), memory.installation_key, found.contacts, stopped, now)
    reach("erase.noted")
    mark(connection, memory.installation_key, found.contacts, stopped, now)
    take_out(connection, found, now)
    reach("erase.in_transaction")
    return Erased(found.contacts, True, bool(stopped & 1), found.contact_ids, message_ids)


def is_kept(connection: sqlite3.Connection, found: Found) -> bool:
    """Whether anything is kept of them; the mark of an erasure is not."""
    if found.people or found.nobodys or found.refused:
        return True
    question = f"SELECT 1 FROM recipient WHERE {_RECIPIENT}"
    return any(
        connection.execute(question, (each.identity, each.channel, each.app)).fetchone() is not None
        for each in found.contacts
    )


def was_erased(connection: sqlite3.Connection, key: bytes, contacts: Iterable[ContactKey]) -> bool:
    """Whether a mark of an erasure is kept of any of these addresses."""
    question = "SELECT 1 FROM erased WHERE identity_hmac = ?"
    return any(connection.execute(question, (identity_hmac(key, each),)).fetchone() is not None for each in contacts)


def is_under_way(connection: sqlite3.Connection, people: Sequence[int]) -> bool:
    """Whether a message, call or callback of theirs has left and its outcome is not known."""
    listed = json_array(people)
    return (
        connection.execute(
            " UNION ALL ".join(
                f"SELECT 1 FROM outbox WHERE kind = '{kind}' AND state IN ('sending', 'unknown') AND person IN {_LISTED}"
                for kind in ("message", "call", "callback")
            ),
            (listed, listed, listed),
        ).fetchone()
        is not None
    )


def _with_newer(connection: sqlite3.Connection, found: Found) -> Found:
    listed = json_array(found.people)
    named = _naming([*(each.identity for each in found.contacts), *found.contact_ids])
    inbox = f"SELECT id FROM inbox WHERE id > ? AND person IN {_LISTED}"
    nobodys = f"SELECT id FROM inbox WHERE id > ? AND person IS NULL AND ({named.where})"
    outbox = f"SELECT seq FROM outbox WHERE seq > ? AND person IN {_LISTED}"
    refused = f"SELECT id FROM refused WHERE id > ? AND ({named.where})"
    return replace(
        found,
        inbox=found.inbox + _numbers(connection, inbox, found.inbox_upto, listed),
        nobodys=found.nobodys + _numbers(connection, nobodys, found.inbox_upto, *named.values),
        outbox=found.outbox + _numbers(connection, outbox, found.outbox_upto, listed),
        refused=found.refused + _numbers(connection, refused, found.refused_upto, *named.values),
    )


def _stops(connection: sqlite3.Connection, memory: Memory, found: Found) -> int:
    """What any of them stopped, all (1) and marketing (2); of whom nothing is kept, what they had when they were erased before."""
    if found.people:
        return stops_of(connection, found.people)
    stops = stops_of_the_erased(connection, memory.installation_key, found.contacts).values()
    return int(any(stop.all for stop in stops)) + 2 * int(any(stop.marketing for stop in stops))


def stops_of(connection: sqlite3.Connection, people: Sequence[int]) -> int:
    """What any of these people stopped, all (1) and marketing (2)."""
    row = connection.execute(
        f"SELECT coalesce(max(stopped) + 2 * max(marketing = 'stopped'), 0) FROM person WHERE id IN {_LISTED}",
        (json_array(people),),
    ).fetchone()
    return int(row[0])


def _message_ids(connection: sqlite3.Connection, found: Found) -> tuple[str, ...]:
    """Sinch's ids of their messages, both ways: what came is recorded under "in:" and its id."""
    rows = connection.execute(
        f"SELECT message_id FROM attempt WHERE message_id <> '' AND outbox IN {_LISTED}"
        f" UNION SELECT substr(dedup, 4) FROM inbox WHERE id IN {_LISTED} AND kind = 'inbound' AND dedup LIKE 'in:%'",
        (json_array(found.outbox), json_array(found.inbox)),
    )
    return tuple(sorted(row[0] for row in rows))


def mark(
    connection: sqlite3.Connection, key: bytes, contacts: Iterable[ContactKey], stopped: int, now: datetime
) -> None:
    """What stays of them, under the installation's key: that an address was erased, and what its person had stopped, all (1) and marketing
    (2)."""
    connection.executemany(
        "INSERT OR REPLACE INTO erased (identity_hmac, erased_at, stopped) VALUES (?, ?, ?)",
        [(identity_hmac(key, contact), to_us(now), stopped) for contact in contacts],
    )


def take_out(connection: sqlite3.Connection, found: Found, now: datetime) -> None:
    """Delete what was found. The caller has foreign keys off: nothing that points to what goes is left, and to have SQLite look for
    it would mean reading every row there is."""
    people, inbox, outbox = json_array(found.people), json_array(found.inbox + found.nobodys), json_array(found.outbox)
    for table, column, listed in (
        ("news", "person", people),
        ("consent", "person", people),
        ("timer", "person", people),
        ("identity", "person", people),
        ("lane", "person", people),
        ("trace", "person", people),
        ("receipt", "inbox", inbox),
        ("receipt", "outbox", outbox),
        ("attempt", "outbox", outbox),
        ("idempotency", "outbox", outbox),
        ("outbox", "seq", outbox),
        ("refused", "id", json_array(found.refused)),
        ("person", "id", people),
    ):
        connection.execute(f"DELETE FROM {table} WHERE {column} IN {_LISTED}", (listed,))
    # The campaign's report goes on counting its lines.
    connection.executemany(
        "UPDATE recipient SET identity = '', language = '', time_zone = '', content = '{}', state = 'skipped', why = ?"
        f" WHERE {_RECIPIENT}",
        [(ERASED, contact.identity, contact.channel, contact.app) for contact in found.contacts],
    )
    _keep_keys(connection, found, inbox, to_us(now))


def _keep_keys(connection: sqlite3.Connection, found: Found, inbox: str, at: int) -> None:
    names = [each.identity for each in found.contacts] + list(found.contact_ids)
    named = " OR ".join(["instr(dedup, ?) > 0"] * len(names)) or "0"
    connection.execute(
        f"DELETE FROM inbox WHERE id IN {_LISTED} AND (kind NOT IN ('inbound', 'receipt') OR {named})",
        (inbox, *names),
    )
    connection.execute(
        "UPDATE inbox SET person = NULL, raw = NULL, why = '', state = 'ignored', tries = 0, held = 0, media_kind = '',"
        f" written_at = received_at, ready_at = received_at, settled_at = coalesce(settled_at, ?) WHERE id IN {_LISTED}",
        (at, inbox),
    )


def forget(memory: Memory, erased: Erased, found: Found) -> None:
    """What the writer remembers of them, once they are gone for good."""
    for contact in found.contacts:
        memory.people.pop(contact, None)
    for person in found.people:
        memory.states.pop(person, None)
    gone = frozenset(found.contacts)
    for id_ in [id_ for id_, (event, _, _) in memory.events.items() if getattr(event, "contact", None) in gone]:
        del memory.events[id_]
    for seq in [seq for seq, send in memory.sends.items() if send.contact in gone]:
        del memory.sends[seq]
    memory.someone_erased = True


# --- the file beside the database -------------------------------------------------------------------------------------------


def erased_path(path: Path) -> Path:
    """The list of erasures beside the database file: only ever added to, so that a restored backup can be erased again."""
    return path.with_name(path.name + ".erased")


def key_name(key: bytes) -> str:
    """How the list calls an installation's key without telling it."""
    return sha256(b"parley erasures" + key).hexdigest()[:16]


def note(path: Path, key: bytes, contacts: Iterable[ContactKey], stopped: int, now: datetime) -> None:
    """Add to the list beside ``path``; returns when the disk has it. A line: key's name, HMAC, stopped, microseconds."""
    lines = "".join(
        f"{key_name(key)} {identity_hmac(key, contact).hex()} {stopped} {to_us(now)}\n" for contact in contacts
    )
    new_file(erased_path(path))
    descriptor = os.open(erased_path(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, lines.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fsync(path.parent)


@dataclass(frozen=True, slots=True)
class Mark:
    """One erasure as it is kept. ``key`` names the installation's key that it was made under."""

    key: str
    hmac: bytes
    stopped: int
    at: int


def noted(path: Path) -> list[Mark]:
    """The list beside ``path``; a line that a crash cut off is passed over."""
    try:
        lines = erased_path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [mark_ for line in lines if (mark_ := _mark(line)) is not None]


def _mark(line: str) -> Mark | None:
    parts = line.split(" ")
    try:
        key, digest, stopped, at = parts
        return Mark(key, bytes.fromhex(digest), int(stopped) & 3, int(at)) if len(digest) == 64 else None
    except ValueError:
        return None
