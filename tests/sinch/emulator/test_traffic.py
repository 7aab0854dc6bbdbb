"""What went over the wire, by message."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from aiohttp import ClientError

from bot.sinch.emulator import Delivery, Emulator, Exchange, Fault, FaultKind, StoppedClock
from bot.sinch.emulator.fields import object_in, objects_in
from bot.sinch.emulator.traffic import BYTES_KEPT, EACH_KEPT, MESSAGES_KEPT, REFUSED_KEPT, Traffic, shown_headers
from tests.sinch.emulator.caller import ANN, APP, PROJECT, Caller, text_to
from tests.sinch.emulator.conftest import START
from tests.sinch.emulator.sink import Sink


def delivery(about: str = "M", body: bytes = b"{}") -> Delivery:
    return Delivery("MESSAGE_INBOUND", about, "http://x", START, 1, {}, body, len(body), 200)


def exchange(body: bytes = b"{}", status: int = 200) -> Exchange:
    return Exchange("POST", "/messages:send", START, {}, body, len(body), status, b"{}")


async def test_webhooks_of_what_a_person_said(emulator: Emulator, sink: Sink, clock: StoppedClock) -> None:
    sink.answers.append(503)
    message_id = await emulator.person(ANN, APP).says("hi")
    await clock.until_asleep()
    emulator.advance(seconds=5)
    await sink.until(2)
    await emulator.settled(with_retries=True)
    first, second = emulator.traffic(message_id).deliveries
    assert (first.attempt, first.status, second.attempt, second.status) == (1, 503, 2, 200)
    assert (first.url, first.trigger, second.at - first.at) == (sink.url, "MESSAGE_INBOUND", timedelta(seconds=5))
    for kept, received in zip((first, second), sink.received, strict=True):
        assert (kept.body, kept.size) == (received.body, len(received.body))
        name = "x-sinch-webhook-signature"
        assert kept.headers[name] == received.headers[name]


async def test_sends_and_receipts(emulator: Emulator, caller: Caller) -> None:
    await emulator.person(ANN, APP).says("hi")
    body = text_to(ANN)
    message_id = await caller.send(body)
    await emulator.settled()
    seen = emulator.traffic(message_id)
    (send,) = seen.sends
    assert (send.method, send.path, send.status, send.fault) == (
        "POST",
        f"/v1/projects/{PROJECT}/messages:send",
        200,
        "",
    )
    assert (orjson.loads(send.body), orjson.loads(send.answer)["message_id"]) == (body, message_id)
    assert {name.lower(): value for name, value in send.headers.items()}["authorization"] == "Basic (hidden)"
    assert [each.about.partition(":")[2] for each in seen.deliveries] == ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"]
    told = (await caller.call("GET", f"/emulator/traffic/{message_id}")).json
    assert told == orjson.loads(orjson.dumps(seen.resource()))
    assert object_in(objects_in(told, "sends")[0], "headers")["Authorization"] == "Basic (hidden)"


async def test_sends_that_were_refused_belong_to_the_one_that_was_not(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.script(
        Fault(FaultKind.RATE_LIMITED), Fault(FaultKind.REFUSED), Fault(FaultKind.UNAVAILABLE), Fault(FaultKind.NONE)
    )
    assert (await caller.call("POST", "messages:send", text_to(ANN, message_metadata="m1"))).status == 429
    with pytest.raises(ClientError):
        await caller.send(text_to(ANN, message_metadata="m1"))
    await caller.call("POST", "messages:send", text_to(ANN, message_metadata="m2"))
    message_id = await caller.send(text_to(ANN, message_metadata="m1"))
    sends = emulator.traffic(message_id).sends
    assert [(each.status, each.fault) for each in sends] == [(429, "rate_limited"), (0, "refused"), (200, "")]
    assert [each.status for each in emulator.world.traffic.refused] == [503]


async def test_an_answer_that_was_lost(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.script(Fault(FaultKind.LOST_RESPONSE))
    with pytest.raises(ClientError):
        await caller.send(text_to(ANN))
    (accepted,) = emulator.truth.of("accepted")
    (send,) = emulator.traffic(str(accepted["message_id"])).sends
    assert (send.status, send.fault) == (200, "lost_response")


async def test_a_reaction_belongs_to_what_it_is_about(emulator: Emulator, caller: Caller) -> None:
    message_id = await caller.send(text_to(ANN))
    await emulator.settled()
    await emulator.person(ANN, APP).reacts(message_id, "👍")
    assert emulator.traffic(message_id).deliveries[-1].trigger == "EVENT_INBOUND"


def test_what_is_unknown_is_empty() -> None:
    seen = Traffic().of("M")
    assert (seen.message_id, seen.deliveries, seen.sends) == ("M", (), ())


def test_the_last_of_a_message_are_kept() -> None:
    traffic = Traffic()
    for number in range(EACH_KEPT + 2):
        traffic.delivered("M", delivery(str(number)))
        traffic.accepted("M", "", exchange(str(number).encode()))
    seen = traffic.of("M")
    assert (len(seen.deliveries), seen.deliveries[0].about) == (EACH_KEPT, "2")
    assert (len(seen.sends), seen.sends[0].body) == (EACH_KEPT, b"2")


def test_the_last_messages_are_kept() -> None:
    traffic = Traffic()
    for number in range(MESSAGES_KEPT + 1):
        traffic.delivered(str(number), delivery())
    assert not traffic.of("0").deliveries
    assert traffic.of("1").deliveries


def test_memory_is_bounded() -> None:
    traffic = Traffic()
    body = b"x" * (BYTES_KEPT // 4)
    for number in range(6):
        traffic.delivered(str(number), delivery(body=body))
    assert [bool(traffic.of(str(number)).deliveries) for number in range(6)] == [False] * 3 + [True] * 3


def test_refused_sends_are_bounded() -> None:
    traffic = Traffic()
    for number in range(REFUSED_KEPT + 1):
        traffic.turned_down("", exchange(str(number).encode(), 429))
    traffic.accepted("M", "", exchange())
    assert (len(traffic.refused), traffic.refused[0].body) == (REFUSED_KEPT, b"1")


def test_headers_that_let_in_are_hidden() -> None:
    given = {"Authorization": "Bearer abc", "cookie": "s=1", "Proxy-Authorization": "x", "Accept": "*/*"}
    assert shown_headers(given) == {
        "Authorization": "Bearer (hidden)",
        "cookie": "(hidden)",
        "Proxy-Authorization": "(hidden)",
        "Accept": "*/*",
    }
