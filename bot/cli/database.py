"""Commands that write: through the running server where there is one, else on the database file itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.config import Config
from bot.errors import Misconfigured
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.sqlite.connection import socket_path
from bot.web.operator import ask_server


def database_file(config: Config) -> Path:
    """The SQLite file. Raises ``Misconfigured`` with PostgreSQL."""
    path = config.sqlite_path
    if path is None:
        raise Misconfigured("PostgreSQL is not available in this version; set DATABASE_URL to sqlite:///parley.db.")
    return path


async def ask_running(config: Config, request: Mapping[str, object]) -> Mapping[str, object] | None:
    """What the running server answers to an operator's command, or None when none runs on this database."""
    return await ask_server(socket_path(database_file(config)), request)


@asynccontextmanager
async def own_store(config: Config) -> AsyncIterator[Store]:
    """The database, opened by this process alone. Raises ``Misconfigured`` when somebody else has it."""
    store = await open_store(database_file(config), app=config.app_id)
    try:
        yield store
    finally:
        await store.close()
