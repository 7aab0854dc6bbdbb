"""A Sinch of one's own, over real HTTP on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import web

from bot.sinch.emulator.acts import Acts
from bot.sinch.emulator.api import Api
from bot.sinch.emulator.auth import Door
from bot.sinch.emulator.changes import Changes
from bot.sinch.emulator.clock import Clock, RunningClock, until
from bot.sinch.emulator.control import Control
from bot.sinch.emulator.envelope import envelope, trigger_of
from bot.sinch.emulator.faults import Faults
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.files import Files
from bot.sinch.emulator.gate import Gate
from bot.sinch.emulator.person import Person
from bot.sinch.emulator.phones import Phone, Phones
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.switches import Switches
from bot.sinch.emulator.templates import Template
from bot.sinch.emulator.traffic import Seen
from bot.sinch.emulator.truth import Listener, Truth
from bot.sinch.emulator.webhooks import Webhook
from bot.sinch.emulator.world import World, build

_GRACE_S = 0.5  # a phone that is being followed, or a slow answer on order, must not hold up the end


class Emulator:
    """An emulated Sinch: OAuth, Conversation API, template listings and WhatsApp's people, on one port.

    ``clock`` is where its time comes from, a running clock unless given. ``listener`` is told every truth entry as it
    is made. All of it belongs to the event loop that called ``start``.
    """

    def __init__(
        self, settings: EmulatorSettings | None = None, clock: Clock | None = None, listener: Listener | None = None
    ) -> None:
        self._settings = settings or EmulatorSettings()
        self._world = build(self._settings, clock or RunningClock(), listener)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_GRACE_S)
        self._site: web.TCPSite | None = None
        self._port = self._settings.port

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken or the truth's file cannot be written."""
        await self._world.truth.start()
        await self._world.callbacks.start()
        await self._runner.setup()
        await self.plug_in()

    async def stop(self) -> None:
        """Stop listening, give up callbacks under way, close the truth."""
        await self._world.callbacks.stop()
        await self._runner.cleanup()
        await self._world.truth.stop()

    async def unplug(self) -> None:
        """Stop listening, so that connecting fails; connections that are open stay."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def plug_in(self) -> None:
        """Listen again, on the same port."""
        self._site = web.TCPSite(self._runner, self._settings.host, self._port)
        await self._site.start()
        self._port = self._runner.addresses[0][1]
        self._world.url = self.url

    @property
    def url(self) -> str:
        """Where it is, for the API and the token endpoint alike."""
        return f"http://{self._settings.host}:{self._port}"

    @property
    def truth(self) -> Truth:
        """What it accepted and did."""
        return self._world.truth

    @property
    def faults(self) -> Faults:
        """What goes wrong next, and what went wrong."""
        return self._world.faults

    @property
    def switches(self) -> Switches:
        """The same troubles by name, for people."""
        return self._world.switches

    @property
    def files(self) -> Files:
        """The files that people send."""
        return self._world.files

    @property
    def phones(self) -> Phones:
        """Every phone; ``appeared`` tells of new ones."""
        return self._world.phones

    def phones_of(self, app_id: str = "") -> dict[str, Phone]:
        """The phones in the chat with an app, by identity: the given one, else the one a bot named last."""
        return self._world.phones.all(self._world.apps.for_person(app_id).id)

    @property
    def moved(self) -> Changes:
        """Counts how often the clock was moved, by whomever; windows and dots are other than before."""
        return self._world.moved

    def traffic(self, message_id: str) -> Seen:
        """The webhooks and sends about a message; empty for one that is unknown or long gone."""
        return self._world.traffic.of(message_id)

    @property
    def clock(self) -> Clock:
        """Its time."""
        return self._world.clock

    @property
    def door(self) -> Door:
        """Its tokens, to let them expire or forget them."""
        return self._world.door

    @property
    def world(self) -> World:
        """All its parts."""
        return self._world

    @property
    def retries_waiting(self) -> int:
        """How many callbacks wait for another try."""
        return self._world.callbacks.waiting

    def advance(self, hours: float = 0.0, seconds: float = 0.0) -> datetime:
        """Time passes; the new now. Tokens expire, windows close, retries whose time has come go out."""
        return self._world.move(timedelta(hours=hours, seconds=seconds))

    def advance_to(self, moment: datetime) -> datetime:
        """Time passes until ``moment``, which is aware; the new now. ValueError for a moment that is past."""
        return self._world.move(until(moment, self._world.clock.now()))

    def person(self, identity: str, app_id: str = "") -> Person:
        """Someone on WhatsApp, in the chat with an app: the given one, else the one a bot named last."""
        return Person(self._world, self._world.apps.for_person(app_id), identity)

    def webhook(self, target: str, secret: str, triggers: Iterable[str], app_id: str = "") -> Webhook:
        """Register a webhook as the API would. Raises Rejected."""
        app = self._world.apps.for_person(app_id)
        body: Json = {"app_id": app.id, "target": target, "secret": secret, "triggers": list(triggers)}
        return self._world.webhooks.create(body, self._world.clock.now())

    def approve(self, templates: tuple[Template, ...]) -> None:
        """From now on WhatsApp has these templates and no others."""
        self._world.settings = replace(self._world.settings, templates=templates)

    async def callback(self, key: str, payload: Json, app_id: str = "") -> None:
        """Deliver any other payload in its envelope, such as ``channel_event_notification``; ValueError by its key."""
        app = self._world.apps.for_person(app_id)
        body = envelope(app, self._world.clock.now(), None, key, payload)
        await self._world.callbacks.deliver(app.id, trigger_of(body), key, body)

    async def post(self, body: bytes, trigger: str = "MESSAGE_INBOUND", app_id: str = "") -> list[int]:
        """Send these very bytes, signed, once, to each webhook that wants ``trigger``; their HTTP statuses."""
        app = self._world.apps.for_person(app_id)
        hooks = self._world.webhooks.matching(app.id, trigger)
        return [await self._world.callbacks.send_to(hook, trigger, "bytes", body) for hook in hooks]

    async def settled(self, with_retries: bool = False) -> None:
        """Wait until every receipt and callback had its first try; with retries, until each was taken or given up."""
        await self._world.callbacks.settled(with_retries)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=8 * 1024 * 1024)
        gate = Gate(self._world)
        application.add_routes(Api(self._world).routes(gate))
        application.add_routes(Control(self._world).routes(gate))
        application.add_routes(Acts(self._world).routes(gate))
        return application
