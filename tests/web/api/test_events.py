"""POST /v1/events: recorded for everybody or for nobody, once for an id."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientResponse

from bot.core.event import BusinessEvent, ContactKey
from bot.web.api.keys import make_key
from bot.work.events import business_event_from_raw, raw_of
from tests.web.api.conftest import ANNA, BEA, Bench
from tests.web.api.test_messages import refused

DATA: dict[str, Any] = {"first_name": "Åsa", "order_number": 12345678}


async def event(bench: Bench, **body: Any) -> ClientResponse:
    return await bench.post("/v1/events", {"name": "order.shipped", "to": ANNA, "data": DATA, **body})


async def test_an_event_is_recorded_and_wakes_the_inbox(bench: Bench) -> None:
    answer = await (response := await event(bench)).json()
    assert response.status == 202
    assert answer["id"]
    assert answer["recipients"] == [{"to": ANNA, "status": "recorded", "remark": None}]
    assert bench.woken == ["inbox"]
    assert (await bench.store.counts()).inbox_pending == 1


async def test_an_id_counts_once_for_a_person(bench: Bench) -> None:
    await event(bench, id="77", to=[ANNA])
    answer = await (await event(bench, id="77", to=[ANNA, BEA, ANNA])).json()
    assert answer == {
        "id": "77",
        "recipients": [
            {"to": ANNA, "status": "seen_before", "remark": None},
            {"to": BEA, "status": "recorded", "remark": None},
        ],
    }
    assert (await bench.store.counts()).inbox_pending == 2


async def test_a_repeated_request_of_the_same_key_is_the_same_event(bench: Bench) -> None:
    """As with messages: the key is of this API key alone, and of this body alone."""
    body = {"name": "order.shipped", "to": [ANNA, BEA], "data": DATA}
    first = await bench.post("/v1/events", body, Idempotency_Key="shipment-1")
    again = await bench.post("/v1/events", dict(reversed(body.items())), Idempotency_Key="shipment-1")
    assert (first.status, again.status) == (202, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [each["status"] for each in (await again.json())["recipients"]] == ["seen_before", "seen_before"]
    assert (await first.json())["id"] == (await again.json())["id"] == "shipment-1"
    assert (await bench.store.counts()).inbox_pending == 2
    for other in ({**body, "to": [ANNA]}, {**body, "to": "+46701740699"}, {**body, "data": {**DATA, "eta": "now"}}):
        await refused(
            await bench.post("/v1/events", other, Idempotency_Key="shipment-1"), 422, "idempotency-key-reused"
        )
    till = await make_key(bench.store, "till", ["send"], bench.clock[0])
    assert (await bench.post("/v1/events", body, key=till, Idempotency_Key="shipment-1")).status == 202
    assert (await bench.post("/v1/events", body, Idempotency_Key="shipment-11")).status == 202
    assert (await bench.store.counts()).inbox_pending == 6


async def test_parallel_requests_of_one_key_are_one_event(bench: Bench) -> None:
    body = {"name": "order.shipped", "to": ANNA, "data": DATA}
    bodies = [{**body, "to": [ANNA, BEA][n % 2]} for n in range(20)]
    answers = await asyncio.gather(*(bench.post("/v1/events", each, Idempotency_Key="k") for each in bodies))
    assert sorted(each.status for each in answers) == [202] * 10 + [422] * 10
    assert (await bench.store.counts()).inbox_pending == 1


async def test_an_id_of_the_body_counts_before_the_key_of_the_request(bench: Bench) -> None:
    body = {"name": "order.shipped", "to": ANNA, "data": DATA}
    for id_ in ("1", "2", "2"):
        assert (await bench.post("/v1/events", {**body, "id": id_}, Idempotency_Key="k")).status == 202
    assert (await bench.store.counts()).inbox_pending == 2


async def test_of_whom_nothing_can_reach_the_answer_says_so(bench: Bench) -> None:
    await bench.stops(BEA)
    recipients = (await (await event(bench, to=[ANNA, BEA])).json())["recipients"]
    assert [each["remark"] for each in recipients] == [
        None,
        "The person said STOP, so nothing that rules send because of this event leaves.",
    ]


async def test_without_an_id_each_call_is_an_event(bench: Bench) -> None:
    await event(bench)
    await event(bench)
    assert (await bench.store.counts()).inbox_pending == 2


async def test_an_unknown_name_is_refused_with_the_known_ones(bench: Bench) -> None:
    document = await refused(await event(bench, name="order.lost"), 422, "unknown-event")
    assert "order.shipped" in document["cure"]


@pytest.mark.parametrize("data", [{}, {"first_name": "Åsa"}, {"first_name": "Åsa", "order_number": " "}])
async def test_missing_values_are_refused_by_name(bench: Bench, data: dict[str, str]) -> None:
    document = await refused(await event(bench, data=data), 422, "missing-values")
    assert "order_number" in document["detail"]


async def test_one_bad_recipient_keeps_the_event_from_everybody(bench: Bench) -> None:
    document = await refused(await event(bench, to=[ANNA, "hello", "123"]), 422, "invalid-body")
    assert [each["field"] for each in document["errors"]] == ["to[1]", "to[2]"]
    assert (await bench.store.counts()).inbox_pending == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": []}, "to"),
        ({"to": [ANNA] * 101}, "to"),
        ({"data": {"order_number": 1.5}}, "data.order_number"),
        ({"data": {"order_number": True}}, "data.order_number"),
        ({"data": {f"n{n}": "x" for n in range(51)}}, "data"),
        ({"id": ""}, "id"),
        ({"extra": 1}, "extra"),
    ],
)
async def test_a_body_is_strict(bench: Bench, change: dict[str, Any], field: str) -> None:
    document = await refused(await event(bench, **change), 422, "invalid-body")
    assert field in [each["field"] for each in document["errors"]]


def test_the_inbox_reads_back_what_was_recorded() -> None:
    at, received = datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 5, 9, 0, 1, tzinfo=UTC)
    contact = ContactKey("app", "WHATSAPP", "46701740605")
    event = BusinessEvent("event:x", contact, "order.shipped", {"first_name": "Åsa"}, at, received)
    assert business_event_from_raw(raw_of(event), received) == event


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"v": 2}', b'{"message": {}}'])
def test_bytes_that_are_no_event_are_told_apart(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        business_event_from_raw(raw, datetime(2026, 1, 5, tzinfo=UTC))
