"""/v1/subscriptions: the secret is told once, addresses are checked, dead letters can be read and driven again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from standardwebhooks import Webhook

from bot.core.callbacks import TRY_FOR
from bot.core.event import ContactKey, InboundMessage, Text
from bot.core.rulebook import Rulebook
from bot.net import GuardedClient
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.subscriptions import EVERYTHING, KINDS, CallbackDone
from bot.store.units import InboxKind, Incoming
from bot.web.api.backend import Backend
from bot.web.api.keys import make_key
from bot.web.api.routes import api_app
from bot.web.api.subscriptions import EventKind
from bot.work.callbacks import Deliverer
from tests.work.still import StillClock

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
PATH = "/v1/subscriptions"


@dataclass
class Answered:
    status: int
    document: Any
    headers: Mapping[str, str]


@dataclass
class Desk:
    """The API with an admin's key; ``pings`` are what a backend at ``hook`` was posted."""

    client: TestClient[web.Request, web.Application]
    store: Store
    key: str
    reader: str
    clock: StillClock
    hook: str
    answers: list[int]
    pings: list[Mapping[str, str]] = field(default_factory=list)

    async def asks(self, method: str, path: str = "", body: object = None, key: str = "") -> Answered:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self.client.request(method, PATH + path, json=body, headers=headers) as answer:
            return Answered(answer.status, await answer.json(content_type=None), answer.headers)

    async def subscribes(self, **more: Any) -> dict[str, Any]:
        answer = await self.asks("POST", "", {"url": self.hook, "events": ["*"], **more})
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.document
        return made

    async def dies(self, letters: int) -> None:
        """So many events are given up."""
        store = self.store
        for n in range(letters):
            contact = ContactKey("app", "WHATSAPP", f"4670000000{n}")
            event = InboundMessage(f"in:{n}", contact, "m", Text("hi"), NOW, NOW)
            await store.record([Incoming(event, InboxKind.INBOUND, b"{}")], NOW)
        await store.subscriptions.publish(100, lambda news: f'{{"sequence":{news.number}}}', NOW)
        for each in (await store.subscriptions.start(100, NOW)).started:
            done = CallbackDone(each.attempt_id, "refused", 500, "It answered 500.")
            await store.subscriptions.finish(done, NOW + TRY_FOR)


@pytest.fixture
async def desk(
    tmp_path: Path,
    rulebook: Rulebook,
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]],
    aiohttp_server: Callable[..., Awaitable[Any]],
) -> AsyncIterator[Desk]:
    clock, answers, pings = StillClock(NOW), [204], list[Mapping[str, str]]()

    async def hook(request: web.Request) -> web.Response:
        pings.append({**request.headers, "body": (await request.read()).decode()})
        return web.Response(status=answers[-1])

    listener = web.Application()
    listener.router.add_post("/hook", hook)
    server = await aiohttp_server(listener)
    store = await open_store(tmp_path / "parley.db", app="app")
    outside = GuardedClient((f"127.0.0.1:{server.port}",))
    deliverer = Deliverer(store.subscriptions, outside, clock)
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: rulebook, clock.now, "app", deliverer=deliverer)))
    admin, reader = [await make_key(store, scope, [scope], NOW) for scope in ("admin", "read")]
    url = str(server.make_url("/hook"))
    yield Desk(await aiohttp_client(root), store, admin, reader, clock, url, answers, pings)
    await outside.close()
    await store.close()


def problem(answer: Answered) -> tuple[int, str]:
    return answer.status, answer.document["type"].rpartition(":")[2]


async def test_the_secret_is_told_once(desk: Desk) -> None:
    made = await desk.subscribes(name="till", events=["message.received", "rule.told"])
    secret = made.pop("secret")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert made == {
        "id": "1", "name": "till", "url": desk.hook, "events": ["message.received", "rule.told"],
        "created_at": "2026-01-05T09:00:00+00:00", "paused": False, "paused_why": None, "failures": 0,
        "last_failure": None, "resume_at": None, "last_success_at": None, "queued": 0, "dead": 0,
    }  # fmt: skip
    assert (await desk.asks("GET", "/1")).document == made
    assert (await desk.asks("GET")).document == {"subscriptions": [made]}
    other = await desk.subscribes()
    assert other["secret"] != secret
    answer = await desk.asks("POST", "", {"url": desk.hook, "events": ["*"]})
    assert answer.headers["Location"] == f"{PATH}/3"


async def test_it_takes_an_admin(desk: Desk) -> None:
    await desk.subscribes()
    for method, path in (
        ("GET", ""),
        ("GET", "/1"),
        ("DELETE", "/1"),
        ("POST", "/1/rotate"),
        ("GET", "/1/dead-letters"),
    ):
        assert problem(await desk.asks(method, path, key=desk.reader)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://shop.example.com/told", "must start with https://"),
        ("https://10.0.0.1/told", "no public address"),
        ("https://[::1]/told", "no public address"),
        ("https://127.0.0.1/", "no public address"),
        ("https://localhost/", "no public address"),
        ("ftp://shop.example.com/", "cannot be called"),
        ("told", "cannot be called"),
        ("https://", "cannot be called"),
        ("https://shop.example.com:99999/", "cannot be called"),
    ],
)
async def test_an_address_that_will_never_be_called_is_refused(desk: Desk, url: str, words: str) -> None:
    answer = await desk.asks("POST", "", {"url": url, "events": ["*"]})
    assert problem(answer) == (422, "bad-url")
    assert words in answer.document["detail"]
    await desk.subscribes()
    assert problem(await desk.asks("PATCH", "/1", {"url": url})) == (422, "bad-url")
    assert (await desk.asks("GET", "/1")).document["url"] == desk.hook


