"""From an accepted send to the person's phone: the truth, the answer, WhatsApp's verdict, the receipts."""

from __future__ import annotations

from dataclasses import dataclass

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.apps import App
from bot.sinch.emulator.clock import stamp
from bot.sinch.emulator.contacts import Contact, plain_identity
from bot.sinch.emulator.envelope import envelope, metadata_after
from bot.sinch.emulator.fate import Verdict, judge
from bot.sinch.emulator.fields import Json, present
from bot.sinch.emulator.ids import new_id
from bot.sinch.emulator.messages import Message
from bot.sinch.emulator.phones import Bubble, Phone
from bot.sinch.emulator.templates import Reason
from bot.sinch.emulator.validate import Send
from bot.sinch.emulator.world import World

_NO_IDENTITY = Reason("NO_CHANNEL_IDENTITY_FOR_CONTACT", "", "The recipient has no identity on these channels.")


@dataclass(frozen=True, slots=True)
class _Trip:
    """A send under way; ``contact`` is None where the recipient has no identity on WhatsApp."""

    app: App
    send: Send
    message: Message
    contact: Contact | None


async def accept_message(world: World, app: App, send: Send, request: Json) -> Json:
    """Take a message: the truth first, then the answer's body; what follows happens in the background.

    Raises Rejected, or OSError when the truth cannot be written.
    """
    trip = _begin(world, app, send)
    verdict = _judge(world, trip)
    message = trip.message
    message.shown = verdict.shown
    facts: Json = {
        "message_id": message.id,
        "app_id": app.id,
        "identity": message.identity,
        "metadata": message.metadata,
        "shown": verdict.shown.resource(),
        "request": request,
    }
    await world.truth.record("accepted", facts)
    world.messages.add(message, app)
    _remember_conversation(trip)
    _carry(world, trip, verdict)
    return {"message_id": message.id, "accepted_time": stamp(message.accepted_at)}


async def accept_event(world: World, app: App, send: Send, request: Json) -> Json:
    """Take an app event (typing and the like); it is delivered or, on WhatsApp, turned down as unsupported."""
    trip = _begin(world, app, send)
    event_id = trip.message.id
    facts: Json = {"event_id": event_id, "app_id": app.id, "identity": trip.message.identity, "request": request}
    await world.truth.record("event", facts)
    _show_typing(world, trip)
    if world.callbacks.wanted(app.id, "EVENT_DELIVERY") or send.callback_url:
        world.callbacks.later(_report_event(world, trip))
    return {"event_id": event_id, "accepted_time": stamp(trip.message.accepted_at)}


def _show_typing(world: World, trip: _Trip) -> None:
    kinds = present(trip.send.content, ("composing_event", "composing_end_event"))
    if trip.contact is not None and kinds:
        phone = world.phones.of(trip.app.id, trip.message.identity)
        phone.types(world.clock.now() if kinds == ["composing_event"] else None)


def _begin(world: World, app: App, send: Send) -> _Trip:
    unconfigured = [channel for channel in send.channels if channel not in app.channels]
    if unconfigured:
        raise Rejected(f"App {app.id} has no {', '.join(unconfigured)} configured.")
    now = world.clock.now()
    contact, identity = _recipient(world, app, send)
    known = contact is not None and app.conversation_mode and not send.dispatch_only
    message = Message(
        id=new_id(now),
        app_id=app.id,
        to_contact=True,
        channel="WHATSAPP",
        identity=identity,
        contact_id=contact.contact_id if contact and known else "",
        conversation_id=contact.conversation_id if contact and known else "",
        content=send.content,
        metadata=send.metadata,
        accepted_at=now,
        mode="DISPATCH" if send.dispatch_only else app.mode,
        correlation_id="" if send.dispatch_only else send.correlation_id,
    )
    return _Trip(app, send, message, contact)


def _recipient(world: World, app: App, send: Send) -> tuple[Contact | None, str]:
    if send.contact_id:
        contact = world.contacts.by_id(send.contact_id)
        if contact is None:
            raise Rejected(f"Contact {send.contact_id} was not found.", 404)
        return contact, contact.identity
    identity = send.identities.get("WHATSAPP", "")
    reachable = identity and (not send.channels or "WHATSAPP" in send.channels)
    if not reachable:
        return None, identity or next(iter(send.identities.values()))
    return world.contacts.of(app.id, identity, world.clock.now()), plain_identity(identity)


def _judge(world: World, trip: _Trip) -> Verdict:
    contact = trip.contact
    is_open = contact is not None and contact.window_is_open(world.clock.now())
    verdict = judge(trip.send.content, trip.message.id, is_open, world.settings)
    if contact is None:
        return Verdict(verdict.shown, _NO_IDENTITY)
    fault = world.faults.for_message()
    if fault is None:
        return verdict
    world.faults.count(fault)
    return Verdict(verdict.shown, Reason(fault.code, fault.channel_code, "The emulator was told to fail this message."))


