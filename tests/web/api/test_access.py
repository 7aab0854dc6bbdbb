"""Who may ask, how bodies are bounded, and that every error is a problem document."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from structlog.testing import capture_logs

from bot.errors import Overloaded, Refused, StoreUnavailable
from bot.store.sqlite import open_store
from bot.web.api.bodies import BODY_MAX
from bot.web.api.keys import RATE_MAX, hash_of, make_key, new_key
from bot.web.api.operation import Operation
from bot.web.api.routes import OPERATIONS
from bot.web.api.tries import FailedTries
from bot.web.operator import Operator, OperatorSite, ask_server
from tests.web.api.conftest import ANNA, Bench
from tests.web.api.test_messages import refused


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ("", "has no header Authorization"),
        ("Bearer ", "none of this server's"),
        ("Bearer wrong", "none of this server's"),
        ("Basic abc", "does not begin with the word Bearer"),
        ("parley_abc", "does not begin with the word Bearer"),
        ("Bearer " + "x" * 300, "none of this server's"),
        ("Bearer é\ud83d", "none of this server's"),
    ],
)
async def test_without_a_valid_key_nothing_is_told_but_what_the_header_lacks(
    bench: Bench, header: str, detail: str
) -> None:
    response = await bench.client.get("/v1/messages/x", headers={"Authorization": header} if header else {})
    assert detail in (await refused(response, 401, "unauthorized"))["detail"]
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_key_may_do_what_its_scopes_say(bench: Bench) -> None:
    reader = await make_key(bench.store, "reader", ["read"], bench.clock[0])
    admin = await make_key(bench.store, "admin", ["admin"], bench.clock[0])
    await bench.writes()
    body = {"to": ANNA, "reply": {"text": "x"}}
    document = await refused(await bench.post("/v1/messages", body, key=reader), 403, "forbidden")
    assert '"send"' in document["detail"]
    assert (await bench.post("/v1/messages", body, key=admin)).status == 202


def address_of(operation: Operation) -> str:
    """Somewhere that its path leads to."""
    return "/v1" + re.sub(r"{\w+}", "1", operation.path)


@pytest.fixture
async def foreign_key(tmp_path: Path) -> str:
    """A key of another app in the same database, which may everything there."""
    store = await open_store(tmp_path / "parley.db", app="another app")
    try:
        return await make_key(store, "foreign", ["admin"], datetime(2026, 1, 5, tzinfo=UTC))
    finally:
        await store.close()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_every_operation_opens_to_the_right_key_alone(
    foreign_key: str, bench: Bench, operation: Operation
) -> None:
    scopes = {"send": "read", "read": "send", "admin": "send"}
    other = await make_key(bench.store, "other scope", [scopes[operation.scope]], bench.clock[0])
    right = await make_key(bench.store, "right scope", [operation.scope], bench.clock[0])
    revoked = await make_key(bench.store, "revoked", [operation.scope], bench.clock[0])
    await bench.store.keys.revoke("revoked", bench.clock[0])

    async def asks(key: str | None) -> ClientResponse:
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        return await bench.client.request(operation.method, address_of(operation), headers=headers)

    for wrong in (None, "", f"{right}x", foreign_key, revoked):
        await refused(await asks(wrong), 401, "unauthorized")
    document = await refused(await asks(other), 403, "forbidden")
    assert f'"{operation.scope}"' in document["detail"]
    assert (await asks(right)).status not in (401, 403)


async def test_a_key_may_ask_as_often_as_its_rate_says(bench: Bench) -> None:
    slow = await make_key(bench.store, "slow", ["read"], bench.clock[0], rate=3)

    async def asks(key: str) -> ClientResponse:
        return await bench.client.get("/v1/messages/x", headers={"Authorization": f"Bearer {key}"})

    for _ in range(3):
        assert (await asks(slow)).status == 404
    response = await asks(slow)
    document = await refused(response, 429, "too-many-requests")
    assert '"slow" may make 3 requests a second' in document["detail"]
    assert response.headers["Retry-After"] == "1"
    assert {(await asks(bench.key)).status for _ in range(20)} == {404}  # the others have their own rate, or none
    bench.later(seconds=1)
    assert [(await asks(slow)).status for _ in range(4)] == [404, 404, 404, 429]


@pytest.mark.parametrize("rate", [-1, RATE_MAX + 1])
async def test_a_rate_is_none_or_some(bench: Bench, rate: int) -> None:
    with pytest.raises(Refused, match="no rate"):
        await make_key(bench.store, "x", ["read"], bench.clock[0], rate)


@pytest.fixture
async def operator(bench: Bench, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "parley.db.sock"
    site = OperatorSite(Operator(bench.backend), path)
    await site.start()
    yield path
    await site.stop()


async def test_keys_are_made_listed_and_revoked_in_the_running_server(bench: Bench, operator: Path) -> None:
    made = await ask_server(operator, {"command": "keys.create", "name": "crm", "scopes": ["send", "read"], "rate": 7})
    assert made is not None
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert (await bench.client.get("/v1/messages/x", headers=headers)).status == 404
    revoked = await ask_server(operator, {"command": "keys.revoke", "name": "crm"})
    await refused(await bench.client.get("/v1/messages/x", headers=headers), 401, "unauthorized")
    at = "2026-01-05T09:00:00+00:00"
    crm = {"name": "crm", "scopes": ["send", "read"], "rate": 7, "created_at": at, "revoked_at": at}
    webshop = {"name": "webshop", "scopes": ["send", "read"], "rate": 0, "created_at": at, "revoked_at": None}
    assert revoked == crm
    assert await ask_server(operator, {"command": "keys.list"}) == {"keys": [webshop, crm]}
    with pytest.raises(Refused, match='no API key "crm"'):
        await ask_server(operator, {"command": "keys.revoke", "name": "crm"})
    again = await ask_server(operator, {"command": "keys.create", "name": "crm", "scopes": ["read"]})
    assert again is not None
    assert again["key"] != made["key"]


@pytest.mark.parametrize("rate", [-1, "many", 2.5, None])
async def test_a_rate_that_is_none_is_refused_over_the_socket(operator: Path, rate: object) -> None:
    request = {"command": "keys.create", "name": "crm", "scopes": ["read"], "rate": rate}
    with pytest.raises(Refused, match="no rate"):
        await ask_server(operator, request)


async def test_a_mistake_of_ours_is_told_as_a_problem_and_logged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.store, "place", breaks)
    with capture_logs() as logs:
        await refused(await bench.message(), 500, "internal-error")
    assert [(each["event"], each["method"], each["path"]) for each in logs] == [("api_broke", "POST", "/v1/messages")]


async def test_guessing_is_slowed_down_and_ends(bench: Bench) -> None:
    for _ in range(10):
        await refused(await bench.post("/v1/events", {}, key="guess"), 401, "unauthorized")
    response = await bench.post("/v1/events", {}, key=bench.key)
    await refused(response, 429, "too-many-tries")
    assert 0 < int(response.headers["Retry-After"]) <= 61
    bench.later(seconds=61)
    await refused(await bench.post("/v1/events", {}), 422, "invalid-body")


def test_failed_tries_are_forgotten_and_memory_is_bounded() -> None:
    clock = [datetime(2026, 1, 5, tzinfo=UTC)]
    tries = FailedTries(lambda: clock[0], most=2, within=timedelta(seconds=60), addresses=3)
    for address in "abcd":
        tries.failed(address)
    assert len(tries) == 3
    tries.failed("d")
    assert tries.wait_s("d") == 61
    assert tries.wait_s("c") == 0
    clock[0] += timedelta(seconds=60)
    assert tries.wait_s("d") == 0
    assert len(tries) == 2


def test_a_key_is_long_and_only_its_hash_is_compared() -> None:
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) >= 43
    assert hash_of("a") != hash_of("b")


@pytest.mark.parametrize(("name", "scopes"), [("x", ["root"]), ("x", []), ("", ["send"]), ("a\nb", ["send"])])
async def test_a_key_needs_a_name_and_known_scopes(bench: Bench, name: str, scopes: list[str]) -> None:
    with pytest.raises(Refused):
        await make_key(bench.store, name, scopes, bench.clock[0])


async def test_a_name_is_taken_once(bench: Bench) -> None:
    with pytest.raises(Refused, match="webshop"):
        await make_key(bench.store, "webshop", ["send"], bench.clock[0])


async def test_a_body_that_is_not_json_is_told(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/json"}
    await refused(await bench.client.post("/v1/events", data=b"{", headers=headers), 400, "not-json")
    await refused(await bench.client.post("/v1/events", data=b"[]", headers=headers), 422, "invalid-body")
    plain = {**headers, "Content-Type": "text/plain"}
    await refused(await bench.client.post("/v1/events", data=b"{}", headers=plain), 415, "unsupported-type")
    zipped = {**headers, "Content-Encoding": "gzip"}
    await refused(await bench.client.post("/v1/events", data=b"{}", headers=zipped), 415, "unsupported-encoding")


async def test_a_large_body_is_refused_told_or_found(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/json"}
    body = b'{"name": "' + b"x" * BODY_MAX + b'"}'
    await refused(await bench.client.post("/v1/events", data=body, headers=headers), 413, "too-large")

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield body[: BODY_MAX // 4]

    await refused(await bench.client.post("/v1/events", data=parts(), headers=headers), 413, "too-large")


async def test_an_unknown_place_and_method_are_problem_documents(bench: Bench) -> None:
    await refused(await bench.get("/v1/nope"), 404, "not-found")
    response = await bench.get("/v1/events")
    await refused(response, 405, "method-not-allowed")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    ("trouble", "code", "after"),
    [
        (StoreUnavailable("The database is locked."), "unavailable", "5"),
        (Overloaded("Too much waits.", 30), "overloaded", "30"),
    ],
)
async def test_our_own_trouble_is_503_and_nothing_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, trouble: Exception, code: str, after: str
) -> None:
    async def fails(*_: object) -> None:
        raise trouble

    await bench.writes()
    monkeypatch.setattr(bench.store, "place", fails)
    response = await bench.message()
    await refused(response, 503, code)
    assert response.headers["Retry-After"] == after


async def test_two_idempotency_keys_are_none(bench: Bench) -> None:
    for path, body in (
        ("/v1/messages", {"to": ANNA, "reply": {"text": "Hello"}}),
        ("/v1/events", {"name": "order.shipped", "to": ANNA, "data": {"first_name": "A", "order_number": "1"}}),
    ):
        headers = [("Authorization", f"Bearer {bench.key}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        await refused(await bench.client.post(path, json=body, headers=headers), 422, "bad-idempotency-key")
    assert (await bench.store.counts()).inbox_pending == 0


async def test_what_needs_no_word_takes_no_body(bench: Bench) -> None:
    """Nothing to say is as good as saying nothing; where something must be said, its absence is told as such."""
    await bench.writes()
    headers = {"Authorization": f"Bearer {bench.key}"}
    for what in ("give-back", "close"):
        assert (await bench.client.post(f"/v1/contacts/{ANNA}/{what}", headers=headers)).status == 202
    document = await refused(await bench.client.post("/v1/events", headers=headers), 415, "unsupported-type")
    assert document["detail"] == "There is no body."
