"""Every store must pass the same suite: a new store is one more way to open one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.port import Store
from bot.store.sqlite import open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()
