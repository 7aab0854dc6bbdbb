"""Reading beside a running server, without a loop: for commands that look back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import orjson

from bot.core.codec import state_from_plain
from bot.core.consent_reasons import LedgerRow
from bot.core.conversation import Conversation, State, Window
from bot.core.event import ContactKey
from bot.errors import Misconfigured
from bot.store.amiss import Amiss
from bot.store.contacts import ExportedRow
from bot.store.messages import Filter, Page
from bot.store.sqlite import consent, keeping, reading, tracing
from bot.store.sqlite.amiss import amiss
from bot.store.sqlite.connection import migrations, schema_version
from bot.store.sqlite.message_list import listed
from bot.store.sqlite.people import PERSON_COLUMNS, person_at, person_of_row
from bot.store.sqlite.times import from_us_or_none
from bot.store.units import MessageView, Release, StoredRulebook, TraceView

_MAPPED = 1 << 30  # bytes of the file that are read without copying


class SqliteArchive:
    """Made by ``open_archive``; see ``bot.store.port.Archive`` for what every method promises."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        row = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
        self._installation_key = bytes(row[0]) if row is not None else b""

    @property
    def installation_key(self) -> bytes:
        return self._installation_key

    def close(self) -> None:
        self._connection.close()

    def rulebooks(self) -> Sequence[StoredRulebook]:
        return keeping.rulebooks(self._connection)

    def rulebook(self, number: int) -> StoredRulebook | None:
        return keeping.rulebook(self._connection, number)

    def releases(self, limit: int = 100) -> Sequence[Release]:
        return keeping.releases(self._connection, limit)

    def trace_of(self, message_id: str) -> TraceView | None:
        return tracing.trace_of(self._connection, message_id)

    def last_trace(self, contact: ContactKey) -> TraceView | None:
        return tracing.last_trace(self._connection, contact)

    def people(self, since: datetime, until: datetime) -> Sequence[int]:
        return tracing.people(self._connection, since, until)

    def traces(
        self,
        since: datetime,
        until: datetime,
        bucket: tuple[int, int] = (0, 1),
        limit: int | None = None,
        app: str = "",
    ) -> Iterator[TraceView]:
        return tracing.traces(self._connection, since, until, bucket, limit, app)

    def unmatched(self, since: datetime, until: datetime, limit: int, app: str = "") -> Sequence[TraceView]:
        return tracing.unmatched(self._connection, since, until, limit, app)

    def answered_by(self, rule: str, limit: int, looked_at: int, app: str = "") -> Sequence[TraceView]:
        return tracing.answered_by(self._connection, rule, limit, looked_at, app)

    def conversation_of(self, who: ContactKey | int) -> Conversation | None:
        addresses = self._addresses(who)
        if not addresses:
            return None
        (contact, window), *_ = addresses
        row = self._connection.execute(
            f"SELECT {PERSON_COLUMNS}, p.first_inbox, l.state FROM identity i JOIN person p ON p.id = i.person"  # noqa: S608
            " JOIN lane l ON l.person = p.id WHERE i.app = ? AND i.channel = ? AND i.identity = ?",
            (contact.app, contact.channel, contact.identity),
        ).fetchone()
        person, consent = person_of_row(row[:-2])
        state = state_from_plain(orjson.loads(row[-1])) if row[-1] else State()
        return Conversation(contact, person, window, consent, state, row[-2] is None)

    def message(self, outbox_id: str) -> MessageView | None:
        return reading.message(self._connection, outbox_id)

    def messages(self, app: str, wanted: Filter) -> Page:
        return listed(self._connection, app, wanted)

    def amiss(self, app: str, since: datetime) -> Sequence[Amiss]:
        return amiss(self._connection, app, since)

    def consent_of(self, contact: ContactKey) -> Sequence[LedgerRow]:
        person = person_at(self._connection, contact)
        return () if person is None else consent.ledger_rows(self._connection, person)

    def consent_rows(self, app: str, after: int, limit: int) -> Sequence[ExportedRow]:
        return consent.exported(self._connection, app, after, limit)

    def _addresses(self, who: ContactKey | int) -> list[tuple[ContactKey, Window]]:
        """Of a person, the address that wrote last first."""
        values: tuple[object, ...]
        where, values = "person = ?", (who,)
        if isinstance(who, ContactKey):
            where, values = "(app, channel, identity) = (?, ?, ?)", (who.app, who.channel, who.identity)
        rows = self._connection.execute(
            f"SELECT app, channel, identity, closes_at FROM identity WHERE {where} ORDER BY wrote_at DESC",  # noqa: S608
            values,
        ).fetchall()
        return [(ContactKey(*row[:3]), Window(from_us_or_none(row[3]))) for row in rows]


def open_archive(path: Path) -> SqliteArchive:
    """Open the database at ``path`` to read it. Raises ``Misconfigured`` where there is none of this program's."""
    return SqliteArchive(open_reading(path))


def open_reading(path: Path) -> sqlite3.Connection:
    """A connection to the database at ``path`` that only reads, outside a transaction. Raises as ``open_archive`` does."""
    if not path.is_file():
        raise no_database(path)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        with ExitStack() as opened:
            opened.callback(connection.close)
            for pragma in ("query_only=ON", "busy_timeout=2000", "cache_size=-64000", f"mmap_size={_MAPPED}"):
                connection.execute(f"PRAGMA {pragma}")
            _check_schema(path, schema_version(connection))
            opened.pop_all()
            return connection
    except sqlite3.Error as error:
        raise Misconfigured(f"The database {path} cannot be read ({error}); {_cure(error)}.") from None


def _cure(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_CORRUPT:
            return "stop the server, keep the file and its log (-wal) as they are, and restore the last backup"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another program has it to itself: end that one, and try again"
        case _:
            return "check that you may read it and that it is a database, or set DATABASE_URL to another file"


def no_database(path: Path) -> Misconfigured:
    """What to raise where there is no file yet to read from."""
    return Misconfigured(
        f"There is no database {path} yet; start the server once, or set DATABASE_URL to another file."
    )


def _check_schema(path: Path, found: int) -> None:
    newest = migrations()[-1][0]
    if found < newest:
        raise Misconfigured(
            f"The database {path} was written by an older Parley (schema {found}, and this one has {newest}); "
            "start the server once, which brings it up to date."
        )
    if found > newest:
        raise Misconfigured(
            f"The database has schema {found}, and this Parley knows up to {newest}; run the newer Parley that wrote it."
        )
