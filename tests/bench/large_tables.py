"""The tables of a large database, filled in bulk: rows are gathered and written by ``executemany``, and indexed at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.store.sqlite.connection import connect, installation_key, migrate

Row = tuple[object, ...]
GATHERED = 20_000  # rows, in all tables together

_COLUMNS = {
    "person": "id app language fields tags stopped opted_in consent_at consent_by first_inbox created_at",
    "identity": "app channel identity person contact_id closes_at wrote_at",
    "lane": "person state send_at waiting_since active_at seen_at",
    "inbox": "id app dedup kind person state tries written_at received_at ready_at settled_at why raw",
    "trace": "inbox person version decided_at layer rule inputs digest",
    "outbox": "seq id kind origin origin_id position person app channel identity state delivery payload category rule version"
    " confirms_stop answers at_most_once author created_at not_before not_after due_at attempts submissions ended_at reason lost",
    "attempt": "id outbox number started_at owner ended_at outcome status code sentence message_id delivery",
    "receipt": "inbox outbox message_id status at reason",
    "consent": "person purpose state source at recorded_at inbox",
    "campaign": "id app name template declared category total state why author starts_at created_at ended_at",
    "recipient": "campaign line channel identity state why due_at",
    "refused": "received_at why raw",
    "journal": "at who what subject",
}  # fmt: skip


class Tables:
    """Rows on their way into the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._rows: dict[str, list[Row]] = {name: [] for name in _COLUMNS}
        self._gathered = 0

    def add(self, table: str, *row: object) -> None:
        """One row, in the order of the table's columns here."""
        self._rows[table].append(row)
        self._gathered += 1
        if self._gathered >= GATHERED:
            self.write()

    def write(self) -> None:
        """Write what was gathered."""
        for table, rows in self._rows.items():
            names = _COLUMNS[table].split()
            marks = ",".join("?" * len(names))
            self.connection.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({marks})", rows)
            rows.clear()
        self._gathered = 0


@contextmanager
def tables_of(path: Path) -> Iterator[Tables]:
    """The tables of a new database at ``path``; it is ready for use once this is left."""
    connection = connect(path)
    try:
        migrate(connection)
        installation_key(connection)
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "secure_delete=OFF",
            "foreign_keys=OFF",
            "cache_size=-400000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        apart = connection.execute(
            "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for name, kind, _ in apart:
            connection.execute(f"DROP {kind} {name}")
        connection.execute("BEGIN")
        tables = Tables(connection)
        yield tables
        tables.write()
        for _, _, sql in apart:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
