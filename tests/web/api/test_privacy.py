"""A person's export and their erasure over HTTP and over the operator's socket."""

from typing import Any

from bot.store.units import InboxKind
from bot.web.api.keys import make_key
from bot.web.operator import Operator
from tests.web.api.conftest import ANNA, BEA, Bench


async def admin(bench: Bench) -> dict[str, str]:
    key = await make_key(bench.store, "office", ["admin"], bench.clock[0])
    return {"Authorization": f"Bearer {key}"}


async def ask(bench: Bench, method: str, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    async with bench.client.request(method, f"/v1/contacts/{path}", headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def test_an_export_tells_everything_by_plain_names(bench: Bench) -> None:
    await bench.writes(ANNA, "hello there")
    await bench.message()
    await bench.stops(BEA)
    status, told = await ask(bench, "GET", f"{ANNA}/export", await admin(bench))
    assert status == 200
    assert [each["identity"] for each in told["identities"]] == [ANNA.removeprefix("+")]
    assert [(each["kind"], each["became"]) for each in told["received"]] == [(InboxKind.INBOUND.value, "pending")]
    assert [(each["status"], each["reply"]["text"], each["created_at"]) for each in told["sent"]] == [
        ("queued", "Hello", "2026-01-05T09:00:00+00:00")
    ]
    assert told["people"][0]["stopped"] is False
    assert {
        "about",
        "app",
        "consent",
        "timers",
        "campaigns",
        "decisions",
        "attempts",
        "receipts",
        "conversation",
    } <= told.keys()


async def test_erasing_answers_once_nothing_is_left(bench: Bench) -> None:
    headers = await admin(bench)
    await bench.stops(ANNA)
    assert await ask(bench, "DELETE", ANNA, headers) == (200, {"identities": [ANNA], "stopped": True})
    status, told = await ask(bench, "GET", f"{ANNA}/export", headers)
    assert (status, told["type"]) == (404, "urn:parley:problem:not-found")
    status, told = await ask(bench, "DELETE", BEA, headers)
    assert (status, told["type"]) == (404, "urn:parley:problem:not-found")
    status, told = await ask(bench, "DELETE", ANNA, headers)
    assert (status, told["type"]) == (404, "urn:parley:problem:not-found")
    assert told["detail"] == f'Nothing is kept about "{ANNA}": they were erased before.'
    refused = await bench.message()
    assert (refused.status, (await refused.json())["type"]) == (409, "urn:parley:problem:opted-out")


async def test_only_an_admin_may(bench: Bench) -> None:
    await bench.writes()
    headers = {"Authorization": f"Bearer {bench.key}"}
    assert (await ask(bench, "GET", f"{ANNA}/export", headers))[0] == 403
    assert (await ask(bench, "DELETE", ANNA, headers))[0] == 403
    assert (await ask(bench, "GET", f"{ANNA}/export", await admin(bench)))[0] == 200


async def test_the_operator_is_told_sinchs_ids(bench: Bench) -> None:
    await bench.writes()
    answer = await Operator(bench.backend).answer({"command": "contact.erase", "contact": ANNA})
    assert answer["ok"]
    assert (answer["identities"], answer["sinch_contact_ids"]) == ([ANNA], [])
    again = await Operator(bench.backend).answer({"command": "contact.erase", "contact": BEA})
    assert (again["ok"], again["sentence"]) == (False, f'Nothing is kept about "{BEA}".')