def _remember_conversation(trip: _Trip) -> None:
    """Sinch brings these back with the person's next message, where it keeps anything at all."""
    contact, send = trip.contact, trip.send
    if contact is None or send.dispatch_only or not trip.app.kept_days:
        return
    if send.correlation_id:
        contact.correlation_id = send.correlation_id
    if send.conversation_metadata:
        contact.conversation_metadata = metadata_after(contact.conversation_metadata, send)


def _carry(world: World, trip: _Trip, verdict: Verdict) -> None:
    message = trip.message
    phone = world.phones.of(trip.app.id, message.identity)
    _show(phone, message, verdict)
    if verdict.reason is not None:
        facts: Json = {
            "message_id": message.id,
            "code": verdict.reason.code,
            "channel_code": verdict.reason.channel_code,
            "description": verdict.reason.description,
        }
        world.truth.note("failed", facts)
    statuses = phone.statuses(world.settings.receipts)
    if verdict.reason is not None or statuses or world.callbacks.wanted(trip.app.id, "MESSAGE_SUBMIT"):
        world.callbacks.later(_report(world, trip, verdict.reason, statuses))


def _show(phone: Phone, message: Message, verdict: Verdict) -> None:
    shown, reason = verdict.shown, verdict.reason
    if shown.kind == "reaction" and reason is None:
        phone.react(shown.about, shown.text, by_business=True)
        return
    bubble = Bubble(message.id, False, shown, stamp(message.accepted_at), 0)
    if reason is not None:
        bubble.failed, bubble.failed_channel_code = reason.code, reason.channel_code
        bubble.failed_because = reason.description
    phone.add(bubble)


async def _report(world: World, trip: _Trip, reason: Reason | None, statuses: tuple[str, ...]) -> None:
    if reason is not None:
        await _receipt(world, trip, "FAILED", reason)
        return
    await _submitted(world, trip)
    phone = world.phones.of(trip.app.id, trip.message.identity)
    for status in statuses:
        if world.settings.receipt_gap_s:
            await world.clock.sleep(world.settings.receipt_gap_s)
        phone.tick(trip.message.id, status, stamp(world.clock.now()))
        await _receipt(world, trip, status, None)


async def _submitted(world: World, trip: _Trip) -> None:
    if not world.callbacks.wanted(trip.app.id, "MESSAGE_SUBMIT"):
        return
    about: Json = {"message_id": trip.message.id, "submitted_message": trip.message.content}
    payload = _report_payload(world, trip, "message_submit_notification", about)
    await world.callbacks.deliver(trip.app.id, "MESSAGE_SUBMIT", trip.message.id, payload)


async def _receipt(world: World, trip: _Trip, status: str, reason: Reason | None) -> None:
    if not trip.send.callback_url and not world.callbacks.wanted(trip.app.id, "MESSAGE_DELIVERY"):
        return
    about: Json = {"message_id": trip.message.id, "status": status}
    if reason is not None:
        about["reason"] = _reason(reason)
    payload = _report_payload(world, trip, "message_delivery_report", about)
    name = f"{trip.message.id}:{status}"
    url, secret = trip.send.callback_url, trip.app.overridden_secret
    await world.callbacks.deliver(trip.app.id, "MESSAGE_DELIVERY", name, payload, url, secret, trip.message.id)


async def _report_event(world: World, trip: _Trip) -> None:
    about: Json = {"event_id": trip.message.id, "status": "DELIVERED"}
    if trip.contact is None:
        about |= {"status": "FAILED", "reason": _reason(_NO_IDENTITY)}
    payload = _report_payload(world, trip, "event_delivery_report", about)
    url, secret = trip.send.callback_url, trip.app.overridden_secret
    await world.callbacks.deliver(trip.app.id, "EVENT_DELIVERY", trip.message.id, payload, url, secret)


def _report_payload(world: World, trip: _Trip, key: str, about: Json) -> Json:
    message = trip.message
    has_plus = world.settings.plus_in_receipts and message.identity.isdecimal()
    identity = f"+{message.identity}" if has_plus else message.identity
    report: Json = {
        **about,
        "conversation_id": message.conversation_id,
        "channel_identity": {"channel": message.channel, "identity": identity, "app_id": ""},
        "contact_id": message.contact_id,
        "metadata": message.metadata,
        "processing_mode": message.mode,
    }
    return envelope(trip.app, world.clock.now(), None, key, report, correlation_id=message.correlation_id)


def _reason(reason: Reason) -> Json:
    return {
        "code": reason.code,
        "description": reason.description,
        "sub_code": "UNSPECIFIED_SUB_CODE",
        "channel_code": reason.channel_code,
    }
