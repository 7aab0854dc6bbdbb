"""What people do, as it goes over the wire."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings, NothingToTap, Quote, StoppedClock
from bot.sinch.emulator.fields import Json, object_in, text_in
from tests.sinch.emulator.caller import ANN, APP, PROJECT, Caller, send_to, text_to
from tests.sinch.emulator.conftest import START, Start
from tests.sinch.emulator.sink import Sink

BUTTONS: Json = {
    "choice_message": {
        "text_message": {"text": "What next?"},
        "choices": [
            {"text_message": {"text": "Track"}, "postback_data": "menu:track"},
            {"text_message": {"text": "Talk"}},
        ],
    }
}


def message(sink: Sink) -> Json:
    """The last inbound message."""
    return object_in(sink.received[-1].json, "message")


async def test_text_in_dispatch_mode(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await caller.call("GET", f"apps/{APP}")
    message_id = await emulator.person(ANN).says("Where is my order?")
    assert sink.received[0].json == {
        "app_id": APP,
        "project_id": PROJECT,
        "accepted_time": "2026-11-20T10:15:30Z",
        "event_time": "2026-11-20T10:15:30Z",
        "message": {
            "id": message_id,
            "direction": "TO_APP",
            "contact_message": {"text_message": {"text": "Where is my order?"}},
            "channel_identity": {"channel": "WHATSAPP", "identity": ANN, "app_id": ""},
            "conversation_id": "",
            "contact_id": "",
            "metadata": "",
            "accept_time": "2026-11-20T10:15:30Z",
            "sender_id": "46700000000",
            "processing_mode": "DISPATCH",
            "injected": False,
        },
        "message_metadata": "",
        "correlation_id": "",
    }


async def test_ids_in_conversation_mode(start: Start, session: ClientSession, sink: Sink) -> None:
    emulator = await start(EmulatorSettings(processing_mode="CONVERSATION", receipts=("DELIVERED",)))
    await emulator.person(ANN, APP).says("one")
    await emulator.person("+" + ANN, APP).says("two")
    first, second = (object_in(each.json, "message") for each in sink.received)
    assert first["contact_id"]
    assert first["conversation_id"]
    assert first["contact_id"] == second["contact_id"]
    await Caller(emulator, session).send(text_to(ANN) | {"recipient": {"contact_id": first["contact_id"]}})
    await emulator.settled()
    report = object_in(sink.received[-1].json, "message_delivery_report")
    assert (report["status"], report["contact_id"]) == ("DELIVERED", first["contact_id"])
    assert object_in(report, "channel_identity")["identity"] == ANN


async def test_one_send_may_be_dispatched_only(start: Start, session: ClientSession, sink: Sink) -> None:
    emulator = await start(EmulatorSettings(processing_mode="CONVERSATION", receipts=("DELIVERED",)))
    await emulator.person(ANN, APP).says("hi")
    await Caller(emulator, session).send(text_to(ANN, processing_strategy="DISPATCH_ONLY", correlation_id="c"))
    await emulator.settled()
    report = object_in(sink.received[-1].json, "message_delivery_report")
    assert (report["contact_id"], report["processing_mode"]) == ("", "DISPATCH")
    assert sink.received[-1].json["correlation_id"] == ""


@pytest.mark.parametrize("identity", [ANN, "+" + ANN, "US.13491208655302741918", "US.ENT.11815799212886844830"])
async def test_identities_come_as_they_are(emulator: Emulator, caller: Caller, sink: Sink, identity: str) -> None:
    await emulator.person(identity, APP).says("hi")
    assert object_in(message(sink), "channel_identity")["identity"] == identity
    await caller.send(text_to(identity))
    await emulator.settled()
    assert sink.statuses() == ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"]


async def test_receipts_may_have_a_plus(start: Start, session: ClientSession, sink: Sink) -> None:
    emulator = await start(EmulatorSettings(plus_in_receipts=True, receipts=("READ",)))
    await emulator.person(ANN, APP).says("hi")
    await Caller(emulator, session).send(text_to(ANN))
    await emulator.settled()
    report = object_in(sink.received[-1].json, "message_delivery_report")
    assert object_in(report, "channel_identity")["identity"] == "+" + ANN


async def test_media(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).sends_media("https://media.example.org/1")
    plain: Json = {"url": "https://media.example.org/1", "thumbnail_url": "", "filename_override": ""}
    assert message(sink)["contact_message"] == {"media_message": plain}
    await emulator.person(ANN).sends_media("https://media.example.org/1", "look")
    card: Json = {"url": "https://media.example.org/1", "caption": "look"}
    assert message(sink)["contact_message"] == {"media_card_message": card}


async def test_location(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).sends_location(52.23, 21.01, "Cafe")
    place: Json = {"title": "Cafe", "label": "", "coordinates": {"latitude": 52.23, "longitude": 21.01}}
    assert message(sink)["contact_message"] == {"location_message": place}


async def test_order(emulator: Emulator, sink: Sink) -> None:
    product: Json = {"id": "sku1", "marketplace": "FACEBOOK", "quantity": 2, "item_price": 9.5, "currency": "EUR"}
    await emulator.person(ANN).sends_order([product], "cat1")
    order: Json = {"title": "", "catalog_id": "cat1", "products": [product]}
    assert message(sink)["contact_message"] == {"product_response_message": order}


async def test_flow(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).completes_flow({"slot": "9:00"})
    special = object_in(object_in(message(sink), "contact_message"), "channel_specific_message")
    reply = object_in(object_in(special, "message"), "nfm_reply")
    assert (special["message_type"], reply["name"], reply["body"]) == ("nfm_reply", "flow", "Sent")
    assert orjson.loads(text_in(reply, "response_json")) == {"slot": "9:00"}


async def test_what_sinch_cannot_map(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).sends_something_else('{"type":"poll"}')
    fallback = object_in(object_in(message(sink), "contact_message"), "fallback_message")
    assert fallback["raw_message"] == '{"type":"poll"}'
    assert object_in(fallback, "reason")["code"] == "UNSUPPORTED_OPERATION"


async def test_quoting(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).says("this one", reply_to="M1")
    assert object_in(message(sink), "contact_message")["reply_to"] == {"message_id": "M1"}


async def test_writing_earlier(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).says("hi", at=START - timedelta(hours=2))
    assert sink.received[0].json["event_time"] == "2026-11-20T08:15:30Z"
    assert message(sink)["accept_time"] == "2026-11-20T10:15:30Z"
    assert [bubble.at for bubble in emulator.person(ANN).phone.bubbles()] == ["2026-11-20T08:15:30Z"]


@pytest.mark.parametrize(("choice", "postback"), [(0, "menu:track"), ("Track", "menu:track"), (1, "{id}_Talk")])
async def test_tapping(emulator: Emulator, caller: Caller, sink: Sink, choice: int | str, postback: str) -> None:
    person = emulator.person(ANN, APP)
    await person.says("hi")
    message_id = await caller.send(send_to(ANN, BUTTONS, message_metadata="campaign-7"))
    await emulator.settled()
    await person.taps(message_id, choice)
    tapped = message(sink)
    assert tapped["metadata"] == "campaign-7"
    assert tapped["contact_message"] == {
        "choice_response_message": {"message_id": message_id, "postback_data": postback.format(id=message_id)},
        "reply_to": {"message_id": message_id},
    }


async def test_nothing_to_tap(emulator: Emulator, caller: Caller) -> None:
    person = emulator.person(ANN, APP)
    too_many: Json = {"choice_message": {"choices": [{"text_message": {"text": str(number)}} for number in range(4)]}}
    closed = await caller.send(send_to(ANN, BUTTONS))
    await person.says("hi")
    native, degraded = await caller.send(send_to(ANN, BUTTONS)), await caller.send(send_to(ANN, too_many))
    tries: list[tuple[str, int | str]] = [(degraded, 0), (closed, 0), ("nosuch", 0), (native, 2), (native, "Other")]
    for message_id, choice in tries:
        with pytest.raises(NothingToTap):
            await person.taps(message_id, choice)


async def test_reactions(emulator: Emulator, sink: Sink) -> None:
    event_id = await emulator.person(ANN).reacts("M1", "👍")
    event = object_in(sink.received[0].json, "event")
    reaction = object_in(object_in(event, "contact_message_event"), "reaction_event")
    assert (event["id"], event["direction"]) == (event_id, "TO_APP")
    assert (reaction["emoji"], reaction["action"], reaction["message_id"]) == ("👍", "REACTION_ACTION_REACT", "M1")
    await emulator.person(ANN).reacts("M1", "")
    event = object_in(sink.received[1].json, "event")
    reaction = object_in(object_in(event, "contact_message_event"), "reaction_event")
    assert reaction["action"] == "REACTION_ACTION_UNREACT"


async def test_opting(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN).opts_out()
    await emulator.person(ANN).opts_in(succeeded=False)
    out, back = (each.json for each in sink.received)
    assert object_in(out, "opt_out_notification")["status"] == "OPT_OUT_SUCCEEDED"
    assert object_in(back, "opt_in_notification")["status"] == "OPT_IN_FAILED"


async def test_raw_body(emulator: Emulator, sink: Sink) -> None:
    body: Json = {"app_id": APP, "message": {"id": "X", "injected": True}, "unknown": None}
    await emulator.person(ANN).raw(body)
    assert sink.received[0].json == body


async def test_typing_is_reported(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    recipient = {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": ANN}]}}
    body = {"app_id": APP, "recipient": recipient, "event": {"composing_event": {}}, "event_metadata": "typing"}
    answer = await caller.call("POST", "events:send", body)
    await emulator.settled()
    report = object_in(sink.received[0].json, "event_delivery_report")
    assert report["event_id"] == answer.json["event_id"]
    assert (report["status"], report["metadata"]) == ("DELIVERED", "typing")
    assert len(emulator.truth.of("event")) == 1


async def test_conversation_metadata_comes_back(start: Start, session: ClientSession, sink: Sink) -> None:
    emulator = await start(EmulatorSettings(processing_mode="CONVERSATION", receipts=()))
    caller, person = Caller(emulator, session), emulator.person(ANN, APP)
    await caller.send(text_to(ANN, conversation_metadata={"case": "42", "old": 1}, correlation_id="order-1"))
    patch = {"case": "43", "old": None}
    await caller.send(text_to(ANN, conversation_metadata=patch, conversation_metadata_update_strategy="MERGE_PATCH"))
    await emulator.settled()
    await person.says("hi")
    body = sink.received[-1].json
    assert (body["message_metadata"], body["correlation_id"]) == ('{"case":"43"}', "order-1")


async def test_nothing_comes_back_where_nothing_is_kept(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await caller.send(text_to(ANN, conversation_metadata={"case": "42"}, correlation_id="order-1"))
    await emulator.settled()
    assert sink.received[-1].json["correlation_id"] == "order-1"
    await emulator.person(ANN, APP).says("hi")
    body = sink.received[-1].json
    assert (body["message_metadata"], body["correlation_id"]) == ("", "")


async def test_a_person_without_read_receipts(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    person = emulator.person(ANN, APP)
    person.phone.receipts = ("DELIVERED",)
    await person.says("hi")
    message_id = await caller.send(text_to(ANN))
    await emulator.settled()
    bubble = person.phone.bubble(message_id)
    assert bubble is not None
    assert (sink.statuses(), bubble.ticks) == (["DELIVERED"], 2)


async def test_own_ticks_tell_whether_the_bot_has_it(emulator: Emulator, sink: Sink, clock: StoppedClock) -> None:
    sink.answers.append(503)
    person = emulator.person("+" + ANN)
    message_id = await person.says("hi")
    bubble = person.phone.bubble(message_id)
    assert bubble is not None
    assert (bubble.ticks, bubble.sent_at, bubble.delivered_at) == (1, "2026-11-20T10:15:30Z", "")
    await clock.until_asleep()
    emulator.advance(seconds=5)
    await emulator.settled(with_retries=True)
    assert (bubble.ticks, bubble.delivered_at) == (2, "2026-11-20T10:15:35Z")


async def test_when_a_message_was_sent_delivered_and_read(emulator: Emulator, caller: Caller) -> None:
    person = emulator.person(ANN, APP)
    await person.says("hi")
    message_id = await caller.send(text_to(ANN))
    await emulator.settled()
    bubble = person.phone.bubble(message_id)
    assert bubble is not None
    assert bubble.sent_at == bubble.delivered_at == bubble.read_at == "2026-11-20T10:15:30Z"


async def test_waiting_for_an_answer(emulator: Emulator, caller: Caller) -> None:
    person = emulator.person(ANN, APP)
    assert emulator.person("48500100201", APP).window_closes_at is None
    await person.says("hi")
    assert (person.phone.waiting_since, person.window_closes_at) == (START, START + timedelta(hours=24))
    await caller.send(text_to(ANN))
    assert person.phone.resource()["waiting_since"] is None


async def test_the_bot_types(emulator: Emulator, caller: Caller) -> None:
    recipient = {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": ANN}]}}
    phone = emulator.person(ANN, APP).phone
    for event, until in (("composing_event", START + timedelta(seconds=25)), ("composing_end_event", None)):
        body = {"app_id": APP, "recipient": recipient, "event": {event: {}}}
        assert (await caller.call("POST", "events:send", body)).status == 200
        assert phone.dots_until == until


async def test_quotes_are_shown(emulator: Emulator, caller: Caller) -> None:
    person = emulator.person(ANN, APP)
    await person.says("hi")
    message_id = await caller.send(send_to(ANN, BUTTONS))
    await person.says("this?", reply_to=message_id)
    await person.taps(message_id, "Track")
    await person.sends({"text_message": {"text": "or this?"}, "reply_to": {"message_id": message_id}})
    quoted = [bubble.quoted for bubble in person.phone.bubbles()]
    assert quoted == [None, None] + [Quote(message_id, False, "What next?")] * 3


async def test_the_bot_reacts(emulator: Emulator, caller: Caller) -> None:
    person = emulator.person(ANN, APP)
    said = await person.says("hi")
    reaction = orjson.dumps({"type": "reaction", "reaction": {"message_id": said, "emoji": "🎉"}}).decode()
    await caller.send(send_to(ANN, {"explicit_channel_message": {"WHATSAPP": reaction}}))
    (bubble,) = person.phone.bubbles()
    assert (bubble.their_reaction, bubble.reaction) == ("🎉", "")


async def test_what_was_refused_says_why(emulator: Emulator, caller: Caller) -> None:
    await caller.send(text_to(ANN))
    (bubble,) = emulator.person(ANN, APP).phone.bubbles()
    assert (bubble.failed, bubble.failed_channel_code) == ("OUTSIDE_ALLOWED_SENDING_WINDOW", "131047")
    assert bubble.failed_because == "The underlying channel reported: re-engagement message."
