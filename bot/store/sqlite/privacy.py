"""What is exported, erased, forgotten and backed up, on SQLite."""

from __future__ import annotations

from bot.store.sqlite.database import Database


class SqlitePrivacy:
    """See ``bot.store.privacy.Privacy``."""

    def __init__(self, database: Database) -> None:
        self._database = database
