"""Backends that listen, and what they are told, on SQLite."""

from __future__ import annotations

from bot.store.sqlite.database import Database


class SqliteSubscriptions:
    """See ``bot.store.subscriptions.Subscriptions``."""

    def __init__(self, database: Database) -> None:
        self._database = database
