"""``demo``: the real server and an emulated Sinch in one process, with a chat in the terminal. No account, no key."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from aiohttp import web
from pydantic import SecretStr
from rich.panel import Panel

from bot.app import App, listen, open_app, reader
from bot.cli.chat import HELP, Behind, SendEvent, Why, chat_in_lines, chat_in_terminal
from bot.cli.logs import start_logging
from bot.cli.output import line, out, run
from bot.cli.serving import until_signal
from bot.config import Config
from bot.core.event import ContactKey
from bot.core.reasons import reasons
from bot.core.rule import Phrasing, Placeholder
from bot.core.rulebook import Rulebooks
from bot.core.rulebook import Template as Declared
from bot.errors import Failed, Misconfigured
from bot.rulebook.load import load, load_files
from bot.sinch.emulator.clock import RunningClock as EmulatorClock
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import DEFAULT_TRIGGERS, EmulatorSettings
from bot.sinch.emulator.templates import Template, TemplateButton
from bot.store.sqlite.connection import socket_path
from bot.web.api.address import CHANNEL
from bot.web.api.bodies import EventBody
from bot.web.api.events import record_event
from bot.web.api.keys import make_key
from bot.web.operator import Operator, OperatorSite
from bot.work.clock import RunningClock
from bot.work.explain import decide_again
from bot.work.inbox import Deciding

PORTS_TRIED: Final = 50
HOST: Final = "127.0.0.1"


def demo(
    rules: Annotated[
        Path, typer.Option("--rules", exists=True, file_okay=False, help="The folder with the rules.")
    ] = Path("rules"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The bot's port, or the next free one.")] = 8080,
    emulator_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The emulator's port, or the next free one.")
    ] = 9000,
    database: Annotated[
        Path | None,
        typer.Option("--db", help="A database file to keep; without it everything is forgotten at the end."),
    ] = None,
) -> None:
    """Chat with the bot on this machine alone: no account, no key."""
    start_logging("error")
    with _database(database) as path:
        run(lambda: _demo(rules, path, port, emulator_port))


class MovedTogether:
    """The emulator's clock; when it is moved, the bot's moves with it."""

    def __init__(self, bots: RunningClock) -> None:
        self._bots = bots
        self._own = EmulatorClock()

    def now(self) -> datetime:
        return self._own.now()

    async def sleep(self, seconds: float) -> None:
        await self._own.sleep(seconds)

    def advance(self, by: timedelta) -> None:
        self._bots.advance(by)
        self._own.advance(by)


@dataclass(frozen=True, slots=True)
class Running:
    """The demo's parts and where they answer."""

    app: App
    url: str
    emulator: Emulator


async def _demo(rules: Path, database: Path, port: int, emulator_port: int) -> None:
    with until_signal() as stop:
        async with _running(rules, database, port, emulator_port) as demo:
            key = await make_key(demo.app.store, f"demo {secrets.token_hex(3)}", ["send", "read"], demo.app.clock.now())
            _tell_where(demo, key)
            chatting = asyncio.create_task(_chat(demo, stop), name="chat")
            chatting.add_done_callback(lambda task: stop.set() if _broke(task) else None)
            await stop.wait()
            chatting.cancel()
            with suppress(asyncio.CancelledError):
                await chatting
    line("The demo has stopped.")


def _broke(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


@asynccontextmanager
async def _running(rules: Path, database: Path, port: int, emulator_port: int) -> AsyncIterator[Running]:
    clock, secret = RunningClock(), secrets.token_urlsafe(32)
    settings = EmulatorSettings(host=HOST, port=free_port(emulator_port), templates=templates_of(rules))
    emulator = Emulator(settings, MovedTogether(clock))
    await emulator.start()
    try:
        config = _config(emulator, settings.app_id, secret, database, rules, free_port(port))
        async with _server(config, clock) as (app, url):
            emulator.webhook(f"{url}/webhooks/sinch", secret, DEFAULT_TRIGGERS, settings.app_id)
            yield Running(app, url, emulator)
    finally:
        await emulator.stop()


@asynccontextmanager
async def _server(config: Config, clock: RunningClock) -> AsyncIterator[tuple[App, str]]:
    app = await open_app(config, clock)
    runner = web.AppRunner(app.web(), access_log=None, shutdown_timeout=2.0)
    operator = OperatorSite(Operator(app.backend()), socket_path(app.path))
    try:
        await runner.setup()
        await operator.start()
        yield app, await listen(runner, config.host, config.port)
    finally:
        await runner.cleanup()
        await operator.stop()
        await app.close()


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
        allowed_hosts=(emulator.url.removeprefix("http://"),),
    )


@contextmanager
def _database(kept: Path | None) -> Iterator[Path]:
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
    declared = rulebook.templates.values() if rulebook is not None else ()
    return tuple(
        _approved(template, ours, theirs)
        for template in declared
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


def _tell_where(demo: Running, key: str) -> None:
    example = (
        f"curl {demo.url}/v1/messages -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        """-d '{"to": "+447700900123", "reply": {"text": "Hello from the back office"}}'"""
    )
    if sys.stdout.isatty():
        out.print(
            Panel(f"[bold]Parley[/] answers at {demo.url}\nThe emulated Sinch is at {demo.emulator.url}", expand=False)
        )
    else:
        line(f"Parley answers at {demo.url}.")
        line(f"The emulated Sinch is at {demo.emulator.url}.")
    line(f"Send by the API:\n  {example}\n")


async def _chat(demo: Running, stop: asyncio.Event) -> None:
    """Chat as long as there is somebody; without a terminal the server goes on until a signal."""
    behind = Behind(_event_sender(demo.app), _why(demo.app))
    if sys.stdin.isatty() and sys.stdout.isatty():
        line(f"{HELP}\n")
        await chat_in_terminal(demo.emulator.url, behind)
        stop.set()
        return
    line("There is no terminal to chat in; it serves until it is stopped (Ctrl-C or SIGTERM). Lines on stdin are sent.")
    if await chat_in_lines(demo.emulator.url, behind, _stdin()):
        stop.set()


def _stdin() -> asyncio.StreamReader:
    """Lines of stdin, whatever it is: a loop can wait for pipes, not for files or /dev/null, so a thread of its own reads."""
    lines, loop = asyncio.StreamReader(), asyncio.get_running_loop()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants the rest
            while data := _read_some(sys.stdin.fileno()):
                loop.call_soon_threadsafe(lines.feed_data, data)
            loop.call_soon_threadsafe(lines.feed_eof)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return lines


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # closed, or not to be read: then nobody chats
        return b""


def _event_sender(app: App) -> SendEvent:
    async def send(name: str, identity: str, data: Mapping[str, str]) -> str:
        await record_event(EventBody(name=name, to=f"+{identity}", data=dict(data)), app.backend())
        return f"The backend told of {name}."

    return send


def _why(app: App) -> Why:
    async def why(identity: str) -> Sequence[str]:
        trace = await app.store.last_trace(ContactKey(app.config.app_id, CHANNEL, identity))
        if trace is None:
            raise Failed("Nothing was decided for this person yet.", "nothing_yet")
        stored = await app.store.rulebook(trace.version)
        kept = load_files(stored.files).rulebook if stored is not None else None
        rulebooks = Rulebooks(kept) if kept is not None else app.rules.rulebooks
        deciding = Deciding(
            reader(app.config.app_id), lambda: rulebooks, app.store.installation_key, app.config.window_margin
        )
        return reasons(decide_again(trace, deciding, rulebooks), rulebooks.live)

    return why
