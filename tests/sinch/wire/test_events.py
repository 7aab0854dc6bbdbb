"""Every kind of webhook becomes the right event, and no bytes whatever raise."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.event import (
    ChannelNotice,
    ConsentNotice,
    ContactKey,
    ContactNotice,
    DeliveryReceipt,
    Event,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    MediaKind,
    Order,
    OrderItem,
    Reaction,
    Reason,
    Tap,
    Text,
    Unreadable,
    Unsupported,
)
from bot.sinch.wire.events import parse_event
from bot.sinch.wire.media import media_kind
from tests.sinch.payloads import APP, BUSINESS_SCOPED, KINDS, PAYLOADS, PHONE

RECEIVED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HAPPENED = datetime(2026, 11, 20, 10, 15, 29, tzinfo=UTC)
ANN = ContactKey(APP, "WHATSAPP", PHONE)


def parsed(name: str) -> Event:
    return parse_event(PAYLOADS[name], RECEIVED)


def message(name: str) -> InboundMessage:
    event = parsed(name)
    assert isinstance(event, InboundMessage)
    return event


def changed(name: str, path: str, value: Any) -> bytes:
    """A payload with the field at a dotted path set, or removed with ``...``."""
    body = json.loads(PAYLOADS[name])
    *parents, last = path.split(".")
    fields = body
    for parent in parents:
        fields = fields[parent]
    if value is ...:
        del fields[last]
    else:
        fields[last] = value
    return json.dumps(body).encode()


def read(name: str, path: str, value: Any) -> Event:
    return parse_event(changed(name, path, value), RECEIVED)


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_payload_becomes_its_kind(name: str) -> None:
    event = parsed(name)
    assert type(event) is KINDS[name]
    assert not getattr(event, "dead", False)
    assert event.received_at == RECEIVED


def test_every_dedup_key_is_its_own_and_stays_the_same() -> None:
    keys = {name: parsed(name).dedup for name in PAYLOADS}
    assert len(set(keys.values())) == len(keys)
    assert all(len(key) <= 200 for key in keys.values())
    assert keys == {name: parse_event(body, RECEIVED + timedelta(hours=3)).dedup for name, body in PAYLOADS.items()}


# --- messages -----------------------------------------------------------------------------------------------------------


def test_a_text() -> None:
    assert parsed("text") == InboundMessage(
        dedup="in:M-text",
        contact=ANN,
        message_id="M-text",
        content=Text("Where is my order?"),
        written_at=HAPPENED,
        received_at=RECEIVED,
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text_unicode", Text("Zażółć 🙂")),
        ("text_many_nulls", Text("hi")),
        ("media", Media("https://192.0.2.7/f/a1", MediaKind.DOCUMENT, "", "bill.PDF")),
        ("media_voice", Media("https://192.0.2.7/f/a2.ogg?token=x.png", MediaKind.VOICE)),
        ("media_sticker", Media("https://192.0.2.7/f/a3.webp", MediaKind.STICKER)),
        ("media_unnamed", Media("https://192.0.2.7/f/a4", None)),
        ("media_card", Media("https://192.0.2.7/f/a5.jpg", MediaKind.IMAGE, "broken")),
        ("location", Location(52.23, 21.01, "Cafe")),
        ("tap", Tap("menu:track", "M-buttons")),
        ("order", Order("cat-1", "Basket", (OrderItem("sku1", 2, 9.5, "EUR"), OrderItem("sku2", 1, 3.0, "EUR")))),
        ("flow", FlowAnswer("flow", {"slot": "10:30", "guests": "2", "vip": "true", "who.first": "Ann"})),
        ("fallback", Unreadable("UNSUPPORTED_OPERATION")),
        ("unknown_content", Unreadable("unknown:hologram_message")),
    ],
)
def test_what_people_send(name: str, content: object) -> None:
    assert message(name).content == content


def test_what_stands_around_a_message() -> None:
    tap = message("tap")
    assert (tap.reply_to, tap.metadata, tap.injected) == ("M-buttons", "campaign-7", False)
    assert message("text_injected").injected is True
    assert message("text_quoting").reply_to == "M-quoted"
    assert message("text_conversation_mode").contact_id == "01HCONTACT0000000000000001"
    nulls = message("text_many_nulls")
    assert (nulls.metadata, nulls.contact_id, nulls.reply_to, nulls.injected) == ("", "", "", False)


@pytest.mark.parametrize(
    ("identity", "key"),
    [
        (PHONE, PHONE),
        (f"+{PHONE}", PHONE),
        (BUSINESS_SCOPED, BUSINESS_SCOPED),
        ("US.ENT.1a", "US.ENT.1a"),
        ("+48 500", "+48 500"),
        ("++48", "++48"),
        ("٤٨", "٤٨"),
        ("x" * 160, "x" * 160),
    ],
)
def test_identities(identity: str, key: str) -> None:
    event = read("text", "message.channel_identity.identity", identity)
    assert isinstance(event, InboundMessage)
    assert event.contact == ContactKey(APP, "WHATSAPP", key)


def test_the_app_comes_from_the_webhook_or_else_from_us() -> None:
    for absent in ("", None, ...):
        event = parse_event(changed("text", "app_id", absent), RECEIVED, "01HOURS")
        assert isinstance(event, InboundMessage)
        assert event.contact.app == "01HOURS"
    told = parse_event(PAYLOADS["text"], RECEIVED, "01HOURS")
    assert isinstance(told, InboundMessage)
    assert told.contact.app == APP


def test_a_number_as_contact_id_names_the_sender() -> None:
    body = json.loads(PAYLOADS["text"])
    body["message"] |= {"channel_identity": None, "contact_id": f"+{PHONE}"}
    event = parse_event(json.dumps(body).encode(), RECEIVED)
    assert isinstance(event, InboundMessage)
    assert event.contact == ANN


def test_a_message_to_the_person_is_not_the_person_s() -> None:
    assert parsed("to_contact") == Unsupported("in:M-outgoing", "message", "a message to the person", RECEIVED, ANN)


def test_a_redaction_is_no_second_message() -> None:
    redaction = parsed("redaction")
    assert isinstance(redaction, Unsupported)
    assert (redaction.dedup, redaction.trigger, redaction.contact) == ("redaction:M-text", "message_redaction", ANN)


@pytest.mark.parametrize(
    ("event_time", "accept_time", "accepted_time", "written_at"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:05Z", "2026-11-20T10:00:09Z", "10:00:00"),
        ("2026-11-20T10:00:05Z", "2026-11-20T10:00:00Z", "2026-11-20T09:00:00Z", "10:00:00"),
        (None, "2026-11-20T10:00:05Z", "2026-11-20T10:00:00Z", "10:00:05"),
        ("2026-11-20T10:00:05Z", None, "2026-11-20T10:00:00Z", "10:00:05"),
        (None, None, "2026-11-20T10:00:09Z", "10:00:09"),
        (None, None, None, "12:00:00"),
        ("2026-11-20T13:00:00Z", None, None, "12:00:00"),
        ("2026-11-20T13:00:00Z", "2026-11-20T10:00:05Z", None, "10:00:05"),
        ("2026-11-20T10:00:00.123456789Z", None, None, "10:00:00.123456"),
        ("2026-11-20T10:00:00.5Z", None, None, "10:00:00.500000"),
        ("2026-11-20T12:00:00+02:00", None, None, "10:00:00"),
        ("2026-11-20T10:00:00", None, None, "10:00:00"),
        ("1970-01-01T00:00:00Z", "2026-11-20T10:00:05Z", None, "10:00:05"),
        ("0001-01-01T00:00:00+14:00", None, "2026-11-20T10:00:09Z", "10:00:09"),
        ("yesterday", None, "2026-11-20T10:00:09Z", "10:00:09"),
        (1795169730, None, "2026-11-20T10:00:09Z", "10:00:09"),
        ("", "", "", "12:00:00"),
    ],
)
def test_when_a_person_wrote(event_time: Any, accept_time: Any, accepted_time: Any, written_at: str) -> None:
    body = json.loads(PAYLOADS["text"])
    body |= {"event_time": event_time, "accepted_time": accepted_time}
    body["message"]["accept_time"] = accept_time
    event = parse_event(json.dumps(body).encode(), RECEIVED)
    assert isinstance(event, InboundMessage)
    assert event.written_at == datetime.fromisoformat(f"2026-11-20T{written_at}Z")
    assert event.written_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "empty"),
        (None, "empty"),
        ("hi", "empty"),
        ({"reply_to": {"message_id": "x"}}, "empty"),
        ({"text_message": None, "media_message": None}, "empty"),
        ({"media_message": None, "text_message": "hi"}, "unknown:text_message"),
        ({"media_message": {"url": ""}}, "media without address"),
        ({"media_card_message": {"caption": "look"}}, "media without address"),
        ({"location_message": {"title": "x"}}, "location without coordinates"),
        ({"location_message": {"coordinates": {"latitude": 91, "longitude": 0}}}, "location without coordinates"),
        ({"location_message": {"coordinates": {"latitude": "NaN", "longitude": 0}}}, "location without coordinates"),
        ({"location_message": {"coordinates": {"latitude": True, "longitude": 0}}}, "location without coordinates"),
        ({"location_message": {"coordinates": {"latitude": 10**400, "longitude": 0}}}, "location without coordinates"),
        ({"channel_specific_message": {"message_type": "FLOWS"}}, "unknown:FLOWS"),
        ({"fallback_message": {"raw_message": "{}", "reason": None}}, "fallback"),
    ],
)
def test_what_nobody_can_read_is_still_a_message(content: Any, why: str) -> None:
    event = read("text", "message.contact_message", content)
    assert isinstance(event, InboundMessage)
    assert event.content == Unreadable(why)


@pytest.mark.parametrize(
    ("response", "fields"),
    [
        ("", {}),
        ("thanks", {"response": "thanks"}),
        ("[1]", {"response": "[1]"}),
        ('{"a": ["x", 2, null, false]}', {"a": "x, 2, false"}),
        ('{"a": [{"b": 1.0}, {"b": 1.5}]}', {"a.1.b": "1", "a.2.b": "1.5"}),
        ('{"a": {"b": {"c": ""}}}', {"a.b.c": ""}),
        ('{"a": "x\\u0000y\\ud800z"}', {"a": "xy\ufffdz"}),
        ('{"a": ' * 20 + "1" + "}" * 20, {}),
    ],
)
def test_answers_of_flows_are_flattened(response: str, fields: dict[str, str]) -> None:
    path = "message.contact_message.channel_specific_message.message.nfm_reply.response_json"
    event = read("flow", path, response)
    assert isinstance(event, InboundMessage)
    assert event.content == FlowAnswer("flow", fields)


def test_answers_of_flows_are_bounded() -> None:
    path = "message.contact_message.channel_specific_message.message.nfm_reply.response_json"
    event = read("flow", path, json.dumps({f"k{number}" * 200: "v" * 9000 for number in range(500)}))
    assert isinstance(event, InboundMessage)
    assert isinstance(event.content, FlowAnswer)
    assert len(event.content.fields) == 200
    assert {len(value) for value in event.content.fields.values()} == {4096}
    assert max(map(len, event.content.fields)) == 256


@pytest.mark.parametrize(
    ("url", "filename", "kind"),
    [
        ("https://x.example/a.jpg", "", MediaKind.IMAGE),
        ("https://x.example/a.JPEG#top", "", MediaKind.IMAGE),
        ("https://x.example/a.mp4?sig=a.jpg", "", MediaKind.VIDEO),
        ("https://x.example/a.ogg", "", MediaKind.VOICE),
        ("https://x.example/a.opus", "", MediaKind.VOICE),
        ("https://x.example/a.mp3", "", MediaKind.AUDIO),
        ("https://x.example/a.m4a", "", MediaKind.AUDIO),
        ("https://x.example/a.aac", "", MediaKind.AUDIO),
        ("https://x.example/a.amr", "", MediaKind.AUDIO),
        ("https://x.example/a.webp", "", MediaKind.STICKER),
        ("https://x.example/a.pdf", "", MediaKind.DOCUMENT),
        ("https://x.example/a.jpg", "report.pdf", MediaKind.DOCUMENT),
        ("https://x.example/a.jpg", "report", MediaKind.IMAGE),
        ("https://x.example/a", "", None),
        ("https://x.example/a.", "", None),
        ("https://x.mp3/a", "", None),
        ("", "", None),
    ],
)
def test_kinds_of_files(url: str, filename: str, kind: MediaKind | None) -> None:
    assert media_kind(url, filename) is kind


# --- receipts, events, notices ------------------------------------------------------------------------------------------


def test_a_failed_receipt() -> None:
    assert parsed("receipt_failed") == DeliveryReceipt(
        dedup="rcpt:M-late:FAILED:WHATSAPP",
        contact=ANN,
        message_id="M-late",
        outbox_id="outbox-M-late",
        status="FAILED",
        at=HAPPENED,
        received_at=RECEIVED,
        reason=Reason(
            "OUTSIDE_ALLOWED_SENDING_WINDOW",
            "The underlying channel reported: re-engagement message",
            "UNSPECIFIED_SUB_CODE",
            "131047",
        ),
    )


def test_other_receipts() -> None:
    bare, switching, new = parsed("receipt_bare"), parsed("receipt_switching"), parsed("receipt_something_new")
    assert isinstance(bare, DeliveryReceipt)
    assert (bare.contact, bare.outbox_id, bare.contact_id, bare.reason) == (None, "", "01HC", None)
    assert isinstance(switching, DeliveryReceipt)
    assert (switching.contact, switching.reason and switching.reason.code) == (ANN, "CHANNEL_FAILURE")
    assert isinstance(new, DeliveryReceipt)
    assert (new.status, new.reason) == ("SOMETHING_NEW", None)


def test_reactions() -> None:
    at = datetime(2026, 11, 20, 10, 17, 0, 379863, tzinfo=UTC)
    assert parsed("reaction") == Reaction("ev:E-react", ANN, "M-sent", "👍", at, RECEIVED)
    assert parsed("reaction_taken_back") == Reaction("ev:E-unreact", ANN, "M-sent", "", at, RECEIVED)
    body = PAYLOADS["reaction_without_id"]
    assert parsed("reaction_without_id") == Reaction(f"ev:{digest(body)}", ANN, "M-sent", "🎉", at, RECEIVED)


def test_other_happenings_are_kept() -> None:
    assert parsed("payment") == Unsupported("ev:E-payment", "event", "payment_status_update_event", RECEIVED, ANN)
    assert parsed("composing") == Unsupported("ev:E-composing", "event", "composing_event", RECEIVED, ANN)


def test_opting_in_and_out() -> None:
    came, went = parsed("opt_in_succeeded"), parsed("opt_out_succeeded")
    assert came == ConsentNotice("opt_in:R-in-SUCCEEDED", ANN, True, True, HAPPENED, RECEIVED)
    assert went == ConsentNotice("opt_out:R-out-SUCCEEDED", ANN, False, True, HAPPENED, RECEIVED)
    failed, nameless = parsed("opt_out_failed"), parsed("opt_out_without_identity")
    assert isinstance(failed, ConsentNotice)
    assert isinstance(nameless, ConsentNotice)
    assert (failed.opted_in, failed.succeeded) == (False, False)
    assert (nameless.contact, nameless.contact_id, nameless.succeeded) == (None, "01HC", True)


def test_contacts() -> None:
    key = "contact_update:C-1:2026-11-20T10:15:30.123456789Z"
    assert parsed("contact_update") == ContactNotice(
        key, "update", "C-1", (ANN,), HAPPENED, RECEIVED, "EN_US", "Ann Nowak"
    )
    whole = parsed("contact_of_project")
    assert isinstance(whole, ContactNotice)
    assert whole.identities == (ContactKey("01HOTHERAPP", "WHATSAPP", PHONE), ContactKey("", "SMS", "481"))
    assert (whole.language, whole.display_name) == ("", "")


def test_a_merge_names_the_addresses_of_both_once() -> None:
    merged = parsed("contact_merge")
    assert isinstance(merged, ContactNotice)
    assert (merged.what, merged.contact_id, merged.merged_from) == ("merge", "C-kept", "C-gone")
    assert merged.identities == (ANN, ContactKey(APP, "WHATSAPP", BUSINESS_SCOPED))


def test_duplicates() -> None:
    duplicates = parsed("contact_duplicates")
    assert isinstance(duplicates, ContactNotice)
    assert (duplicates.what, duplicates.contact_id, duplicates.identities) == ("duplicate", "C-a", (ANN,))


def test_a_channel_notice() -> None:
    assert parsed("channel_event") == ChannelNotice(
        f"chan:{digest(PAYLOADS['channel_event'])}",
        "WHATSAPP",
        "WHATS_APP_QUALITY_RATING_CHANGED",
        {"quality_rating": "YELLOW", "limits.tier": "2"},
        datetime(2026, 11, 20, 10, 59, 58, tzinfo=UTC),
        RECEIVED,
    )


@pytest.mark.parametrize(
    ("name", "dedup", "trigger", "contact"),
    [
        ("submit", "submit:M-sent:WHATSAPP", "message_submit_notification", ANN),
        ("event_delivery", "evrcpt:E-1:DELIVERED", "event_delivery_report", ANN),
        ("capability", "capability:R-1", "capability_notification", ANN),
        ("unsupported", "unsupported:U-1", "unsupported_callback", ANN),
        ("record", "record:M-text:EVENT_RECORD_STORED", "record_notification", ANN),
        ("smart_conversation", "smart:{}", "smart_conversation_notification", ANN),
        ("batch", "batch:B-1:BATCH_STATUS_PROCESSED", "batch_status_update_notification", None),
        ("conversation_start", "conv_start:{}", "conversation_start_notification", None),
        ("conversation_stop", "conv_stop:{}", "conversation_stop_notification", None),
        ("conversation_delete", "conv_delete:{}", "conversation_delete_notification", None),
        ("unknown_kind", "other:{}", "hologram_notification", None),
    ],
)
def test_what_is_kept_and_ignored(name: str, dedup: str, trigger: str, contact: ContactKey | None) -> None:
    event = parsed(name)
    assert isinstance(event, Unsupported)
    assert event.dedup == dedup.format(digest(PAYLOADS[name]))
    assert (event.trigger, event.contact, event.dead) == (trigger, contact, False)


# --- bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1e999",
        b"{",
        b'{"a": NaN}',
        b'{"a": [-Infinity]}',
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"<html>",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' * 1_020 + b'"\\u0000"' + b"}" * 1_020,
        b'{"message": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_dead_under_its_digest(body: bytes) -> None:
    event = parse_event(body, RECEIVED)
    assert isinstance(event, Unsupported)
    assert event.dead
    assert event.dedup == f"dead:{digest(body)}"
    assert event.why


@pytest.mark.parametrize("body", [b"{}", b'{"app_id": "x"}', b'{"message": null}', b'{"text": "x"}'])
def test_an_object_without_payload_is_ignored(body: bytes) -> None:
    event = parse_event(body, RECEIVED)
    assert isinstance(event, Unsupported)
    assert (event.trigger, event.dead, event.dedup) == ("", False, f"other:{digest(body)}")


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("text", "message", "hi"),
        ("text", "message.id", ""),
        ("text", "message.id", ...),
        ("text", "message.id", 7),
        ("text", "message.channel_identity", None),
        ("text", "message.channel_identity.identity", ""),
        ("text", "message.channel_identity.identity", "x" * 161),
        ("receipt_read", "message_delivery_report.message_id", None),
        ("receipt_read", "message_delivery_report.status", ...),
        ("receipt_read", "message_delivery_report", []),
        ("reaction", "event.channel_identity", None),
        ("opt_out_succeeded", "opt_out_notification.identity", None),
        ("channel_event", "channel_event_notification", {}),
        ("contact_create", "contact_create_notification.contact", None),
        ("contact_duplicates", "duplicated_contact_identities_notification.duplicated_identities", [{}]),
        ("submit", "message_submit_notification", "x"),
    ],
)
def test_a_known_kind_without_what_makes_it_useful_is_dead(name: str, path: str, value: Any) -> None:
    body = changed(name, path, value)
    event = parse_event(body, RECEIVED)
    assert isinstance(event, Unsupported)
    assert (event.dead, event.dedup, event.trigger) == (True, f"dead:{digest(body)}", path.split(".")[0])


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb"half \ud83d an emoji", "half \ufffd an emoji"),
        (rb"other \ude42 half", "other \ufffd half"),
        (rb"whole \ud83d\ude42 \u0000NUL", "whole 🙂 NUL"),
        (b"bytes \xff\xfe", "bytes \ufffd\ufffd"),
        (rb"a backslash \\u0000", "a backslash \\u0000"),
        (rb"a backslash \\ud800", "a backslash \\ud800"),
    ],
)
def test_texts_can_always_be_stored(raw: bytes, text: str) -> None:
    event = parse_event(PAYLOADS["text"].replace(b"Where is my order?", raw), RECEIVED)
    assert isinstance(event, InboundMessage)
    assert event.content == Text(text)
    assert event.dedup == "in:M-text"


def test_a_huge_id_still_has_a_key() -> None:
    body = changed("text", "message.id", "x" * 5000)
    assert parse_event(body, RECEIVED).dedup == f"in:{digest(body)}"


def texts_of(value: object) -> list[str]:
    """Every text within an event, wherever it stands."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for pair in value.items() for each in pair for text in texts_of(each)]
        case tuple():
            return [text for each in value for text in texts_of(each)]
        case _ if hasattr(value, "__dataclass_fields__"):
            return [text for name in value.__dataclass_fields__ for text in texts_of(getattr(value, name))]
        case _:
            return []


