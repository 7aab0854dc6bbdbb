"""Troubles by name."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientError

from bot.sinch.emulator import Emulator, Fault, FaultKind, StoppedClock
from bot.sinch.emulator.fields import Json, objects_in
from tests.sinch.emulator.caller import ANN, APP, Caller, text_to
from tests.sinch.emulator.sink import Sink

ALL = (
    "duplicates late_webhooks late_receipts shuffled_receipts lost_answers too_many_requests sinch_down connection_cut "
    "undeliverable"
).split()


def test_all_are_off_at_first(emulator: Emulator) -> None:
    switches = emulator.switches.all()
    assert [each.name for each in switches] == ALL
    assert not any(each.is_on or each.happened for each in switches)
    assert all(each.title and each.sentence.endswith(".") for each in switches)


async def test_the_next_ones_only(emulator: Emulator, caller: Caller) -> None:
    emulator.switches.befall_next("too_many_requests", 2)
    answers = [await caller.call("POST", "messages:send", text_to(ANN)) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "1"
    switch = emulator.switches.get("too_many_requests")
    assert (switch.is_on, switch.next, switch.happened) == (False, 0, 2)


async def test_on_until_it_is_off(emulator: Emulator, caller: Caller) -> None:
    assert emulator.switches.turn_on("sinch_down").probability == 1.0
    assert (await caller.call("GET", f"apps/{APP}")).status == 503
    assert (await caller.token()).status == 503
    assert not emulator.switches.turn_off("sinch_down").is_on
    assert (await caller.call("GET", f"apps/{APP}")).status == 200
    assert emulator.switches.get("sinch_down").happened == 2
    assert emulator.switches.changes.count == 2


async def test_answers_are_lost_and_connections_cut(emulator: Emulator, caller: Caller) -> None:
    for name, taken in (("lost_answers", 1), ("connection_cut", 1)):
        emulator.switches.befall_next(name)
        with pytest.raises(ClientError):
            await caller.send(text_to(ANN))
        assert len(emulator.truth.of("accepted")) == taken


async def test_every_webhook_twice(emulator: Emulator, sink: Sink) -> None:
    emulator.switches.turn_on("duplicates")
    await emulator.person(ANN, APP).says("hi")
    await sink.until(2)
    assert emulator.switches.get("duplicates").happened == 1


async def test_only_receipts_are_late(emulator: Emulator, caller: Caller, sink: Sink, clock: StoppedClock) -> None:
    emulator.switches.turn_on("late_receipts")
    person = emulator.person(ANN, APP)
    person.phone.receipts = ("DELIVERED",)
    await person.says("hi")
    assert len(sink.received) == 1
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert sink.statuses() == []
    assert await clock.until_asleep() == [30]
    emulator.advance(seconds=30)
    await sink.until(2)
    assert sink.statuses() == ["DELIVERED"]


async def test_only_what_people_write_is_late(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    emulator.switches.turn_on("late_webhooks")
    await emulator.person(ANN, APP).says("hi")
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert sink.statuses() == ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"]
    assert len(sink.received) == 3


async def test_receipts_overtake_one_another(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    emulator.switches.turn_on("shuffled_receipts")
    person = emulator.person(ANN, APP)
    person.phone.receipts = ("QUEUED_ON_CHANNEL", "DELIVERED")
    await person.says("hi")
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert sink.statuses() == ["DELIVERED", "QUEUED_ON_CHANNEL"]
    assert emulator.switches.get("shuffled_receipts").happened == 1


async def test_messages_that_never_arrive(emulator: Emulator, caller: Caller) -> None:
    emulator.switches.befall_next("undeliverable")
    await emulator.person(ANN, APP).says("hi")
    await caller.send(text_to(ANN))
    bubble = emulator.person(ANN, APP).phone.bubbles()[-1]
    assert (bubble.failed, bubble.failed_channel_code) == ("RECIPIENT_NOT_REACHABLE", "131026")
    assert bubble.failed_because


def test_by_chance(emulator: Emulator) -> None:
    emulator.switches.turn_on("duplicates", 0.3)
    happened = sum(emulator.faults.for_callback("MESSAGE_INBOUND") is not None for _ in range(200))
    assert 30 < happened < 90
    assert emulator.switches.get("duplicates").probability == 0.3


def test_turning_does_not_add_up_and_leaves_others_alone(emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.LOST_RESPONSE))
    emulator.switches.befall_next("lost_answers", 5)
    emulator.switches.befall_next("lost_answers", 2)
    assert emulator.switches.get("lost_answers").next == 2
    emulator.switches.turn_on("lost_answers")
    assert (emulator.switches.get("lost_answers").next, emulator.faults.outstanding) == (0, 1)
    emulator.switches.turn_on("duplicates")
    for each in emulator.switches.all():
        emulator.switches.turn_off(each.name)
    assert not any(each.is_on for each in emulator.switches.all())
    assert emulator.faults.outstanding == 1


def test_nonsense(emulator: Emulator) -> None:
    with pytest.raises(LookupError, match="no switch 'cake'; there are duplicates"):
        emulator.switches.turn_on("cake")
    for probability in (0.0, 1.1, -1.0, float("nan")):
        with pytest.raises(ValueError, match="probability"):
            emulator.switches.turn_on("duplicates", probability)
    for count in (0, 1001):
        with pytest.raises(ValueError, match="next"):
            emulator.switches.befall_next("duplicates", count)


async def test_as_controls(emulator: Emulator, caller: Caller) -> None:
    async def turn(body: Json) -> dict[str, Json]:
        answer = await caller.call("POST", "/emulator/switches", body, {})
        assert answer.status == 200, answer.body
        return {str(each["name"]): each for each in objects_in(answer.json, "switches")}

    assert list(await turn({"name": "sinch_down", "on": True, "probability": 0.5})) == ALL
    told = await turn({"name": "duplicates", "next": 3})
    assert (told["sinch_down"]["probability"], told["duplicates"]["next"], told["duplicates"]["on"]) == (0.5, 3, True)
    assert not (await turn({"name": "sinch_down", "on": False}))["sinch_down"]["on"]
    assert objects_in((await caller.call("GET", "/emulator/switches")).json, "switches")[0]["next"] == 3
    for wrong in ({"name": "cake", "on": True}, {"name": "duplicates"}, {"name": "duplicates", "next": -1}):
        assert (await caller.call("POST", "/emulator/switches", wrong, {})).status == 400


async def test_a_turn_is_told(emulator: Emulator) -> None:
    waiting = asyncio.ensure_future(emulator.switches.changes.after(0))
    await asyncio.sleep(0)
    emulator.switches.turn_on("duplicates")
    async with asyncio.timeout(5):
        assert await waiting == 1
