"""``/v1/campaigns``: checked whole, stored once, told as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import ClientResponse

from bot.core.delivery import Policy
from bot.core.event import DeliveryReceipt, Reason
from bot.store.units import Accepted, InboxKind, Incoming
from bot.web.api.keys import make_key
from bot.work.campaigns import Turns
from tests.store.making import answers
from tests.store.test_campaigns import rated
from tests.web.api.conftest import ANNA, BEA, Bench

CARLA = "+4915112345678"
CSV = "to,first_name,order_number\n+46701740605,Anna,1\n+447700900123,Bea,2\n"
BODY = {
    "name": "Spring",
    "template": {"name": "order_shipped", "values": {"order_number": "12"}},
    "recipients": [{"to": ANNA, "values": {"first_name": "Anna"}}, {"to": BEA, "values": {"first_name": "Bea"}}],
}


async def post(bench: Bench, **changes: Any) -> ClientResponse:
    return await bench.post("/v1/campaigns", {**BODY, **changes})


async def csv(bench: Bench, text: str | bytes, **query: str) -> ClientResponse:
    headers = {"Authorization": f"Bearer {bench.key}", "Content-Type": "text/csv"}
    raw = text if isinstance(text, bytes) else text.encode()
    return await bench.client.post(
        "/v1/campaigns", params={"template": "order_shipped", **query}, data=raw, headers=headers
    )


async def created(bench: Bench, **changes: Any) -> Mapping[str, Any]:
    answer = await post(bench, **changes)
    assert answer.status == 201, await answer.text()
    return dict(await answer.json())


async def problem(answer: ClientResponse) -> tuple[int, str, Mapping[str, Any]]:
    document = await answer.json(content_type=None)
    return answer.status, document["type"].rpartition(":")[2], document


async def nobody_waits(bench: Bench) -> None:
    assert (await (await bench.get("/v1/campaigns")).json())["campaigns"] == []


# --- starting -----------------------------------------------------------------------------------------------------------


async def test_a_list_becomes_a_campaign_that_runs(bench: Bench) -> None:
    answer = await post(bench, rate=5, send_at="2026-01-05T18:00:00+01:00")
    document = await answer.json()
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/campaigns/{document['id']}"
    assert await (await bench.get(answer.headers["Location"])).json() == document
    told = {
        name: document[name]
        for name in ("name", "template", "state", "author", "rate", "rate_now", "not_between", "total")
    }
    assert told == {
        "name": "Spring", "template": "order_shipped", "state": "running", "author": "webshop", "rate": 5.0,
        "rate_now": 5.0, "not_between": "21:00-08:00", "total": 2,
    }  # fmt: skip
    assert document["starts_at"] == "2026-01-05T17:00:00+00:00"
    assert document["estimated_end"] == "2026-01-05T17:00:00.400000+00:00"
    assert document["counts"] == {**dict.fromkeys(document["counts"], 0), "pending": 2}


async def test_a_csv_is_the_same_list(bench: Bench) -> None:
    answer = await csv(bench, CSV, name="Spring", rate="5", not_between="", values='{"order_number": "12"}')
    document = await answer.json()
    assert (answer.status, document["total"], document["rate"], document["not_between"]) == (201, 2, 5.0, None)
    page = await (await bench.get(f"/v1/campaigns/{document['id']}/recipients")).json()
    assert [(each["line"], each["to"], each["status"]) for each in page["recipients"]] == [
        (2, ANNA, "pending"), (3, BEA, "pending"),
    ]  # fmt: skip


async def test_all_mistakes_are_told_with_their_lines_and_nothing_is_stored(bench: Bench) -> None:
    text = "to,first_name,order_number\n0701740605,Anna,1\n+46701740605,,1\n4.67E+10,B,2\n+447700900123,Bea,2\n"
    status, word, document = await problem(await csv(bench, text))
    assert (status, word) == (422, "bad-rows")
    assert document["detail"].startswith('Nothing was sent: line 2: "0701740605" may lack its country')
    assert document["detail"].endswith("2 more mistakes follow.")
    assert [each["field"] for each in document["errors"]] == ["line 2", "line 3", "line 4"]
    assert document["errors"][1]["detail"] == "The value of first_name is missing."
    assert "A spreadsheet shortened it" in document["errors"][2]["detail"]
    lost = (await problem(await csv(bench, "to,first_name,order_number\n46701740605,Anna,1\n0701,,1\n")))[2]
    assert lost["detail"].endswith("A spreadsheet takes the + away: format the column as text. 1 more mistake follows.")
    lacks = (await problem(await csv(bench, "to,first_name\n+46701740605,Anna\n")))[2]
    assert lacks["cure"] == "Mend what errors lists and send it again."
    await nobody_waits(bench)
    listed = await problem(await post(bench, recipients=[{"to": ANNA, "values": {"first_name": " "}}]))
    assert listed[2]["errors"] == [{"field": "recipient 1", "detail": "The value of first_name is missing."}]


async def test_bad_rows_are_left_out_where_that_is_asked_for(bench: Bench) -> None:
    text = "to,first_name,order_number\n12,Anna,1\n+447700900123,Bea,2\n"
    document = await (await csv(bench, text, skip_bad="true")).json()
    assert (document["total"], document["counts"]["pending"], document["counts"]["skipped"]) == (2, 1, 1)
    page = await (await bench.get(f"/v1/campaigns/{document['id']}/recipients?status=skipped")).json()
    (skipped,) = page["recipients"]
    assert skipped["line"] == 2
    assert skipped["reason"].startswith('A mistake in the list: "12"')


async def test_duplicates_and_those_who_do_not_want_it_are_skipped_and_counted(bench: Bench) -> None:
    await bench.stops(BEA)
    people = [{"to": to, "values": {"first_name": "X"}} for to in (ANNA, BEA, CARLA, "+46 70-174 06 05")]
    plan = await (await post(bench, recipients=people, dry_run=True)).json()
    assert (plan["total"], plan["going"]) == (4, 2)
    assert plan["skipped"] == {"The person said STOP.": 1, "The same person as an earlier line": 1}
    assert plan["first"] == {"to": ANNA, "text": "Hej X, 12 kommer"}
    await nobody_waits(bench)
    document = await created(bench, recipients=people)
    assert {(each["reason"], each["count"]) for each in document["failures"]} == set(plan["skipped"].items())
    steps = {each["reason"]: each["next_step"] for each in document["failures"]}
    assert steps["The person said STOP."]["who"] == "nobody"
    assert steps["The same person as an earlier line"] is None


async def test_marketing_goes_to_those_who_agreed(bench: Bench) -> None:
    await bench.writes(BEA, "hello")
    await agrees(bench, ANNA)
    sale = {"template": {"name": "spring_sale"}, "recipients": [{"to": ANNA}, {"to": BEA}, {"to": CARLA}]}
    plan = await (await post(bench, **sale, dry_run=True)).json()
    assert (plan["going"], plan["skipped"]) == (1, {"The person never agreed to marketing.": 2})
    everybody_out = {"template": {"name": "spring_sale"}, "recipients": [{"to": BEA}]}
    status, word, document = await problem(await post(bench, **everybody_out))
    assert (status, word) == (422, "nobody-to-send-to")
    assert document["cure"] == "The person never agreed to marketing (1)."


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"template": {"name": "order_shiped"}}, "unknown-template"),
        ({"template": {"name": "order_shipped", "language": "de"}}, "unknown-language"),
        ({"template": {"name": "order_shipped", "values": {"nmae": "x"}}}, "wrong-values"),
        ({"template": {"name": "order_shipped", "values": {"order_number": " "}}}, "wrong-values"),
        ({"recipients": []}, "invalid-body"),
        ({"recipients": [{"to": ANNA, "vaules": {}}]}, "invalid-body"),
        ({"rate": -1}, "invalid-body"),
        ({"rate": 1e-300}, "invalid-body"),
        ({"not_between": "21:00"}, "invalid-body"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "invalid-body"),
        ({"surprise": 1}, "invalid-body"),
    ],
)
async def test_what_cannot_be_is_refused(bench: Bench, changes: dict[str, Any], word: str) -> None:
    status, found, _ = await problem(await post(bench, **changes))
    assert (status, found) == (422, word)
    await nobody_waits(bench)


@pytest.mark.parametrize(
    ("text", "query", "word"),
    [
        (CSV, {"template": ""}, "invalid-body"),
        (CSV, {"values": "no json"}, "invalid-body"),
        (CSV, {"values": "[1]"}, "invalid-body"),
        (CSV, {"send_at": "tomorrow"}, "invalid-body"),
        (CSV, {"nothing": "x"}, "invalid-body"),
        (b"to\n\xff\n", {}, "not-utf-8"),
        (b"", {}, "bad-rows"),
        (b"\x00\x00,\x00\n\x00", {}, "bad-rows"),
    ],
)
async def test_what_cannot_be_beside_a_csv_is_refused(
    bench: Bench, text: str | bytes, query: dict[str, str], word: str
) -> None:
    status, found, _ = await problem(await csv(bench, text, **query))
    assert (status, found) == (422, word)
    await nobody_waits(bench)


async def test_parameters_beside_a_json_body_are_refused(bench: Bench) -> None:
    status, word, _ = await problem(await bench.post("/v1/campaigns?rate=1", BODY))
    assert (status, word) == (422, "invalid-body")


async def test_the_same_key_makes_one_campaign(bench: Bench) -> None:
    first = await bench.post("/v1/campaigns", BODY, Idempotency_Key="spring")
    again = await bench.post("/v1/campaigns", BODY, Idempotency_Key="spring")
    assert (await first.json())["id"] == (await again.json())["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    other = await bench.post("/v1/campaigns", {**BODY, "rate": 1}, Idempotency_Key="spring")
    assert (await problem(other))[:2] == (422, "idempotency-key-reused")
    assert len((await (await bench.get("/v1/campaigns")).json())["campaigns"]) == 1


# --- what becomes of it -------------------------------------------------------------------------------------------------


async def takes_turns(bench: Bench, id_: str) -> None:
    """What the worker does."""
    now = bench.clock[0]
    (running,) = [each for each in (await bench.store.campaigns.at_work()).campaigns if str(each.id) == id_]
    await bench.store.campaigns.take_turns(running.id, 100, Turns.of(running, bench.backend.rulebook(), now), now)


async def test_the_report_says_who_must_do_what(bench: Bench) -> None:
    document = await created(bench)
    await takes_turns(bench, document["id"])
    now = bench.clock[0]
    first, _ = await bench.store.start(10, now, Policy())
    await bench.store.finish([Accepted(first.attempt_id, "M1")], now)
    why = Reason("RECIPIENT_NOT_REACHABLE", "Nobody there", "", "131026")
    event = DeliveryReceipt("r", first.contact, "M1", first.outbox_id, "FAILED", now, now, why)
    await bench.store.record([Incoming(event, InboxKind.RECEIPT, b"{}")], now)
    await bench.store.decide_ready(10, now, answers())
    report = await (await bench.get(f"/v1/campaigns/{document['id']}")).json()
    (failure,) = report["failures"]
    assert (failure["status"], failure["code"], failure["channel_code"], failure["count"]) == (
        "failed", "RECIPIENT_NOT_REACHABLE", "131026", 1,
    )  # fmt: skip
    assert failure["next_step"]["todo"]
    page = await (await bench.get(f"/v1/campaigns/{document['id']}/recipients?status=failed")).json()
    assert page["recipients"] == [
        {
            "line": 1, "to": ANNA, "status": "failed", "reason": "RECIPIENT_NOT_REACHABLE (131026): Nobody there",
            "message_id": first.outbox_id,
        }
    ]  # fmt: skip
    message = await (await bench.get(f"/v1/messages/{first.outbox_id}")).json()
    assert (message["origin"], message["author"]) == ("campaign", "webshop")


async def test_it_is_paused_resumed_and_cancelled(bench: Bench) -> None:
    id_ = (await created(bench))["id"]
    await takes_turns(bench, id_)

    async def do(what: str) -> tuple[int, Any]:
        answer = await bench.post(f"/v1/campaigns/{id_}/{what}", None)
        return answer.status, await answer.json(content_type=None)

    status, paused = await do("pause")
    assert (status, paused["state"], paused["why"], paused["counts"]["pending"]) == (
        200,
        "paused",
        "Paused by webshop.",
        2,
    )
    assert (await do("pause"))[0] == 200
    status, resumed = await do("resume")
    assert (status, resumed["state"], resumed["why"]) == (200, "running", None)
    assert (await do("resume"))[0] == 200
    status, cancelled = await do("cancel")
    assert (status, cancelled["state"], cancelled["counts"]["cancelled"]) == (200, "cancelled", 2)
    assert (await do("cancel"))[0] == 200
    for what in ("pause", "resume"):
        status, refused = await do(what)
        assert (status, refused["type"].rpartition(":")[2]) == (409, "campaign-over")


async def test_marketing_waits_while_the_quality_is_red(bench: Bench) -> None:
    at = bench.clock[0]
    await agrees(bench, ANNA)
    await bench.store.record([rated("RED", raw=b'{"app_id": "app"}')], at)
    sale = {"template": {"name": "spring_sale"}, "recipients": [{"to": ANNA}]}
    document = await created(bench, **sale)
    assert (document["state"], document["quality"]) == ("paused", "RED")
    assert "RED" in document["why"]
    answer = await bench.post(f"/v1/campaigns/{document['id']}/resume", None)
    assert (await problem(answer))[:2] == (409, "quality-red")
    await bench.store.record([rated("YELLOW", 60, b'{"app_id": "app"}')], at)
    answer = await bench.post(f"/v1/campaigns/{document['id']}/resume", None)
    told = await answer.json()
    assert (told["state"], told["quality"], told["rate_now"]) == ("running", "YELLOW", 5.0)


async def agrees(bench: Bench, to: str) -> None:
    answer = await bench.client.put(
        f"/v1/contacts/{to.replace('+', '%2B')}/consent",
        json={"purpose": "marketing", "state": "opted_in", "source": "form"},
        headers={"Authorization": f"Bearer {bench.key}"},
    )
    assert answer.status < 300, await answer.text()


async def test_lists_come_in_pages(bench: Bench) -> None:
    ids = [(await created(bench, name=str(n)))["id"] for n in range(3)]
    first = await (await bench.get("/v1/campaigns?limit=2")).json()
    second = await (await bench.get(f"/v1/campaigns?limit=2&cursor={first['next']}")).json()
    assert [each["id"] for each in first["campaigns"] + second["campaigns"]] == ids[::-1]
    assert second["next"] is None
    page = await (await bench.get(f"/v1/campaigns/{ids[0]}/recipients?limit=1")).json()
    rest = await (await bench.get(f"/v1/campaigns/{ids[0]}/recipients?limit=1&cursor={page['next']}")).json()
    assert [each["line"] for each in page["recipients"] + rest["recipients"]] == [1, 2]
    assert rest["next"] is None


@pytest.mark.parametrize("id_", ["7", "x", "99999999999999999999", "%00", "-1", "\u0661"])
@pytest.mark.parametrize("path", ["", "/recipients"])
async def test_an_unknown_campaign_is_not_found(bench: Bench, id_: str, path: str) -> None:
    assert (await problem(await bench.get(f"/v1/campaigns/{id_}{path}")))[:2] == (404, "not-found")


async def test_a_key_that_may_only_read_starts_nothing(bench: Bench) -> None:
    key = await make_key(bench.store, "reader", ["read"], bench.clock[0])
    assert (await bench.post("/v1/campaigns", BODY, key=key)).status == 403
    id_ = (await created(bench))["id"]
    assert (await bench.post(f"/v1/campaigns/{id_}/pause", None, key=key)).status == 403
