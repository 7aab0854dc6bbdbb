"""GET /v1/messages: everything that left or is to leave, newest first, by pages; and what a message tells of itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.delivery import Policy
from bot.core.event import DeliveryReceipt, Reason
from bot.store.units import Accepted, InboxKind, Incoming, Rejected
from bot.web.api.bodies import MessageBody, parse
from bot.web.api.message_list import cursor_of
from bot.web.api.placing import place
from tests.store.making import answers
from tests.web.api.conftest import ANNA, BEA, Bench
from tests.web.api.test_messages import SHIPPED, refused, sent
from tests.web.api.test_messages_later import cancel


async def listed(bench: Bench, **query: str) -> dict[str, Any]:
    """A page."""
    headers = {"Authorization": f"Bearer {bench.key}"}
    response = await bench.client.get("/v1/messages", params=query, headers=headers)
    page: dict[str, Any] = await response.json()
    assert response.status == 200, page
    return page


async def references(bench: Bench, **query: str) -> list[str]:
    """What a page lists, by its references."""
    page = await listed(bench, **query)
    assert page["next"] is None
    return [each["reference"] for each in page["messages"]]


async def template(bench: Bench, to: str, reference: str, **more: object) -> str:
    body = {"to": to, "template": SHIPPED, "reference": reference, **more}
    return str((await sent(bench, await bench.post("/v1/messages", body)))["id"])


async def receives(bench: Bench, id_: str, to: str, status: str, reason: Reason | None = None) -> None:
    """A receipt of Sinch's comes and is decided."""
    view = await bench.store.message(id_)
    assert view is not None
    now = bench.clock[0]
    receipt = DeliveryReceipt(f"{id_}{status}", view.contact, f"m-{id_}", id_, status, now, now, reason)
    await bench.store.record([Incoming(receipt, InboxKind.RECEIPT, b"{}")], now)
    await bench.store.decide_ready(10, now, answers())


async def takes(bench: Bench) -> None:
    """Sinch takes everything that may leave."""
    while started := await bench.store.start(10, bench.clock[0], Policy()):
        taken = [Accepted(each.attempt_id, f"m-{each.outbox_id}") for each in started]
        await bench.store.finish(taken, bench.clock[0])


async def test_pages_go_through_everything_once_newest_first(bench: Bench) -> None:
    for n in range(7):
        await template(bench, BEA if n % 2 else ANNA, str(n))
    seen: list[str] = []
    page = await listed(bench, limit="3")
    sizes = [len(page["messages"])]
    seen += [each["reference"] for each in page["messages"]]
    await template(bench, BEA, "newer than the first page")
    while page["next"] is not None:
        page = await listed(bench, limit="3", cursor=page["next"])
        sizes.append(len(page["messages"]))
        seen += [each["reference"] for each in page["messages"]]
    assert (sizes, seen) == ([3, 3, 1], ["6", "5", "4", "3", "2", "1", "0"])


async def test_a_full_last_page_has_no_next(bench: Bench) -> None:
    for n in range(3):
        await template(bench, ANNA, str(n))
    assert await references(bench, limit="3") == ["2", "1", "0"]


async def test_fifty_are_a_page_and_two_hundred_the_most(bench: Bench) -> None:
    body = parse(MessageBody, {"to": ANNA, "template": SHIPPED})
    for _ in range(202):
        await place(body, bench.backend)
    assert len((await listed(bench))["messages"]) == 50
    page = await listed(bench, limit="200")
    assert len(page["messages"]) == 200
    assert len((await listed(bench, cursor=page["next"]))["messages"]) == 2


async def test_a_person_is_asked_for_by_any_form_of_the_number(bench: Bench) -> None:
    await template(bench, ANNA, "a")
    await template(bench, BEA, "b")
    for contact in (ANNA, ANNA.removeprefix("+"), "+46 70-174 06 05"):
        assert await references(bench, contact=contact) == ["a"]
    assert await references(bench, contact="+46700000000") == []
    response = await bench.get(f"/v1/messages?contact={ANNA}")  # an unencoded + is a space
    assert [each["reference"] for each in (await response.json())["messages"]] == ["a"]


