"""Files of which neither name nor address tells what they are: their server does, or they are a mere file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from bot.app import open_app
from bot.core.codec import effects_digest
from bot.core.event import ContactKey, InboundMessage, Media
from bot.core.rulebook import Rulebooks
from bot.store.units import InboxKind, Incoming
from bot.work.clock import RunningClock
from bot.work.explain import decide_again
from bot.work.inbox import Deciding
from bot.work.stored_events import reader
from tests.journeys.conftest import Open
from tests.journeys.shop import APP, BEN, Guest, Shop, config_for

CANNOT_HEAR = "Sorry, I can only read text. What do you need?"
WILL_LOOK = "Thank you, a colleague will look at it."


@dataclass
class Files:
    """A server of files without endings: ``/voice`` is a voice note, ``/silent`` one once ``may_speak`` is set."""

    place: str = ""
    asked: list[str] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_speak: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, name: str) -> str:
        return f"http://{self.place}/{name}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        self.was_asked.set()
        if request.path == "/silent":
            await self.may_speak.wait()
        return web.Response(content_type="audio/ogg")


@asynccontextmanager
async def serving() -> AsyncIterator[Files]:
    files = Files()
    runner = web.ServerRunner(web.Server(files.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    files.place = "{}:{}".format(*runner.addresses[0])
    try:
        yield files
    finally:
        await runner.cleanup()


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    async with serving() as served:
        yield served


@pytest.fixture
async def shop(opened: Open, files: Files) -> Shop:
    return await opened(allowed_hosts=(files.place,))


async def test_a_voice_note_without_an_ending_is_answered_as_one(shop: Shop, ben: Guest, files: Files) -> None:
    await ben.does.sends_media(files.url("voice"))
    assert (await ben.reads()).shown.text == CANNOT_HEAR
    assert files.asked == ["HEAD /voice"]
    assert shop.rows("SELECT media_kind FROM inbox WHERE kind = 'inbound'") == [("voice",)]
    await _is_made_again_from_its_trace(shop)


async def test_a_silent_server_makes_it_a_file_when_its_time_is_over_and_in_order(
    shop: Shop, ben: Guest, files: Files
) -> None:
    await ben.does.sends_media(files.url("silent"))
    await files.was_asked.wait()
    await ben.says("hi")
    assert shop.rows("SELECT count(*) FROM inbox WHERE kind = 'inbound' AND state = 'pending'") == [(2,)]
    shop.later(seconds=3)
    assert (await ben.reads()).shown.text == WILL_LOOK
    await _is_made_again_from_its_trace(shop)
    files.may_speak.set()  # too late: what was decided stays so
    await shop.app.media.drain(5.0)
    assert shop.rows("SELECT media_kind FROM inbox WHERE kind = 'inbound'") == [("",), ("",)]


async def test_a_file_in_a_network_of_ours_is_not_asked_for(opened: Open, files: Files) -> None:
    shop = await opened()
    ben = shop.guest(BEN)
    await ben.does.sends_media(files.url("voice"))
    assert (await ben.reads()).shown.text == WILL_LOOK
    assert files.asked == []


async def test_stop_beside_a_file_that_is_still_asked_for_is_stop_at_once(shop: Shop, ben: Guest, files: Files) -> None:
    await ben.does.sends_media(files.url("silent"))
    await files.was_asked.wait()
    await ben.says("stop")
    assert (await shop.app.store.standing(ContactKey(APP, "WHATSAPP", BEN))).consent.stopped
    files.may_speak.set()
    await shop.app.media.drain(5.0)
    assert "no more messages" in (await ben.reads()).shown.text


async def test_stopping_waits_for_an_answer_and_keeps_it(tmp_path: Path, files: Files) -> None:
    contact, now = ContactKey(APP, "WHATSAPP", BEN), datetime.now(UTC)
    event = InboundMessage("in:1", contact, "1", Media(files.url("silent"), None), now, now)
    config = config_for("http://127.0.0.1:9", tmp_path / "shop.db", allowed_hosts=(files.place,))
    app = await open_app(config, RunningClock())
    until = app.media.waits_until(event, now)
    assert until is not None
    await app.store.record([Incoming(event, InboxKind.INBOUND, b"{}", ready_at=until)], now)
    app.media.ask(event, until)
    await files.was_asked.wait()
    stopping = asyncio.create_task(app.close())
    await asyncio.wait(app.tasks)  # nothing else is waited for any more
    files.may_speak.set()
    await stopping
    with closing(sqlite3.connect(app.path)) as connection:
        assert connection.execute("SELECT media_kind, state FROM inbox").fetchall() == [("voice", "pending")]


async def _is_made_again_from_its_trace(shop: Shop) -> None:
    [number] = next(iter(shop.rows("SELECT min(inbox) FROM trace")))
    trace = await shop.app.store.trace(number)
    assert trace is not None
    known = shop.app.rules.rulebooks
    deciding = Deciding(reader(APP), lambda: known, shop.app.store.installation_key)
    assert effects_digest(decide_again(trace, deciding, Rulebooks(known.live))) == trace.digest
