"""The first of Sinch's two looks at a request: what it refuses at once with 400.

What only WhatsApp can tell (window, templates, sizes) comes later, as a FAILED receipt; see ``fate``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.fields import Json, list_in, object_in, objects_in, present, text_in
from bot.sinch.emulator.kinds import check_message

CHANNELS = frozenset(
    """WHATSAPP RCS SMS MESSENGER VIBER VIBERBM MMS INSTAGRAM TELEGRAM KAKAOTALK KAKAOTALKCHAT LINE WECHAT
    APPLEBC""".split()
)
EVENTS = (
    "composing_event",
    "composing_end_event",
    "agent_joined_event",
    "agent_left_event",
    "comment_reply_event",
    "generic_event",
)
_TTL = re.compile(r"(\d{1,12})s")
_TTL_MAX_S = 315_576_000_000
_WORDS = {
    "queue": ("NORMAL_PRIORITY", "HIGH_PRIORITY"),
    "processing_strategy": ("DEFAULT", "DISPATCH_ONLY"),
    "message_content_type": ("CONTENT_UNKNOWN", "CONTENT_MARKETING", "CONTENT_NOTIFICATION"),
    "conversation_metadata_update_strategy": ("REPLACE", "MERGE_PATCH"),
}
_LENGTHS = {"message_metadata": 1024, "event_metadata": 1024, "correlation_id": 128}


@dataclass(frozen=True, slots=True)
class Send:
    """A request that passed. Either ``contact_id`` or ``identities`` (channel to identity) says who gets it."""

    app_id: str
    contact_id: str
    identities: dict[str, str]
    content: Json
    channels: tuple[str, ...]
    metadata: str
    conversation_metadata: Json
    correlation_id: str
    callback_url: str
    dispatch_only: bool
    patches_metadata: bool


def json_object(body: bytes) -> Json:
    """A request body as a JSON object. Raises Rejected."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as trouble:
        raise Rejected(f"The body is not JSON: {trouble}.") from None
    if not isinstance(value, dict):
        raise Rejected("The body is not a JSON object.")
    return value


def read_send(body: Json) -> Send:
    """A ``messages:send`` body. Raises Rejected with what is wrong."""
    message = body.get("message")
    if not isinstance(message, dict):
        raise Rejected("message is required and must be an object.")
    check_message(message)
    return _read(body, message, "message_metadata")


def read_event(body: Json) -> Send:
    """An ``events:send`` body. Raises Rejected with what is wrong."""
    event = body.get("event")
    if not isinstance(event, dict) or len(present(event, EVENTS)) != 1:
        raise Rejected(f"event must hold exactly one of {', '.join(EVENTS)}.")
    return _read(body, event, "event_metadata")


def _read(body: Json, content: Json, metadata_key: str) -> Send:
    app_id = text_in(body, "app_id")
    if not app_id:
        raise Rejected("app_id is required.")
    _check_texts(body)
    _check_ttl(body)
    _check_properties(body)
    contact_id, identities = _recipient(body)
    return Send(
        app_id=app_id,
        contact_id=contact_id,
        identities=identities,
        content=content,
        channels=_channels(body),
        metadata=text_in(body, metadata_key),
        conversation_metadata=_conversation_metadata(body),
        correlation_id=text_in(body, "correlation_id"),
        callback_url=_callback_url(body),
        dispatch_only=body.get("processing_strategy") == "DISPATCH_ONLY",
        patches_metadata=body.get("conversation_metadata_update_strategy") == "MERGE_PATCH",
    )


def _recipient(body: Json) -> tuple[str, dict[str, str]]:
    recipient = body.get("recipient")
    if not isinstance(recipient, dict):
        raise Rejected("recipient is required and must be an object.")
    if len(present(recipient, ("contact_id", "identified_by"))) != 1:
        raise Rejected("recipient must hold exactly one of contact_id and identified_by.")
    if recipient.get("contact_id") is not None:
        contact_id = text_in(recipient, "contact_id")
        if not contact_id:
            raise Rejected("recipient.contact_id must be text.")
        return contact_id, {}
    return "", _identities(object_in(recipient, "identified_by"))


def _identities(identified_by: Json) -> dict[str, str]:
    given = objects_in(identified_by, "channel_identities")
    if not given:
        raise Rejected("recipient.identified_by.channel_identities must hold at least one identity.")
    identities = {}
    for one in given:
        channel, identity = text_in(one, "channel"), text_in(one, "identity")
        if channel not in CHANNELS or not identity:
            raise Rejected("Each channel identity needs a known channel and an identity.")
        identities[channel] = identity
    return identities


def _channels(body: Json) -> tuple[str, ...]:
    channels = list_in(body, "channel_priority_order")
    unknown = [channel for channel in channels if channel not in CHANNELS]
    if unknown:
        raise Rejected(f"channel_priority_order holds unknown channels: {unknown}.")
    return tuple(str(channel) for channel in channels)


def _check_texts(body: Json) -> None:
    for key, limit in _LENGTHS.items():
        value = body.get(key)
        if value is not None and (not isinstance(value, str) or len(value) > limit):
            raise Rejected(f"{key} must be text of at most {limit} characters.")
    for key, words in _WORDS.items():
        value = body.get(key)
        if value is not None and value not in words:
            raise Rejected(f"{key} must be one of {', '.join(words)}.")


def _check_ttl(body: Json) -> None:
    ttl = body.get("ttl")
    if ttl is None:
        return
    found = _TTL.fullmatch(ttl) if isinstance(ttl, str) else None
    if found is None or not 3 <= int(found[1]) <= _TTL_MAX_S:
        raise Rejected("ttl must be text such as '60s', from 3 to 315576000000 seconds.")


def _check_properties(body: Json) -> None:
    properties = body.get("channel_properties")
    if properties is None:
        return
    values = properties.values() if isinstance(properties, dict) else [None]
    if not all(isinstance(value, str) and len(value) <= 1024 for value in values):
        raise Rejected("channel_properties must map text to text of at most 1024 characters.")


def _conversation_metadata(body: Json) -> Json:
    value = body.get("conversation_metadata")
    if value is None:
        return {}
    if not isinstance(value, dict) or len(orjson.dumps(value)) > 2048:
        raise Rejected("conversation_metadata must be an object of at most 2048 characters.")
    return value


def _callback_url(body: Json) -> str:
    url = body.get("callback_url")
    if url is None:
        return ""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise Rejected("callback_url must be an http or https URL.")
    return str(url)