async def test_times_bound_the_list(bench: Bench) -> None:
    for n in range(4):
        await template(bench, ANNA, str(n))
        bench.later(hours=2)
    since, until = "2026-01-05T12:00:00+01:00", "2026-01-05T14:00:00+01:00"
    assert await references(bench, since=since) == ["3", "2", "1"]
    assert await references(bench, until=until) == ["1", "0"]
    assert await references(bench, since=since, until=until) == ["1"]
    assert await references(bench, since=since, contact=ANNA) == ["3", "2", "1"]
    assert await references(bench, since="2026-01-06T00:00:00Z") == []
    assert await references(bench, since="0001-01-01T00:00:00Z", until="9999-12-31T23:59:59Z") == ["3", "2", "1", "0"]
    response = await bench.get(f"/v1/messages?since={since}")  # an unencoded + is a space
    assert len((await response.json())["messages"]) == 3


async def test_a_reference_finds_its_messages(bench: Bench) -> None:
    for reference in ("order 1", "order 2", "order 1"):
        await template(bench, ANNA, reference)
    await template(bench, BEA, "order 1")
    await template(bench, BEA, "order 3")
    assert await references(bench, reference="order 1") == ["order 1"] * 3
    assert await references(bench, reference="order 1", contact=BEA) == ["order 1"]
    assert await references(bench, reference="order") == []


async def test_every_status_finds_its_own(bench: Bench) -> None:
    numbers = [f"+4477009001{n:02}" for n in range(9)]
    names = ["sent", "delivered", "read", "refused", "failed", "cancelled", "expired", "later", "now"]
    more: dict[str, dict[str, object]] = {
        "later": {"send_at": {"after": "5 hours"}},
        "expired": {"send_at": {"after": "1 minute"}, "not_after": "2026-01-05T09:02:00Z"},
        "cancelled": {"send_at": {"after": "1 hour"}},
    }
    ids = {}
    for name, number in zip(names[:-1], numbers, strict=False):
        ids[name] = await template(bench, number, name, **more.get(name, {}))
    await cancel(bench, ids["cancelled"])
    started = await bench.store.start(10, bench.clock[0], Policy())
    for each in started:
        outcome = (
            Rejected(each.attempt_id, 400, "INVALID_ARGUMENT", "no")
            if each.outbox_id == ids["refused"]
            else Accepted(each.attempt_id, f"m-{each.outbox_id}")
        )
        await bench.store.finish([outcome], bench.clock[0])
    await receives(bench, ids["delivered"], numbers[1], "DELIVERED")
    await receives(bench, ids["read"], numbers[2], "READ")
    await receives(bench, ids["failed"], numbers[4], "FAILED", Reason("RECIPIENT_NOT_REACHABLE", "", "", "131026"))
    bench.later(minutes=5)
    assert await bench.store.start(10, bench.clock[0], Policy()) == []
    await template(bench, numbers[8], "now")
    expected = {
        "queued": ["now", "later"],
        "pending": ["now", "later"],
        "PENDING": ["now", "later"],
        "sent": ["sent"],
        "delivered": ["delivered"],
        "read": ["read"],
        "failed": ["failed", "refused"],
        "expired": ["expired"],
        "cancelled": ["cancelled"],
        "held": [],
    }
    assert {status: await references(bench, status=status) for status in expected} == expected
    for page in [await listed(bench, status=status) for status in expected]:
        assert len({each["status"] for each in page["messages"]}) <= 1


