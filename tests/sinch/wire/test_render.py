"""The body of ``messages:send`` for every kind of reply, in full."""

import json
from typing import Any

import pytest

from bot.core.event import ContactKey
from bot.core.reply import (
    Button,
    ButtonsReply,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    OmniTemplateReply,
    Reply,
    Section,
    TemplateReply,
    TextReply,
)
from bot.errors import Failed
from bot.sinch.wire.render import render_send

APP = "01HAPPWA00000000000000TEST"
ANN = ContactKey(APP, "WHATSAPP", "48500100200")
URL = "https://cdn.example.org/a.jpg"
TRACK, AGENT = Button("Track order", "track", 0), Button("Talk to us", "agent", 1, "In office hours")


def tap_id(button: Button) -> str:
    return f"id-{button.rule}-{button.option}"


def sent(reply: Reply, ttl_s: int | None = None, contact: ContactKey = ANN, contact_id: str | None = None) -> Any:
    return json.loads(render_send(APP, contact, contact_id, reply, "out-1", ttl_s, tap_id))


TRACK_CHOICE = {"text_message": {"text": "Track order"}, "postback_data": "id-track-0"}
AGENT_CHOICE = {"text_message": {"text": "Talk to us"}, "postback_data": "id-agent-1"}


def test_a_whole_send() -> None:
    assert sent(TextReply("Hello"), ttl_s=3600) == {
        "app_id": APP,
        "recipient": {"identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": "48500100200"}]}},
        "message": {"text_message": {"text": "Hello"}},
        "channel_priority_order": ["WHATSAPP"],
        "message_metadata": "out-1",
        "ttl": "3600s",
    }


def test_without_a_time_limit_there_is_no_ttl() -> None:
    assert "ttl" not in sent(TextReply("Hello"))


def test_the_recipient() -> None:
    scoped = ContactKey(APP, "WHATSAPP", "US.13491208655302741918")
    assert sent(TextReply("x"), contact=scoped, contact_id="01HC")["recipient"] == {
        "identified_by": {"channel_identities": [{"channel": "WHATSAPP", "identity": "US.13491208655302741918"}]}
    }
    known_by_id = ContactKey(APP, "WHATSAPP", "")
    assert sent(TextReply("x"), contact=known_by_id, contact_id="01HC")["recipient"] == {"contact_id": "01HC"}
    for nothing in (None, ""):
        with pytest.raises(Failed, match="neither an identity") as refused:
            sent(TextReply("x"), contact=known_by_id, contact_id=nothing)
        assert refused.value.code == "no_address"


def test_another_channel_is_asked_for_by_name() -> None:
    body = sent(TextReply("x"), contact=ContactKey(APP, "RCS", "1"))
    assert body["channel_priority_order"] == ["RCS"]
    assert body["recipient"]["identified_by"]["channel_identities"] == [{"channel": "RCS", "identity": "1"}]


