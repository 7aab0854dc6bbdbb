"""An emulator with a listening bot, on a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings, StoppedClock, WebhookSettings
from tests.sinch.emulator.caller import Caller
from tests.sinch.emulator.sink import Sink

START = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)
SECRET = "foo_secret1234"
EVERYTHING = (
    "MESSAGE_INBOUND",
    "MESSAGE_DELIVERY",
    "EVENT_INBOUND",
    "EVENT_DELIVERY",
    "CHANNEL_EVENT",
    "OPT_IN",
    "OPT_OUT",
    "UNSUPPORTED",
)
Start = Callable[[EmulatorSettings], Awaitable[Emulator]]


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(START)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    listening = Sink()
    await listening.start()
    yield listening
    await listening.stop()


@pytest.fixture
async def start(sink: Sink, clock: StoppedClock) -> AsyncIterator[Start]:
    """Starts emulators with other settings; the sink is their webhook unless they name their own."""
    async with AsyncExitStack() as stack:

        async def run(settings: EmulatorSettings) -> Emulator:
            if not settings.webhooks:
                settings = replace(settings, webhooks=(WebhookSettings(sink.url, SECRET, EVERYTHING),))
            emulator = Emulator(settings, clock)
            await emulator.start()
            stack.push_async_callback(emulator.stop)
            return emulator

        yield run


@pytest.fixture
async def emulator(start: Start) -> Emulator:
    return await start(EmulatorSettings())


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


@pytest.fixture
def caller(emulator: Emulator, session: ClientSession) -> Caller:
    return Caller(emulator, session)
