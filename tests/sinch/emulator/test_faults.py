"""Troubles on order at the API."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientConnectorError, ClientError, ClientSession, ServerDisconnectedError

from bot.sinch.emulator import Emulator, EmulatorSettings, Fault, FaultKind, Faults, StoppedClock
from bot.sinch.emulator.faults import fault_from
from tests.sinch.emulator.caller import ANN, APP, Caller, text_to
from tests.sinch.emulator.conftest import Start


async def test_rate_limit(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.RATE_LIMITED, retry_after="nan"))
    answer = await caller.call("POST", "messages:send", text_to(ANN))
    assert (answer.status, answer.headers["retry-after"]) == (429, "nan")
    assert answer.error["status"] == "RESOURCE_EXHAUSTED"
    assert not emulator.truth.of("accepted")


async def test_unavailable_has_sinchs_own_body(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.UNAVAILABLE))
    answer = await caller.call("POST", "messages:send", text_to(ANN))
    assert (answer.status, answer.error["status"]) == (503, "UNAVAILABLE")
    assert "retry-after" not in answer.headers


async def test_gateway_page(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.HTML, status=502))
    answer = await caller.call("POST", "messages:send", text_to(ANN))
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<html>")


async def test_any_status(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.STATUS, status=403))
    assert (await caller.call("POST", "messages:send", text_to(ANN))).error["status"] == "PERMISSION_DENIED"


async def test_lost_response_was_accepted(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.LOST_RESPONSE))
    with pytest.raises(ServerDisconnectedError):
        await caller.send(text_to(ANN, message_metadata="lost"))
    assert [entry["metadata"] for entry in emulator.truth.of("accepted")] == ["lost"]
    assert emulator.faults.happened == {"lost_response": 1}


async def test_refused_request_was_not(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(Fault(FaultKind.REFUSED))
    with pytest.raises(ClientError):
        await caller.send(text_to(ANN))
    assert not emulator.truth.of("accepted")
    assert [entry["fault"] for entry in emulator.truth.of("fault")] == ["refused"]


async def test_slow_answer(caller: Caller, emulator: Emulator, clock: StoppedClock) -> None:
    emulator.faults.script(Fault(FaultKind.SLOW, seconds=20))
    sending = asyncio.ensure_future(caller.send(text_to(ANN)))
    assert await clock.until_asleep() == [20]
    assert len(emulator.truth.of("accepted")) == 1
    assert not sending.done()
    emulator.advance(seconds=20)
    assert await sending


async def test_unplugged_and_plugged_in_again(start: Start) -> None:
    emulator = await start(EmulatorSettings())
    url = emulator.url
    await emulator.unplug()
    await emulator.unplug()
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorError):
            await Caller(emulator, session).send(text_to(ANN))
        await emulator.plug_in()
        assert emulator.url == url
        await Caller(emulator, session).send(text_to(ANN))


async def test_script_is_kept_in_order_and_leaves_others_alone(caller: Caller, emulator: Emulator) -> None:
    emulator.faults.script(
        Fault(FaultKind.NONE), Fault(FaultKind.UNAVAILABLE), Fault(FaultKind.RATE_LIMITED, where="oauth2/token")
    )
    assert (await caller.call("GET", f"apps/{APP}")).status == 200
    statuses = [(await caller.call("POST", "messages:send", text_to(ANN))).status for _ in range(3)]
    assert statuses == [200, 503, 200]
    assert emulator.faults.outstanding == 1
    assert emulator.faults.happened == {"unavailable": 1}
    assert [(await caller.token()).status for _ in range(2)] == [429, 200]


def test_chance_follows_its_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.chance(Fault(FaultKind.DUPLICATE), 0.3)
        return [faults.for_callback() is not None for _ in range(200)]

    assert run(1) == run(1) != run(2)
    assert 30 < sum(run(1)) < 90


def test_clear() -> None:
    faults = Faults(0)
    faults.chance(Fault(FaultKind.UNAVAILABLE), 1.0)
    faults.script(Fault(FaultKind.RATE_LIMITED))
    assert faults.for_request("/v1/projects/p/messages:send") == Fault(FaultKind.RATE_LIMITED)
    assert faults.for_request("/v1/projects/p/messages:send") == Fault(FaultKind.UNAVAILABLE)
    faults.clear()
    assert faults.for_request("/v1/projects/p/messages:send") is None


def test_what_befalls_callbacks_and_messages_befalls_no_request() -> None:
    faults = Faults(0)
    faults.script(
        Fault(FaultKind.DUPLICATE), Fault(FaultKind.DELAY, trigger="MESSAGE_DELIVERY"), Fault(FaultKind.FAILED)
    )
    assert [faults.for_request(f"/{end}") for end in ("callback", "callback MESSAGE_DELIVERY", "message")] == [None] * 3
    assert faults.outstanding == 3


def test_only_callbacks_of_the_trigger() -> None:
    faults = Faults(0)
    fault = Fault(FaultKind.DELAY, trigger="MESSAGE_DELIVERY")
    faults.script(fault)
    faults.chance(fault, 1.0)
    assert faults.for_callback("MESSAGE_INBOUND") is None
    assert [faults.for_callback("MESSAGE_DELIVERY") for _ in range(2)] == [fault, fault]
    assert faults.outstanding == 0


def test_from_json() -> None:
    assert fault_from({"kind": "slow", "seconds": 2}) == Fault(FaultKind.SLOW, seconds=2.0)
    assert fault_from({"kind": "html", "status": 504, "where": "*"}) == Fault(FaultKind.HTML, status=504, where="*")
    late = fault_from({"kind": "delay", "seconds": 9, "trigger": "MESSAGE_INBOUND"})
    assert late.place == "callback MESSAGE_INBOUND"
    with pytest.raises(ValueError, match="nonsense"):
        fault_from({"kind": "nonsense"})
