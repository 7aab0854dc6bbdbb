"""From a webhook's body to an event. There is no field that names the kind: the payload's key does.

Source: Sinch Conversation API, callbacks; an unknown key is answered and kept, for Sinch adds kinds without notice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.core.event import Event, Unsupported
from bot.sinch.wire import messages, notices, receipts
from bot.sinch.wire.envelope import Envelope, Malformed, digest
from bot.sinch.wire.fields import Json, NotJson, read_json, text

_TRIGGER_MAX = 100

_AROUND = frozenset(
    {"app_id", "project_id", "accepted_time", "event_time", "message_metadata", "correlation_id"}
)  # what the envelope says itself

_READERS: dict[str, Callable[[Envelope, Json], Event]] = {
    "message": messages.inbound_message,
    "message_delivery_report": receipts.delivery_receipt,
    "event": receipts.inbound_event,
    "opt_in_notification": notices.opt_in,
    "opt_out_notification": notices.opt_out,
    "channel_event_notification": notices.channel_event,
    "contact_create_notification": notices.contact_create,
    "contact_update_notification": notices.contact_update,
    "contact_delete_notification": notices.contact_delete,
    "contact_merge_notification": notices.contact_merge,
    "duplicated_contact_identities_notification": notices.contact_duplicates,
}


def parse_event(body: bytes, received_at: datetime, app_id: str = "") -> Event:
    """Read any bytes; never raises. ``received_at`` is aware UTC and the latest time the event will carry.

    What is authentic but says nothing to us becomes ``Unsupported``; it is ``dead`` when a person should look: no JSON
    object, or a known kind without what makes it useful. ``app_id`` stands in where Sinch names no app, as in its
    project-wide webhooks.
    """
    try:
        fields = read_json(body)
    except NotJson as error:
        return _dead(body, "", str(error), received_at)
    if not isinstance(fields, dict):
        return _dead(body, "", "not a JSON object", received_at)
    envelope = Envelope(fields, body, text(fields, "app_id") or app_id, received_at)
    message = fields.get("message")
    if isinstance(message, dict):  # by far the most frequent
        return _read(envelope, "message", message)
    for key, payload in fields.items():
        if payload is not None and key not in _AROUND and (key in _READERS or key in notices.KEPT):
            return _read(envelope, key, payload)
    return _unknown(envelope)


def _read(envelope: Envelope, key: str, payload: object) -> Event:
    if not isinstance(payload, dict):
        return _dead(envelope.body, key, "the payload is no object", envelope.received_at)
    try:
        reader = _READERS.get(key)
        return notices.kept(envelope, key, payload) if reader is None else reader(envelope, payload)
    except Malformed as error:
        return _dead(envelope.body, key, str(error), envelope.received_at)


def _unknown(envelope: Envelope) -> Unsupported:
    keys = [key for key, payload in envelope.fields.items() if key not in _AROUND and isinstance(payload, dict)]
    trigger = keys[0][:_TRIGGER_MAX] if keys else ""
    why = "an unknown kind" if keys else "no payload"
    return Unsupported(envelope.dedup("other"), trigger, why, envelope.received_at)


def _dead(body: bytes, trigger: str, why: str, received_at: datetime) -> Unsupported:
    return Unsupported(f"dead:{digest(body)}", trigger, why, received_at, dead=True)
