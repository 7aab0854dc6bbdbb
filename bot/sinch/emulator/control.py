"""The emulator's own controls over HTTP, under ``/emulator/``: for chats, journeys and kill tests in other processes.

Bodies and answers are JSON. ``app_id`` may be left out everywhere; it is then the app that a bot named last.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aiohttp import web

from bot.sinch.emulator.answers import Rejected, ok
from bot.sinch.emulator.clock import stamp
from bot.sinch.emulator.contacts import plain_identity
from bot.sinch.emulator.faults import fault_from
from bot.sinch.emulator.fields import Json, number_in, object_in, objects_in, text_in
from bot.sinch.emulator.gate import Gate
from bot.sinch.emulator.person import NothingToTap, Person
from bot.sinch.emulator.phones import Phone
from bot.sinch.emulator.validate import json_object
from bot.sinch.emulator.world import World

WAIT_MAX_S = 60.0
MEDIA_TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "document": "application/pdf",
    "sticker": "image/webp",
}


class Control:
    """Handlers over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, gate: Gate) -> list[web.RouteDef]:
        """Every control."""
        return [
            web.post("/emulator/say", gate.control(self.say)),
            web.post("/emulator/tap", gate.control(self.tap)),
            web.post("/emulator/send", gate.control(self.send)),
            web.post("/emulator/react", gate.control(self.react)),
            web.post("/emulator/callback", gate.control(self.callback)),
            web.get("/emulator/phones", gate.control(self.phones)),
            web.get("/emulator/phones/{identity}", gate.control(self.phone)),
            web.get("/emulator/media/{kind}", gate.control(self.media)),
            web.get("/emulator/clock", gate.control(self.clock)),
            web.post("/emulator/clock", gate.control(self.move_clock)),
            web.get("/emulator/faults", gate.control(self.faults)),
            web.post("/emulator/faults", gate.control(self.add_faults)),
            web.delete("/emulator/faults", gate.control(self.clear_faults)),
            web.get("/emulator/truth", gate.control(self.truth)),
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

    async def callback(self, request: web.Request) -> web.StreamResponse:
        """``{"body": {…}}``: a whole callback, delivered as it is."""
        body = json_object(await request.read())
        try:
            await self._person(body | {"identity": "0"}).raw(object_in(body, "body"))
        except ValueError as trouble:
            raise Rejected(str(trouble)) from None
        return ok({})

    async def phones(self, request: web.Request) -> web.StreamResponse:
        """Every phone that knows the app, as ``{identity: turn}``."""
        app = self._world.apps.for_person(request.query.get("app_id", ""))
        return ok({identity: phone.turn for identity, phone in self._world.phones.all(app.id).items()})

    async def phone(self, request: web.Request) -> web.StreamResponse:
        """A phone's bubbles that changed after ``?after=TURN`` (0: all); ``?wait=SECONDS`` waits for the next change.

        The answer is ``{"turn", "bubbles"}``; hand ``turn`` back as ``after``.
        """
        phone = self._phone(request)
        after, wait_s = _number(request, "after"), min(_number(request, "wait"), WAIT_MAX_S)
        bubbles = phone.since(int(after))
        if not bubbles and wait_s:
            try:
                bubbles = await asyncio.wait_for(phone.changes(int(after)), wait_s)
            except TimeoutError:
                bubbles = []
        return ok({"turn": phone.turn, "bubbles": [bubble.resource() for bubble in bubbles]})

    async def media(self, request: web.Request) -> web.StreamResponse:
        """A file whose address tells nothing, as Sinch's often are: only its content type says what it is."""
        kind = request.match_info["kind"]
        if kind not in MEDIA_TYPES:
            raise Rejected(f"There is no such file; there are {', '.join(MEDIA_TYPES)}.", 404)
        return web.Response(body=b"a file", content_type=MEDIA_TYPES[kind])

    async def clock(self, request: web.Request) -> web.StreamResponse:
        """``{"now"}``"""
        return ok({"now": stamp(self._world.clock.now())})

    async def move_clock(self, request: web.Request) -> web.StreamResponse:
        """``{"hours"}`` or ``{"seconds"}``: time passes."""
        body = json_object(await request.read())
        self._world.clock.advance(timedelta(hours=number_in(body, "hours"), seconds=number_in(body, "seconds")))
        return await self.clock(request)

    async def faults(self, request: web.Request) -> web.StreamResponse:
        """``{"happened": {kind: count}, "outstanding"}``"""
        faults = self._world.faults
        return ok({"happened": dict(faults.happened), "outstanding": faults.outstanding})

    async def add_faults(self, request: web.Request) -> web.StreamResponse:
        """``{"script": [fault, …]}``, each with ``times``; ``{"chance": [fault, …]}``, each with ``probability``."""
        body = json_object(await request.read())
        try:
            for one in objects_in(body, "script"):
                self._world.faults.script(*[fault_from(one)] * int(number_in(one, "times") or 1))
            for one in objects_in(body, "chance"):
                self._world.faults.chance(fault_from(one), number_in(one, "probability"))
        except ValueError as trouble:
            raise Rejected(str(trouble)) from None
        return await self.faults(request)

    async def clear_faults(self, request: web.Request) -> web.StreamResponse:
        """Nothing more goes wrong."""
        self._world.faults.clear()
        return await self.faults(request)

    async def truth(self, request: web.Request) -> web.StreamResponse:
        """The remembered entries with ``n`` above ``?after=N``, of ``?kind=`` where given."""
        after, kind = _number(request, "after"), request.query.get("kind")
        entries = [entry for entry in self._world.truth.entries if number_in(entry, "n") > after]
        return ok({"entries": [entry for entry in entries if kind in (None, entry["kind"])]})

    def _person(self, body: Json) -> Person:
        identity = text_in(body, "identity")
        if not identity:
            raise Rejected("identity is required.")
        return Person(self._world, self._world.apps.for_person(text_in(body, "app_id")), identity)

    def _phone(self, request: web.Request) -> Phone:
        app = self._world.apps.for_person(request.query.get("app_id", ""))
        return self._world.phones.of(app.id, plain_identity(request.match_info["identity"]))


def _number(request: web.Request, name: str) -> float:
    try:
        return max(0.0, float(request.query.get(name, "0")))
    except ValueError:
        raise Rejected(f"{name} must be a number.") from None


def _at(body: Json) -> datetime | None:
    text = text_in(body, "at")
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Rejected("at must be an RFC 3339 time.") from None
