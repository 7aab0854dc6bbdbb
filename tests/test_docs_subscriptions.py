"""docs/api/subscriptions.md is true: requests are taken, answers and events have the form that is shown, the example verifies."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from standardwebhooks import Webhook, WebhookVerificationError

from bot.core.callbacks import RETRIES, TRY_FOR
from bot.core.event import ContactKey, MediaKind
from bot.core.rulebook import Rulebook
from bot.net import GuardedClient
from bot.rulebook.load import load
from bot.store.sqlite import open_store
from bot.store.subscriptions import KINDS, MOST, News
from bot.store.units import InboxKind
from bot.web.api.backend import Backend
from bot.web.api.keys import make_key
from bot.web.api.operation import PAGE_MAX
from bot.web.api.routes import api_app
from bot.web.api.subscriptions import OPERATIONS, EventKind, SubscriptionBody, new_secret
from bot.work.callbacks import TIMEOUT_S, Deliverer
from bot.work.inbox import Deciding
from bot.work.payloads import Composer
from bot.work.stored_events import reader
from tests.curl import curls
from tests.pages import ROOT, named, spans, tables
from tests.sinch import payloads
from tests.work.still import StillClock

PAGE = ROOT / "docs" / "api" / "subscriptions.md"
TEXT = PAGE.read_text(encoding="utf-8")
NOW = datetime(2026, 1, 21, 9, tzinfo=UTC)
EVENTS = [json.loads(block.text) for block in named(PAGE, "json event")]
SHOP = load(ROOT / "rules").rulebook

Client = TestClient[web.Request, web.Application]


def shown(info: str) -> Any:
    (block,) = named(PAGE, info)
    return json.loads(block.text)


def table(head: str) -> list[tuple[str, ...]]:
    (rows,) = [rows for first, rows in tables(TEXT) if first[0] == head]
    return rows


# --- requests -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def client(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[Client]], aiohttp_server: Callable[..., Awaitable[Any]]
) -> AsyncIterator[Client]:
    """The API; what it posts to is a backend of its own that takes everything."""
    assert isinstance(SHOP, Rulebook)
    rulebook = SHOP

    async def hook(request: web.Request) -> web.Response:
        return web.Response(status=204)

    listener = web.Application()
    listener.router.add_post("/parley", hook)
    server = await aiohttp_server(listener)
    store = await open_store(tmp_path / "parley.db", app="app")
    outside = GuardedClient((f"127.0.0.1:{server.port}",))
    deliverer = Deliverer(store.subscriptions, outside, StillClock(NOW))
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: rulebook, lambda: NOW, "app", deliverer=deliverer)))
    client = await aiohttp_client(root)
    client.session.headers["Authorization"] = f"Bearer {await make_key(store, 'docs', ['admin'], NOW)}"
    client.session.headers["X-Hook"] = str(server.make_url("/parley"))
    yield client
    await outside.close()
    await store.close()


async def test_requests_are_taken_and_answered_as_shown(client: Client) -> None:
    subscribe, redrive, ping = curls(PAGE)
    async with client.request(subscribe.method, subscribe.path, json=json.loads(subscribe.body or "")) as answer:
        made, wanted = await answer.json(), shown("json made")
        assert (answer.status, made) == (201, {**wanted, "secret": made["secret"]})
        assert len(made["secret"]) == len(wanted["secret"])
    async with client.request(redrive.method, redrive.path, json=json.loads(redrive.body or "")) as answer:
        assert (answer.status, await answer.json()) == (202, shown("json redriven"))
    await client.patch("/v1/subscriptions/1", json={"url": client.session.headers["X-Hook"]})
    async with client.request(ping.method, ping.path) as answer:
        assert (answer.status, await answer.json()) == (200, shown("json pinged"))


def test_every_operation_and_field_is_described_and_no_other() -> None:
    rows = next(rows for first, rows in tables(TEXT) if first == ("", ""))
    assert [spans(row[0])[0] for row in rows] == [f"{each.method} /v1{each.path}" for each in OPERATIONS]
    assert [spans(row[0])[0] for row in table("field")] == list(SubscriptionBody.model_fields)
    codes = {code for row in table("status") for code in spans(row[1])}
    assert codes == {code for each in OPERATIONS for code in each.refusals} - {"not-found"}


def test_the_numbers_are_those_that_count() -> None:
    units = {"seconds": 1, "minutes": 60, "hours": 3600}
    sentence = TEXT.partition("is tried again after ")[2].partition(".\n")[0]
    waits: list[float] = []
    for numbers, unit in re.findall(r"((?:\d+(?:, | and )?)+) (seconds|minutes|hours)", sentence):
        waits.extend(int(each) * units[unit] for each in re.findall(r"\d+", numbers))
    assert waits == [each.total_seconds() for each in RETRIES]
    assert f"three days ({TRY_FOR // timedelta(hours=1)} hours)" in TEXT
    assert f"within {TIMEOUT_S:g} seconds" in TEXT
    assert f"there are {MOST} already" in TEXT
    assert f"up to {PAGE_MAX};" in TEXT


# --- events -------------------------------------------------------------------------------------------------------------

CONTENTS: dict[str, dict[str, object]] = {
    "message.status": {
        "state": "sent",
        "delivery": 9,
        "reason": '["RECIPIENT_NOT_REACHABLE", "Nobody is there", "", "131026"]',
    },
    "consent.changed": {"purpose": "all", "state": "stopped", "source": "the person wrote it"},
    "conversation.handed_over": {"team": "support", "rule": "person"},
    "rule.told": {
        "name": "complaint",
        "rule": "complaint",
        "values": {"story": "The brakes squeak.", "rule": "complaint"},
    },
}


def news_like(event: dict[str, Any]) -> News:
    """What led to the event that is shown."""
    kind, data = event["type"], event["data"]
    contact = ContactKey("app", "WHATSAPP", data["person"]["identity"].removeprefix("+"))
    news = News(
        event["sequence"],
        kind,
        data["person"]["id"],
        datetime.fromisoformat(event["timestamp"]),
        CONTENTS.get(kind, {}),
        contact,
        NOW + timedelta(hours=24),
        message_id=data.get("id", ""),
        reference=data.get("reference") or "",
    )
    if "content" not in data:
        return news
    body = payloads.texted(data["message_id"], contact.identity, data["content"]["text"], NOW)
    return replace(news, inbox_kind=InboxKind.INBOUND, received_at=NOW, raw=json.dumps(body).encode())


@pytest.mark.parametrize("event", EVENTS, ids=[each["type"] for each in EVENTS])
def test_an_event_is_told_as_shown(event: dict[str, Any]) -> None:
    compose = Composer(Deciding(reader("app"), lambda: pytest.fail("nothing is decided here"), b"k" * 32))
    body = compose(news_like(event))
    assert body is not None
    assert json.loads(body) == event


def test_every_kind_has_its_part() -> None:
    assert sorted([*(each["type"] for each in EVENTS), "conversation.given_back"]) == sorted(KINDS)
    assert re.findall(r"^### (.*)$", TEXT, re.MULTILINE) == [each["type"] for each in EVENTS]
    assert set(KINDS) < set(get_args(EventKind))
    told = {kind for row in table("`kind`") for kind in spans(row[0])}
    assert {str(kind) for kind in MediaKind} == told - {"text", "location", "tap", "order", "flow_answer", "unreadable"}


def test_the_example_verifies_what_is_posted_and_nothing_else() -> None:
    (example,) = named(PAGE, "python verify")
    secret, now, body = new_secret(), datetime.now(UTC), '{"type":"x"}'
    headers = {
        "webhook-id": "1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("1", now, body),
    }
    scope: dict[str, Any] = {"secret": secret, "body": body.encode(), "headers": headers}
    exec(example.text, scope)  # noqa: S102 our own page
    assert scope["event"] == {"type": "x"}
    with pytest.raises(WebhookVerificationError):
        exec(example.text, {**scope, "body": b'{"type":"y"}'})  # noqa: S102 our own page