def test_words_that_are_no_text_fail() -> None:
    with pytest.raises(Failed, match="out-1 holds characters that are no text"):
        sent(TextReply("\ud800"))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (TextReply("Zażółć 🙂\n*soon*"), {"text_message": {"text": "Zażółć 🙂\n*soon*"}}),
        (
            ButtonsReply("What next?", (TRACK, AGENT)),
            {
                "choice_message": {
                    "text_message": {"text": "What next?"},
                    "choices": [TRACK_CHOICE, AGENT_CHOICE],
                }
            },
        ),
        (
            ButtonsReply("What next?", (TRACK,), footer="Any time"),
            {
                "choice_message": {
                    "text_message": {"text": "What next?"},
                    "choices": [TRACK_CHOICE],
                    "message_properties": {"whatsapp_footer": "Any time"},
                }
            },
        ),
        (
            ButtonsReply("What next?", (TRACK,), header="News", footer="Any time"),
            {
                "card_message": {
                    "title": "What next?",
                    "description": "Any time",
                    "choices": [TRACK_CHOICE],
                    "message_properties": {"whatsapp_header": "News"},
                }
            },
        ),
        (
            ButtonsReply("What next?", (TRACK,), header="News", media_url=URL),
            {
                "card_message": {
                    "title": "What next?",
                    "choices": [TRACK_CHOICE],
                    "media_message": {"url": URL},
                }
            },
        ),
        (
            ListReply("Pick one", "Topics", (Section("", (TRACK, AGENT)),)),
            {
                "list_message": {
                    "title": "Pick one",
                    "sections": [
                        {
                            "items": [
                                {"choice": {"title": "Track order", "postback_data": "id-track-0"}},
                                {
                                    "choice": {
                                        "title": "Talk to us",
                                        "postback_data": "id-agent-1",
                                        "description": "In office hours",
                                    }
                                },
                            ]
                        }
                    ],
                    "message_properties": {"menu": "Topics"},
                }
            },
        ),
        (
            ListReply("Pick one", "Topics", (Section("Orders", (TRACK,)), Section("Else", (AGENT,))), "Help", "Foot"),
            {
                "list_message": {
                    "title": "Pick one",
                    "description": "Foot",
                    "sections": [
                        {
                            "title": "Orders",
                            "items": [{"choice": {"title": "Track order", "postback_data": "id-track-0"}}],
                        },
                        {
                            "title": "Else",
                            "items": [
                                {
                                    "choice": {
                                        "title": "Talk to us",
                                        "postback_data": "id-agent-1",
                                        "description": "In office hours",
                                    }
                                }
                            ],
                        },
                    ],
                    "message_properties": {"menu": "Topics", "whatsapp_header": "Help"},
                }
            },
        ),
        (MediaReply("image", URL), {"media_message": {"url": URL}}),
        (
            MediaReply("document", URL, filename="invoice.pdf"),
            {"media_message": {"url": URL, "filename_override": "invoice.pdf"}},
        ),
        (
            MediaReply("image", URL, "Our shop"),
            {"card_message": {"title": "Our shop", "media_message": {"url": URL}}},
        ),
        (
            MediaReply("document", URL, "Your invoice", "invoice.pdf"),
            {
                "card_message": {
                    "title": "Your invoice",
                    "media_message": {"url": URL, "filename_override": "invoice.pdf"},
                }
            },
        ),
        (MediaReply("audio", URL, "not shown"), {"media_message": {"url": URL}}),
        (MediaReply("sticker", URL), {"media_message": {"url": URL}}),
        (
            LocationReply(52.2297, 21.0122, "Our shop", "Main street 1"),
            {
                "location_message": {
                    "title": "Our shop",
                    "coordinates": {"latitude": 52.2297, "longitude": 21.0122},
                    "label": "Main street 1",
                }
            },
        ),
        (
            LocationReply(0, 0, "Null Island"),
            {"location_message": {"title": "Null Island", "coordinates": {"latitude": 0, "longitude": 0}}},
        ),
        (
            ContactReply("Ann Maria Nowak", "+48500100300", "ann@example.org", "Example"),
            {
                "contact_info_message": {
                    "name": {"full_name": "Ann Maria Nowak", "first_name": "Ann", "last_name": "Maria Nowak"},
                    "phone_numbers": [{"phone_number": "+48500100300"}],
                    "email_addresses": [{"email_address": "ann@example.org"}],
                    "organization": {"company": "Example"},
                }
            },
        ),
        (
            ContactReply("Service", "+48500100300"),
            {
                "contact_info_message": {
                    "name": {"full_name": "Service", "first_name": "Service"},
                    "phone_numbers": [{"phone_number": "+48500100300"}],
                }
            },
        ),
        (
            LinkReply("Your parcel", "Open tracking", "https://example.org/t/1"),
            {
                "choice_message": {
                    "text_message": {"text": "Your parcel"},
                    "choices": [{"url_message": {"title": "Open tracking", "url": "https://example.org/t/1"}}],
                }
            },
        ),
        (
            FlowReply("Choose a slot", "123", "Book"),
            {
                "channel_specific_message": {
                    "WHATSAPP": {
                        "message_type": "FLOWS",
                        "message": {
                            "body": {"text": "Choose a slot"},
                            "flow_id": "123",
                            "flow_token": "out-1",
                            "flow_mode": "published",
                            "flow_cta": "Book",
                        },
                    }
                }
            },
        ),
        (
            FlowReply("Choose a slot", "123", "Book", "Booking", "Takes 1 min", "FIRST"),
            {
                "channel_specific_message": {
                    "WHATSAPP": {
                        "message_type": "FLOWS",
                        "message": {
                            "header": {"type": "text", "text": "Booking"},
                            "body": {"text": "Choose a slot"},
                            "footer": {"text": "Takes 1 min"},
                            "flow_id": "123",
                            "flow_token": "out-1",
                            "flow_mode": "published",
                            "flow_cta": "Book",
                            "flow_action": "navigate",
                            "flow_action_payload": {"screen": "FIRST"},
                        },
                    }
                }
            },
        ),
        (
            TemplateReply("hello_world", "en_US"),
            {
                "template_message": {
                    "channel_template": {"WHATSAPP": {"template_id": "hello_world", "language_code": "en_US"}}
                }
            },
        ),
        (
            TemplateReply(
                "order_shipped",
                "sv",
                {"body[1]text": "Ann", "button[0]url[1]text": "1001"},
                "utility",
                (Button("Stop", "stop", 1), Button("Fine", "", 2)),
                "never sent",
            ),
            {
                "template_message": {
                    "channel_template": {
                        "WHATSAPP": {
                            "template_id": "order_shipped",
                            "language_code": "sv",
                            "parameters": {
                                "body[1]text": "Ann",
                                "button[0]url[1]text": "1001",
                                "button[1]quick_reply[1]payload": "id-stop-1",
                                "button[2]quick_reply[1]payload": "",
                            },
                        }
                    }
                }
            },
        ),
        (
            OmniTemplateReply("01HTEMPLATE", "en-US", {"customer_name": "Ann"}),
            {
                "template_message": {
                    "omni_template": {
                        "template_id": "01HTEMPLATE",
                        "version": "latest",
                        "language_code": "en-US",
                        "parameters": {"customer_name": "Ann"},
                    }
                }
            },
        ),
        (
            OmniTemplateReply("01HTEMPLATE", "en-US", version="3"),
            {
                "template_message": {
                    "omni_template": {"template_id": "01HTEMPLATE", "version": "3", "language_code": "en-US"}
                }
            },
        ),
    ],
)
def test_every_kind(reply: Reply, message: Any) -> None:
    assert sent(reply)["message"] == message
