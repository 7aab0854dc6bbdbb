"""``shop``: open for customers. ``anna`` reads Swedish, ``ben`` English. A module that is about the workshop overrides ``shop``."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.backend import Backend, working_backend
from tests.journeys.shop import ANNA, BEN, Guest, Shop, open_shop

Open = Callable[..., Awaitable[Shop]]
WORKSHOP = Path(__file__).parent / "workshop"


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
async def backend() -> AsyncIterator[Backend]:
    async with working_backend() as working:
        yield working


@pytest.fixture
def workshop_rules(tmp_path: Path, backend: Backend) -> Path:
    """The workshop's rules, in a folder of their own that may be edited."""
    folder = tmp_path / "workshop"
    folder.mkdir()
    for path in WORKSHOP.iterdir():
        (folder / path.name).write_text(path.read_text("utf-8").replace("BACKEND", backend.place), "utf-8")
    return folder


@pytest.fixture
async def workshop(workshop_rules: Path, backend: Backend, opened: Open) -> Shop:
    """A shop that asks questions and calls its backend."""
    return await opened(rules=workshop_rules, allowed_hosts=(backend.place,))


@pytest.fixture
def anna(shop: Shop) -> Guest:
    return shop.guest(ANNA)


@pytest.fixture
def ben(shop: Shop) -> Guest:
    return shop.guest(BEN)
