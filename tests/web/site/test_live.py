"""Pages that stay up to date: what changed is sent, once; who may not look any more, or a server that stops, ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from bot.errors import StoreUnavailable
from bot.web.site import live
from bot.web.site.live import Pulse, stream
from tests.web.site.conftest import PASSWORD, QUICK, Site

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.01)
    monkeypatch.setattr(live, "BETWEEN_S", 0.01)


class Events:
    """What comes through a stream."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, Any]:
        """The next event's name and content; ``end`` when there is none any more."""
        name = ""
        async with asyncio.timeout(10):
            while line := (await self.response.content.readline()).decode():
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: "):
                    return name, orjson.loads(line[6:])
        return "end", None

    async def fragments(self) -> dict[str, str]:
        """The next parts that changed."""
        while True:
            name, content = await self.next()
            assert name == "news", name
            if content["fragments"]:
                found: dict[str, str] = content["fragments"]
                return found


class Board:
    """A page of two parts, and what keeps it from being shown."""

    def __init__(self) -> None:
        self.turn = 0
        self.parts = {"one": "<p id='one'>1</p>", "two": "<p id='two'>2</p>"}
        self.may: bool | Exception = True
        self.trouble: Exception | None = None
        self.rendered = 0
        self.asked = 0
        self.pulse = Pulse(self._turn)

    def change(self, **parts: str) -> None:
        self.parts |= parts
        self.turn += 1

    async def _turn(self) -> int:
        self.asked += 1
        return self.turn

    async def _fragments(self) -> dict[str, str]:
        self.rendered += 1
        if self.trouble is not None:
            raise self.trouble
        return dict(self.parts)

    async def _may(self) -> bool:
        if isinstance(self.may, Exception):
            raise self.may
        return self.may

    async def show(self, request: web.Request) -> web.StreamResponse:
        return await stream(request, self.pulse, self._fragments, self._may, lambda: NOW)


Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def board(aiohttp_client: Callable[..., Awaitable[Client]]) -> AsyncIterator[tuple[Board, Client]]:
    made = Board()
    app = web.Application()
    app.add_routes([web.get("/", made.show)])
    yield made, await aiohttp_client(app)
    made.pulse.stop()


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[Events]:
    response = await client.get("/")
    try:
        yield Events(response)
    finally:
        response.close()


async def test_all_of_it_comes_first_and_then_what_changed(board: tuple[Board, Client]) -> None:
    page, client = board
    async with listening(client) as events:
        assert events.response.content_type == "text/event-stream"
        assert events.response.headers["Cache-Control"] == "no-store"
        name, content = await events.next()
        assert (name, content) == ("news", {"now": "2026-01-05T09:00:00+00:00", "fragments": page.parts})
        page.change(two="<p id='two'>line\n\nbreaks\r\nand \u2028 marks</p>")
        assert await events.fragments() == {"two": page.parts["two"]}
        page.change(one="<p id='one'>3</p>")
        assert await events.fragments() == {"one": "<p id='one'>3</p>"}


async def test_what_nobody_looks_at_asks_nothing(board: tuple[Board, Client]) -> None:
    page, client = board
    async with listening(client) as first, listening(client) as second:
        await first.fragments()
        await second.fragments()
        assert page.asked
    while page.pulse._streams:
        page.change(one=str(page.turn))  # writing finds out that nobody is there
        page.pulse.touch()
        await asyncio.sleep(0)
    assert page.pulse._task is None


async def test_who_may_not_look_any_more_is_told_and_sees_no_more(board: tuple[Board, Client]) -> None:
    page, client = board
    async with listening(client) as events:
        await events.fragments()
        page.may = False
        page.change(one="secret")
        told = [await events.next()]
        while told[-1][0] == "news":
            assert told[-1][1]["fragments"] == {}
            told.append(await events.next())
        assert told[-1] == ("over", {})
        assert await events.next() == ("end", None)


async def test_where_nobody_can_tell_whether_they_may_they_may_not(board: tuple[Board, Client]) -> None:
    page, client = board
    async with listening(client) as events:
        await events.fragments()
        page.may = StoreUnavailable("The database is locked.")
        page.change(one="secret")
        page.pulse.touch()
        before = page.rendered
        for _ in range(3):
            assert (await events.next())[1]["fragments"] == {}
            page.pulse.touch()
        assert page.rendered == before
        page.may = True
        page.pulse.touch()
        assert await events.fragments() == {"one": "secret"}, "and it goes on by itself"


