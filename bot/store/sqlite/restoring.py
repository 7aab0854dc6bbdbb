"""Restoring a backup: what happened since is not undone where it protects people.

The backup is copied beside the database, and made fit for use there: erasures and STOPs since are applied to it, and nothing that was open
is left to leave twice. Then it takes the database's name in one step. Killed at any moment, either the database of before or the whole
new one is in place.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.core.event import ContactKey
from bot.crash import reach
from bot.errors import Misconfigured
from bot.store.sqlite import erasing
from bot.store.sqlite.backing_up import Checked, check
from bot.store.sqlite.carrying import (
    carry_campaigns,
    carry_consent,
    carry_revocations,
    still_planned,
    wake_planned,
)
from bot.store.sqlite.connection import connect, migrate, new_file, remove_half_restored, restoring_path, take_lock
from bot.store.sqlite.disk import fsync
from bot.store.sqlite.people import identity_hmac
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.sweeping import wal_of
from bot.store.sqlite.times import to_us

OPEN_MESSAGE: Final = (
    "It was open when the backup was made, and may have left since; a person must decide whether to send it again."
)
OPEN_EVENT: Final = "It was not decided when the backup was made, and may have been since; the database was restored."
OPEN_CALL: Final = "It was open when the backup was made, and may have been made since; the database was restored."
RUNNING: Final = (
    "The database was restored from a backup: who got it since may not be known. Look before you resume it."
)


@dataclass(slots=True)
class Restored:
    """What came of it. ``aside`` is where the database of before is kept, None where there was none.

    ``unreadable`` tells why nothing could be learned from it; ``other_key``: it was of another installation. ``unmatched``: erasures
    that could not be applied, because they were made under a key that is lost.
    """

    checked: Checked
    aside: Path | None = None
    unreadable: str = ""
    other_key: bool = False
    erased: int = 0
    unmatched: int = 0
    stops: int = 0
    revoked: int = 0
    planned: int = 0
    held: int = 0
    dead: int = 0
    dropped: int = 0
    paused: int = 0


def restore(backup: Path, database: Path, now: datetime) -> Restored:
    """Put ``backup`` in the place of ``database``. Raises ``Misconfigured`` where a server runs or the backup is not sound."""
    lock = take_lock(database)
    try:
        if backup.exists() and database.exists() and backup.samefile(database):
            raise Misconfigured(f"{backup} is the database itself; name a backup.")
        restored = Restored(check(backup))
        made = _copied(backup, database)
        try:
            _prepare(made, database, restored, now)
            check(made)
            fsync(made)
            reach("restore.prepared")
            _take_place(made, database, restored, now)
        finally:
            remove_half_restored(database)
        return restored
    finally:
        os.close(lock)


def _copied(backup: Path, database: Path) -> Path:
    made = restoring_path(database)
    remove_half_restored(database)
    new_file(made)
    shutil.copyfile(backup, made)
    reach("restore.copied")
    return made


def _prepare(made: Path, database: Path, restored: Restored, now: datetime) -> None:
    """Everything that has to be so before the copy may be used."""
    present = _present(database, restored)
    with closing(connect(made)) as connection:
        migrate(connection)
        connection.execute("PRAGMA foreign_keys=OFF")  # see erasing.take_out; ``check`` looks at them all afterwards
        connection.execute("BEGIN IMMEDIATE")
        if present is not None:
            with closing(present):
                restored.other_key = key_of(present) != restored.checked.key
                _erase_again(connection, database, present, restored, now)
                restored.stops = carry_consent(connection, present, restored.checked.key, now)
                restored.revoked = carry_revocations(connection, present, now)
                if not restored.other_key:
                    carry_campaigns(connection, present)
                planned = still_planned(connection, None if restored.other_key else present, now)
        else:
            _erase_again(connection, database, None, restored, now)
            planned = still_planned(connection, None, now)
        _still(connection, restored, planned, now)
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # As nobody else has it open, its log goes with the connection; and its name is about to be another.
        connection.execute("PRAGMA journal_mode=DELETE")


def _present(database: Path, restored: Restored) -> sqlite3.Connection | None:
    """The database of now, or None where there is none or it cannot be read."""
    if not database.exists():
        restored.unreadable = "there is no database now"
        return None
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(closing(connect(database)))
            told = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if told == "ok":
                migrate(connection)
                key_of(connection)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA query_only=ON")
                opened.pop_all()
                return connection
            restored.unreadable = f"the database of now is damaged ({told})"
        except (sqlite3.Error, Misconfigured, LookupError) as error:
            restored.unreadable = f"the database of now cannot be read: {error}"
    return None


def key_of(connection: sqlite3.Connection) -> bytes:
    """The installation's key. Raises ``LookupError`` where there is none."""
    row = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
    if row is None:
        raise LookupError("it lacks the installation's key")
    return bytes(row[0])


# --- erasures -----------------------------------------------------------------------------------------------------------------

_LIVES: Final = (
    "SELECT i.app, i.channel, i.identity, p.created_at FROM identity i JOIN person p ON p.id = i.person ORDER BY p.id"
)


