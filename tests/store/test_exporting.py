"""An export forgets no column that holds something about a person."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.sqlite import SqliteStore, exporting, open_store
from tests.store.making import NOON, answers
from tests.store.test_erasing import CANARY, live, rows

# Of no person: the installation's own, and what it lends to whom it sends.
_OTHERS = {
    "api_key", "campaign", "quality", "rulebook", "rulebook_live", "setting", "subscription", "users", "erased", "sqlite_sequence",
    "journal", "tally",
}  # fmt: skip
# How the machine keeps its work in order, of which a person learns nothing about themselves.
_MACHINERY = {
    "person": "app first_inbox",
    "identity": "",
    "lane": "ready_at send_at pinned active_at seen_at",
    "inbox": "app tries ready_at held",
    "refused": "driven_at driven_by",
    "trace": "digest pinned rule",
    "outbox": "position replaces app answers due_at attempts submissions looks look_at owner lease_until subscription lost",
    "attempt": "owner delivery",
    "receipt": "",
    "consent": "",
    "timer": "",
    "idempotency": "api_key body_hash",
    "news": "inbox outbox",
    "recipient": "due_at",
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


async def test_every_column_is_exported_or_known_to_be_of_the_machine(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "parley.db", set[tuple[str, str]]()
    await live(store)
    await store.decide_ready(10, NOON, answers())

    def watched(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)

        def asked(action: int, table: str | None, column: str | None, *_: object) -> int:
            if action == sqlite3.SQLITE_READ and table and column:
                read.add((table, column))
            return sqlite3.SQLITE_OK

        connection.set_authorizer(asked)
        return connection

    monkeypatch.setattr(exporting, "beside", watched)
    assert exporting.exported(path, CANARY)
    tables = [str(row[0]) for row in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    columns = {
        (each, str(row[1]))
        for each in tables
        if each not in _OTHERS
        for row in rows(path, f"PRAGMA table_info({each})")
    }
    machinery = {(table, column) for table, names in _MACHINERY.items() for column in names.split()}
    assert columns - read - machinery == set()
    assert {table for table, _ in columns} == set(_MACHINERY)


async def test_what_is_read_is_told(store: SqliteStore, tmp_path: Path) -> None:
    """The key that a backend gave, what a webhook is known as, and by what consent changed."""
    await live(store)
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        connection.execute("UPDATE person SET consent_by = 'the-word-that-changed-it'")
        connection.execute("UPDATE lane SET waiting_since = 0")
        connection.execute(
            "INSERT INTO api_key (id, app, name, hash, scopes, created_at) VALUES (1, 'APP', 'shop', x'00', 'send', 0)"
        )
        connection.execute("INSERT INTO idempotency SELECT 1, 'order-4711', 'digest', min(seq), 0 FROM outbox")
        connection.commit()
    export = str(exporting.exported(tmp_path / "parley.db", CANARY))
    for told in ("order-4711", "in:016543", "the-word-that-changed-it", "'waiting_since': '1970-01-01"):
        assert told in export
