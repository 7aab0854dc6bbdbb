"""What messages:send and events:send refuse at once."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sinch.emulator import Emulator, Rejected
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.validate import read_event, read_send
from tests.sinch.emulator.caller import ANN, APP, Caller, send_to, text_to

TEXT: Json = {"text_message": {"text": "Hello"}}
CHOICE: Json = {"text_message": {"text": "A"}}
PLACE: Json = {"title": "Shop", "coordinates": {"latitude": 52.2, "longitude": 21.0}}


def test_the_fullest_request_passes() -> None:
    send = read_send(
        text_to(
            ANN,
            channel_properties={"WHATSAPP_PREVIEW_URL": "false"},
            message_metadata="m" * 1024,
            conversation_metadata={"case": "42"},
            conversation_metadata_update_strategy="MERGE_PATCH",
            correlation_id="c" * 128,
            callback_url="https://bot.example.org/receipts",
            queue="HIGH_PRIORITY",
            ttl="3600s",
            processing_strategy="DISPATCH_ONLY",
            message_content_type="CONTENT_NOTIFICATION",
        )
    )
    assert (send.app_id, send.identities, send.channels) == (APP, {"WHATSAPP": ANN}, ("WHATSAPP",))
    assert (send.dispatch_only, send.patches_metadata) == (True, True)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"app_id": None}, "app_id"),
        ({"recipient": None}, "recipient"),
        ({"recipient": {}}, "exactly one"),
        ({"recipient": {"contact_id": "x", "identified_by": {"channel_identities": []}}}, "exactly one"),
        ({"recipient": {"contact_id": ""}}, "contact_id"),
        ({"recipient": {"identified_by": {"channel": "WHATSAPP", "identity": ANN}}}, "channel_identities"),
        (
            {"recipient": {"identified_by": {"channel_identities": [{"channel": "PIGEON", "identity": "1"}]}}},
            "known channel",
        ),
        ({"recipient": {"identified_by": {"channel_identities": [{"channel": "WHATSAPP"}]}}}, "identity"),
        ({"channel_priority_order": ["PIGEON"]}, "channel_priority_order"),
        ({"message_metadata": "m" * 1025}, "message_metadata"),
        ({"message_metadata": 7}, "message_metadata"),
        ({"correlation_id": "c" * 129}, "correlation_id"),
        ({"conversation_metadata": {"k": "v" * 2048}}, "conversation_metadata"),
        ({"conversation_metadata": "text"}, "conversation_metadata"),
        ({"channel_properties": {"k": 1}}, "channel_properties"),
        ({"channel_properties": {"k": "v" * 1025}}, "channel_properties"),
        ({"callback_url": "ftp://x"}, "callback_url"),
        ({"queue": "FAST"}, "queue"),
        ({"processing_strategy": "X"}, "processing_strategy"),
        ({"ttl": 60}, "ttl"),
        ({"ttl": "60"}, "ttl"),
        ({"ttl": "2s"}, "ttl"),
        ({"ttl": "1.5s"}, "ttl"),
        ({"ttl": "315576000001s"}, "ttl"),
        ({"message": None}, "message"),
        ({"message": {}}, "exactly one"),
        ({"message": {"txt_message": {"text": "x"}}}, "exactly one"),
        ({"message": {**TEXT, "media_message": {"url": "https://x"}}}, "exactly one"),
        ({"message": {"text_message": "Hello"}}, "object"),
        ({"message": {"text_message": {"text": ""}}}, "text"),
        ({"message": {"media_message": {"url": "file:///x"}}}, "url"),
        ({"message": {"choice_message": {"choices": []}}}, "at least one"),
        ({"message": {"choice_message": {"choices": [CHOICE] * 11}}}, "At most 10"),
        ({"message": {"choice_message": {"choices": [{"postback_data": "x"}]}}}, "Each choice"),
        ({"message": {"choice_message": {"choices": [CHOICE], "message_properties": [{}]}}}, "an object"),
        ({"message": {"card_message": {"height": "TALL"}}}, "card_message"),
        ({"message": {"carousel_message": {"cards": []}}}, "1 to 10"),
        ({"message": {"carousel_message": {"cards": [{"title": "A"}], "choices": [CHOICE] * 4}}}, "At most 3"),
        ({"message": {"list_message": {"sections": []}}}, "title"),
        ({"message": {"list_message": {"title": "T", "sections": []}}}, "at least one item"),
        ({"message": {"list_message": {"title": "T", "sections": [{"items": [{"row": {}}]}]}}}, "choice and product"),
        (
            {"message": {"list_message": {"title": "T", "sections": [{"items": [{"product": {"id": "1"}}]}]}}},
            "catalog_id",
        ),
        ({"message": {"location_message": {**PLACE, "coordinates": {"latitude": 91, "longitude": 0}}}}, "latitude"),
        ({"message": {"location_message": {**PLACE, "title": ""}}}, "title"),
        ({"message": {"contact_info_message": {"name": {"full_name": "Ann"}}}}, "phone_numbers"),
        ({"message": {"contact_info_message": {"phone_numbers": [{}]}}}, "full_name"),
        ({"message": {"template_message": {}}}, "channel_template or omni_template"),
        ({"message": {"template_message": {"channel_template": {"WHATSAPP": {"language_code": "en"}}}}}, "template_id"),
        ({"message": {"template_message": {"omni_template": {"template_id": "t"}}}}, "version"),
        ({"message": {"channel_specific_message": {"WHATSAPP": {"message_type": "X", "message": {}}}}}, "message_type"),
        (
            {"message": {"channel_specific_message": {"WHATSAPP": {"message_type": "FLOWS", "message": {"a": 1}}}}},
            "flow_id",
        ),
        ({"message": {"explicit_channel_message": {"WHATSAPP": "{no"}}}, "JSON"),
    ],
)
def test_refused_with_a_reason(change: dict[str, Any], word: str) -> None:
    with pytest.raises(Rejected, match=word) as refused:
        read_send(text_to(ANN) | change)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "message",
    [
        {"media_message": {"url": "https://cdn.example.org/a.pdf", "filename_override": "invoice.pdf"}},
        {"choice_message": {"choices": [CHOICE] * 10}},
        {"card_message": {"title": "Jacket", "choices": [CHOICE]}},
        {"carousel_message": {"cards": [{"title": "A"}], "choices": []}},
        {"list_message": {"title": "T", "sections": [{"items": [{"choice": {"title": "A"}}]}]}},
        {"location_message": PLACE},
        {"contact_info_message": {"name": {"full_name": "Ann"}, "phone_numbers": [{"phone_number": "+48"}]}},
        {"template_message": {"omni_template": {"template_id": "t", "version": "latest"}}},
        {
            "channel_specific_message": {
                "WHATSAPP": {"message_type": "FLOWS", "message": {"flow_id": "1", "flow_cta": "Go"}}
            }
        },
        {"explicit_channel_message": {"WHATSAPP": '{"type":"reaction"}'}},
    ],
    ids=lambda message: next(iter(message)),
)
def test_every_kind_passes(message: Json) -> None:
    assert read_send(send_to(ANN, message)).content == message


def test_events() -> None:
    body: Json = {key: value for key, value in text_to(ANN).items() if key != "message"}
    assert read_event(body | {"event": {"composing_event": {}}, "event_metadata": "e"}).metadata == "e"
    with pytest.raises(Rejected, match="exactly one"):
        read_event(body | {"event": {"typing": {}}})
    with pytest.raises(Rejected, match="event"):
        read_event(body)


async def test_refusal_has_the_apis_error_shape(caller: Caller, emulator: Emulator) -> None:
    answer = await caller.call("POST", "messages:send", {"app_id": APP})
    assert answer.status == 400
    assert answer.error == {
        "code": 400,
        "message": "message is required and must be an object.",
        "status": "INVALID_ARGUMENT",
        "details": [],
    }
    assert not emulator.truth.of("accepted")


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff"])
async def test_body_is_not_an_object(caller: Caller, raw: bytes) -> None:
    assert (await caller.call("POST", "messages:send", raw=raw)).status == 400


async def test_channel_must_be_configured(caller: Caller) -> None:
    body = text_to(ANN) | {"channel_priority_order": ["WHATSAPP", "SMS"]}
    answer = await caller.call("POST", "messages:send", body)
    assert (answer.status, answer.error["message"]) == (400, f"App {APP} has no SMS configured.")


async def test_unknown_contact(caller: Caller) -> None:
    answer = await caller.call("POST", "messages:send", text_to(ANN) | {"recipient": {"contact_id": "nobody"}})
    assert answer.status == 404