def check_any(body: bytes) -> None:
    event = parse_event(body, RECEIVED)
    assert event.dedup
    assert len(event.dedup) <= 200
    for text in texts_of(event):
        assert "\0" not in text
        text.encode()
    at = event.written_at if isinstance(event, InboundMessage) else getattr(event, "at", RECEIVED)
    assert at <= RECEIVED


@given(st.binary(max_size=300))
def test_no_bytes_raise(body: bytes) -> None:
    check_any(body)


ANY_TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(["\0", "\ud800", PHONE, "2026-11-20T10:00:00Z"])
ANY_NUMBER = st.integers() | st.floats() | st.just(10**400)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | ANY_NUMBER | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of everything within a JSON value."""
    match value:
        case dict():
            children = list(value.items())
        case list():
            children = list(enumerate(value))
        case _:
            children = []
    return [path] * bool(path) + [each for key, child in children for each in paths_of(child, (*path, key))]


@st.composite
def broken_payloads(draw: st.DrawFn) -> bytes:
    """A real payload with up to three of its values, at any depth, replaced by anything."""
    body: Any = json.loads(PAYLOADS[draw(st.sampled_from(sorted(PAYLOADS)))])
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(paths_of(body)))
        fields = body
        for parent in parents:
            fields = fields[parent]
        fields[last] = draw(ANY_JSON)
    return json.dumps(body).encode()


@given(broken_payloads())
def test_no_broken_payload_raises(body: bytes) -> None:
    check_any(body)
