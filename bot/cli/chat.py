"""A chat with the bot in the terminal, through the emulator's phones.

What is typed is sent as it stands, so ``1`` is the text "1", as a person would type it; lines that start with ``/`` are for the
terminal itself.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp
from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

from bot.cli.bubbles import draw, plain
from bot.cli.moments import stretch_of
from bot.cli.phone import SENDABLE, Bubble, Phone, phone_session, values_of, words_of
from bot.errors import ParleyError, Refused

HELP: Final = """\
Type anything to write to the bot; a button's number or title is its tap.
  /tap 2                tap the second button for real
  /later 25h            let time pass (s, m, h, d); 24 h close the window
  /event NAME k=v ...   a backend tells of something, for example
    /event order.shipped first_name=Åsa order_number=12345678
  /send image           send something else, or a URL:
    {sendable}
  /why                  why the bot answered as it did last
  /as sv                be another person: en, sv, any name or number
  /help  /quit\
""".format(sendable=", ".join(SENDABLE))
# Numbers that the countries' authorities keep free for films and tests.
PERSONAS: Final = {"en": "447700900123", "sv": "46701740605"}
_OTHERS: Final = 46701740610
_LATEST: Final = timedelta(days=3650)
_TICKS_WITHIN_S: Final = 0.3  # a bubble waits this long for its ticks, as what is printed cannot change
_QUIET_S: Final = 1.0  # on a pipe: no news for so long means that the bot is done

SendEvent = Callable[[str, str, Mapping[str, str]], Awaitable[str]]
Why = Callable[[str], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Behind:
    """What a chat can ask of the bot behind it. ``send_event(name, identity, data)`` answers a sentence; ``why(identity)`` several;
    ``saved()`` waits until a save of the rules was tried, and answers what came of it."""

    send_event: SendEvent
    why: Why
    saved: Callable[[], Awaitable[Sequence[str]]]


class Quit(Exception):
    """The person wants to leave."""


class Chat:
    """One terminal's chat; ``show`` prints a bubble, ``tell`` a line of our own."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        emulator_url: str,
        behind: Behind,
        show: Callable[[Bubble], None],
        tell: Callable[[str], None],
    ) -> None:
        self._session = session
        self._url = emulator_url
        self._behind = behind
        self._show = show
        self._tell = tell
        self._people: dict[str, Phone] = {}
        self._shown: dict[str, str] = {}
        self._last_options: dict[str, Bubble] = {}
        self._commands: Mapping[str, Callable[[list[str]], Awaitable[None]]] = {
            "tap": self._tap,
            "later": self._later,
            "event": self._event,
            "send": self._send,
            "why": self._why,
            "as": self._as,
            "help": self._help,
            "quit": self._quit,
        }
        self.name = "en"
        self.phone = self._person("en")

    async def takes(self, line: str) -> None:
        """Do what the line says; refusals are told. Raises ``Quit``."""
        line = line.strip()
        if not line:
            return
        try:
            if line.startswith("/"):
                await self._command(line[1:])
            else:
                await self.phone.says(line)
        except Refused as refused:
            self._tell(f"{refused} {refused.cure}".strip())
        except ParleyError as error:
            self._tell(str(error))
        except (aiohttp.ClientError, TimeoutError):
            self._tell("The emulator does not answer any more; was it stopped?")

    async def follow(self, wait_s: float = 30.0) -> int:
        """Show what is new on the present phone, waiting up to ``wait_s`` for something; how many bubbles were new."""
        phone = self.phone
        fresh = await self._with_ticks(phone, await phone.news(wait_s))
        return sum(self._display(bubble, phone) for bubble in fresh)

    async def follow_saves(self) -> None:
        """Tell what comes of each save of the rules, without an end."""
        while True:
            try:
                told = await self._behind.saved()
            except ParleyError as error:
                told = [str(error)]
            for sentence in told:
                self._tell(sentence)

    async def _with_ticks(self, phone: Phone, bubbles: list[Bubble]) -> list[Bubble]:
        """The same bubbles, with the ticks they get within a moment."""
        newest = {bubble.message_id: bubble for bubble in bubbles}
        loop = asyncio.get_running_loop()
        until = loop.time() + _TICKS_WITHIN_S
        while any(_ticks_to_come(each) for each in newest.values()) and (left := until - loop.time()) > 0:
            newest |= {bubble.message_id: bubble for bubble in await phone.news(left)}
        return list(newest.values())

    def _display(self, bubble: Bubble, phone: Phone) -> bool:
        before = self._shown.get(bubble.message_id)
        if before is None:
            self._show(bubble)
        elif bubble.failed and before != bubble.failed:
            self._tell(f"✗ That message never arrived: {bubble.failed}.")
        self._shown[bubble.message_id] = bubble.failed
        if bubble.options and not bubble.mine:
            self._last_options[phone.identity] = bubble
        return before is None

    async def _command(self, line: str) -> None:
        name, *words = words_of(line) or ["help"]
        command = self._commands.get(name.lower())
        if command is None:
            raise Refused(f"There is no command /{name}.", "usage", f"There are /{', /'.join(self._commands)}.")
        await command(words)

    async def _tap(self, words: list[str]) -> None:
        bubble = self._last_options.get(self.phone.identity)
        if bubble is None:
            raise Refused("There is nothing to tap yet.", "usage")
        choice = words[0] if words else ""
        if not choice.isdecimal() or not 1 <= int(choice) <= len(bubble.options):
            raise Refused(f"Tap 1 to {len(bubble.options)}, for example /tap 1.", "usage")
        await self.phone.taps(bubble.message_id, int(choice) - 1)

    async def _later(self, words: list[str]) -> None:
        now = await self.phone.later(duration_of(" ".join(words)))
        self._tell(f"It is now {now.astimezone():%A %d %B %H:%M}.")

    async def _event(self, words: list[str]) -> None:
        if not words:
            raise Refused(
                "Which event?", "usage", "For example /event order.shipped first_name=Åsa order_number=12345678."
            )
        self._tell(await self._behind.send_event(words[0], self.phone.identity, values_of(words[1:])))

    async def _send(self, words: list[str]) -> None:
        await self.phone.sends(words[0] if words else "", " ".join(words[1:]))

    async def _why(self, words: list[str]) -> None:
        for sentence in await self._behind.why(self.phone.identity):
            self._tell(sentence)

    async def _as(self, words: list[str]) -> None:
        if not words:
            raise Refused("Be whom?", "usage", "For example /as sv, /as Anna or /as 46701740605.")
        self.name = words[0]
        self.phone = self._person(words[0])
        self._tell(f"You are {self.name} now, +{self.phone.identity}.")

    async def _help(self, words: list[str]) -> None:
        self._tell(HELP)

    async def _quit(self, words: list[str]) -> None:
        raise Quit

    def _person(self, name: str) -> Phone:
        number = re.sub(r"\D", "", name)
        identity = PERSONAS.get(name.lower()) or (number if len(number) >= 7 else "")
        if name not in self._people:
            fresh = str(_OTHERS + len(self._people))
            self._people[name] = Phone(self._session, self._url, identity or fresh)
        return self._people[name]