async def test_a_key_sees_its_own_app_alone(bench: Bench) -> None:
    body = parse(MessageBody, {"to": ANNA, "template": SHIPPED, "reference": "another"})
    placed = await place(body, replace(bench.backend, app_id="another"))
    await template(bench, ANNA, "ours")
    for query in ({}, {"contact": ANNA}, {"reference": "another"}, {"status": "queued"}):
        assert "another" not in await references(bench, **query)
    await refused(await cancel(bench, placed.outbox_id), 404, "not-found")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "-1"},
        {"limit": "1_0"},
        {"limit": "٣"},
        {"limit": "9" * 5000},
        {"cursor": "x"},
        {"cursor": "bTEx\u00e9"},
        {"cursor": "\ufffd" * 20},
        {"cursor": ""},
        {"cursor": cursor_of(10**19) or ""},
        {"since": "yesterday"},
        {"since": "2026-01-05T10:00:00"},
        {"until": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"status": "gone"},
        {"contact": ""},
        {"contact": "\0"},
        {"reference": "\0"},
        {"reference": ""},
        {"reference": "x" * 257},
        {"nope": "1"},
    ],
    ids=str,
)
async def test_a_query_that_makes_no_sense_is_refused_by_name(bench: Bench, query: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {bench.key}"}
    response = await bench.client.get("/v1/messages", params=query, headers=headers)
    document = await refused(response, 422, "invalid-body")
    assert [each["field"] for each in document["errors"]] == list(query)


@pytest.mark.parametrize("query", ["reference=%ED%A0%80", "contact=%00", "since=%ff", "cursor=%F0%9F", "limit=%C2%B2"])
async def test_what_is_no_text_is_never_our_mistake(bench: Bench, query: str) -> None:
    assert (await bench.get(f"/v1/messages?{query}")).status in (200, 422)


# --- what a message tells of itself -------------------------------------------------------------------------------------


async def test_a_message_tells_who_asked_for_it_and_why_it_may_leave(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message(category="utility"))
    known = ("origin", "author", "category", "rule", "language", "send_at", "not_after", "next_step")
    assert {name: told[name] for name in known} == {
        "origin": "api", "author": "webshop", "category": "utility", "rule": None, "language": None, "send_at": None,
        "not_after": None, "next_step": None,
    }  # fmt: skip
    assert told["why"] == "allowed: the person wrote on 5 Jan 2026 and did not say STOP"
    told = await sent(bench, await bench.post("/v1/messages", {"to": BEA, "template": SHIPPED}))
    assert told["language"] == "en_US"
    assert "nothing tells how they agreed" in told["why"]


async def test_what_a_rule_answered_is_listed_with_its_rule(bench: Bench) -> None:
    await bench.writes()
    await bench.store.decide_ready(10, bench.clock[0], answers("Hi"))
    (told,) = (await listed(bench))["messages"]
    assert (told["origin"], told["rule"], told["author"]) == ("rule", "rule", None)


async def test_why_is_that_of_the_time_it_left(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message())
    bench.later(seconds=1)
    await takes(bench)
    bench.later(days=3)
    await bench.writes(text="hello again")
    bench.later(hours=1)
    await bench.stops()
    told = await (await bench.get(f"/v1/messages/{told['id']}")).json()
    assert told["why"] == "allowed: the person wrote on 5 Jan 2026 and did not say STOP"


async def test_a_failure_says_what_is_to_do_and_by_whom(bench: Bench) -> None:
    id_ = await template(bench, ANNA, "x")
    await takes(bench)
    await receives(bench, id_, ANNA, "FAILED", Reason("RECIPIENT_NOT_REACHABLE", "", "", "131026"))
    told = await (await bench.get(f"/v1/messages/{id_}")).json()
    assert set(told["next_step"]) == {"cause", "done", "who", "todo"}
    assert all(told["next_step"].values())
    (of_list,) = (await listed(bench))["messages"]
    assert of_list == {**told, "why": None}


async def test_a_message_that_was_cancelled_or_expired_was_allowed_by_nothing(bench: Bench) -> None:
    id_ = await template(bench, ANNA, "x", send_at={"after": "1 hour"})
    assert (await (await cancel(bench, id_)).json())["why"] is None
    assert (await (await bench.get(f"/v1/messages/{id_}")).json())["why"] is None


async def test_the_clock_may_be_set_back_between_messages(bench: Bench) -> None:
    await template(bench, ANNA, "first")
    bench.clock[0] -= timedelta(minutes=30)
    await template(bench, ANNA, "second")
    assert await references(bench) == ["second", "first"]
    assert await references(bench, since="2026-01-05T08:30:00Z") == ["second", "first"]
    assert await references(bench, since="2026-01-05T08:31:00Z") == ["first"]
    assert await references(bench, until="2026-01-05T08:31:00Z") == ["second"]
