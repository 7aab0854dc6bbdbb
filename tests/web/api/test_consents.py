"""/v1/contacts/{identity}/consent: the ledger grows by what a backend knows, and never forgets."""

from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.web.api.conftest import ANNA, Bench
from tests.web.api.test_messages import SHIPPED, refused

FORM = {"state": "opted_in", "source": "form"}
STOP = {"state": "stopped", "source": "phone call"}


async def put(bench: Bench, body: dict[str, Any], identity: str = ANNA) -> ClientResponse:
    return await bench.client.put(
        f"/v1/contacts/{identity}/consent", json=body, headers={"Authorization": f"Bearer {bench.key}"}
    )


async def is_set(bench: Bench, body: dict[str, Any], changed: bool = True) -> Any:
    response = await put(bench, body)
    told = await response.json()
    assert (response.status, told.get("changed")) == (200, changed), told
    return told["consent"]


async def ledger(bench: Bench, query: str = "") -> Any:
    return await (await bench.get(f"/v1/contacts/{ANNA}/consent{query}")).json()


async def test_an_opt_in_is_recorded_with_how_we_know(bench: Bench) -> None:
    consent = await is_set(bench, {**FORM, "proof": "form 7", "at": "2026-01-04T10:00:00+01:00"})
    assert consent == {
        "stopped": False,
        "opted_in": True,
        "since": "2026-01-04T09:00:00+00:00",
        "source": "form",
        "sentence": "allowed: opted in by form, 4 Jan 2026",
        "marketing": "unknown",
        "marketing_since": None,
        "marketing_source": None,
        "marketing_sentence": "refused: the person never agreed to marketing",
    }
    told = await ledger(bench)
    [row] = told["ledger"]
    assert told == {"consent": consent, "ledger": [row], "next": None}
    assert row == {
        "id": "1",
        "purpose": "all",
        "state": "opted_in",
        "source": "form",
        "proof": "form 7",
        "at": "2026-01-04T09:00:00+00:00",
        "recorded_at": "2026-01-05T09:00:00+00:00",
    }


async def test_a_stop_ends_what_waits_and_an_opt_in_brings_nothing_back(bench: Bench) -> None:
    placed = await (await bench.post("/v1/messages", {"to": ANNA, "template": SHIPPED})).json()
    bench.later(seconds=1)
    assert (await is_set(bench, STOP))["sentence"] == "refused: stopped by phone call, 5 Jan 2026"
    await refused(await bench.post("/v1/messages", {"to": ANNA, "template": SHIPPED}), 409, "opted-out")
    bench.later(seconds=1)
    await refused(await put(bench, FORM), 422, "proof-needed")
    assert (await is_set(bench, {**FORM, "proof": "call 12"}))["stopped"] is False
    message = await (await bench.get(f"/v1/messages/{placed['id']}")).json()
    assert message["status"] == "cancelled"
    assert (await bench.post("/v1/messages", {"to": ANNA, "template": SHIPPED})).status == 202


async def test_an_opt_in_older_than_the_stop_is_refused(bench: Bench) -> None:
    await bench.stops()
    bench.later(hours=1)
    old = {**FORM, "proof": "form 7", "at": "2026-01-05T08:59:59Z"}
    document = await refused(await put(bench, old), 409, "newer-consent")
    assert "the person wrote STOP on 5 Jan 2026" in document["detail"]
    assert len((await ledger(bench))["ledger"]) == 1
    assert (await is_set(bench, {**old, "at": "2026-01-05T09:00:01Z"}))["stopped"] is False


async def test_the_same_word_counts_once(bench: Bench) -> None:
    word = {**FORM, "at": "2026-01-05T08:00:00Z"}
    first = await is_set(bench, word)
    assert await is_set(bench, word, changed=False) == first
    assert len((await ledger(bench))["ledger"]) == 1


async def test_marketing_is_a_purpose_of_its_own(bench: Bench) -> None:
    sale = {"to": ANNA, "template": {"name": "spring_sale"}}
    await bench.stops()
    bench.later(seconds=1)
    await refused(await put(bench, {**FORM, "purpose": "marketing"}), 422, "proof-needed")
    told = await is_set(bench, {**FORM, "purpose": "marketing", "proof": "form 7"})
    assert (told["stopped"], told["marketing"], told["marketing_source"]) == (True, "opted_in", "form")
    await refused(await bench.post("/v1/messages", sale), 409, "opted-out")
    bench.later(seconds=1)
    await is_set(bench, {**FORM, "proof": "form 8"})
    assert (await bench.post("/v1/messages", sale)).status == 202
    bench.later(seconds=1)
    old = {"purpose": "marketing", **STOP, "at": "2026-01-05T08:00:00Z"}
    await refused(await put(bench, old), 409, "newer-consent")
    assert (await is_set(bench, {**STOP, "purpose": "marketing"}))["marketing"] == "stopped"
    await refused(await bench.post("/v1/messages", sale), 409, "no-marketing-consent")


async def test_a_clock_that_is_a_little_fast_says_now(bench: Bench) -> None:
    assert (await is_set(bench, {**FORM, "at": "2026-01-05T09:00:30Z"}))["since"] == "2026-01-05T09:00:00+00:00"


async def test_the_ledger_comes_in_pages(bench: Bench) -> None:
    for minute in range(5):
        await is_set(bench, {**FORM, "at": f"2026-01-05T08:0{minute}:00Z"})
    whole = (await ledger(bench))["ledger"]
    assert [row["at"][14:16] for row in whole] == ["04", "03", "02", "01", "00"]
    page = await ledger(bench, "?limit=3")
    rest = await ledger(bench, f"?limit=3&cursor={page['next']}")
    assert (page["ledger"] + rest["ledger"], rest["next"]) == (whole, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at": "2026-01-05T09:02:00Z"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"state": "unknown"}, "state"),
        ({"purpose": "news"}, "purpose"),
        ({"source": ""}, "source"),
        ({"source": "a\x00b"}, "source"),
        ({"source": "x" * 201}, "source"),
        ({"proof": "x" * 2001}, "proof"),
        ({"nope": 1}, "nope"),
    ],
)
async def test_a_word_is_strict(bench: Bench, change: dict[str, Any], field: str) -> None:
    document = await refused(await put(bench, {**FORM, **change}), 422, "invalid-body")
    assert field in [each["field"] for each in document["errors"]]
    await refused(await bench.get(f"/v1/contacts/{ANNA}"), 404, "not-found")


async def test_who_is_neither_a_number_nor_known_is_not_made(bench: Bench) -> None:
    await refused(await put(bench, FORM, "hello"), 422, "bad-recipient")
