"""docs/api/contacts.md is true: a server with the sample shop takes and answers what it shows."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import BaseModel

from bot.core.decision import ChangeConsent
from bot.core.event import ContactKey, InboundMessage, Text
from bot.core.then import FIELD_MAX
from bot.rulebook.load import load
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming
from bot.web.api import consents, contacts, conversation, operation
from bot.web.api.backend import Backend
from bot.web.api.keys import make_key
from bot.web.api.problems import PROBLEMS
from bot.web.api.routes import api_app
from tests.curl import Curl, curls
from tests.pages import ROOT, named, spans, tables
from tests.sinch.payloads import APP, texted
from tests.test_docs import section

PAGE = ROOT / "docs" / "api" / "contacts.md"
WRITTEN = PAGE.read_text(encoding="utf-8")
NOW = datetime(2026, 1, 21, 9, tzinfo=UTC)
ID = "01KFG6T1F2T6K4ZC0Y9S1D7M3R"
CURLS = list(curls(PAGE))
TABLES: dict[str, type[BaseModel]] = {
    "GET /v1/contacts/{identity}": contacts.Contact,
    "PATCH /v1/contacts/{identity}": contacts.ContactBody,
    "PUT /v1/contacts/{identity}/consent": consents.ConsentBody,
}


class Server:
    """The API over the sample shop, where both people of the page wrote a minute ago."""

    def __init__(self, client: TestClient[web.Request, web.Application], store: Store, key: str) -> None:
        self.client, self.store, self.key = client, store, key

    async def ask(self, curl: Curl) -> tuple[int, Any]:
        headers = {**curl.headers, "Authorization": f"Bearer {self.key}"}
        async with self.client.request(curl.method, curl.path, data=curl.body, headers=headers) as response:
            return response.status, await response.json()

    async def writes(self, number: str, text: str, at: datetime, change: ChangeConsent | None = None) -> None:
        event = InboundMessage(f"in:{ID}", ContactKey(APP, "WHATSAPP", number), ID, Text(text), at, at)
        raw = json.dumps(texted(ID, number, text, at)).encode()
        await self.store.record([Incoming(event, InboxKind.INBOUND, raw, change)], NOW)


@pytest.fixture
async def server(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
) -> AsyncIterator[Server]:
    shop = load(ROOT / "rules").rulebook
    assert shop is not None
    store = await open_store(tmp_path / "parley.db", app=APP)
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: shop, lambda: NOW, APP)))
    yield Server(await aiohttp_client(root), store, await make_key(store, "docs", ["send", "read"], NOW))
    await store.close()


def shown(info: str) -> Any:
    [block] = named(PAGE, info)
    return json.loads(block.text)


def line(method: str, ending: str) -> Curl:
    [found] = [each for each in CURLS if each.method == method and each.path.partition("?")[0].endswith(ending)]
    return found


async def test_every_line_is_taken(server: Server) -> None:
    assert len(CURLS) == 5
    await server.writes("46701740605", "hello", NOW)
    for each in CURLS:
        status, document = await server.ask(each)
        assert status == 200, document


async def test_a_contact_is_told_as_shown(server: Server) -> None:
    await server.writes("46701740605", "hello", NOW - timedelta(minutes=1))
    assert await server.ask(line("GET", "605")) == (200, shown("json contact"))


async def test_a_change_is_answered_with_the_contact(server: Server) -> None:
    status, told = await server.ask(line("PATCH", "605"))
    assert (status, told["fields"], told["tags"], told["language"]) == (200, {"first_name": "Åsa"}, ["vip"], "sv")


async def test_an_opt_in_is_told_as_shown(server: Server) -> None:
    await server.writes("447700900123", "hello", NOW - timedelta(minutes=1))
    assert await server.ask(line("PUT", "consent")) == (200, shown("json consent-set"))


async def test_the_ledger_is_told_as_shown(server: Server) -> None:
    await server.writes("46701740605", "stop", NOW, ChangeConsent("all", "stopped", "the person wrote it", NOW))
    assert await server.ask(line("GET", "consent")) == (200, shown("json ledger"))


async def test_the_conversation_is_told_as_shown(server: Server) -> None:
    await server.writes("46701740605", "hello", NOW - timedelta(minutes=1))
    body = json.dumps({"to": "+46701740605", "reply": {"text": "Your order is ready."}})
    placed = await server.ask(Curl("", "POST", "/v1/messages", {"Content-Type": "application/json"}, body))
    status, told = await server.ask(line("GET", "conversation"))
    expected = shown("json conversation")
    expected["entries"][0]["id"] = placed[1]["id"]
    assert (status, told) == (200, expected)


@pytest.mark.parametrize("title", TABLES)
def test_every_field_is_described_and_no_other(title: str) -> None:
    [rows] = [rows for head, rows in tables(section(WRITTEN, title)) if head[0] == "field"]
    assert [name for row in rows for name in spans(row[0])] == list(TABLES[title].model_fields)


def test_every_refusal_is_described_with_its_status() -> None:
    [(_, rows)] = tables(section(WRITTEN, "What is refused"))
    operations = (*contacts.OPERATIONS, *consents.OPERATIONS, *conversation.OPERATIONS)
    expected = {code for each in operations for code in each.refusals}
    assert {(status, spans(code)[0]) for status, code, _ in rows} == {
        (str(PROBLEMS[code].status), code) for code in expected
    }


def test_every_limit_is_the_one_that_holds() -> None:
    plain = re.sub(r"\s+", " ", WRITTEN)
    for limit in (
        f"Up to {FIELD_MAX} characters each",
        f"each up to {contacts.TAG_MAX} characters",
        f"Up to {contacts.AT_ONCE_MOST} fields and {contacts.AT_ONCE_MOST} tags in one request",
        f"Up to {consents.SOURCE_MAX} characters",
        f"up to {consents.PROOF_MAX} characters",
    ):
        assert limit in plain
    assert plain.count(f"up to `limit` ({operation.PAGE}, at most {operation.PAGE_MAX})") == 2
