"""One template to many people, on SQLite."""

from __future__ import annotations

from bot.store.sqlite.database import Database


class SqliteCampaigns:
    """See ``bot.store.campaigns.Campaigns``."""

    def __init__(self, database: Database) -> None:
        self._database = database
