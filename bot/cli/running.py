"""The real server and an emulated Sinch in one process, with a clock that moves for both: what ``demo`` and ``chat`` run on."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web
from pydantic import SecretStr

from bot.app import App, listen, open_app
from bot.config import Config
from bot.core.rule import Phrasing, Placeholder
from bot.core.rulebook import Rulebook
from bot.core.rulebook import Template as Declared
from bot.errors import Misconfigured
from bot.rulebook.load import load
from bot.sinch.emulator.clock import RunningClock as EmulatorClock
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import DEFAULT_TRIGGERS, EmulatorSettings
from bot.sinch.emulator.templates import Template, TemplateButton
from bot.store.sqlite.connection import socket_path
from bot.web.guard import runner_of
from bot.web.operator import Operator, OperatorSite
from bot.web.phone.routes import phone_app
from bot.web.site.access import Visitor
from bot.web.site.guard import see_other
from bot.work.clock import RunningClock

PORTS_TRIED: Final = 50
HOST: Final = "127.0.0.1"
GUEST: Final = Visitor("demo", "operate", is_guest=True)


@dataclass(frozen=True, slots=True)
class Running:
    """The parts and where they answer."""

    app: App
    url: str
    emulator: Emulator

    def approve_templates(self) -> None:
        """Have WhatsApp approve at once what the live rules declare now."""
        self.emulator.approve(_approved_of(self.app.rules.live))


class MovedTogether:
    """The emulator's clock: it shows the bot's time, and whoever moves it moves the bot's."""

    def __init__(self, bots: RunningClock) -> None:
        self._bots = bots
        self._own = EmulatorClock(bots.now)

    def now(self) -> datetime:
        return self._own.now()

    async def sleep(self, seconds: float) -> None:
        await self._own.sleep(seconds)

    def advance(self, by: timedelta) -> None:
        self._bots.advance(by)
        self._own.advance(timedelta())  # it has moved already; whoever slept through the moment wakes


@asynccontextmanager
async def running(rules: Path, database: Path, port: int, emulator_port: int) -> AsyncIterator[Running]:
    """A server on ``rules`` and ``database`` that sends to an emulator beside it; each on its port or the next free one (0: any)."""
    clock, secret = RunningClock(), secrets.token_urlsafe(32)
    settings = EmulatorSettings(host=HOST, port=free_port(emulator_port), templates=templates_of(rules))
    emulator = Emulator(settings, MovedTogether(clock))
    await emulator.start()
    try:
        config = _config(emulator, settings.app_id, secret, database, rules, free_port(port))
        async with _server(config, clock, emulator) as (app, url):
            emulator.webhook(f"{url}/webhooks/sinch", secret, DEFAULT_TRIGGERS, settings.app_id)
            yield Running(app, url, emulator)
    finally:
        await emulator.stop()


@asynccontextmanager
async def _server(config: Config, clock: RunningClock, emulator: Emulator) -> AsyncIterator[tuple[App, str]]:
    app = await open_app(config, clock)
    runner = runner_of(_pages(app, emulator), 2.0)
    operator = OperatorSite(Operator(app.backend(), intake=app.intake()), socket_path(app.path))
    try:
        await runner.setup()
        await operator.start()
        yield app, await listen(runner, config.host, config.port)
    finally:
        await runner.cleanup()
        await operator.stop()
        await app.close()


def _pages(app: App, emulator: Emulator) -> web.Application:
    """The server's pages with the phone beside them. Nobody logs in on their own machine, unless they set a password."""
    has_password = bool(app.config.admin_password.get_secret_value())
    desk = app.desk(None if has_password else GUEST, phone="/phone/")
    application = app.web(desk)
    application.router.add_get("/phone", _to_the_phone)
    application.add_subapp("/phone", phone_app(desk, emulator))
    return application


async def _to_the_phone(request: web.Request) -> web.Response:
    return see_other("/phone/")


def _config(emulator: Emulator, app_id: str, secret: str, database: Path, rules: Path, port: int) -> Config:
    return Config(
        project_id="demo",
        app_id=app_id,
        key_id="demo",
        key_secret=SecretStr("demo"),
        webhook_secrets=(SecretStr(secret),),
        api_url=emulator.url,
        auth_url=emulator.url,
        database_url=SecretStr(f"sqlite:///{database.absolute()}"),
        rules_dir=rules,
        host=HOST,
        port=port,
        send_rate=0,
        allowed_hosts=(emulator.url.removeprefix("http://"), *LOOPBACK),
        admin_password=SecretStr(os.environ.get("ADMIN_PASSWORD", "")),
    )


# So that a backend on the same machine can be tried; it is reached by nobody else, and neither is the demo.
LOOPBACK: Final = ("127.0.0.1:*", "localhost:*", "[::1]:*")


@contextmanager
def database_or_none(kept: Path | None) -> Iterator[Path]:
    """The file to keep, or one that is gone at the end."""
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        yield Path(folder) / "demo.db"


def free_port(first: int) -> int:
    """The first free port from ``first`` on (0: 0). Raises ``Misconfigured`` when there is none near."""
    for port in range(first, min(first + PORTS_TRIED, 65_536)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise Misconfigured(
        f"The ports from {first} to {first + PORTS_TRIED - 1} are all taken; name another one to start from."
    )


def templates_of(rules: Path) -> tuple[Template, ...]:
    """What the rules declare, as if WhatsApp had approved it in every language. None where the rules have errors."""
    rulebook = load(rules).rulebook
    return _approved_of(rulebook) if rulebook is not None else ()


def _approved_of(rulebook: Rulebook) -> tuple[Template, ...]:
    return tuple(
        _approved(template, ours, theirs)
        for template in rulebook.templates.values()
        if not template.omni
        for ours, theirs in template.languages.items()
    )


def _approved(template: Declared, ours: str, theirs: str) -> Template:
    phrasing: Phrasing = ()
    if template.body is not None:
        phrasing = template.body.by_language.get(ours, template.body.by_language.get("", ()))
    numbers = {name: f"{{{{{at}}}}}" for at, name in enumerate(template.parameters, 1)}
    words = "".join(numbers.get(part.name, "") if isinstance(part, Placeholder) else part for part in phrasing)
    plain = f"{template.name}: " + ", ".join(f"{name} {hole}" for name, hole in numbers.items())
    buttons = tuple(TemplateButton("quick_reply", each.title) for each in template.buttons)
    body = words if all(hole in words for hole in numbers.values()) and words else plain
    return Template(template.name, theirs, body, buttons=buttons, category=template.category.upper())
