"""What Sinch tells beside messages: consent, contacts, the sender itself; and what we keep without acting on it.

Source: Sinch Conversation API, callbacks.
"""

from __future__ import annotations

from bot.core.event import ChannelNotice, ConsentNotice, ContactKey, ContactNotice, Unsupported
from bot.sinch.wire.envelope import Envelope, Malformed, contact_key, contact_keys
from bot.sinch.wire.fields import Json, flat, inner, objects, text


def opt_in(envelope: Envelope, notice: Json) -> ConsentNotice:
    """A person opted in by the channel's own means."""
    return _consent(envelope, notice, opted_in=True)


def opt_out(envelope: Envelope, notice: Json) -> ConsentNotice:
    """A person opted out by the channel's own means."""
    return _consent(envelope, notice, opted_in=False)


def _consent(envelope: Envelope, notice: Json, *, opted_in: bool) -> ConsentNotice:
    word = "OPT_IN" if opted_in else "OPT_OUT"
    contact_id = text(notice, "contact_id")
    contact = contact_key(envelope.app, notice) or envelope.contact(notice)
    if contact is None and not contact_id:
        raise Malformed("an opt-in or opt-out of nobody")
    return ConsentNotice(
        envelope.dedup(word.lower(), text(notice, "request_id")),
        contact,
        opted_in,
        text(notice, "status") == f"{word}_SUCCEEDED",
        envelope.at(notice),
        envelope.received_at,
        contact_id,
    )


def channel_event(envelope: Envelope, notice: Json) -> ChannelNotice:
    """Something about our sender, such as its quality rating. Sinch gives these no id, so the body is the key."""
    event = inner(notice, "channel_event")
    event_type = text(event, "event_type")
    if not event_type:
        raise Malformed("a channel event without type")
    detail = flat(inner(event, "additional_data"))
    at = envelope.at(event)
    return ChannelNotice(envelope.dedup("chan"), text(event, "channel"), event_type, detail, at, envelope.received_at)


def contact_create(envelope: Envelope, notice: Json) -> ContactNotice:
    """Sinch made a contact."""
    return _contact(envelope, "create", inner(notice, "contact"))


def contact_update(envelope: Envelope, notice: Json) -> ContactNotice:
    """Sinch changed a contact."""
    return _contact(envelope, "update", inner(notice, "contact"))


def contact_delete(envelope: Envelope, notice: Json) -> ContactNotice:
    """Sinch deleted a contact; it is told whole once more."""
    return _contact(envelope, "delete", inner(notice, "contact"))


def contact_merge(envelope: Envelope, notice: Json) -> ContactNotice:
    """One contact took over another: the addresses of both are one person's."""
    deleted = inner(notice, "deleted_contact")
    return _contact(envelope, "merge", inner(notice, "preserved_contact"), deleted)


def _contact(envelope: Envelope, what: str, contact: Json, merged: Json | None = None) -> ContactNotice:
    contact_id = text(contact, "id")
    if not contact_id:
        raise Malformed("a contact without id")
    identities = contact_keys(envelope.app, contact) + (contact_keys(envelope.app, merged) if merged else ())
    language, name = text(contact, "language"), text(contact, "display_name")
    return ContactNotice(
        _timed_dedup(envelope, f"contact_{what}", contact_id),
        what,
        contact_id,
        tuple(dict.fromkeys(identities)),
        envelope.at(contact),
        envelope.received_at,
        "" if language == "UNSPECIFIED" else language,
        "" if name == "Unknown" else name,
        text(merged, "id") if merged else "",
    )


def contact_duplicates(envelope: Envelope, notice: Json) -> ContactNotice:
    """Several contacts claim the same address. ``contact_id`` is the first of them; nothing is merged yet."""
    duplicated = objects(notice, "duplicated_identities")
    claims = [each.get("contact_ids") for each in duplicated]
    ids = [one for claim in claims if isinstance(claim, list) for one in claim if isinstance(one, str) and one]
    if not ids:
        raise Malformed("duplicated identities without contacts")
    found = (contact_key(envelope.app, each) for each in duplicated)
    identities = tuple(dict.fromkeys(each for each in found if each is not None))
    return ContactNotice(
        envelope.dedup("contact_duplicate"), "duplicate", ids[0], identities, envelope.at(notice), envelope.received_at
    )


def _timed_dedup(envelope: Envelope, prefix: str, object_id: str) -> str:
    """Contacts have no event id: the same object at the same time is the same event, else the same body is."""
    accepted = text(envelope.fields, "accepted_time")
    return envelope.dedup(prefix, object_id, accepted) if accepted else envelope.dedup(prefix)


# Payload keys that we keep and ignore: a short word for the dedup key, and the fields that tell one from the next.
# Without fields (an analysis may come several times for one message) the body is the key.
KEPT: dict[str, tuple[str, tuple[str, ...]]] = {
    "message_redaction": ("redaction", ("id",)),  # the inbound's own shape and id, and yet no second message
    "message_submit_notification": ("submit", ("message_id",)),
    "event_delivery_report": ("evrcpt", ("event_id", "status")),
    "capability_notification": ("capability", ("request_id",)),
    "record_notification": ("record", ("entity_id", "record_status")),
    "smart_conversation_notification": ("smart", ()),
    "batch_status_update_notification": ("batch", ("batch_id", "batch_status")),
    "conversation_start_notification": ("conv_start", ()),
    "conversation_stop_notification": ("conv_stop", ()),
    "conversation_delete_notification": ("conv_delete", ()),
    "unsupported_callback": ("unsupported", ("id",)),
}


def kept(envelope: Envelope, key: str, payload: Json) -> Unsupported:
    """A webhook of a kind in ``KEPT``."""
    prefix, names = KEPT[key]
    parts = [text(payload, name) for name in names]
    if key == "message_submit_notification":  # one each time another channel is tried
        parts.append(text(inner(payload, "channel_identity"), "channel"))
    contact = _named_contact(envelope, payload)
    return Unsupported(envelope.dedup(prefix, *parts), key, "nothing to act on", envelope.received_at, contact)


def _named_contact(envelope: Envelope, payload: Json) -> ContactKey | None:
    """Most have a ``channel_identity``, a smart conversation one of plain text, a capability the two fields itself."""
    plain = payload.get("channel_identity")
    if isinstance(plain, str):
        return contact_key(envelope.app, {"channel": payload.get("channel"), "identity": plain})
    return envelope.contact(payload) or contact_key(envelope.app, payload)