async def test_a_database_that_cannot_be_read_leaves_the_page_as_it_is(board: tuple[Board, Client]) -> None:
    page, client = board
    async with listening(client) as events:
        await events.fragments()
        page.trouble = StoreUnavailable("The database is locked.")
        page.change(one="later")
        assert (await events.next())[1]["fragments"] == {}
        page.trouble = None
        page.pulse.touch()
        assert await events.fragments() == {"one": "later"}


async def test_a_mistake_ends_the_stream_and_is_logged(board: tuple[Board, Client], logged: list[Any]) -> None:
    page, client = board
    async with listening(client) as events:
        await events.fragments()
        page.trouble = ZeroDivisionError("secret of the machine")
        page.change(one="x")
        while (got := await events.next())[0] == "news":
            assert "secret" not in str(got)
        assert got == ("end", None)
    assert [each["event"] for each in logged if each["log_level"] == "error"] == ["page_broke"]
    assert not page.pulse._streams


async def test_there_are_not_more_streams_than_may_be(
    board: tuple[Board, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = board
    monkeypatch.setattr(live, "STREAMS_MOST", 2)
    async with listening(client) as first, listening(client) as second:
        await first.fragments()
        await second.fragments()
        refused = await client.get("/")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")


async def test_one_visitor_does_not_take_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OF_ONE_MOST", 2)
    pulse = Board().pulse

    async def enters(who: str) -> bool:
        return pulse.enter(who)

    entered = [await asyncio.create_task(enters(who)) for who in ("anna", "anna", "anna", "ben", "", "", "")]
    assert entered == [True, True, False, True, True, True, True]
    pulse.stop()


async def test_the_more_pages_are_open_the_longer_each_waits() -> None:
    pulse = Board().pulse

    async def enters() -> bool:
        return pulse.enter()

    assert [await asyncio.create_task(enters()) for _ in range(10)] == [True] * 10
    assert pulse.pause_s(0.02) * live.SHARE == pytest.approx(10 * 0.02), (
        "all of them together take that part of the time"
    )
    pulse.stop()


@asynccontextmanager
async def deaf(client: Client) -> AsyncIterator[None]:
    """A browser that asks and then takes nothing of what comes."""
    assert client.server is not None
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readline()
    try:
        yield
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def all_gone(pulse: Pulse) -> None:
    """Return when no stream is open."""
    _, left = await asyncio.wait(set(pulse._streams), timeout=20)
    assert not left


async def test_a_browser_that_takes_nothing_is_let_go(
    board: tuple[Board, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, client = board
    monkeypatch.setattr(live, "WRITE_S", 0.1)
    page.change(one="x" * 30_000_000)
    async with deaf(client):
        assert page.pulse._streams
        await all_gone(page.pulse)


async def test_stopping_ends_all_streams_at_once_also_of_who_takes_nothing(board: tuple[Board, Client]) -> None:
    page, client = board
    loop = asyncio.get_running_loop()
    async with listening(client) as one, listening(client) as two:
        await one.fragments()
        await two.fragments()
        page.parts["one"] = "x" * 30_000_000
        async with deaf(client):
            assert len(page.pulse._streams) == 3
            began = loop.time()
            page.pulse.stop()
            await all_gone(page.pulse)
            assert loop.time() - began < 2
            assert (await client.get("/")).status == 503


# --- with real users ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["revoked", "password", "late"])
async def test_a_session_that_ends_ends_its_streams(site: Site, how: str) -> None:
    await site.log_in("anna")
    response = await site.client.get("/admin/live")
    events, now = Events(response), site.clock[0]
    assert list(await events.fragments()) == ["part"]
    if how == "revoked":
        await site.store.users.revoke("anna", now)
    elif how == "password":
        await site.store.users.change("anna", now, password=QUICK.hash(PASSWORD))
    else:
        site.later(hours=13)
        site.pulse.touch()
    told = await events.next()
    while told[0] == "news":
        assert told[1]["fragments"] == {}
        told = await events.next()
    assert told[0] == "over"
    assert (await site.client.get("/admin/live")).status == 401
