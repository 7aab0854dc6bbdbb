"""``demo``: the real server and an emulated Sinch in one process, to chat with in the browser and in the terminal. No account, no key."""

from __future__ import annotations

import asyncio
import secrets
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.panel import Panel

from bot.cli.chat import HELP
from bot.cli.logs import start_logging
from bot.cli.output import line, out, run
from bot.cli.running import Running, database_or_none
from bot.cli.talking import TOLD_IN_CHAT, Talk, in_terminal, talk
from bot.web.api.keys import make_key


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
    open_browser: Annotated[bool, typer.Option("--open", help="Open the phone in the browser.")] = False,
) -> None:
    """Chat with the bot on this machine alone: no account, no key."""
    start_logging("error", told_otherwise=TOLD_IN_CHAT)
    with database_or_none(database) as path:
        greet = _greet_and_open if open_browser else _greet
        run(lambda: talk(Talk(rules, path, port, emulator_port, greet, goes_on=True)))
    line("The demo has stopped.")


async def _greet_and_open(demo: Running) -> None:
    await _greet(demo)
    if in_terminal():  # elsewhere nobody sits in front of it
        await asyncio.to_thread(webbrowser.open, f"{demo.url}/phone/")


async def _greet(demo: Running) -> None:
    key = await make_key(demo.app.store, f"demo {secrets.token_hex(3)}", ["admin"], demo.app.clock.now())
    _tell_where(demo, key)
    if in_terminal():
        line(f"{HELP}\n")
    else:
        line(
            "There is no terminal to chat in; it serves until it is stopped (Ctrl-C or SIGTERM). Lines on stdin are sent."
        )


def _tell_where(demo: Running, key: str) -> None:
    example = (
        f"curl {demo.url}/v1/messages -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        """-d '{"to": "+447700900123", "reply": {"text": "Hello from the back office"}}'"""
    )
    if sys.stdout.isatty():
        out.print(
            Panel(
                f"[bold]Chat in the browser:[/] {demo.url}/phone/\nThe inbox: {demo.url}/admin/\nAPI docs: {demo.url}/docs\n"
                f"The emulated Sinch is at {demo.emulator.url}",
                expand=False,
            )
        )
    else:
        line(f"Chat in the browser: {demo.url}/phone/ · The inbox: {demo.url}/admin/ · API docs: {demo.url}/docs")
        line(f"The emulated Sinch is at {demo.emulator.url}.")
    line(f"Send by the API, which {demo.url}/docs explains:\n  {example}\n")
