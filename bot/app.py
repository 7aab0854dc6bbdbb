"""The one place that wires: parts are made here, given to each other here, started and stopped in order here.

config -> store -> rules -> client -> inbox, sender, reconciler, media, timers, calls, reloader -> web
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from aiohttp import ClientSession, web

from bot.config import Config, environment
from bot.core.button import button_id
from bot.core.delivery import Policy
from bot.core.event import Event
from bot.core.reply import Button
from bot.errors import Misconfigured
from bot.net import GuardedClient
from bot.sinch.admin import SinchAdmin
from bot.sinch.client import ClientSettings, SinchClient, open_session
from bot.sinch.signature import Verifier
from bot.sinch.wire.events import parse_event
from bot.sinch.wire.render import render_send
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.sqlite.connection import socket_path
from bot.store.units import Started
from bot.web.admin.desk import Desk
from bot.web.admin.routes import admin_app
from bot.web.api.backend import Backend
from bot.web.api.docs_page import docs_routes
from bot.web.api.openapi import openapi_routes
from bot.web.api.routes import api_app
from bot.web.guard import hide_server, limits_here, runner_of
from bot.web.health import Health, health_routes
from bot.web.intake import Intake
from bot.web.operator import Operator, OperatorSite
from bot.web.site.access import Access, Visitor
from bot.web.site.frame import nowhere
from bot.web.site.guard import see_other
from bot.web.site.live import Pulse
from bot.web.site.pages import static_routes, warm
from bot.web.webhook import BODY_MAX, Webhook
from bot.work.callbacks import Deliverer
from bot.work.calls import Caller
from bot.work.campaigns import CampaignWorker
from bot.work.clock import Clock
from bot.work.clock_watch import ClockWatch
from bot.work.inbox import Deciding, Inbox, recover
from bot.work.live import LiveRules, rules_at_start
from bot.work.media import MediaAsker
from bot.work.news import Publisher
from bot.work.outbox import RECEIPT_WAIT, Sender
from bot.work.payloads import Composer
from bot.work.pressure import Pressure
from bot.work.rate import Rate
from bot.work.reconcile import Reconciler
from bot.work.reload import Reloader
from bot.work.retention import Keeping, Retention
from bot.work.service_manager import ALIVE, READY, STOPPING, ServiceManager
from bot.work.stored_events import reader
from bot.work.timers import TimerWorker
from bot.work.under_way import unless
from bot.work.watchdog import Watchdog

DRAIN_S = 10.0

log = structlog.get_logger()


@dataclass(slots=True)
class App:
    """The running program's parts."""

    config: Config
    clock: Clock
    store: Store
    rules: LiveRules
    client: SinchClient
    session: ClientSession
    inbox: Inbox
    sender: Sender
    reconciler: Reconciler
    outside: GuardedClient
    media: MediaAsker
    timers: TimerWorker
    caller: Caller
    campaigns: CampaignWorker
    publisher: Publisher
    deliverer: Deliverer
    reloader: Reloader
    retention: Retention
    pressure: Pressure
    health: Health
    clock_watch: ClockWatch
    watchdog: Watchdog
    tasks: list[asyncio.Task[None]]
    watchers: list[asyncio.Task[None]]

    @property
    def path(self) -> Path:
        """The database file."""
        return _sqlite_path(self.config)

    def backend(self) -> Backend:
        """What the API and the operator's commands work on."""
        return Backend(
            store=self.store,
            rulebook=lambda: self.rules.live,
            now=self.clock.now,
            app_id=self.config.app_id,
            margin=self.config.window_margin,
            wake_inbox=self.wake,
            wake_outbox=self.sender.wake,
            wake_campaigns=self.campaigns.wake,
            send_rate=self.config.send_rate,
            deliverer=self.deliverer,
            check_message=self.pressure.check_message,
            check_event=self.pressure.check_event,
        )

    def desk(self, guest: Visitor | None = None, phone: str = "") -> Desk:
        """What the pages work on. For the demo alone: ``guest`` is who everybody on this machine is without logging in, ``phone`` where the
        phone is."""
        password = self.config.admin_password.get_secret_value()
        return Desk(
            backend=self.backend(),
            access=Access(self.store.users, self.store.installation_key, self.clock.now, password, guest, phone),
            pulse=Pulse(self.store.conversations.turn),
            rules=self.rules,
            reloader=self.reloader,
            health=self.health,
            database=self.path,
            rules_dir=self.config.rules_dir,
            intake=self.intake(),
        )

    def web(self, desk: Desk | None = None) -> web.Application:
        """The HTTP side: webhook, API, its documentation, health, pages. ``desk``: other than usual, in the demo."""
        desk = desk or self.desk()
        home = desk.access.phone or "/admin/"
        application = web.Application(middlewares=[nowhere], client_max_size=BODY_MAX)
        hide_server(application)
        webhook = Webhook(
            verifier=Verifier(self.config.webhook_scheme, self.config.secrets, self.config.webhook_max_age),
            intake=self.intake(),
            store=self.store,
            clock=self.clock,
            wake=self.wake,
            check=self.pressure.check_incoming,
            on_stale=self.clock_watch.stale,
        )
        application.router.add_post("/webhooks/sinch", webhook.receive)
        application.add_routes(health_routes(self.health))
        application.add_routes([*openapi_routes(), *docs_routes()])
        application.add_routes([*static_routes(), web.get("/", _to(home)), web.get("/admin", _to("/admin/"))])
        application.add_subapp("/v1", api_app(self.backend()))
        application.add_subapp("/admin", admin_app(desk))
        return application

    def intake(self) -> Intake:
        """How what Sinch posts becomes an event."""
        return Intake(self._parse, lambda: self.rules.live.consent, self.media)

    def _parse(self, body: bytes, at: datetime) -> Event:
        return parse_event(body, at, self.config.app_id)

    def wake(self) -> None:
        """An event is being recorded: let deciding, and sending what is decided, join its commit."""
        self.inbox.wake()
        self.sender.wake()

    async def close(self) -> None:
        """Claim no more, let what is under way finish within limits, and leave the rest to the next start."""
        self.health.stop()
        self.reloader.stop()
        self.inbox.stop()
        self.timers.stop()
        self.campaigns.stop()
        self.retention.stop()
        self.pressure.stop()
        self.clock_watch.stop()
        self.publisher.stop()
        self.reconciler.stop()
        drained = (self.sender.drain, self.media.drain, self.caller.drain, self.deliverer.drain)
        await asyncio.gather(*(drain(DRAIN_S) for drain in drained))
        _, late = await asyncio.wait(self.tasks, timeout=DRAIN_S)
        for each in (*late, *self.watchers):
            each.cancel()
        await asyncio.gather(*self.tasks, *self.watchers, return_exceptions=True)
        await self.outside.close()
        await self.client.close()
        await self.session.close()
        await self.store.close()