async def test_an_encrypted_address_with_a_name_is_taken(desk: Desk) -> None:
    assert (await desk.subscribes(url="https://shop.example.com/told"))["url"] == "https://shop.example.com/told"


@pytest.mark.parametrize(
    "change",
    [{"events": []}, {"events": ["message.sent"]}, {"url": ""}, {"name": "x" * 101}, {"name": "a\n"}, {"secret": "x"}],
)
async def test_what_is_wrong_is_refused(desk: Desk, change: dict[str, Any]) -> None:
    answer = await desk.asks("POST", "", {"url": desk.hook, "events": ["*"], **change})
    assert problem(answer) == (422, "invalid-body")


def test_every_kind_may_be_wanted() -> None:
    assert set(get_args(EventKind)) == {EVERYTHING, *KINDS}


async def test_everything_is_everything(desk: Desk) -> None:
    assert (await desk.subscribes(events=["rule.told", "*"]))["events"] == ["*"]
    assert (await desk.subscribes(events=["rule.told", "rule.told"]))["events"] == ["rule.told"]


@pytest.mark.parametrize("id_", ["2", "0", "x", "-1", "99999999999999999999", "%00", "1.0"])
async def test_one_that_is_not_there(desk: Desk, id_: str) -> None:
    await desk.subscribes()
    for method, path, body in (
        ("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/rotate", None),
        ("POST", "/test", None), ("GET", "/dead-letters", None), ("POST", "/redrive", {}),
    ):  # fmt: skip
        assert problem(await desk.asks(method, f"/{id_}{path}", body)) == (404, "not-found")


async def test_it_is_changed_paused_and_let_go_on(desk: Desk) -> None:
    made = await desk.subscribes(name="till")
    del made["secret"]
    changed = (await desk.asks("PATCH", "/1", {"events": ["rule.told"], "name": "shop"})).document
    assert changed == {**made, "events": ["rule.told"], "name": "shop"}
    paused = (await desk.asks("PATCH", "/1", {"paused": True})).document
    assert (paused["paused"], paused["paused_why"]) == (True, 'It was paused with the key "admin".')
    assert (await desk.asks("PATCH", "/1", {})).document == paused
    assert (await desk.asks("PATCH", "/1", {"paused": False})).document == changed


async def test_it_is_ended(desk: Desk) -> None:
    await desk.subscribes()
    ended = await desk.asks("DELETE", "/1")
    assert (ended.status, ended.document) == (204, None)
    assert problem(await desk.asks("DELETE", "/1")) == (404, "not-found")
    assert (await desk.asks("GET")).document == {"subscriptions": []}


async def test_a_rotated_secret_signs_beside_the_old_one(desk: Desk) -> None:
    first = (await desk.subscribes())["secret"]
    second = (await desk.asks("POST", "/1/rotate")).document["secret"]
    assert second != first
    target = await desk.store.subscriptions.target(1, NOW + timedelta(hours=23))
    assert target is not None
    assert target.secrets == (second, first)


async def test_a_ping_is_posted_and_its_answer_told(desk: Desk) -> None:
    secret = (await desk.subscribes())["secret"]
    assert (await desk.asks("POST", "/1/test")).document == {"taken": True, "status": 204, "detail": None}
    (ping,) = desk.pings
    headers = {name.lower(): value for name, value in ping.items()}
    signed = Webhook(secret).sign(headers["webhook-id"], NOW, headers["body"])
    assert headers["webhook-signature"] == signed
    desk.answers.append(500)
    assert (await desk.asks("POST", "/1/test")).document == {"taken": False, "status": 500, "detail": None}
    await desk.subscribes(url=desk.hook.replace("/hook", "/nowhere"))
    assert (await desk.asks("POST", "/2/test")).document["status"] == 404


async def test_dead_letters_are_read_by_page_and_driven_again(desk: Desk) -> None:
    await desk.subscribes()
    await desk.dies(3)
    assert (await desk.asks("GET", "/1")).document["dead"] == 3
    page = (await desk.asks("GET", "/1/dead-letters?limit=2")).document
    rest = (await desk.asks("GET", f"/1/dead-letters?limit=2&cursor={page['next']}")).document
    letters = [*page["dead_letters"], *rest["dead_letters"]]
    assert rest["next"] is None
    assert [each["event"] for each in letters] == [{"sequence": n} for n in (1, 2, 3)]
    assert [(each["attempts"], each["reason"]) for each in letters] == [(1, "It answered 500.")] * 3
    answer = await desk.asks("POST", "/1/redrive", {"ids": [letters[0]["id"], "unknown"]})
    assert (answer.status, answer.document) == (202, {"redriven": 1})
    assert (await desk.asks("POST", "/1/redrive", {})).document == {"redriven": 2}
    told = (await desk.asks("GET", "/1")).document
    assert (told["dead"], told["queued"]) == (0, 3)
    assert (await desk.asks("GET", "/1/dead-letters")).document == {"dead_letters": [], "next": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=1&cursor=2", "page=2"])
async def test_a_wrong_page_is_refused(desk: Desk, query: str) -> None:
    await desk.subscribes()
    assert problem(await desk.asks("GET", f"/1/dead-letters?{query}")) == (422, "invalid-body")
