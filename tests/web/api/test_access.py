"""Who may ask, how bodies are bounded, and that every error is a problem document."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import Overloaded, Refused, StoreUnavailable
from bot.web.api.bodies import BODY_MAX
from bot.web.api.keys import hash_of, make_key, new_key
from bot.web.api.tries import FailedTries
from tests.web.api.conftest import ANNA, Bench
from tests.web.api.test_messages import refused


@pytest.mark.parametrize(
    "header", ["", "Bearer ", "Bearer wrong", "Basic abc", "Bearer " + "x" * 300, "Bearer é\ud83d"]
)
async def test_without_a_valid_key_nothing_is_told(bench: Bench, header: str) -> None:
    response = await bench.client.get("/v1/messages/x", headers={"Authorization": header} if header else {})
    await refused(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_key_may_do_what_its_scopes_say(bench: Bench) -> None:
    reader = await make_key(bench.store, "reader", ["read"], bench.clock[0])
    admin = await make_key(bench.store, "admin", ["admin"], bench.clock[0])
    await bench.writes()
    body = {"to": ANNA, "reply": {"text": "x"}}
    document = await refused(await bench.post("/v1/messages", body, key=reader), 403, "forbidden")
    assert '"send"' in document["detail"]
    assert (await bench.post("/v1/messages", body, key=admin)).status == 202


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