async def open_app(config: Config, clock: Clock, receipt_wait: timedelta = RECEIPT_WAIT) -> App:
    """Open the database, read the rules, start the workers. Raises ``Misconfigured`` with a sentence for a person.

    ``receipt_wait``: how long a message that was being sent when an earlier process died waits for a receipt before Sinch is asked.
    """
    store = await open_store(_sqlite_path(config), app=config.app_id)
    try:
        rules = await rules_at_start(config.rules_dir, store, clock.now())
        return await _start(config, clock, store, rules, receipt_wait)
    except BaseException:
        await store.close()
        raise


async def _start(config: Config, clock: Clock, store: Store, rules: LiveRules, receipt_wait: timedelta) -> App:
    now = clock.now()
    await recover(store, now)
    await store.recover(now, now + receipt_wait)
    await store.recover_calls(now)
    await store.campaigns.recover()
    await store.subscriptions.recover(now)
    pressure = Pressure(store, clock)
    await pressure.look()
    session = open_session(settings := client_settings(config))
    client = SinchClient(settings, session)

    def wake_inbox() -> None:  # which is made last, because it wakes the others
        inbox.wake()

    manager = ServiceManager(os.environ)
    watchdog = Watchdog(clock.now, lambda: manager.tell(ALIVE), beat_every_s=manager.beat_every_s)
    clock_watch = ClockWatch(client, clock, store.set_back, wake_inbox)
    sender = Sender(
        store,
        client,
        renderer(config.app_id, store.installation_key),
        policy=lambda: _policy(config, rules),
        rate=Rate(config.send_rate),
        clock=clock,
        on_rejected=wake_inbox,
    )
    remarking = (lambda: _remarks(rules), sender.remarks, pressure.remarks, clock_watch.remarks, watchdog.remarks)
    health = Health(store, lambda: [each for remarks in remarking for each in remarks()], pressure.problems)
    deciding = Deciding(
        read=reader(config.app_id),
        rulebooks=lambda: rules.rulebooks,
        button_key=store.installation_key,
        margin=config.window_margin,
    )
    outside = GuardedClient(config.allowed_hosts)
    timers = TimerWorker(store, clock, on_fired=wake_inbox)
    caller = Caller(store, outside, clock, on_answered=wake_inbox, secrets=environment())
    campaigns = CampaignWorker(
        store.campaigns, lambda: rules.live, config.send_rate, clock, sender.wake, lambda: pressure.may_campaign
    )
    inbox = Inbox(store, deciding, clock, on_decided=sender.wake, on_call=caller.wake, on_timer=timers.expect)
    reconciler = Reconciler(store, SinchAdmin(client, config.template_url), clock, sender.wake)
    media = MediaAsker(store, outside, clock, wake=inbox.wake)
    deliverer = Deliverer(store.subscriptions, outside, clock)
    publisher = Publisher(store.subscriptions, Composer(deciding), clock, on_callbacks=deliverer.wake)
    reloader = Reloader(config.rules_dir, store, rules, clock)
    app = App(
        config,
        clock,
        store,
        rules,
        client,
        session,
        inbox,
        sender,
        reconciler,
        outside,
        media,
        timers,
        caller,
        campaigns,
        publisher,
        deliverer,
        reloader,
        Retention(
            store.privacy, store.subscriptions, store.tallies, clock, _keeping(config), clock_watch.allows_forgetting
        ),
        pressure,
        health,
        clock_watch,
        watchdog,
        [],
        [health.watched(work, name) for name, work in (("store", store.lost()), ("watchdog", watchdog.run()))],
    )
    app.tasks += [health.watched(work, name) for name, work in _workers(app)]
    return app


