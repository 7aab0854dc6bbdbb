"""A chat in this terminal with the server of the same process: what is typed, and what the chat may ask of the bot behind it."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.app import App
from bot.cli.chat import Behind, SendEvent, Why, chat_in_lines, chat_in_terminal
from bot.cli.running import Running, running
from bot.cli.serving import until_signal
from bot.core.event import ContactKey
from bot.core.rulebook import Rulebook
from bot.errors import Failed
from bot.rulebook.problem import Problem, counted
from bot.store.sqlite.archive import open_archive
from bot.web.api.address import CHANNEL
from bot.web.api.bodies import EventBody
from bot.web.api.events import record_event
from bot.work.explain import explained

TOLD_IN_CHAT: Final = ("rules_refused",)  # log events for which the chat has words of its own
SHOWN: Final = 6  # problems of a save, so that they do not push the chat off the screen


@dataclass(frozen=True, slots=True)
class Talk:
    """What to run, and how. ``greet`` is told once everything answers. ``goes_on``: without a terminal it serves on when its input has
    ended, until a signal."""

    rules: Path
    database: Path
    port: int
    emulator_port: int
    greet: Callable[[Running], Awaitable[None]]
    goes_on: bool


async def talk(wanted: Talk) -> None:
    """Run server, emulator and chat until the person leaves or a signal comes."""
    with until_signal() as stop:
        async with running(wanted.rules, wanted.database, wanted.port, wanted.emulator_port) as here:
            await wanted.greet(here)
            chatting = asyncio.create_task(_chat(here, stop, wanted.goes_on), name="chat")
            chatting.add_done_callback(lambda task: stop.set() if _broke(task) else None)
            await stop.wait()
            chatting.cancel()
            with suppress(asyncio.CancelledError):
                await chatting


def in_terminal() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _broke(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


async def _chat(here: Running, stop: asyncio.Event, goes_on: bool) -> None:
    """Chat as long as there is somebody."""
    behind = Behind(_event_sender(here.app), _why(here.app), _saved(here))
    if in_terminal():
        await chat_in_terminal(here.emulator.url, behind)
        stop.set()
    elif await chat_in_lines(here.emulator.url, behind, _stdin()) or not goes_on:
        stop.set()
    else:
        while True:  # nobody chats here, but in the browser: what rules declare that are saved meanwhile is approved all the same
            await behind.saved()


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


def _saved(here: Running) -> Callable[[], Awaitable[Sequence[str]]]:
    async def saved() -> Sequence[str]:
        state = await here.app.reloader.next_outcome()
        here.approve_templates()
        return what_came_of_it(state.problems, here.app.rules.live)

    return saved


def what_came_of_it(problems: Sequence[Problem], live: Rulebook) -> Sequence[str]:
    """What to tell after a save of the rules: that they answer, or what keeps them from it."""
    errors = [f"  {each}" for each in problems if each.severity == "error"]
    warnings = [f"  {each}" for each in problems if each.severity == "warning"]
    shown, left = (errors or warnings)[:SHOWN], len(errors or warnings) - SHOWN
    more = [f"  and {left} more, which `check` lists."] if left > 0 else []
    if errors:
        return ["What was saved is not live; the rules before it go on answering:", *shown, *more]
    return [f"Saved: the {counted(len(live.rules), 'rule')} in the folder answer now.", *shown, *more]


def _why(app: App) -> Why:
    def told(identity: str) -> Sequence[str]:
        with closing(open_archive(app.path)) as archive:
            trace = archive.last_trace(ContactKey(app.config.app_id, CHANNEL, identity))
            if trace is None:
                raise Failed("Nothing was decided for this person yet.", "nothing_yet")
            return explained(trace, archive, app.config.app_id).why

    return lambda identity: asyncio.to_thread(told, identity)
