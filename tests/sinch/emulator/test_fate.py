"""Late failures: the window and templates, told by FAILED receipts after a 200."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from bot.sinch.emulator import Emulator, EmulatorSettings, Fault, FaultKind, OmniTemplate, Template, TemplateButton
from bot.sinch.emulator.fields import Json, object_in
from tests.sinch.emulator.caller import ANN, APP, Caller, send_to, text_to
from tests.sinch.emulator.conftest import Start
from tests.sinch.emulator.sink import Sink

SHIPPED = Template("shipped", body="Hi {{1}}.", header="image", media_header=True, category="UTILITY")
STOPPABLE = Template("offer", body="Sale!", buttons=(TemplateButton("quick_reply", "Stop"),))
TEMPLATES = (
    SHIPPED,
    STOPPABLE,
    Template("plain", body="Hello"),
    Template("paused", state="PAUSED"),
    Template("off", state="DISABLED"),
    Template("new", state="PENDING"),
    Template("long", body="{{1}}"),
)
OMNI = (
    OmniTemplate("welcome", text="Hi ${name}"),
    OmniTemplate("update", whatsapp=Template("long", body="Dear {{1}}"), mappings={"body[1]text": "name"}),
)
SETTINGS = EmulatorSettings(templates=TEMPLATES, omni_templates=OMNI, receipts=("DELIVERED",))


def used(name: str, parameters: dict[str, str], language: str = "en_US") -> Json:
    reference: Json = {"template_id": name, "language_code": language, "parameters": parameters}
    return {"template_message": {"channel_template": {"WHATSAPP": reference}}}


def omni(template: str, version: str = "latest", **parameters: str) -> Json:
    reference: Json = {"template_id": template, "version": version, "language_code": "en-US", "parameters": parameters}
    return {"template_message": {"omni_template": reference}}


def report(sink: Sink) -> Json:
    """The last delivery report."""
    return object_in(sink.received[-1].json, "message_delivery_report")


async def test_window_opens_with_a_message_and_closes_after_a_day(
    emulator: Emulator, caller: Caller, sink: Sink
) -> None:
    await caller.send(text_to(ANN, message_metadata="early"))
    await emulator.settled()
    failed = report(sink)
    assert (failed["status"], failed["metadata"]) == ("FAILED", "early")
    reason = object_in(failed, "reason")
    assert (reason["code"], reason["channel_code"]) == ("OUTSIDE_ALLOWED_SENDING_WINDOW", "131047")
    await emulator.person(ANN, APP).says("hi")
    emulator.advance(hours=23, seconds=3599)
    await caller.send(text_to("+" + ANN))
    await emulator.settled()
    assert report(sink)["status"] == "READ"
    emulator.advance(seconds=1)
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert report(sink)["status"] == "FAILED"


async def test_window_is_the_persons_own(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await emulator.person("48500100201", APP).says("hi")
    await emulator.person(ANN, "OTHERAPP").says("hi")
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert report(sink)["status"] == "FAILED"


async def test_window_counts_from_when_the_person_wrote(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    wrote_at = emulator.clock.now()
    emulator.advance(hours=24)
    await emulator.person(ANN, APP).says("late", at=wrote_at)
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert report(sink)["status"] == "FAILED"


async def test_reaction_opens_nothing_and_template_tap_does(start: Start, session: ClientSession, sink: Sink) -> None:
    emulator = await start(SETTINGS)
    caller, person = Caller(emulator, session), emulator.person(ANN, APP)
    offer = await caller.send(send_to(ANN, used("offer", {"button[0]quick_reply[1]payload": "stop"})))
    await emulator.settled()
    assert report(sink)["status"] == "DELIVERED"
    await person.reacts(offer, "👍")
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert report(sink)["status"] == "FAILED"
    await person.taps(offer, "Stop")
    await caller.send(text_to(ANN))
    await emulator.settled()
    assert report(sink)["status"] == "DELIVERED"


@pytest.mark.parametrize(
    ("message", "code", "channel_code"),
    [
        (used("nosuch", {}), "TEMPLATE_NOT_FOUND", "132001"),
        (used("plain", {}, "sv_SE"), "TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION", "132001"),
        (used("plain", {}, "en-US"), "TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION", "132001"),
        (used("shipped", {"header[1]image.link": "https://x"}), "TEMPLATE_INSUFFICIENT_PARAMETERS", "132000"),
        (used("shipped", {"body[1]text": "Ann"}), "TEMPLATE_INSUFFICIENT_PARAMETERS", "132000"),
        (used("offer", {}), "TEMPLATE_INSUFFICIENT_PARAMETERS", "132000"),
        (used("plain", {"body[1]text": "x"}), "BAD_REQUEST", "132000"),
        (used("long", {"body[1]text": ""}), "BAD_REQUEST", "132008"),
        (used("long", {"body[1]text": "two\nlines"}), "BAD_REQUEST", "132008"),
        (used("long", {"body[1]text": "x" * 1025}), "BAD_REQUEST", "132005"),
        (used("paused", {}), "CHANNEL_REJECT", "132015"),
        (used("off", {}), "CHANNEL_REJECT", "132016"),
        (used("new", {}), "TEMPLATE_NOT_FOUND", "132001"),
        (omni("nosuch"), "TEMPLATE_NOT_FOUND", ""),
        (omni("welcome", "2"), "TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION", ""),
        (omni("update"), "TEMPLATE_INSUFFICIENT_PARAMETERS", "132000"),
        (omni("welcome", name="Ann"), "OUTSIDE_ALLOWED_SENDING_WINDOW", "131047"),
        ({"text_message": {"text": "x"}}, "OUTSIDE_ALLOWED_SENDING_WINDOW", "131047"),
        ({"explicit_channel_message": {"WHATSAPP": "{}"}}, "OUTSIDE_ALLOWED_SENDING_WINDOW", "131047"),
    ],
)
async def test_refused_late(
    start: Start, session: ClientSession, sink: Sink, message: Json, code: str, channel_code: str
) -> None:
    emulator = await start(SETTINGS)
    message_id = await Caller(emulator, session).send(send_to(ANN, message))
    await emulator.settled()
    reason = object_in(report(sink), "reason")
    assert (reason["code"], reason["channel_code"]) == (code, channel_code)
    assert [entry["message_id"] for entry in emulator.truth.of("failed")] == [message_id]
    bubble = emulator.person(ANN, APP).phone.bubble(message_id)
    assert bubble is not None
    assert (bubble.failed, bubble.ticks) == (code, 0)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (used("shipped", {"body[1]text": "Ann", "header[1]image.link": "https://x"}), "Hi Ann."),
        (used("plain", {}), "Hello"),
        (omni("update", name="Ann"), "Dear Ann"),
        ({"explicit_channel_omni_message": {"WHATSAPP": used("plain", {})}, "text_message": {"text": "x"}}, "Hello"),
    ],
)
async def test_templates_go_out_with_the_window_closed(
    start: Start, session: ClientSession, sink: Sink, message: Json, text: str
) -> None:
    emulator = await start(SETTINGS)
    message_id = await Caller(emulator, session).send(send_to(ANN, message))
    await emulator.settled()
    assert report(sink)["status"] == "DELIVERED"
    bubble = emulator.person(ANN, APP).phone.bubble(message_id)
    assert bubble is not None
    assert bubble.shown.text == text


async def test_any_template_will_do_without_a_list(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await caller.send(send_to(ANN, used("whatever", {"body[1]text": "Ann"})))
    await emulator.settled()
    assert sink.statuses() == ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"]
    await caller.send(send_to(ANN, used("whatever", {}, "")))
    await emulator.settled()
    assert object_in(report(sink), "reason")["code"] == "TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION"


async def test_too_long_a_text_fails_late(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await emulator.person(ANN, APP).says("hi")
    await caller.send(text_to(ANN, "x" * 4096))
    await emulator.settled()
    assert report(sink)["status"] == "READ"
    await caller.send(text_to(ANN, "x" * 4097))
    await emulator.settled()
    assert object_in(report(sink), "reason")["code"] == "BAD_REQUEST"


async def test_no_identity_on_the_channel(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    recipient = {"identified_by": {"channel_identities": [{"channel": "SMS", "identity": ANN}]}}
    await caller.send(text_to(ANN) | {"recipient": recipient})
    await emulator.settled()
    assert object_in(report(sink), "reason")["code"] == "NO_CHANNEL_IDENTITY_FOR_CONTACT"


async def test_failure_on_order(emulator: Emulator, caller: Caller, sink: Sink) -> None:
    await emulator.person(ANN, APP).says("hi")
    emulator.faults.script(Fault(FaultKind.FAILED, code="RECIPIENT_NOT_REACHABLE", channel_code="131049"))
    await caller.send(text_to(ANN))
    await emulator.settled()
    reason = object_in(report(sink), "reason")
    assert (reason["code"], reason["channel_code"]) == ("RECIPIENT_NOT_REACHABLE", "131049")
    assert emulator.faults.happened == {"failed": 1}