def _ticks_to_come(bubble: Bubble) -> bool:
    return not bubble.mine and not bubble.failed and bubble.ticks < 3


def duration_of(text: str) -> timedelta:
    """``25h``, ``90 m``, ``1d 2h``, up to ten years. Raises ``Refused``."""
    stretch = stretch_of(text)
    if stretch is None:
        raise Refused(f'"{text}" is not a time.', "usage", "For example /later 25h, /later 10m or /later 2d.")
    if stretch > _LATEST:
        raise Refused("Nobody waits longer than ten years.", "usage", "For example /later 25h or /later 2d.")
    return stretch


async def chat_in_terminal(emulator_url: str, behind: Behind) -> None:
    """Chat until the person leaves; for a terminal on both ends."""
    prompt: PromptSession[str] = PromptSession(erase_when_done=True)
    async with phone_session() as session:
        with patch_stdout(raw=True):
            console = Console(file=sys.stdout, force_terminal=True, highlight=False, soft_wrap=False)
            chat = Chat(
                session,
                emulator_url,
                behind,
                lambda bubble: draw(bubble, console),
                lambda line: console.print(Text(line, style="dim")),
            )
            await _beside(_keep_following(chat), _beside(chat.follow_saves(), _read_prompt(chat, prompt)))


async def _read_prompt(chat: Chat, prompt: PromptSession[str]) -> None:
    while True:
        try:
            line = await prompt.prompt_async(
                HTML("<ansigreen>›</ansigreen> "),
                bottom_toolbar=lambda: f" {chat.name} +{chat.phone.identity}   /help   /quit ",
            )
            await chat.takes(line)
        except (EOFError, KeyboardInterrupt, Quit):
            return


async def _keep_following(chat: Chat) -> None:
    while True:
        try:
            await chat.follow(2.0)
        except (aiohttp.ClientError, TimeoutError, ParleyError):
            await asyncio.sleep(1.0)


async def _beside(background: Awaitable[None], work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(background)
    try:
        await work
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def chat_in_lines(emulator_url: str, behind: Behind, lines: asyncio.StreamReader) -> bool:
    """Chat over a pipe: each line is done before the next is read. True when ``/quit`` ended it, False at the end of input."""
    async with phone_session() as session:
        chat = Chat(session, emulator_url, behind, lambda bubble: _print(plain(bubble)), _print)
        try:
            await _beside(chat.follow_saves(), _read_lines(chat, lines))
        except Quit:
            return True
    return False


async def _read_lines(chat: Chat, lines: asyncio.StreamReader) -> None:
    while line := await lines.readline():
        await chat.takes(line.decode("utf-8", "replace"))
        while await chat.follow(_QUIET_S):
            pass


def _print(line: str) -> None:
    print(line, flush=True)
