"""The Sinch account of the settings, for commands that ask Sinch and then end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app import client_settings
from bot.config import Config
from bot.sinch.client import SinchClient, open_session


@asynccontextmanager
async def sinch_client(config: Config) -> AsyncIterator[SinchClient]:
    """A client with a session of its own."""
    settings = client_settings(config)
    async with open_session(settings) as session:
        client = SinchClient(settings, session)
        try:
            yield client
        finally:
            await client.close()
