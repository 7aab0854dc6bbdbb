"""docs/api/hand-over.md is true: a server with the sample shop takes and answers what it shows."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from bot.core.event import ContactKey, InboundMessage, Text
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.load import load
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming
from bot.web.api import hand_over
from bot.web.api.backend import Backend
from bot.web.api.bodies import Body
from bot.web.api.keys import make_key
from bot.web.api.routes import api_app
from bot.work.inbox import Deciding, decide_lane
from bot.work.stored_events import reader
from tests.curl import Curl, curls
from tests.pages import ROOT, named

PAGE = ROOT / "docs" / "api" / "hand-over.md"
WRITTEN = PAGE.read_text(encoding="utf-8")
NOW = datetime(2026, 1, 21, 9, tzinfo=UTC)
CURLS = list(curls(PAGE))
BODIES = {
    "hand-over": hand_over.HandOverBody,
    "messages": hand_over.ColleagueMessageBody,
    "give-back and /close": hand_over.GiveBackBody,
}


class Server:
    """The API over the sample shop, where the person of the page wrote a minute ago; all that comes is decided at once."""

    def __init__(
        self, client: TestClient[web.Request, web.Application], store: Store, key: str, shop: Rulebook
    ) -> None:
        self._client, self._store, self._key = client, store, key
        self._deciding = Deciding(reader("app"), lambda: Rulebooks(shop), b"k" * 32)

    async def decides(self) -> None:
        await self._store.decide_ready(10, NOW, lambda lane: decide_lane(self._deciding, NOW, lane))

    async def ask(self, curl: Curl) -> tuple[int, Any]:
        headers = {**curl.headers, "Authorization": f"Bearer {self._key}"}
        async with self._client.request(curl.method, curl.path, data=curl.body, headers=headers) as response:
            document = await response.json(content_type=None)
        await self.decides()
        return response.status, document


@pytest.fixture
async def server(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
) -> AsyncIterator[Server]:
    shop = load(ROOT / "rules").rulebook
    assert shop is not None
    store = await open_store(tmp_path / "parley.db", app="app")
    written_at = NOW - timedelta(minutes=1)
    event = InboundMessage("in", ContactKey("app", "WHATSAPP", "46701740605"), "m", Text("hej"), written_at, written_at)
    await store.record([Incoming(event, InboxKind.INBOUND, b"{}")], NOW)
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: shop, lambda: NOW, "app")))
    key = await make_key(store, "docs", ["send", "read"], NOW)
    server = Server(await aiohttp_client(root), store, key, shop)
    await server.decides()
    yield server
    await store.close()


def shown(info: str) -> Any:
    (block,) = named(PAGE, info)
    return json.loads(block.text)


def test_every_operation_is_shown_and_listed() -> None:
    operations = {f"{each.method} {each.path}" for each in hand_over.OPERATIONS}
    assert {f"{each.method} {_declared(each.path)}" for each in CURLS} == operations
    listed = re.findall(r"^\| \[`(\w+) /v1([^`?]*)[^`]*`\]", WRITTEN, re.MULTILINE)
    assert {f"{method} {path}" for method, path in listed} == operations
    assert len(CURLS) == WRITTEN.count("curl ")


def _declared(path: str) -> str:
    return path.partition("?")[0].removeprefix("/v1").replace("+46701740605", "{identity}")


@pytest.mark.parametrize("curl", CURLS, ids=str)
async def test_a_request_is_taken(server: Server, curl: Curl) -> None:
    status, document = await server.ask(curl)
    assert status == (202 if curl.method == "POST" else 200), document


async def test_answers_are_those_of_the_page(server: Server) -> None:
    taken, _, given, _, listed = CURLS
    assert await server.ask(taken) == (202, shown("json handed-over"))
    assert await server.ask(listed) == (200, shown("json waiting"))
    assert await server.ask(given) == (202, shown("json given-back"))
    assert await server.ask(listed) == (200, {"contacts": [], "next": None})


@pytest.mark.parametrize(("title", "model"), BODIES.items(), ids=BODIES)
def test_every_field_is_described_and_no_other(title: str, model: type[Body]) -> None:
    table = WRITTEN.partition(f"## POST /v1/contacts/{{identity}}/{title}\n")[2].partition("| field | |")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)) == set(model.model_fields)


def test_every_parameter_is_described_and_no_other() -> None:
    table = WRITTEN.partition("| parameter | |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(hand_over.WaitingQuery.model_fields)
