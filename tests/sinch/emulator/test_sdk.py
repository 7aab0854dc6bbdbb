"""Sinch's own Python SDK, unchanged, as a client of the emulator and as a judge of its callbacks."""

from __future__ import annotations

import asyncio

import pytest
from sinch import SinchClient
from sinch.core.exceptions import SinchException

from bot.sinch.emulator import Emulator, EmulatorSettings, Fault, FaultKind, Template, TemplateButton
from tests.sinch.emulator.caller import ANN, APP, PROJECT
from tests.sinch.emulator.conftest import SECRET, Start
from tests.sinch.emulator.sink import Sink

TO_ANN = [{"channel": "WHATSAPP", "identity": ANN}]
SHIPPED = Template(
    "order_shipped",
    body="Hi {{1}}, it comes {{2}}.",
    buttons=(TemplateButton("quick_reply", "Stop"), TemplateButton("url", "Track", "https://example.org/{{1}}")),
)


def client_of(emulator: Emulator, key_secret: str = "secret") -> SinchClient:
    client = SinchClient(project_id=PROJECT, key_id="key", key_secret=key_secret, conversation_region="eu")
    client.configuration.auth_origin = emulator.url
    client.configuration.conversation_origin = emulator.url
    return client


async def test_text_is_accepted_and_reported(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN, APP).says("hi")
    send = client_of(emulator).conversation.messages.send_text_message
    sent = await asyncio.to_thread(
        send, APP, "Your code", recipient_identities=TO_ANN, ttl=60, message_metadata="ref-7"
    )
    await emulator.settled()
    (accepted,) = emulator.truth.of("accepted")
    assert accepted["message_id"] == sent.message_id
    assert accepted["metadata"] == "ref-7"
    assert accepted["shown"] == {"kind": "text", "text": "Your code"}
    assert sink.statuses() == ["QUEUED_ON_CHANNEL", "DELIVERED", "READ"]


async def test_choice_and_list_stay_native(emulator: Emulator) -> None:
    messages = client_of(emulator).conversation.messages
    choice = {
        "text_message": {"text": "What next?"},
        "choices": [{"text_message": {"text": "Track order"}, "postback_data": "menu:track"}],
        "message_properties": {"whatsapp_footer": "Any time"},
    }
    listed = {
        "title": "Topics",
        "sections": [{"title": "Orders", "items": [{"choice": {"title": "Where", "postback_data": "t:where"}}]}],
        "message_properties": {"menu": "Topics"},
    }
    person = emulator.person(ANN, APP)
    await person.says("hi")
    first = await asyncio.to_thread(messages.send_choice_message, APP, choice, recipient_identities=TO_ANN)
    second = await asyncio.to_thread(messages.send_list_message, APP, listed, recipient_identities=TO_ANN)
    shown = [person.phone.bubble(sent.message_id) for sent in (first, second)]
    assert [bubble.shown.kind for bubble in shown if bubble] == ["buttons", "list"]
    assert [bubble.shown.options[0].postback for bubble in shown if bubble] == ["menu:track", "t:where"]


async def test_template_goes_out_when_the_window_is_closed(start: Start, sink: Sink) -> None:
    emulator = await start(EmulatorSettings(templates=(SHIPPED,), receipts=("DELIVERED",)))
    parameters = {
        "body[1]text": "Ann",
        "body[2]text": "tomorrow",
        "button[0]quick_reply[1]payload": "t:stop",
        "button[1]url[1]text": "1001",
    }
    reference = {"template_id": "order_shipped", "language_code": "en_US", "parameters": parameters}
    message = {"channel_template": {"WHATSAPP": reference}}
    send = client_of(emulator).conversation.messages.send_template_message
    sent = await asyncio.to_thread(send, APP, message, recipient_identities=TO_ANN)
    await emulator.settled()
    bubble = emulator.person(ANN, APP).phone.bubble(sent.message_id)
    assert bubble is not None
    assert bubble.shown.text == "Hi Ann, it comes tomorrow."
    assert [(option.title, option.postback) for option in bubble.shown.options] == [("Stop", "t:stop")]
    assert sink.statuses() == ["DELIVERED"]


