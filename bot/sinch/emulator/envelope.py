"""The envelope around every callback, and what of a conversation comes back in it."""

from __future__ import annotations

from datetime import datetime

import orjson

from bot.sinch.emulator.apps import App
from bot.sinch.emulator.clock import stamp
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.validate import Send


def envelope(
    app: App,
    now: datetime,
    event_at: datetime | None,
    key: str,
    payload: object,
    message_metadata: str = "",
    correlation_id: str = "",
) -> Json:
    """A callback body. ``key`` names the payload, and by that the trigger: nothing else on the wire does."""
    return {
        "app_id": app.id,
        "project_id": app.project_id,
        "accepted_time": stamp(now),
        "event_time": stamp(event_at or now),
        key: payload,
        "message_metadata": message_metadata,
        "correlation_id": correlation_id,
    }


def metadata_after(stored: str, send: Send) -> str:
    """A conversation's metadata, as JSON text, after a send that brought some: replaced, or patched key by key."""
    if not send.patches_metadata:
        return orjson.dumps(send.conversation_metadata).decode()
    before = orjson.loads(stored) if stored else {}
    return orjson.dumps(_merged(before, send.conversation_metadata)).decode()


def _merged(before: object, patch: object) -> object:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


TRIGGER_OF = {
    "message": "MESSAGE_INBOUND",
    "message_delivery_report": "MESSAGE_DELIVERY",
    "message_submit_notification": "MESSAGE_SUBMIT",
    "event": "EVENT_INBOUND",
    "event_delivery_report": "EVENT_DELIVERY",
    "opt_in_notification": "OPT_IN",
    "opt_out_notification": "OPT_OUT",
    "contact_create_notification": "CONTACT_CREATE",
    "contact_update_notification": "CONTACT_UPDATE",
    "contact_delete_notification": "CONTACT_DELETE",
    "contact_merge_notification": "CONTACT_MERGE",
    "duplicated_contact_identities_notification": "CONTACT_IDENTITIES_DUPLICATION",
    "conversation_start_notification": "CONVERSATION_START",
    "conversation_stop_notification": "CONVERSATION_STOP",
    "conversation_delete_notification": "CONVERSATION_DELETE",
    "capability_notification": "CAPABILITY",
    "channel_event_notification": "CHANNEL_EVENT",
    "unsupported_callback": "UNSUPPORTED",
    "record_notification": "RECORD_NOTIFICATION",
    "smart_conversation_notification": "SMART_CONVERSATION",
    "message_redaction": "MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION",
    "batch_status_update_notification": "BATCH_STATUS_UPDATE",
}
"""Payload key to the trigger that webhooks subscribe to (Sinch Conversation API, webhook triggers)."""


def trigger_of(body: Json) -> str:
    """The trigger of a callback body, by its payload key. Raises ValueError where it has none that exists."""
    for key, trigger in TRIGGER_OF.items():
        if key in body:
            return trigger
    raise ValueError(f"A callback needs one of these keys: {', '.join(TRIGGER_OF)}.")
