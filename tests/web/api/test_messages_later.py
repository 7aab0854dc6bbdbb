"""send_at, PATCH and DELETE: a message leaves when it was asked to, and never once it was cancelled."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.core.delivery import Policy
from bot.store.units import Accepted, NotAccepted, Unknown, Verdict
from tests.web.api.conftest import ANNA, BEA, Bench
from tests.web.api.test_messages import SHIPPED, refused, sent

LATER = "2026-01-05T12:00:00+01:00"  # two hours from now
BEFORE_EIGHT = {"before": "3 hours", "time": "2026-01-06T08:00:00Z"}


async def change(bench: Bench, id_: str, body: object) -> Any:
    return await bench.client.patch(f"/v1/messages/{id_}", json=body, headers={"Authorization": f"Bearer {bench.key}"})


async def cancel(bench: Bench, id_: str) -> Any:
    return await bench.client.delete(f"/v1/messages/{id_}", headers={"Authorization": f"Bearer {bench.key}"})


async def template(bench: Bench, **more: object) -> dict[str, Any]:
    """A template for Bea, as GET tells it once it is placed."""
    return await sent(bench, await bench.post("/v1/messages", {"to": BEA, "template": SHIPPED, **more}))


async def leaves(bench: Bench) -> list[str]:
    """What leaves now."""
    return [each.outbox_id for each in await bench.store.start(10, bench.clock[0], Policy())]


@pytest.mark.parametrize(
    ("send_at", "at"),
    [
        (LATER, "2026-01-05T11:00:00+00:00"),
        ({"after": "3 hours"}, "2026-01-05T12:00:00+00:00"),
        (BEFORE_EIGHT, "2026-01-06T05:00:00+00:00"),
        ({"after": "2 days", "time": "2026-01-05T10:00:00Z"}, "2026-01-07T10:00:00+00:00"),
        ("2026-01-05T08:59:30Z", "2026-01-05T08:59:30+00:00"),
    ],
)
async def test_a_message_leaves_at_its_time_and_not_before(bench: Bench, send_at: object, at: str) -> None:
    told = await template(bench, send_at=send_at)
    assert (told["send_at"], told["status"]) == (at, "queued")
    when = max(bench.clock[0], bench.clock[0].fromisoformat(at))
    if when > bench.clock[0]:
        bench.clock[0] = when - timedelta(seconds=1)
        assert await leaves(bench) == []
    bench.clock[0] = when
    assert await leaves(bench) == [told["id"]]


@pytest.mark.parametrize(
    ("send_at", "field"),
    [
        ("2026-01-05T08:58:00Z", "send_at"),
        ("2027-01-07T09:00:01Z", "send_at"),
        ("tomorrow", "send_at"),
        ("0001-01-01T00:00:00+14:00", "send_at"),
        ("9999-12-31T23:59:59-14:00", "send_at"),
        (5, "send_at"),
        ({}, "send_at"),
        ({"after": "3 hours", "before": "3 hours", "time": LATER}, "send_at"),
        ({"before": "3 hours"}, "send_at.time"),
        ({"before": "3 hours", "time": "2026-01-05T11:00:00Z"}, "send_at"),
        ({"before": "999999 weeks", "time": "0001-01-02T00:00:00Z"}, "send_at"),
        ({"after": "999999 weeks", "time": "9999-12-31T00:00:00Z"}, "send_at"),
        ({"after": "soon"}, "send_at.after"),
        ({"after": "3"}, "send_at.after"),
        ({"after": 3}, "send_at.after"),
        ({"in": "3 hours"}, "send_at.in"),
    ],
)
async def test_a_time_that_makes_no_sense_is_refused_by_field(bench: Bench, send_at: object, field: str) -> None:
    response = await bench.post("/v1/messages", {"to": BEA, "template": SHIPPED, "send_at": send_at})
    document = await refused(response, 422, "invalid-body")
    assert field in [each["field"] for each in document["errors"]]


async def test_a_message_whose_time_ends_before_it_begins_is_refused(bench: Bench) -> None:
    body = {"to": BEA, "template": SHIPPED, "send_at": LATER, "not_after": LATER}
    document = await refused(await bench.post("/v1/messages", body), 422, "invalid-body")
    assert document["errors"][0]["field"] == "not_after"


async def test_own_words_for_after_the_window_need_to_say_what_leaves_instead(bench: Bench) -> None:
    await bench.writes()
    document = await refused(await bench.message(send_at={"after": "24 hours"}), 409, "window-closed")
    assert "closes at 2026-01-06 09:00 UTC, before send_at" in document["detail"]
    assert (await bench.message(send_at={"after": "23 hours"})).status == 202
    assert (await bench.message(send_at={"after": "24 hours"}, if_closed="wait")).status == 202
    told = await sent(bench, await bench.message(send_at={"after": "25 hours"}, if_closed={"template": SHIPPED}))
    bench.later(hours=25)
    assert [await leaves(bench) for _ in range(3)] == [[], [], [told["id"]]]


async def test_consent_is_asked_again_when_it_is_to_leave(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message(send_at=LATER))
    bench.later(seconds=1)
    await bench.stops()
    bench.later(hours=2)
    assert await leaves(bench) == []
    assert (await (await bench.get(f"/v1/messages/{told['id']}")).json())["status"] == "cancelled"


async def test_the_time_that_it_is_tried_for_begins_when_it_is_to_leave(bench: Bench) -> None:
    told = await template(bench, send_at={"after": "3 days"})
    bench.later(days=3, hours=23)
    assert await leaves(bench) == [told["id"]]
    late = await template(bench, to="+447700900124", send_at={"after": "3 days"})
    bench.later(days=4)
    assert await leaves(bench) == []
    told = await (await bench.get(f"/v1/messages/{late['id']}")).json()
    assert (told["status"], told["reason"]) == ("expired", "It could not be sent within 24 hours.")


async def test_what_waits_for_its_person_waits_from_its_own_time_on(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message(if_closed="wait", send_at={"after": "3 days"}))
    bench.later(days=3)
    assert await leaves(bench) == []
    bench.later(days=6)
    assert await bench.store.expire(bench.clock[0]) == 0
    bench.later(days=1)
    assert await bench.store.expire(bench.clock[0]) == 1
    assert (await (await bench.get(f"/v1/messages/{told['id']}")).json())["status"] == "expired"


# --- changing -----------------------------------------------------------------------------------------------------------


async def test_a_change_moves_it_and_leaves_what_it_does_not_name(bench: Bench) -> None:
    told = await template(bench, send_at=LATER, reference="order 1", not_after="2026-01-09T00:00:00Z")
    bench.woken.clear()
    response = await change(bench, told["id"], {"send_at": {"after": "1 hour"}})
    changed = await response.json()
    assert response.status == 200, changed
    assert changed == {**told, "send_at": "2026-01-05T10:00:00+00:00"}
    assert bench.woken == ["outbox"]
    bench.later(minutes=59)
    assert await leaves(bench) == []
    bench.later(minutes=1)
    assert await leaves(bench) == [told["id"]]


async def test_null_takes_a_time_away(bench: Bench) -> None:
    told = await template(bench, send_at=LATER, reference="order 1", not_after="2026-01-09T00:00:00Z")
    changed = await (await change(bench, told["id"], dict.fromkeys(("send_at", "not_after", "reference")))).json()
    assert (changed["send_at"], changed["not_after"], changed["reference"]) == (bench.clock[0].isoformat(), None, None)
    assert await leaves(bench) == [told["id"]]


async def test_what_was_planned_long_ago_has_its_whole_time_once_its_plan_is_taken_away(bench: Bench) -> None:
    told = await template(bench, send_at={"after": "5 days"})
    bench.later(days=3)
    assert (await change(bench, told["id"], {"send_at": None})).status == 200
    bench.later(hours=23)
    assert await leaves(bench) == [told["id"]]


async def test_other_messages_of_the_person_leave_at_their_own_time(bench: Bench) -> None:
    first, second = await template(bench, send_at=LATER), await template(bench, send_at={"after": "4 hours"})
    assert (await change(bench, first["id"], {"send_at": {"after": "9 hours"}})).status == 200
    assert await bench.store.next_send(bench.clock[0]) == bench.clock[0] + timedelta(hours=4)
    bench.later(hours=4)
    assert await leaves(bench) == [second["id"]]


async def test_what_waits_for_its_person_can_be_given_a_time(bench: Bench) -> None:
    await bench.writes()
    bench.later(days=2)
    told = await sent(bench, await bench.message(if_closed="wait"))
    assert await leaves(bench) == []
    assert (await change(bench, told["id"], {"send_at": {"after": "1 hour"}})).status == 200
    await bench.writes(text="hello again")
    assert await leaves(bench) == []
    bench.later(hours=1)
    assert await leaves(bench) == [told["id"]]


async def test_a_change_is_checked_as_a_new_message_is(bench: Bench) -> None:
    await bench.writes()
    told = await sent(bench, await bench.message(send_at=LATER, not_after="2026-01-05T13:00:00Z"))
    id_ = told["id"]
    await refused(await change(bench, id_, {}), 422, "invalid-body")
    await refused(await change(bench, id_, {"to": ANNA}), 422, "invalid-body")
    await refused(await change(bench, id_, {"send_at": "2026-01-05T08:00:00Z"}), 422, "invalid-body")
    await refused(await change(bench, id_, {"send_at": {"after": "5 hours"}}), 422, "invalid-body")
    await refused(await change(bench, id_, {"not_after": "2026-01-05T10:00:00Z"}), 422, "invalid-body")
    await refused(await change(bench, id_, {"send_at": {"after": "2 days"}, "not_after": None}), 409, "window-closed")
    assert await (await bench.get(f"/v1/messages/{id_}")).json() == told


@pytest.mark.parametrize("id_", ["nope", "0" * 32, "%00", "%ED%A0%80", "x" * 3000, "%F0%9F%98%80"])
async def test_what_is_not_there_can_be_neither_changed_nor_cancelled(bench: Bench, id_: str) -> None:
    await refused(await change(bench, id_, {"reference": "x"}), 404, "not-found")
    await refused(await cancel(bench, id_), 404, "not-found")
    await refused(await bench.get(f"/v1/messages/{id_}"), 404, "not-found")


# --- cancelling ---------------------------------------------------------------------------------------------------------


async def test_a_cancelled_message_never_leaves_and_says_who_took_it_back(bench: Bench) -> None:
    told = await template(bench, send_at=LATER)
    answers = [await (await cancel(bench, told["id"])).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0]["status"], answers[0]["reason"]) == ("cancelled", 'It was cancelled by the API key "webshop".')
    assert await bench.store.next_send(bench.clock[0]) is None
    bench.later(days=1)
    assert await leaves(bench) == []
    await refused(await change(bench, told["id"], {"reference": "x"}), 409, "already-left")


async def test_what_was_begun_to_be_sent_cannot_be_changed_or_cancelled(bench: Bench) -> None:
    told = await template(bench)
    (started,) = await bench.store.start(1, bench.clock[0], Policy())
    for how in ("Parley began to send it", "it is sent"):
        document = await refused(await cancel(bench, told["id"]), 409, "already-left")
        assert how in document["detail"]
        await refused(await change(bench, told["id"], {"send_at": LATER}), 409, "already-left")
        await bench.store.finish([Accepted(started.attempt_id, "m1")], bench.clock[0])


async def test_a_refused_try_counts_as_begun_while_it_is_to_be_repeated(bench: Bench) -> None:
    told = await template(bench)
    (started,) = await bench.store.start(1, bench.clock[0], Policy())
    again = bench.clock[0] + timedelta(hours=1)
    await bench.store.finish([NotAccepted(started.attempt_id, again, 503, "", "busy")], bench.clock[0])
    await refused(await cancel(bench, told["id"]), 409, "already-left")
    await refused(await change(bench, told["id"], {"send_at": LATER}), 409, "already-left")


async def waits_after(bench: Bench, *, unknown: bool) -> str:
    """A message that was tried, and then found the window closed."""
    await bench.writes()
    told = await sent(bench, await bench.message(if_closed="wait"))
    (started,) = await bench.store.start(1, bench.clock[0], Policy())
    again = bench.clock[0] + timedelta(days=2)
    if unknown:
        await bench.store.finish([Unknown(started.attempt_id, bench.clock[0], 0, "cut")], bench.clock[0])
        await bench.store.reconcile([Verdict(told["id"], resend=True)], bench.clock[0])
    else:
        await bench.store.finish([NotAccepted(started.attempt_id, again, 503, "", "busy")], bench.clock[0])
    bench.later(days=2)
    assert await leaves(bench) == []
    return str(told["id"])


async def test_what_waits_can_be_cancelled_if_no_try_may_have_been_taken(bench: Bench) -> None:
    assert (await cancel(bench, await waits_after(bench, unknown=False))).status == 200


async def test_what_waits_after_a_try_of_unknown_outcome_may_have_left(bench: Bench) -> None:
    await refused(await cancel(bench, await waits_after(bench, unknown=True)), 409, "already-left")


async def test_a_cancel_that_races_the_sender_has_one_winner(bench: Bench) -> None:
    """Whichever commits first: cancelled and never started, or started and refused."""
    ids = [(await template(bench, to=f"+4477009{n:05}"))["id"] for n in range(30)]

    async def start_all() -> set[str]:
        begun: set[str] = set()
        for _ in range(12):
            begun |= {each.outbox_id for each in await bench.store.start(5, bench.clock[0], Policy())}
        return begun

    begun, *answers = await asyncio.gather(start_all(), *(cancel(bench, id_) for id_ in ids))
    cancelled = {id_ for id_, answer in zip(ids, answers, strict=True) if answer.status == 200}
    assert {answer.status for answer in answers} <= {200, 409}
    assert not cancelled & begun
    assert cancelled | begun == set(ids)


async def test_a_past_time_in_a_change_is_cured_by_null(bench: Bench) -> None:
    await bench.writes()
    made = await (await bench.message(send_at="2026-01-05T12:00:00Z")).json()
    headers = {"Authorization": f"Bearer {bench.key}"}
    past = {"send_at": "2026-01-05T08:00:00Z"}
    response = await bench.client.patch(f"/v1/messages/{made['id']}", json=past, headers=headers)
    document = await refused(response, 422, "invalid-body")
    assert document["errors"][0]["detail"].endswith("which is past. Make it null to send at once.")
    response = await bench.client.patch(f"/v1/messages/{made['id']}", json={"send_at": None}, headers=headers)
    assert response.status == 200
