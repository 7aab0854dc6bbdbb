"""People and what is known of them, on SQLite."""

from __future__ import annotations

from bot.store.sqlite.database import Database


class SqliteContacts:
    """See ``bot.store.contacts.Contacts``."""

    def __init__(self, database: Database) -> None:
        self._database = database
