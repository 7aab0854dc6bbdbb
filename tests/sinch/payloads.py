"""One webhook body for every kind that Sinch sends, as bytes by name; ``KINDS`` tells what each becomes.

Every body is a webhook of its own: no two share an id.
"""

import json
from datetime import datetime
from typing import Any

from bot.core.event import (
    ChannelNotice,
    ConsentNotice,
    ContactNotice,
    DeliveryReceipt,
    InboundMessage,
    Reaction,
    Unsupported,
)

APP = "01HAPPWA00000000000000TEST"
PROJECT = "11111111-2222-3333-4444-555555555555"
PHONE = "48500100200"
BUSINESS_SCOPED = "US.13491208655302741918"
ACCEPTED = "2026-11-20T10:15:30.123456789Z"
HAPPENED = "2026-11-20T10:15:29Z"
RECEIVED_FROM_SINCH = "2026-11-20T10:15:30.100Z"

PAYLOADS: dict[str, bytes] = {}
KINDS: dict[str, type] = {}


def whatsapp(identity: str = PHONE) -> dict[str, Any]:
    return {"channel": "WHATSAPP", "identity": identity, "app_id": ""}


def envelope(payload: dict[str, Any], **around: Any) -> dict[str, Any]:
    """A webhook around a payload; a name set to None is left out."""
    fields = {
        "app_id": APP,
        "project_id": PROJECT,
        "accepted_time": ACCEPTED,
        "event_time": HAPPENED,
        **payload,
        "message_metadata": "",
        "correlation_id": "",
        **around,
    }
    return {name: value for name, value in fields.items() if value is not None}


