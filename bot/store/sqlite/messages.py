"""Messages that leave, as whoever asked for them sees them, on SQLite."""

from __future__ import annotations

from bot.store.sqlite.database import Database


class SqliteMessages:
    """See ``bot.store.messages.Messages``."""

    def __init__(self, database: Database) -> None:
        self._database = database
