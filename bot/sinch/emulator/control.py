"""The emulator's own controls over HTTP, under ``/emulator/``: for chats, journeys and kill tests in other processes.

Bodies and answers are JSON. ``app_id`` may be left out everywhere; it is then the app that a bot named last.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from aiohttp import web

from bot.sinch.emulator.answers import Rejected, ok
from bot.sinch.emulator.clock import stamp, until
from bot.sinch.emulator.contacts import plain_identity
from bot.sinch.emulator.faults import fault_from
from bot.sinch.emulator.fields import number_in, object_in, objects_in, text_in
from bot.sinch.emulator.gate import Gate
from bot.sinch.emulator.media import MEDIA_TYPES
from bot.sinch.emulator.person import Person
from bot.sinch.emulator.phones import Phone
from bot.sinch.emulator.validate import json_object
from bot.sinch.emulator.world import World

WAIT_MAX_S = 60.0


class Control:
    """Handlers over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, gate: Gate) -> list[web.RouteDef]:
        """Every control."""
        return [
            web.post("/emulator/callback", gate.control(self.callback)),
            web.get("/emulator/phones", gate.control(self.phones)),
            web.get("/emulator/phones/{identity}", gate.control(self.phone)),
            web.get("/emulator/media/{kind}", gate.control(self.media)),
            web.get("/emulator/clock", gate.control(self.clock)),
            web.post("/emulator/clock", gate.control(self.move_clock)),
            web.get("/emulator/faults", gate.control(self.faults)),
            web.post("/emulator/faults", gate.control(self.add_faults)),
            web.delete("/emulator/faults", gate.control(self.clear_faults)),
            web.get("/emulator/switches", gate.control(self.switches)),
            web.post("/emulator/switches", gate.control(self.turn)),
            web.get("/emulator/traffic/{message_id}", gate.control(self.traffic)),
            web.get("/emulator/truth", gate.control(self.truth)),
        ]

    async def callback(self, request: web.Request) -> web.StreamResponse:
        """``{"body": {…}}``: a whole callback, delivered as it is."""
        body = json_object(await request.read())
        try:
            await Person(self._world, self._world.apps.for_person(text_in(body, "app_id")), "0").raw(
                object_in(body, "body")
            )
        except ValueError as trouble:
            raise Rejected(str(trouble)) from None
        return ok({})

    async def phones(self, request: web.Request) -> web.StreamResponse:
        """Every phone that knows the app, as ``{identity: turn}``."""
        app = self._world.apps.for_person(request.query.get("app_id", ""))
        return ok({identity: phone.turn for identity, phone in self._world.phones.all(app.id).items()})

    async def phone(self, request: web.Request) -> web.StreamResponse:
        """A phone's bubbles that changed after ``?after=TURN`` (0: all); ``?wait=SECONDS`` waits for the next change.

        The answer is ``{"turn", "bubbles", …}``; hand ``turn`` back as ``after``.
        """
        phone = self._phone(request)
        after, wait_s = _number(request, "after"), min(_number(request, "wait"), WAIT_MAX_S)
        bubbles = phone.since(int(after))
        if not bubbles and wait_s:
            try:
                bubbles = await asyncio.wait_for(phone.changes(int(after)), wait_s)
            except TimeoutError:
                bubbles = []
        return ok({**phone.resource(), "bubbles": [bubble.resource() for bubble in bubbles]})

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
        """``{"hours"}``, ``{"seconds"}`` or ``{"until": moment}``: time passes."""
        body = json_object(await request.read())
        if text := text_in(body, "until"):
            try:
                self._world.move(until(datetime.fromisoformat(text), self._world.clock.now()))
            except ValueError as trouble:
                raise Rejected(f"until: {trouble}") from None
        else:
            self._world.move(timedelta(hours=number_in(body, "hours"), seconds=number_in(body, "seconds")))
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

    async def switches(self, request: web.Request) -> web.StreamResponse:
        """``{"switches": [{"name", "title", "sentence", "on", "probability", "next", "happened"}]}``"""
        return ok({"switches": [switch.resource() for switch in self._world.switches.all()]})

    async def turn(self, request: web.Request) -> web.StreamResponse:
        """``{"name", "on": true, "probability"?}``, ``{"name", "next": N}``, or ``{"name", "on": false}``."""
        body, switches = json_object(await request.read()), self._world.switches
        name, count = text_in(body, "name"), number_in(body, "next")
        try:
            if count:
                switches.befall_next(name, int(count))
            elif body.get("on") is True:
                switches.turn_on(name, number_in(body, "probability") if "probability" in body else 1.0)
            elif body.get("on") is False:
                switches.turn_off(name)
            else:
                raise ValueError("Say on, true or false, or next, a number.")
        except (LookupError, ValueError) as trouble:
            raise Rejected(str(trouble.args[0])) from None
        return await self.switches(request)

    async def traffic(self, request: web.Request) -> web.StreamResponse:
        """``{"message_id", "deliveries", "sends"}``, both empty for a message that is unknown or long gone."""
        return ok(self._world.traffic.of(request.match_info["message_id"]).resource())

    async def truth(self, request: web.Request) -> web.StreamResponse:
        """The remembered entries with ``n`` above ``?after=N``, of ``?kind=`` where given."""
        after, kind = _number(request, "after"), request.query.get("kind")
        entries = [entry for entry in self._world.truth.entries if number_in(entry, "n") > after]
        return ok({"entries": [entry for entry in entries if kind in (None, entry["kind"])]})

    def _phone(self, request: web.Request) -> Phone:
        app = self._world.apps.for_person(request.query.get("app_id", ""))
        return self._world.phones.of(app.id, plain_identity(request.match_info["identity"]))


def _number(request: web.Request, name: str) -> float:
    try:
        return max(0.0, float(request.query.get(name, "0")))
    except ValueError:
        raise Rejected(f"{name} must be a number.") from None
