"""People on WhatsApp: what they do becomes signed callbacks, and what they are sent shows on their phone.

Shapes as in the Conversation API's contact messages and contact events. Every method returns once each webhook was
tried once; a failed try goes on in the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from bot.sinch.emulator.apps import App
from bot.sinch.emulator.clock import stamp
from bot.sinch.emulator.contacts import WINDOW, plain_identity
from bot.sinch.emulator.envelope import envelope, trigger_of
from bot.sinch.emulator.fields import Json, object_in, text_in
from bot.sinch.emulator.files import StoredFile
from bot.sinch.emulator.ids import new_id
from bot.sinch.emulator.messages import Message
from bot.sinch.emulator.phones import Bubble, Phone
from bot.sinch.emulator.render_said import said
from bot.sinch.emulator.shown import Option, Shown
from bot.sinch.emulator.world import World

_TAPPABLE = frozenset({"buttons", "list", "template"})
_LEADING_OUT = frozenset({"url", "phone_number", "copy_code"})


class NothingToTap(LookupError):
    """The message shows nothing that this tap would do: no such option, or choices that Sinch turned into text."""


class Person:
    """One person in one app's chat. ``identity`` appears in callbacks as given, with or without a plus."""

    def __init__(self, world: World, app: App, identity: str) -> None:
        self.identity = identity
        self._world = world
        self._app = app
        self._contact = world.contacts.of(app.id, identity, world.clock.now())

    @property
    def phone(self) -> Phone:
        """Their phone; set its ``receipts`` to change what this person's messages are reported as."""
        return self._world.phones.of(self._app.id, plain_identity(self.identity))

    @property
    def window_closes_at(self) -> datetime | None:
        """When free-form messages stop reaching them, also where that is past; None where they never wrote."""
        wrote_at = self._contact.wrote_at
        return None if wrote_at is None else wrote_at + WINDOW

    async def says(self, text: str, reply_to: str = "", at: datetime | None = None) -> str:
        """They type; the message's id. ``at`` is their own time, now unless given; ``reply_to`` what they quote."""
        return await self._sends({"text_message": {"text": text}}, Shown("text", text), reply_to, at)

    async def taps(self, message_id: str, choice: int | str, at: datetime | None = None) -> str:
        """They tap an option of a message, by index from 0 or by its title. Raises NothingToTap."""
        option = self._option(message_id, choice)
        carrier = self._world.messages.remembered(message_id)
        metadata = carrier.metadata if carrier is not None else ""
        response = {"message_id": message_id, "postback_data": option.postback}
        content: Json = {"choice_response_message": response}
        return await self._sends(content, Shown("text", option.title), message_id, at, metadata)

    def opens(self, message_id: str, choice: int = 0) -> str:
        """They tap what leads out of the chat: a link, or a template's button for a page, a call or a code to copy.

        What it leads to; nobody else learns of it (Sinch: taps on URL and call buttons produce no inbound). ``choice``
        counts a template's buttons from 0. Raises NothingToTap.
        """
        shown = self._shown(message_id)
        if shown.kind == "link" and choice == 0:
            return shown.url
        buttons = shown.template.buttons if shown.template is not None else ()
        if not 0 <= choice < len(buttons) or buttons[choice].kind not in _LEADING_OUT:
            raise NothingToTap(f"Message {message_id} has no link at {choice}.")
        button = buttons[choice]
        return button.url or button.phone or button.code

    async def sends_media(
        self, url: str, caption: str = "", at: datetime | None = None, reply_to: str = "", filename: str = ""
    ) -> str:
        """They send a picture, a video, a voice note, a document or a sticker, by the URL it has at Sinch.

        ``filename`` is a document's name, for one without a caption.
        """
        content: Json = {"media_card_message": {"url": url, "caption": caption}}
        if not caption:
            content = {"media_message": {"url": url, "thumbnail_url": "", "filename_override": filename}}
        return await self._sends(content, said(content, self._world.files), reply_to, at)

    async def sends_file(self, file: StoredFile, caption: str = "", reply_to: str = "") -> str:
        """They send a file that the emulator keeps; a document under its name."""
        name = file.name if file.kind == "document" else ""
        return await self.sends_media(self._world.url + file.path, caption, reply_to=reply_to, filename=name)

    async def sends_location(
        self,
        latitude: float,
        longitude: float,
        title: str = "",
        label: str = "",
        at: datetime | None = None,
        reply_to: str = "",
    ) -> str:
        """They share a place, in degrees."""
        place = {"latitude": latitude, "longitude": longitude}
        content: Json = {"location_message": {"title": title, "label": label, "coordinates": place}}
        return await self._sends(content, said(content, self._world.files), reply_to, at)

    async def sends_contact(self, name: str, phones: Sequence[str], email: str = "", reply_to: str = "") -> str:
        """They send somebody's contact card, which Sinch cannot map: it comes as WhatsApp wrote it."""
        contact: Json = {"name": {"formatted_name": name}, "phones": [{"phone": each} for each in phones]}
        if email:
            contact["emails"] = [{"email": email}]
        raw = orjson.dumps({"type": "contacts", "contacts": [contact]}).decode()
        return await self.sends_something_else(raw, reply_to)

    async def sends_order(self, products: Sequence[Json], catalog_id: str, title: str = "", reply_to: str = "") -> str:
        """They send a cart; a product has ``id``, ``marketplace``, ``quantity``, ``item_price`` and ``currency``."""
        order: Json = {"title": title, "catalog_id": catalog_id, "products": list(products)}
        return await self.sends({"product_response_message": order}, reply_to=reply_to)

    async def completes_flow(self, answers: Json, name: str = "flow", body: str = "Sent", reply_to: str = "") -> str:
        """They finish a WhatsApp Flow, or with ``name`` ``address_message`` an address form."""
        reply: Json = {"name": name, "response_json": orjson.dumps(answers).decode(), "body": body}
        message: Json = {"type": "nfm_reply", "nfm_reply": reply}
        content: Json = {"channel_specific_message": {"message_type": "nfm_reply", "message": message}}
        return await self.sends(content, reply_to=reply_to)

    async def fills_in(self, message_id: str, answers: Json) -> str:
        """They fill in the form that a message shows; its token goes with the answers. Raises NothingToTap."""
        shown = self._shown(message_id)
        buttons = shown.template.buttons if shown.template is not None else ()
        if shown.form is None and not any(button.kind == "flow" for button in buttons):
            raise NothingToTap(f"Message {message_id} shows no form.")
        token = shown.form.token if shown.form is not None else ""
        return await self.completes_flow(answers | ({"flow_token": token} if token else {}), reply_to=message_id)

    async def sends_something_else(self, raw: str, reply_to: str = "") -> str:
        """They send what Sinch cannot map, such as a poll; ``raw`` is the channel's own JSON text."""
        reason: Json = {
            "code": "UNSUPPORTED_OPERATION",
            "description": "The message type is not supported.",
            "sub_code": "UNSPECIFIED_SUB_CODE",
        }
        return await self.sends({"fallback_message": {"raw_message": raw, "reason": reason}}, reply_to=reply_to)

    async def sends(self, contact_message: Json, at: datetime | None = None, reply_to: str = "") -> str:
        """They send any contact message, given as it goes over the wire."""
        return await self._sends(contact_message, said(contact_message, self._world.files), reply_to, at)

    async def reacts(self, message_id: str, emoji: str) -> str:
        """They react to a message; the event's id. An empty emoji takes the reaction back. Opens no window."""
        self.phone.react(message_id, emoji)
        reaction: Json = {
            "emoji": emoji,
            "action": "REACTION_ACTION_REACT" if emoji else "REACTION_ACTION_UNREACT",
            "message_id": message_id,
            "reaction_category": "",
        }
        return await self.does({"contact_message_event": {"reaction_event": reaction}})

    async def does(self, event: Json) -> str:
        """Any other event of theirs, ``{"contact_event": …}`` or ``{"contact_message_event": …}``; the event's id."""
        now = self._world.clock.now()
        event_id = new_id(now)
        body: Json = {"id": event_id, "direction": "TO_APP", **event, **self._ids(), "accept_time": stamp(now)}
        reaction = object_in(object_in(event, "contact_message_event"), "reaction_event")
        await self._deliver("event", body, event_id, now, text_in(reaction, "message_id"))
        return event_id

    async def opts_out(self, succeeded: bool = True) -> str:
        """Their channel reports an opt-out; the request's id."""
        return await self._consents("opt_out_notification", "OPT_OUT", succeeded)

    async def opts_in(self, succeeded: bool = True) -> str:
        """Their channel reports an opt-in; the request's id."""
        return await self._consents("opt_in_notification", "OPT_IN", succeeded)

    async def raw(self, body: Json) -> None:
        """Deliver a whole callback body as it is; its payload key decides who wants it, ValueError without one."""
        await self._world.callbacks.deliver(self._app.id, trigger_of(body), "raw", body)

    async def _consents(self, key: str, word: str, succeeded: bool) -> str:
        now = self._world.clock.now()
        request_id = new_id(now)
        body: Json = {
            "request_id": request_id,
            "contact_id": self._ids()["contact_id"],
            "channel": "WHATSAPP",
            "identity": self.identity,
            "status": f"{word}_{'SUCCEEDED' if succeeded else 'FAILED'}",
            "processing_mode": self._app.mode,
        }
        await self._deliver(key, body, request_id, now)
        return request_id

    async def _sends(
        self, content: Json, shown: Shown, reply_to: str = "", at: datetime | None = None, metadata: str = ""
    ) -> str:
        now = self._world.clock.now()
        wrote_at = at or now
        if reply_to:
            content = {**content, "reply_to": {"message_id": reply_to}}
        quoted = text_in(object_in(content, "reply_to"), "message_id")
        message = self._inbound(content, metadata, now)
        self._world.messages.add(message, self._app)
        self._contact.writes(min(wrote_at, now))
        bubble = Bubble(message.id, True, shown, stamp(wrote_at), 0, reply_to=quoted)
        bubble.climb("QUEUED_ON_CHANNEL", stamp(now))
        self.phone.waits(now)
        self.phone.add(bubble)
        await self._deliver("message", message.resource(), message.id, wrote_at)
        return message.id

    def _inbound(self, content: Json, metadata: str, now: datetime) -> Message:
        contact, is_known = self._contact, self._app.conversation_mode
        return Message(
            id=new_id(now),
            app_id=self._app.id,
            to_contact=False,
            channel="WHATSAPP",
            identity=self.identity,
            contact_id=contact.contact_id if is_known else "",
            conversation_id=contact.conversation_id if is_known else "",
            content=content,
            metadata=metadata,
            accepted_at=now,
            mode=self._app.mode,
            sender_id=self._world.settings.sender_id,
        )

    def _ids(self) -> Json:
        is_known = self._app.conversation_mode
        return {
            "channel_identity": {"channel": "WHATSAPP", "identity": self.identity, "app_id": ""},
            "contact_id": self._contact.contact_id if is_known else "",
            "conversation_id": self._contact.conversation_id if is_known else "",
            "processing_mode": self._app.mode,
        }

    async def _deliver(self, key: str, payload: Json, about: str, event_at: datetime, message_id: str = "") -> None:
        world, contact = self._world, self._contact
        body = envelope(
            self._app,
            world.clock.now(),
            event_at,
            key,
            payload,
            contact.conversation_metadata if key == "message" else "",
            contact.correlation_id,
        )
        trigger = trigger_of(body)
        facts: Json = {"trigger": trigger, "about": about, "app_id": self._app.id, "identity": self.identity}
        await world.truth.record("said", facts | {"payload": payload})
        await world.callbacks.deliver(self._app.id, trigger, about, body, message_id=message_id)

    def _shown(self, message_id: str) -> Shown:
        """What a message of the business shows that arrived. Raises NothingToTap."""
        bubble = self.phone.bubble(message_id)
        if bubble is None or bubble.mine or bubble.failed:
            raise NothingToTap(f"Message {message_id} shows nothing to tap.")
        return bubble.shown

    def _option(self, message_id: str, choice: int | str) -> Option:
        shown = self._shown(message_id)
        if shown.kind not in _TAPPABLE:
            raise NothingToTap(f"Message {message_id} shows nothing to tap.")
        for index, option in enumerate(shown.options):
            if choice in (index, option.title):
                return option
        titles = ", ".join(option.title for option in shown.options)
        raise NothingToTap(f"Message {message_id} has no option {choice!r}; it has {titles}.")