def _erase_again(
    connection: sqlite3.Connection,
    database: Path,
    present: sqlite3.Connection | None,
    restored: Restored,
    now: datetime,
) -> None:
    """Apply the erasures that the backup does not know to whoever lived before them; what they had stopped, there or in the backup, stays
    stopped."""
    own = restored.checked.key
    keys = {erasing.key_name(own): own}
    if present is not None:
        keys[erasing.key_name(key_of(present))] = key_of(present)
    marks = _newest(connection, database, present, erasing.key_name(own), restored)
    restored.unmatched = len([each for each in marks.values() if each.key not in keys])
    _carry_marks(connection, marks, erasing.key_name(own))
    for *address, began in connection.execute(_LIVES).fetchall():
        contact = ContactKey(*address)
        applying = _of(marks, keys, [contact], began)
        if applying and erasing.people_of(connection, contact):
            what = erasing.find(connection, contact)
            stops = erasing.stops_of(connection, what.people)
            for each in _of(marks, keys, what.contacts, began):
                stops |= each.stopped
            erasing.take_out(connection, what, now)
            erasing.mark(connection, own, what.contacts, stops, now)
            restored.erased += 1


_Marks = dict[tuple[str, bytes], erasing.Mark]


def _of(marks: _Marks, keys: Mapping[str, bytes], contacts: Iterable[ContactKey], began: int) -> list[erasing.Mark]:
    """The marks of these addresses, under each key, but for those that are older than the life that ``began`` then."""
    found = [marks.get((name, identity_hmac(key, each))) for name, key in keys.items() for each in contacts]
    return [each for each in found if each is not None and each.at >= began]


def _newest(
    connection: sqlite3.Connection,
    database: Path,
    present: sqlite3.Connection | None,
    own: str,
    restored: Restored,
) -> _Marks:
    """The last erasure of each address by key and HMAC, of those that are newer than what the backup knows of the address: the list
    has a line for every erasure, the backup only the last."""
    marks = erasing.noted(database)
    if present is not None:
        name = erasing.key_name(key_of(present))
        marks += [erasing.Mark(name, *row) for row in _rows(present)]
    known = {(own, digest): at for digest, _, at in _rows(connection)}
    newest: _Marks = {}
    for mark in sorted(marks, key=lambda each: each.at):
        at = known.get((mark.key, mark.hmac))
        if at is None or mark.at > at:
            newest[mark.key, mark.hmac] = mark
    return newest


def _rows(connection: sqlite3.Connection) -> list[tuple[bytes, int, int]]:
    rows = connection.execute("SELECT identity_hmac, stopped, erased_at FROM erased").fetchall()
    return [(bytes(digest), stopped, at) for digest, stopped, at in rows]


def _carry_marks(connection: sqlite3.Connection, marks: _Marks, own: str) -> None:
    """Also of those whom the backup never knew: they are asked for when an unknown address appears."""
    connection.executemany(
        "INSERT INTO erased (identity_hmac, erased_at, stopped) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
        " stopped = excluded.stopped, erased_at = excluded.erased_at WHERE excluded.erased_at > erased.erased_at",
        [(mark.hmac, mark.at, mark.stopped) for mark in marks.values() if mark.key == own],
    )


# --- nothing leaves twice -----------------------------------------------------------------------------------------------------


def _still(connection: sqlite3.Connection, restored: Restored, planned: Sequence[int], now: datetime) -> None:
    at = to_us(now)
    run: Callable[[str, tuple[object, ...]], int] = lambda sql, values: connection.execute(sql, values).rowcount  # noqa: E731
    run("UPDATE outbox SET submissions = submissions + 1 WHERE kind IN ('message', 'call') AND state = 'sending'", ())
    run(
        "UPDATE attempt SET ended_at = ?, outcome = 'unknown', sentence = 'The database was restored from a backup.'"
        " WHERE outcome = '' AND outbox IN (SELECT seq FROM outbox WHERE kind IN ('message', 'call'))",
        (at,),
    )
    restored.held = run(
        "UPDATE outbox SET state = 'held', ended_at = ?, look_at = NULL, reason = ? WHERE kind = 'message'"
        " AND state IN ('queued', 'waiting', 'sending', 'unknown') AND seq NOT IN (SELECT value FROM json_each(?))",
        (at, OPEN_MESSAGE, json_array(planned)),
    )
    restored.dead = run(
        "UPDATE inbox SET state = 'dead', settled_at = ?, why = ?, held = 0 WHERE state = 'pending'", (at, OPEN_EVENT)
    )
    restored.dropped = run("DELETE FROM timer WHERE due_at <= ?", (at,)) + run(
        "UPDATE outbox SET state = 'cancelled', ended_at = ?, reason = ? WHERE kind = 'call'"
        " AND state IN ('queued', 'sending', 'unknown')",
        (at, OPEN_CALL),
    )
    restored.paused = run("UPDATE campaign SET state = 'paused', why = ? WHERE state = 'running'", (RUNNING,))
    run("UPDATE campaign SET why = ? WHERE state = 'paused'", (RUNNING,))
    run("UPDATE lane SET ready_at = NULL, send_at = NULL", ())
    wake_planned(connection, planned)
    restored.planned = len(planned)


# --- changing places ------------------------------------------------------------------------------------------------------------


def _take_place(made: Path, database: Path, restored: Restored, now: datetime) -> None:
    if database.exists():
        restored.aside = _aside(database, now)
        reach("restore.kept")
    # What is left of a log belongs to the database of before; a sound one was written back and is empty.
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            database.with_name(database.name + suffix).unlink()
    os.replace(made, database)
    fsync(database.parent)
    reach("restore.replaced")


def _aside(database: Path, now: datetime) -> Path:
    """A second name for the database of before, and for its log where that could not be written back."""
    stem = f"{database.name}.before-restore-{now:%Y%m%dT%H%M%S}"
    aside, number = database.with_name(stem), 2
    while aside.exists():
        aside, number = database.with_name(f"{stem}-{number}"), number + 1
    wal = wal_of(database)
    if wal.exists() and wal.stat().st_size:
        os.link(wal, wal_of(aside))
    os.link(database, aside)
    fsync(database.parent)
    return aside