def _to(path: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def redirect(request: web.Request) -> web.Response:
        return see_other(path)

    return redirect


def _sqlite_path(config: Config) -> Path:
    path = config.sqlite_path
    if path is None:
        raise Misconfigured("PostgreSQL is not available in this version; set DATABASE_URL to sqlite:///parley.db.")
    return path


def client_settings(config: Config) -> ClientSettings:
    """What the client needs of the settings."""
    return ClientSettings(
        project_id=config.project_id,
        app_id=config.app_id,
        key_id=config.key_id,
        key_secret=config.key_secret.get_secret_value(),
        api_url=config.conversation_url,
        auth_url=config.token_origin,
        auth=config.auth,
    )


def renderer(app_id: str, key: bytes) -> Callable[[Started], bytes]:
    """Makes the request's body of one attempt; the buttons' ids are signed with the installation's key."""

    def render(started: Started) -> bytes:
        def id_of(button: Button) -> str:
            return button_id(key, button.rule, started.version, button.option)

        return render_send(
            app_id, started.contact, started.contact_id, started.reply, started.outbox_id, started.ttl_s, id_of
        )

    return render


def _policy(config: Config, rules: LiveRules) -> Policy:
    consent = rules.live.consent
    return Policy(config.window_margin, consent.after_stop == "answer", consent.marketing)


def _keeping(config: Config) -> Keeping:
    days = config.retention_messages_days
    return Keeping(timedelta(days=days) if days else None, timedelta(days=config.retention_keys_days))


def _remarks(rules: LiveRules) -> list[str]:
    return [f"The rules in the folder are not live: {problem}" for problem in rules.problems]


def _workers(app: App) -> list[tuple[str, Coroutine[Any, Any, None]]]:
    return [
        ("inbox", app.inbox.run()),
        ("outbox", app.sender.run()),
        ("reconcile", app.reconciler.run()),
        ("timers", app.timers.run()),
        ("calls", app.caller.run()),
        ("campaigns", app.campaigns.run()),
        ("news", app.publisher.run()),
        ("callbacks", app.deliverer.run()),
        ("rules", app.reloader.run()),
        ("retention", app.retention.run()),
        ("pressure", app.pressure.run()),
        ("clock", app.clock_watch.run()),
    ]


async def serve(config: Config, clock: Clock, until: asyncio.Event, started: Callable[[str], None]) -> None:
    """Run the server until ``until`` is set; ``started`` is told its address. Raises ``Misconfigured`` when the port is taken,
    and ``Failed`` once a worker has died and everything else has ended."""
    app, manager = await unless(until, open_app(config, clock)), ServiceManager(os.environ)
    if app is None:
        return
    runner = runner_of(app.web(), DRAIN_S, limits_here())
    operator = OperatorSite(Operator(app.backend(), app.reloader, app.intake()), socket_path(app.path))
    try:
        await runner.setup()
        await operator.start()
        address = await listen(runner, config.host, config.port)
        settle_memory()
        app.tasks.append(asyncio.create_task(asyncio.to_thread(warm), name="pages"))
        started(address)
        manager.tell(READY)
        await app.health.until_over(until)
        app.health.stop()
        manager.tell(STOPPING)
    finally:
        await runner.cleanup()
        await operator.stop()
        await app.close()
    app.health.check()


def settle_memory() -> None:
    """What is there now stays, so the garbage collector need not look at it again, nor so often at what each message leaves behind.

    A message leaves almost nothing in cycles; with the collector's defaults a tenth of all time went into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def listen(runner: web.AppRunner, host: str, port: int) -> str:
    """Open the port; returns the address as a URL."""
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        cure = "set HOST to an address of this machine, or to 0.0.0.0 for all of them"
        if error.errno == errno.EADDRINUSE:
            cure = "another program uses it: stop that program, or set PORT to another number"
        elif error.errno == errno.EACCES:
            cure = "ports below 1024 are for the system: set PORT to a larger number"
        raise Misconfigured(f"Port {port} on {host} cannot be opened ({error.strerror}); {cure}.") from None
    name, number = runner.addresses[0][:2]
    return f"http://{name}:{number}"
