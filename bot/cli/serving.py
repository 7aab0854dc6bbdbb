"""``serve``, ``emulate`` and ``migrate``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bot.app import serve as serve_app
from bot.app import settle_memory
from bot.cli.database import database_file, own_store
from bot.cli.logs import start_logging
from bot.cli.output import line, run
from bot.cli.rules import RulesOption
from bot.config import SERVER, Config, read_config
from bot.errors import Misconfigured
from bot.sinch.emulator.server import Emulator
from bot.sinch.emulator.settings import EmulatorSettings
from bot.store.sqlite.connection import migrations
from bot.work.clock import RunningClock

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes any that is free.")]
Host = Annotated[str | None, typer.Option(help="The address to listen on; 0.0.0.0 means all of the machine's.")]


def serve(host: Host = None, port: Port = None, rules: RulesOption = None) -> None:
    """Run the bot until it is told to stop (SIGTERM or Ctrl-C)."""
    config = read_config(needs=SERVER, overrides={"host": host, "port": port, "rules_dir": rules})
    start_logging(config.log_level)
    run(lambda: _serve(config))


async def _serve(config: Config) -> None:
    with until_signal() as stop:
        await serve_app(config, RunningClock(), stop, lambda url: line(f"Parley answers at {url}."))
    line("Parley has stopped.")


@contextmanager
def until_signal() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    try:
        yield stop
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)


def emulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes any that is free.")] = 9000,
    truth: Annotated[
        Path | None, typer.Option(help="A file to write down what was accepted, before it is answered.")
    ] = None,
) -> None:
    """Run a local Sinch that takes any credentials, app and project."""
    settings = EmulatorSettings(host=host, port=port, truth_path=truth)
    run(lambda: _emulate(settings))


async def _emulate(settings: EmulatorSettings) -> None:
    emulator = Emulator(settings)
    with until_signal() as stop:
        try:
            await emulator.start()
        except OSError as error:
            await emulator.stop()
            raise Misconfigured(
                f"The emulator cannot start on {settings.host}:{settings.port} ({error.strerror}); "
                "another program may use the port. Name another with --port."
            ) from None
        try:
            settle_memory()  # under load it holds what it remembers, and looking through that again and again is no use
            line(f"The emulator answers at {emulator.url}.")
            line(f"Point a bot at it: SINCH_API_URL={emulator.url} SINCH_AUTH_URL={emulator.url}")
            await stop.wait()
        finally:
            await emulator.stop()


def migrate() -> None:
    """Bring the database up to this program's schema."""
    config = read_config()
    path = database_file(config)
    run(lambda: _migrate(config))
    line(f"{path} has schema {migrations()[-1][0]}.")


async def _migrate(config: Config) -> None:
    async with own_store(config):
        return