def inbound(message_id: str, content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    message = {
        "id": message_id,
        "direction": "TO_APP",
        "contact_message": content,
        "channel_identity": whatsapp(),
        "conversation_id": "",
        "contact_id": "",
        "metadata": "",
        "accept_time": RECEIVED_FROM_SINCH,
        "sender_id": "01HSENDER00000000000000001",
        "processing_mode": "DISPATCH",
        "injected": False,
        **fields,
    }
    return envelope({"message": message})


def texted(message_id: str, identity: str, text: str, at: datetime, **around: Any) -> dict[str, Any]:
    """A person's text, written and passed on at that moment; ``around`` is of the envelope."""
    stamp = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    message = inbound(
        message_id, {"text_message": {"text": text}}, channel_identity=whatsapp(identity), accept_time=stamp
    )
    return {**message, "accepted_time": stamp, "event_time": stamp, **around}


def receipt(message_id: str, status: str, **fields: Any) -> dict[str, Any]:
    report = {
        "message_id": message_id,
        "conversation_id": "",
        "status": status,
        "channel_identity": whatsapp(),
        "contact_id": "",
        "metadata": f"outbox-{message_id}",
        "processing_mode": "DISPATCH",
        **fields,
    }
    return envelope({"message_delivery_report": report})


def happened(event_id: str | None, content: dict[str, Any]) -> dict[str, Any]:
    event = {
        "id": event_id,
        "direction": "TO_APP",
        **content,
        "channel_identity": whatsapp(),
        "contact_id": "",
        "conversation_id": "",
        "accept_time": "2026-11-20T10:17:00.429Z",
        "processing_mode": "DISPATCH",
    }
    if event_id is None:
        del event["id"]
    return envelope({"event": event}, accepted_time=None, event_time="2026-11-20T10:17:00.379863404Z")


def contact(contact_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": contact_id,
        "channel_identities": [whatsapp()],
        "channel_priority": ["WHATSAPP"],
        "display_name": "Ann Nowak",
        "email": "",
        "external_id": "",
        "metadata": "",
        "language": "EN_US",
        **fields,
    }


def reason(code: str, channel_code: str = "") -> dict[str, Any]:
    return {
        "code": code,
        "description": "The underlying channel reported: re-engagement message",
        "sub_code": "UNSPECIFIED_SUB_CODE",
        "channel_code": channel_code,
    }


def add(name: str, kind: type, body: dict[str, Any]) -> None:
    assert name not in PAYLOADS
    PAYLOADS[name] = json.dumps(body, ensure_ascii=False).encode()
    KINDS[name] = kind


# --- messages -----------------------------------------------------------------------------------------------------------

add("text", InboundMessage, inbound("M-text", {"text_message": {"text": "Where is my order?"}}))
add("text_unicode", InboundMessage, inbound("M-unicode", {"text_message": {"text": "Zażółć 🙂"}}))
add(
    "text_conversation_mode",
    InboundMessage,
    inbound(
        "M-conversation",
        {"text_message": {"text": "hi"}},
        contact_id="01HCONTACT0000000000000001",
        conversation_id="01HCONV0000000000000000001",
        processing_mode="CONVERSATION",
    ),
)
add(
    "text_business_scoped",
    InboundMessage,
    inbound("M-bsuid", {"text_message": {"text": "hi"}}, channel_identity=whatsapp(BUSINESS_SCOPED)),
)
add(
    "text_with_plus",
    InboundMessage,
    inbound("M-plus", {"text_message": {"text": "hi"}}, channel_identity=whatsapp(f"+{PHONE}")),
)
add("text_injected", InboundMessage, inbound("M-injected", {"text_message": {"text": "hi"}}, injected=True))
add(
    "text_quoting",
    InboundMessage,
    inbound("M-quoting", {"text_message": {"text": "this one"}, "reply_to": {"message_id": "M-quoted"}}),
)
add(
    "text_many_nulls",
    InboundMessage,
    inbound(
        "M-nulls",
        {"text_message": {"text": "hi"}, "media_message": None, "reply_to": None},
        metadata=None,
        contact_id=None,
        sender_id=None,
        injected=None,
    ),
)
add(
    "media",
    InboundMessage,
    inbound(
        "M-media",
        {
            "media_message": {
                "url": "https://192.0.2.7/f/a1",
                "thumbnail_url": "",
                "filename_override": "bill.PDF",
            }
        },
    ),
)
add(
    "media_voice",
    InboundMessage,
    inbound("M-voice", {"media_message": {"url": "https://192.0.2.7/f/a2.ogg?token=x.png"}}),
)
add(
    "media_sticker",
    InboundMessage,
    inbound("M-sticker", {"media_message": {"url": "https://192.0.2.7/f/a3.webp"}}),
)
add("media_unnamed", InboundMessage, inbound("M-unnamed", {"media_message": {"url": "https://192.0.2.7/f/a4"}}))
add(
    "media_card",
    InboundMessage,
    inbound("M-card", {"media_card_message": {"url": "https://192.0.2.7/f/a5.jpg", "caption": "broken"}}),
)
add(
    "location",
    InboundMessage,
    inbound(
        "M-location",
        {
            "location_message": {
                "title": "Cafe",
                "label": "",
                "coordinates": {"latitude": 52.23, "longitude": 21.01},
            }
        },
    ),
)
add(
    "tap",
    InboundMessage,
    inbound(
        "M-tap",
        {
            "choice_response_message": {"message_id": "M-buttons", "postback_data": "menu:track"},
            "reply_to": {"message_id": "M-buttons"},
        },
        metadata="campaign-7",
    ),
)
add(
    "order",
    InboundMessage,
    inbound(
        "M-order",
        {
            "product_response_message": {
                "title": "Basket",
                "catalog_id": "cat-1",
                "products": [
                    {"id": "sku1", "marketplace": "FACEBOOK", "quantity": 2, "item_price": 9.5, "currency": "EUR"},
                    {"id": "sku2", "marketplace": "FACEBOOK", "quantity": "1", "item_price": "3", "currency": "EUR"},
                ],
            }
        },
    ),
)
add(
    "flow",
    InboundMessage,
    inbound(
        "M-flow",
        {
            "channel_specific_message": {
                "message_type": "nfm_reply",
                "message": {
                    "type": "nfm_reply",
                    "nfm_reply": {
                        "name": "flow",
                        "response_json": '{"slot": "10:30", "guests": 2, "vip": true, "who": {"first": "Ann"}, "x": null}',
                        "body": "Sent",
                    },
                },
            }
        },
    ),
)
add(
    "fallback",
    InboundMessage,
    inbound(
        "M-fallback",
        {"fallback_message": {"raw_message": '{"type": "poll"}', "reason": reason("UNSUPPORTED_OPERATION")}},
    ),
)
add("unknown_content", InboundMessage, inbound("M-newkind", {"hologram_message": {"url": "x"}, "reply_to": None}))
add("to_contact", Unsupported, inbound("M-outgoing", {"text_message": {"text": "hi"}}, direction="TO_CONTACT"))

# --- receipts, events ---------------------------------------------------------------------------------------------------

for status in ("QUEUED_ON_CHANNEL", "DELIVERED", "READ", "SOMETHING_NEW"):
    add(f"receipt_{status.lower()}", DeliveryReceipt, receipt("M-sent", status, reason=None))
add(
    "receipt_failed",
    DeliveryReceipt,
    receipt("M-late", "FAILED", reason=reason("OUTSIDE_ALLOWED_SENDING_WINDOW", "131047")),
)
add(
    "receipt_switching",
    DeliveryReceipt,
    receipt("M-sent", "SWITCHING_CHANNEL", channel_identity=whatsapp(f"+{PHONE}"), reason=reason("CHANNEL_FAILURE")),
)
add(
    "receipt_bare",
    DeliveryReceipt,
    envelope({"message_delivery_report": {"message_id": "M-bare", "status": "DELIVERED", "contact_id": "01HC"}}),
)


def reaction(event_id: str | None, emoji: str, action: str) -> dict[str, Any]:
    about = {"emoji": emoji, "action": action, "message_id": "M-sent", "reaction_category": ""}
    return happened(event_id, {"contact_message_event": {"reaction_event": about}})


add("reaction", Reaction, reaction("E-react", "👍", "REACTION_ACTION_REACT"))
add("reaction_taken_back", Reaction, reaction("E-unreact", "👍", "REACTION_ACTION_UNREACT"))
add("reaction_without_id", Reaction, reaction(None, "🎉", "REACTION_ACTION_REACT"))
payment = {"reference_id": "r1", "payment_status": "PAYMENT_STATUS_CAPTURED", "payment_transaction_id": "t1"}
add(
    "payment",
    Unsupported,
    happened("E-payment", {"contact_message_event": {"payment_status_update_event": payment}}),
)
add("composing", Unsupported, happened("E-composing", {"contact_event": {"composing_event": {}}}))

# --- notices ------------------------------------------------------------------------------------------------------------

for word, status in (("in", "SUCCEEDED"), ("out", "SUCCEEDED"), ("out", "FAILED")):
    notice = {
        "request_id": f"R-{word}-{status}",
        "contact_id": "",
        "channel": "WHATSAPP",
        "identity": PHONE,
        "status": f"OPT_{word.upper()}_{status}",
        "error_details": {"description": ""},
        "processing_mode": "DISPATCH",
    }
    add(f"opt_{word}_{status.lower()}", ConsentNotice, envelope({f"opt_{word}_notification": notice}, project_id=""))
add(
    "opt_out_without_identity",
    ConsentNotice,
    envelope({"opt_out_notification": {"contact_id": "01HC", "channel": "WHATSAPP", "status": "OPT_OUT_SUCCEEDED"}}),
)
for what in ("create", "update", "delete"):
    add(f"contact_{what}", ContactNotice, envelope({f"contact_{what}_notification": {"contact": contact("C-1")}}))
add(
    "contact_of_project",
    ContactNotice,
    envelope(
        {
            "contact_create_notification": {
                "contact": contact(
                    "C-project",
                    channel_identities=[{**whatsapp(), "app_id": "01HOTHERAPP"}, {"channel": "SMS", "identity": "481"}],
                    display_name="Unknown",
                    language="UNSPECIFIED",
                )
            }
        },
        app_id="",
    ),
)
add(
    "contact_merge",
    ContactNotice,
    envelope(
        {
            "contact_merge_notification": {
                "preserved_contact": contact("C-kept"),
                "deleted_contact": contact("C-gone", channel_identities=[whatsapp(BUSINESS_SCOPED), whatsapp()]),
            }
        }
    ),
)
add(
    "contact_duplicates",
    ContactNotice,
    envelope(
        {
            "duplicated_contact_identities_notification": {
                "duplicated_identities": [{"channel": "WHATSAPP", "contact_ids": ["C-a", "C-b"], "identity": PHONE}]
            }
        }
    ),
)
add(
    "channel_event",
    ChannelNotice,
    envelope(
        {
            "channel_event_notification": {
                "channel_event": {
                    "channel": "WHATSAPP",
                    "event_type": "WHATS_APP_QUALITY_RATING_CHANGED",
                    "additional_data": {"quality_rating": "YELLOW", "limits": {"tier": 2}},
                }
            }
        },
        accepted_time="2026-11-20T11:00:00Z",
        event_time="2026-11-20T10:59:58Z",
    ),
)

# --- kept, ignored ------------------------------------------------------------------------------------------------------

sent = {
    "message_id": "M-sent",
    "conversation_id": "",
    "channel_identity": whatsapp(),
    "contact_id": "",
    "submitted_message": {"text_message": {"text": "Hello"}},
    "metadata": "outbox-1",
}
add("submit", Unsupported, envelope({"message_submit_notification": sent}))
add(
    "event_delivery",
    Unsupported,
    envelope({"event_delivery_report": {"event_id": "E-1", "status": "DELIVERED", "channel_identity": whatsapp()}}),
)
capability = {"request_id": "R-1", "contact_id": "", "channel": "WHATSAPP", "identity": PHONE, "reason": None}
add("capability", Unsupported, envelope({"capability_notification": capability}, project_id=""))
add(
    "unsupported",
    Unsupported,
    envelope(
        {
            "unsupported_callback": {
                "channel": "WHATSAPP",
                "payload": '{"user_preferences": []}',
                "id": "U-1",
                "contact_id": "",
                "channel_identity": whatsapp(),
            }
        }
    ),
)
record = {"entity_id": "M-text", "record_status": "EVENT_RECORD_STORED", "channel_identity": whatsapp(), "reason": None}
add("record", Unsupported, envelope({"record_notification": record}))
analysis = {
    "contact_id": "",
    "channel_identity": PHONE,
    "channel": "WHATSAPP",
    "message_id": "M-text",
    "conversation_id": "",
    "analysis_results": {"ml_pii_result": [{"message": "x", "masked": "y"}]},
}
add("smart_conversation", Unsupported, envelope({"smart_conversation_notification": analysis}))
add(
    "redaction",
    Unsupported,
    envelope({"message_redaction": inbound("M-text", {"text_message": {"text": "Where is ***?"}})["message"]}),
)
batch = {"batch_id": "B-1", "batch_status": "BATCH_STATUS_PROCESSED", "batch_type": "BATCH_TYPE_MESSAGES"}
add("batch", Unsupported, envelope({"batch_status_update_notification": batch}))
for what in ("start", "stop", "delete"):
    conversation = {"id": "V-1", "app_id": APP, "contact_id": "C-1", "active": True, "active_channel": "WHATSAPP"}
    add(
        f"conversation_{what}",
        Unsupported,
        envelope({f"conversation_{what}_notification": {"conversation": conversation}}, accepted_time=None),
    )
add("unknown_kind", Unsupported, envelope({"hologram_notification": {"id": "H-1"}}))
