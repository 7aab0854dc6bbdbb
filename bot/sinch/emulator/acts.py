"""What a person does on their phone, over HTTP under ``/emulator/``: for chats, journeys and kill tests in other processes.

Bodies and answers are JSON. ``identity`` says who; ``app_id`` may be left out, it is then the app that a bot named last.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from aiohttp import web

from bot.sinch.emulator.answers import Rejected, ok
from bot.sinch.emulator.contacts import plain_identity
from bot.sinch.emulator.fields import Json, list_in, number_in, object_in, objects_in, text_in
from bot.sinch.emulator.files import FILE_MAX, FOLDER
from bot.sinch.emulator.gate import Gate, Handler
from bot.sinch.emulator.media import SAFE_INLINE
from bot.sinch.emulator.person import NothingToTap, Person
from bot.sinch.emulator.validate import json_object
from bot.sinch.emulator.world import World

NAME_MAX = 80


class Acts:
    """Handlers over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, gate: Gate) -> list[web.RouteDef]:
        """Every act."""
        acts: dict[str, Handler] = {
            "say": self.say,
            "tap": self.tap,
            "send": self.send,
            "react": self.react,
            "open": self.open,
            "media": self.media,
            "location": self.location,
            "contact": self.contact,
            "order": self.order,
            "form": self.form,
            "other": self.other,
            "profile": self.profile,
            "files": self.keep_file,
        }
        return [
            *(web.post(f"/emulator/{name}", gate.control(act)) for name, act in acts.items()),
            web.get(FOLDER + "{file_id}", gate.control(self.file)),
        ]

    async def say(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "text", "reply_to"?, "at"?}``"""
        body = json_object(await request.read())
        message_id = await self._person(body).says(text_in(body, "text"), text_in(body, "reply_to"), _at(body))
        return ok({"message_id": message_id})

    async def tap(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "message_id", "choice"}``, the choice an index from 0 or a title."""
        body = json_object(await request.read())
        choice = body.get("choice")
        if not isinstance(choice, int | str):
            raise Rejected("choice must be an index from 0 or a title.")
        try:
            return ok({"message_id": await self._person(body).taps(text_in(body, "message_id"), choice, _at(body))})
        except NothingToTap as trouble:
            raise Rejected(str(trouble), 409) from None

    async def send(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "contact_message": {…}}``, or ``"event": {"contact_event": …}``, as they go over the wire."""
        body = json_object(await request.read())
        person = self._person(body)
        if event := object_in(body, "event"):
            return ok({"event_id": await person.does(event)})
        if content := object_in(body, "contact_message"):
            return ok({"message_id": await person.sends(content, _at(body))})
        raise Rejected("contact_message or event is required.")

    async def react(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "message_id", "emoji"}``"""
        body = json_object(await request.read())
        return ok({"event_id": await self._person(body).reacts(text_in(body, "message_id"), text_in(body, "emoji"))})

    async def open(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "message_id", "choice"?}``: a link or a template's button that leads out; ``{"leads_to"}``."""
        body = json_object(await request.read())
        try:
            choice = int(number_in(body, "choice"))
            return ok({"leads_to": self._person(body).opens(text_in(body, "message_id"), choice)})
        except NothingToTap as trouble:
            raise Rejected(str(trouble), 409) from None

    async def media(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "file_id" or "url", "caption"?, "reply_to"?}``"""
        body = json_object(await request.read())
        person, caption, reply_to = self._person(body), text_in(body, "caption"), text_in(body, "reply_to")
        if file_id := text_in(body, "file_id"):
            file = self._world.files.get(file_id)
            if file is None:
                raise Rejected(f"There is no file {file_id} (any more); send it again.", 404)
            return ok({"message_id": await person.sends_file(file, caption, reply_to)})
        url = text_in(body, "url")
        if not url.startswith(("http://", "https://")):
            raise Rejected("file_id or an http or https url is required.")
        return ok({"message_id": await person.sends_media(url, caption, reply_to=reply_to)})

    async def location(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "latitude", "longitude", "title"?, "label"?, "reply_to"?}``, in degrees."""
        body = json_object(await request.read())
        latitude, longitude = number_in(body, "latitude"), number_in(body, "longitude")
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise Rejected("latitude is from -90 to 90 degrees, longitude from -180 to 180.")
        words = text_in(body, "title"), text_in(body, "label")
        sent = self._person(body).sends_location(latitude, longitude, *words, reply_to=text_in(body, "reply_to"))
        return ok({"message_id": await sent})

    async def contact(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "name", "phones": ["+46…"], "email"?, "reply_to"?}``"""
        body = json_object(await request.read())
        name, phones = text_in(body, "name"), [str(each) for each in list_in(body, "phones")]
        if not name or not phones:
            raise Rejected("A contact card needs a name and at least one of phones.")
        sent = self._person(body).sends_contact(name, phones, text_in(body, "email"), text_in(body, "reply_to"))
        return ok({"message_id": await sent})

    async def order(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "products": [{"id", "marketplace", "quantity", "item_price", "currency"}], "catalog_id"}``"""
        body = json_object(await request.read())
        products = objects_in(body, "products")
        if not products:
            raise Rejected("An order needs products.")
        title, reply_to = text_in(body, "title"), text_in(body, "reply_to")
        sent = self._person(body).sends_order(products, text_in(body, "catalog_id"), title, reply_to)
        return ok({"message_id": await sent})

    async def form(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "message_id", "answers": {…}}``: they fill in the form that a message shows."""
        body = json_object(await request.read())
        filled_in = self._person(body).fills_in(text_in(body, "message_id"), object_in(body, "answers"))
        try:
            return ok({"message_id": await filled_in})
        except NothingToTap as trouble:
            raise Rejected(str(trouble), 409) from None

    async def other(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "raw": "{…}"}``: what Sinch cannot map, such as a poll, as WhatsApp's own JSON text."""
        body = json_object(await request.read())
        if not (raw := text_in(body, "raw")):
            raise Rejected("raw is required: WhatsApp's own JSON as text.")
        return ok({"message_id": await self._person(body).sends_something_else(raw, text_in(body, "reply_to"))})

    async def profile(self, request: web.Request) -> web.StreamResponse:
        """``{"identity", "name"?, "read_receipts"?}``: what is given changes; the answer is the phone without bubbles."""
        body = json_object(await request.read())
        phone = self._person(body).phone
        if isinstance(body.get("name"), str):
            phone.name = text_in(body, "name").strip()[:NAME_MAX]
        if isinstance(shown := body.get("read_receipts"), bool):
            phone.read_receipts = shown
        return ok(phone.resource())

    async def keep_file(self, request: web.Request) -> web.StreamResponse:
        """A file as the body, with its ``Content-Type``; ``?name=``, ``?voice=1`` for a voice note. At most 5 MiB.

        The answer is ``{"id", "url", "kind", "content_type", "name", "size"}``; hand ``id`` to ``media`` as ``file_id``.
        """
        if (request.content_length or 0) > FILE_MAX:
            raise Rejected(f"A file may have up to {FILE_MAX // 1024**2} MiB.", 413)
        content_type = request.headers.get("Content-Type", "")
        name, is_voice = request.query.get("name", ""), request.query.get("voice") == "1"
        file = self._world.files.keep(await request.read(), content_type, self._world.clock.now(), name, is_voice)
        return ok(file.resource(self._world.url))

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A kept file. Whatever could run a script in a browser is only handed over for saving."""
        file = self._world.files.get(request.match_info["file_id"])
        if file is None:
            raise Rejected("There is no such file (any more).", 404)
        disposition = "inline" if file.content_type in SAFE_INLINE else "attachment"
        if file.name:
            disposition += f"; filename*=UTF-8''{quote(file.name, safe='')}"
        headers = {
            "Content-Type": file.content_type,
            "Content-Disposition": disposition,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return web.Response(body=file.body, headers=headers)

    def _person(self, body: Json) -> Person:
        identity = text_in(body, "identity")
        if not plain_identity(identity):
            raise Rejected("identity is required.")
        return Person(self._world, self._world.apps.for_person(text_in(body, "app_id")), identity)


def _at(body: Json) -> datetime | None:
    text = text_in(body, "at")
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected("at must be an RFC 3339 time.") from None
