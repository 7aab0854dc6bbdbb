"""docs/api.md is true: a server with the sample shop takes and answers what it shows."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from bot.core.delivery import OutboxState, Policy, delivery_name
from bot.core.event import ContactKey, DeliveryReceipt, InboundMessage, Reason, Text
from bot.rulebook.load import load
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, InboxKind, Incoming
from bot.web.api.backend import Backend
from bot.web.api.bodies import Body, EventBody, MessageBody, parse
from bot.web.api.keys import make_key
from bot.web.api.problems import PROBLEMS
from bot.web.api.routes import api_app
from tests.curl import curls
from tests.pages import API_PAGE, API_PAGES, ROOT, blocks, named
from tests.store.making import answers

SHOP = load(ROOT / "rules").rulebook
NOW = datetime(2026, 1, 21, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """A documented request to the API; ``body`` is None where it only asks."""

    shown_in: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] | None

    def __str__(self) -> str:
        return self.shown_in


def requests() -> list[Request]:
    paths = {"json message": "/v1/messages", "json event": "/v1/events"}
    curled = [
        Request(str(line), line.path, line.headers, json.loads(line.body) if line.body is not None else None)
        for line in curls(API_PAGE)
        if line.method in ("GET", "POST")
    ]
    shown = [Request(str(each), paths[each.info], {}, json.loads(each.text)) for each in named(API_PAGE, *paths)]
    return [*curled, *shown]


REQUESTS = requests()
MODELS: Mapping[str, type[Body]] = {"/v1/messages": MessageBody, "/v1/events": EventBody}


def test_every_curl_line_is_found() -> None:
    shown = sum(block.text.count("curl ") for block in blocks(API_PAGE))
    assert len(list(curls(API_PAGE))) == shown >= 4


@pytest.mark.parametrize("request_", [each for each in REQUESTS if each.body is not None], ids=str)
def test_a_body_has_the_form_that_the_api_takes(request_: Request) -> None:
    parse(MODELS[request_.path], request_.body)


@dataclass(frozen=True)
class Server:
    """The API over the sample shop; somebody with each number that the page names wrote a minute ago."""

    client: TestClient[web.Request, web.Application]
    store: Store
    key: str

    async def ask(self, request: Request) -> tuple[int, Any]:
        """Status and document."""
        headers = {**request.headers, "Authorization": f"Bearer {self.key}"}
        method = "GET" if request.body is None else "POST"
        async with self.client.request(method, request.path, json=request.body, headers=headers) as response:
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def server(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
) -> AsyncIterator[Server]:
    assert SHOP is not None
    rulebook = SHOP
    store = await open_store(tmp_path / "parley.db", app="app")
    for number in ("46701740605", "447700900123"):
        contact = ContactKey("app", "WHATSAPP", number)
        written_at = NOW - timedelta(minutes=1)
        event = InboundMessage(f"in:{number}", contact, "m", Text("hello"), written_at, written_at)
        await store.record([Incoming(event, InboxKind.INBOUND, b"{}")], NOW)
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: rulebook, lambda: NOW, "app")))
    key = await make_key(store, "docs", ["send", "read"], NOW)
    yield Server(await aiohttp_client(root), store, key)
    await store.close()


@pytest.mark.parametrize("request_", [each for each in REQUESTS if each.body is not None], ids=str)
async def test_a_request_is_taken_by_a_server_with_the_sample_shop(server: Server, request_: Request) -> None:
    status, document = await server.ask(request_)
    assert status == 202, document


def document_of(info: str) -> Any:
    (block,) = named(API_PAGE, info)
    return json.loads(block.text)


def keys_of(document: object) -> object:
    """The names in a document without its values; of a list, its first item's."""
    if isinstance(document, dict):
        return {name: keys_of(value) for name, value in document.items()}
    return [keys_of(document[0])] if isinstance(document, list) and document else None


