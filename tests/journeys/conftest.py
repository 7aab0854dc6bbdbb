"""``shop``: open for customers. ``anna`` reads Swedish, ``ben`` English."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.journeys.shop")

from tests.journeys.shop import ANNA, BEN, Guest, Shop, open_shop  # noqa: E402 rewritten first

Open = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a shop whose emulator has other settings, or whose own are other ones."""
    async with AsyncExitStack() as stack:

        async def open_it(**given: Any) -> Shop:
            return await stack.enter_async_context(open_shop(tmp_path, **given))

        yield open_it


@pytest.fixture
async def shop(opened: Open) -> Shop:
    return await opened()


@pytest.fixture
def anna(shop: Shop) -> Guest:
    return shop.guest(ANNA)


@pytest.fixture
def ben(shop: Shop) -> Guest:
    return shop.guest(BEN)
