"""Callbacks: who gets them, what is tried again and when, and what the faults do to them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings, Fault, FaultKind, StoppedClock, WebhookSettings
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.signatures import callback_headers
from tests.sinch.emulator.caller import ANN, APP, Caller, text_to
from tests.sinch.emulator.conftest import EVERYTHING, SECRET, START, Start
from tests.sinch.emulator.sink import Sink

BOB = "48500100201"


def texts(sink: Sink) -> list[str]:
    """What the people said, in the order it arrived."""
    said = []
    for each in sink.received:
        message = each.json["message"]
        assert isinstance(message, dict)
        said.append(message["contact_message"]["text_message"]["text"])
    return said


async def test_connections_are_kept(emulator: Emulator, sink: Sink) -> None:
    for number in range(3):
        await emulator.person(ANN).says(str(number))
    assert len({each.peer for each in sink.received}) == 1


async def test_people_are_served_at_the_same_time(emulator: Emulator, sink: Sink) -> None:
    sink.hold()
    says = [asyncio.ensure_future(emulator.person(f"4850010020{number}").says("hi")) for number in range(8)]
    await sink.until(8)
    sink.let_go()
    await asyncio.gather(*says)


@pytest.mark.parametrize("trouble", [500, 502, 503, 429, 0])
async def test_trouble_is_tried_again_at_doubling_pauses(
    emulator: Emulator, sink: Sink, clock: StoppedClock, trouble: int
) -> None:
    sink.answers.extend([trouble] * 3)
    message_id = await emulator.person(ANN).says("hi")
    for tries, pause_s in enumerate((5, 10, 20), 1):
        assert await clock.until_asleep() == [pause_s]
        assert len(sink.received) == tries
        emulator.advance(seconds=pause_s)
        await sink.until(tries + 1)
    await emulator.settled(with_retries=True)
    assert [(entry["about"], entry["tries"]) for entry in emulator.truth.of("acknowledged")] == [(message_id, 4)]


async def test_each_try_is_signed_anew(emulator: Emulator, sink: Sink, clock: StoppedClock) -> None:
    sink.answers.append(503)
    await emulator.person(ANN).says("hi")
    await clock.until_asleep()
    emulator.advance(seconds=5)
    first, second = [each.headers for each in await sink.until(2)]
    assert first["x-sinch-webhook-signature-nonce"] != second["x-sinch-webhook-signature-nonce"]
    assert first["x-sinch-webhook-signature-timestamp"] == str(int(START.timestamp()))
    assert second["x-sinch-webhook-signature-timestamp"] == str(int(START.timestamp()) + 5)
    assert sink.received[0].body == sink.received[1].body


async def test_same_nonce_when_told(start: Start, sink: Sink, clock: StoppedClock) -> None:
    emulator = await start(EmulatorSettings(same_nonce_on_retry=True))
    sink.answers.append(503)
    await emulator.person(ANN).says("hi")
    await clock.until_asleep()
    emulator.advance(seconds=5)
    first, second = [each.headers for each in await sink.until(2)]
    assert first["x-sinch-webhook-signature"] == second["x-sinch-webhook-signature"]


@pytest.mark.parametrize("refusal", [400, 401, 404, 413])
async def test_refused_callback_is_dropped(emulator: Emulator, sink: Sink, refusal: int) -> None:
    sink.answers.append(refusal)
    message_id = await emulator.person(ANN).says("hi")
    assert emulator.retries_waiting == 0
    (dropped,) = emulator.truth.of("dropped")
    assert (dropped["about"], dropped["status"]) == (message_id, refusal)
    assert len(sink.received) == 1


async def test_retries_end(start: Start, sink: Sink, clock: StoppedClock) -> None:
    emulator = await start(EmulatorSettings(retry_first_s=1, retry_last_s=2))
    sink.answers.extend([500] * 9)
    await emulator.person(ANN).says("hi")
    for pause_s in (1, 2):
        assert await clock.until_asleep() == [pause_s]
        emulator.advance(seconds=pause_s)
    await sink.until(3)
    await emulator.settled(with_retries=True)
    assert [entry["tries"] for entry in emulator.truth.of("dropped")] == [3]


async def test_moving_the_clock_far_wakes_every_retry(emulator: Emulator, sink: Sink, clock: StoppedClock) -> None:
    sink.answers.extend([503, 503])
    await emulator.person(ANN).says("one")
    await emulator.person(BOB).says("two")
    await clock.until_asleep(2)
    emulator.advance(hours=25)
    await sink.until(4)


async def test_nobody_listens(start: Start, clock: StoppedClock, sink: Sink) -> None:
    target = sink.url
    await sink.stop()
    emulator = await start(EmulatorSettings(webhooks=(WebhookSettings(target, SECRET),)))
    await emulator.person(ANN).says("hi")
    assert await clock.until_asleep() == [5]


async def test_each_webhook_gets_what_it_wants(start: Start, sink: Sink) -> None:
    receipts = WebhookSettings(sink.url + "/receipts", SECRET, ("MESSAGE_DELIVERY",))
    people = WebhookSettings(sink.url + "/people", "", ("MESSAGE_INBOUND",))
    both = WebhookSettings(sink.url + "/both", SECRET, ("MESSAGE_INBOUND", "MESSAGE_DELIVERY"))
    elsewhere = WebhookSettings(sink.url + "/elsewhere", SECRET, EVERYTHING, app_id="OTHER")
    emulator = await start(EmulatorSettings(webhooks=(receipts, people, both, elsewhere)))
    await emulator.person(ANN, APP).says("hi")
    assert sorted(each.path for each in sink.received) == ["/webhook/both", "/webhook/people"]
    signed = {each.path: "x-sinch-webhook-signature" in each.headers for each in sink.received}
    assert signed == {"/webhook/both": True, "/webhook/people": False}


async def test_receipts_go_where_the_send_says(start: Start, session: ClientSession, sink: Sink) -> None:
    emulator = await start(EmulatorSettings(receipts=("DELIVERED",), overridden_secret="another"))
    await emulator.person(ANN, APP).says("hi")
    await Caller(emulator, session).send(text_to(ANN, callback_url=sink.url + "/mine"))
    await emulator.settled()
    assert [each.path for each in sink.received] == ["/webhook", "/webhook/mine"]
    redirected = sink.received[1]
    nonce, timestamp = (redirected.headers[f"x-sinch-webhook-signature-{name}"] for name in ("nonce", "timestamp"))
    expected = callback_headers("sinch", "another", redirected.body, nonce, timestamp)
    assert redirected.headers["x-sinch-webhook-signature"] == expected["x-sinch-webhook-signature"]


async def test_duplicates(emulator: Emulator, sink: Sink) -> None:
    emulator.faults.script(Fault(FaultKind.DUPLICATE))
    await emulator.person(ANN).says("hi")
    first, second = await sink.until(2)
    assert first.body == second.body
    assert first.headers["x-sinch-webhook-signature-nonce"] != second.headers["x-sinch-webhook-signature-nonce"]
    assert emulator.faults.happened == {"duplicate": 1}


async def test_reordered_pair(emulator: Emulator, sink: Sink) -> None:
    emulator.faults.script(Fault(FaultKind.REORDER))
    await emulator.person(ANN).says("first")
    assert not sink.received
    await emulator.person(ANN).says("second")
    assert texts(sink) == ["second", "first"]
    assert emulator.faults.happened == {"reorder": 1}


async def test_nothing_overtakes(emulator: Emulator, sink: Sink, clock: StoppedClock) -> None:
    emulator.faults.script(Fault(FaultKind.REORDER))
    await emulator.person(ANN).says("alone")
    await clock.until_asleep()
    emulator.advance(seconds=1)
    await sink.until(1)
    assert emulator.faults.happened == {}


async def test_delayed_callback_comes_later(emulator: Emulator, sink: Sink, clock: StoppedClock) -> None:
    emulator.faults.script(Fault(FaultKind.DELAY, seconds=30))
    await emulator.person(ANN).says("late")
    await emulator.person(BOB).says("soon")
    assert texts(sink) == ["soon"]
    assert await clock.until_asleep() == [30]
    clock.advance(timedelta(seconds=30))
    await sink.until(2)
    assert texts(sink) == ["soon", "late"]


async def test_any_bytes_are_signed(emulator: Emulator, sink: Sink) -> None:
    assert await emulator.post(b"{not json") == [200]
    assert sink.received[0].body == b"{not json"
    assert "x-sinch-webhook-signature" in sink.received[0].headers


async def test_any_payload_in_its_envelope(emulator: Emulator, sink: Sink) -> None:
    event: Json = {"channel": "WHATSAPP", "event_type": "WHATS_APP_QUALITY_RATING_CHANGED", "additional_data": {}}
    await emulator.callback("channel_event_notification", {"channel_event": event}, APP)
    body = sink.received[0].json
    assert body["app_id"] == APP
    assert body["channel_event_notification"] == {"channel_event": event}
    with pytest.raises(ValueError, match="needs one of these keys"):
        await emulator.callback("nonsense", {})