TEXT_MESSAGE = Request("", "/v1/messages", {}, {"to": "+46701740605", "reply": {"text": "Your order is ready."}})


async def test_answers_hold_what_the_page_shows(server: Server) -> None:
    _, placed = await server.ask(TEXT_MESSAGE)
    assert keys_of(placed) == keys_of(document_of("json placed"))
    assert len(placed["id"]) == len(document_of("json placed")["id"])
    event = Request("", "/v1/events", {}, {"name": "order.ready", "to": ["+46701740605"], "data": {"order_number": 1}})
    _, recorded = await server.ask(event)
    assert keys_of(recorded) == keys_of(document_of("json recorded"))
    assert TEXT_MESSAGE.body is not None
    status, refused = await server.ask(Request("", "/v1/messages", {}, {**TEXT_MESSAGE.body, "txet": 1}))
    assert (status, refused) == (422, document_of("json problem"))


async def test_a_message_that_was_delivered_is_told_as_the_page_shows(server: Server) -> None:
    shown = document_of("json message-view")
    _, placed = await server.ask(TEXT_MESSAGE)
    (started,) = await server.store.start(1, NOW, Policy())
    await server.store.finish([Accepted(started.attempt_id, "m1")], NOW)
    delivered = DeliveryReceipt("r1", started.contact, "m1", placed["id"], "DELIVERED", NOW, NOW)
    await server.store.record([Incoming(delivered, InboxKind.RECEIPT, b"{}")], NOW)
    await server.store.decide_ready(10, NOW, answers())
    status, view = await server.ask(Request("", f"/v1/messages/{placed['id']}", {}, None))
    assert status == 200
    assert keys_of(view) == keys_of(shown)
    told = ("to", "status", "reason", "reply")
    assert {name: view[name] for name in told} == {name: shown[name] for name in told}


async def test_the_reason_of_a_failed_receipt_has_the_parts_that_are_named(server: Server) -> None:
    _, placed = await server.ask(TEXT_MESSAGE)
    (started,) = await server.store.start(1, NOW, Policy())
    why = Reason("RECIPIENT_NOT_REACHABLE", "Nobody is there", "", "131026")
    failed = DeliveryReceipt("r1", started.contact, "m1", placed["id"], "FAILED", NOW, NOW, why)
    await server.store.record([Incoming(failed, InboxKind.RECEIPT, b"{}")], NOW)
    await server.store.decide_ready(10, NOW, answers())
    _, view = await server.ask(Request("", f"/v1/messages/{placed['id']}", {}, None))
    sentence = re.sub(r"\s+", " ", API_PAGE.read_text(encoding="utf-8")).partition("of a failed one has")[2]
    assert list(view["receipts"][0]["reason"]) == re.findall(r"`(\w+)`", sentence.partition("(WhatsApp")[0])


def test_every_field_of_a_body_is_described_and_no_other() -> None:
    page = API_PAGE.read_text(encoding="utf-8")
    for path, model in MODELS.items():
        table = page.partition(f"## POST {path}")[2].partition("| field | |")[2].partition("\n\n")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(model.model_fields)


def test_every_status_is_described_and_no_other() -> None:
    page = API_PAGE.read_text(encoding="utf-8")
    table = page.partition("## GET ")[2].partition("| status | |")[2].partition("\n\n")[0]
    hidden = {OutboxState.WAITING, OutboxState.SENDING, OutboxState.UNKNOWN}  # all told as queued
    expected = {state.value for state in OutboxState if state not in hidden} | {delivery_name(rank) for rank in (2, 3)}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == expected


def test_every_refusal_is_described_and_no_other() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in API_PAGES)
    rows = re.findall(r"^\| \d{3} \| ([^|]+) \|", pages, re.MULTILINE)
    described = {code for row in rows for code in re.findall(r"`([a-z][a-z0-9-]*)`", row)}
    assert described == set(PROBLEMS)