async def test_messages_are_listed_newest_first_page_by_page(start: Start) -> None:
    emulator = await start(EmulatorSettings(dispatch_retention_days=1))
    messages = client_of(emulator).conversation.messages

    def talk() -> list[str | None]:
        for number in range(5):
            messages.send_text_message(APP, f"No. {number}", recipient_identities=TO_ANN, message_metadata=f"m{number}")
        pages = messages.list(page_size=2, app_id=APP, messages_source="DISPATCH_SOURCE")
        assert pages.has_next_page
        return [message.app_message.text_message.text for message in pages.iterator()]

    assert await asyncio.to_thread(talk) == ["No. 4", "No. 3", "No. 2", "No. 1", "No. 0"]


async def test_message_is_read_changed_and_deleted(start: Start) -> None:
    emulator = await start(EmulatorSettings(processing_mode="CONVERSATION"))
    messages = client_of(emulator).conversation.messages
    sent = await asyncio.to_thread(messages.send_text_message, APP, "Hello", recipient_identities=TO_ANN)
    found = await asyncio.to_thread(messages.get, sent.message_id)
    assert (found.direction, found.processing_mode) == ("TO_CONTACT", "CONVERSATION")
    changed = await asyncio.to_thread(messages.update, sent.message_id, "other")
    assert changed.metadata == "other"
    await asyncio.to_thread(messages.delete, sent.message_id)
    with pytest.raises(SinchException) as gone:
        await asyncio.to_thread(messages.get, sent.message_id)
    assert gone.value.response_status_code == 404


async def test_app_tells_its_state(start: Start) -> None:
    emulator = await start(EmulatorSettings(channel_state="FAILING", dispatch_retention_days=3))
    apps = client_of(emulator).conversation.apps
    app = await asyncio.to_thread(apps.get, APP)
    assert (app.id, app.processing_mode) == (APP, "DISPATCH")
    assert app.channel_credentials is not None
    assert app.channel_credentials.whatsapp is not None
    assert app.channel_credentials.whatsapp.state is not None
    assert app.channel_credentials.whatsapp.state.status == "FAILING"
    assert app.dispatch_retention_policy is not None
    assert app.dispatch_retention_policy.ttl_days == 3
    assert APP in [one.id for one in (await asyncio.to_thread(apps.list)).content()]


async def test_wrong_credentials_are_refused(start: Start) -> None:
    emulator = await start(EmulatorSettings(key_id="key", key_secret="right"))
    wrong, right = client_of(emulator, "wrong"), client_of(emulator, "right")
    with pytest.raises(SinchException, match="authentication failed"):
        await asyncio.to_thread(wrong.conversation.apps.get, APP)
    assert (await asyncio.to_thread(right.conversation.apps.get, APP)).id == APP


async def test_expired_token_is_renewed_once(emulator: Emulator) -> None:
    apps = client_of(emulator).conversation.apps
    await asyncio.to_thread(apps.get, APP)
    emulator.advance(hours=2)
    await asyncio.to_thread(apps.get, APP)
    assert emulator.door.tokens_issued == 2


async def test_forgotten_token_is_not_renewed(emulator: Emulator) -> None:
    apps = client_of(emulator).conversation.apps
    await asyncio.to_thread(apps.get, APP)
    emulator.door.forget_tokens()
    with pytest.raises(SinchException) as refused:
        await asyncio.to_thread(apps.get, APP)
    assert refused.value.response_status_code == 401


async def test_rate_limit_is_waited_out(emulator: Emulator) -> None:
    emulator.faults.script(
        Fault(FaultKind.RATE_LIMITED, retry_after="0"), Fault(FaultKind.RATE_LIMITED, retry_after="0")
    )
    send = client_of(emulator).conversation.messages.send_text_message
    await asyncio.to_thread(send, APP, "Hello", recipient_identities=TO_ANN)
    assert emulator.faults.happened == {"rate_limited": 2}
    assert len(emulator.truth.of("accepted")) == 1


async def test_callbacks_satisfy_the_sdk(emulator: Emulator, sink: Sink) -> None:
    await emulator.person(ANN, APP).says("Zażółć 🙂 STOP?")
    send = client_of(emulator).conversation.messages.send_text_message
    await asyncio.to_thread(send, APP, "Hello", recipient_identities=TO_ANN)
    await emulator.settled()
    events = client_of(emulator).conversation.sinch_events(SECRET)
    received = await sink.until(4)
    assert all(events.validate_authentication_header(each.headers, each.body) for each in received)
    names = [type(events.parse_event(each.body)).__name__ for each in received]
    assert names == ["MessageInboundEvent"] + ["MessageDeliveryReceiptEvent"] * 3
    stranger = client_of(emulator).conversation.sinch_events("other")
    assert not stranger.validate_authentication_header(received[0].headers, received[0].body)
