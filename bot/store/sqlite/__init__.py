"""The store on one SQLite file."""

from bot.store.sqlite.archive import open_archive
from bot.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_archive", "open_store"]
