"""A person's phone at the emulator, over its HTTP controls: write, tap, send, see what comes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import orjson

from bot.errors import Misconfigured, Refused

_PATIENCE: Final = aiohttp.ClientTimeout(total=90)
_MEDIA: Final = {
    "image": "picture.jpg",
    "video": "video.mp4",
    "voice": "voice.ogg",
    "audio": "song.mp3",
    "document": "order.pdf",
    "sticker": "sticker.webp",
}
SENDABLE: Final = (*_MEDIA, "location")


@dataclass(frozen=True, slots=True)
class Option:
    """Something to tap."""

    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as the phone shows it. ``ticks``: 1 sent, 2 delivered, 3 read; ``failed`` is the reason it never arrived."""

    message_id: str
    mine: bool
    kind: str
    text: str
    at: datetime
    ticks: int
    failed: str
    options: tuple[Option, ...] = ()
    header: str = ""
    footer: str = ""
    menu: str = ""
    url: str = ""


class Phone:
    """One person in the chat with the bot."""

    def __init__(self, session: aiohttp.ClientSession, emulator_url: str, identity: str) -> None:
        self.identity = identity
        self._session = session
        self._url = emulator_url.rstrip("/")
        self._turn = 0

    async def says(self, text: str) -> None:
        """They type."""
        await self._post("say", {"identity": self.identity, "text": text})

    async def taps(self, message_id: str, choice: int) -> None:
        """They tap an option of a message, counted from 0."""
        await self._post("tap", {"identity": self.identity, "message_id": message_id, "choice": choice})

    async def sends(self, what: str, caption: str = "") -> None:
        """They send one of ``SENDABLE``, or the file at an address. Raises ``Refused`` for anything else."""
        await self._post("send", {"identity": self.identity, "contact_message": _content(what, caption)})

    async def news(self, wait_s: float) -> list[Bubble]:
        """The bubbles that appeared or changed since the last call, waiting for the first up to ``wait_s`` seconds."""
        query = {"after": str(self._turn), "wait": f"{wait_s:g}"}
        async with self._session.get(f"{self._url}/emulator/phones/{self.identity}", params=query) as response:
            answer = await _answer(response)
        self._turn = int(answer["turn"])
        return [_bubble(each) for each in answer["bubbles"]]

    async def now(self) -> datetime:
        """The emulator's time."""
        async with self._session.get(f"{self._url}/emulator/clock") as response:
            return datetime.fromisoformat((await _answer(response))["now"])

    async def later(self, by: timedelta) -> datetime:
        """Let time pass; the new now."""
        answer = await self._post("clock", {"seconds": by.total_seconds()})
        return datetime.fromisoformat(answer["now"])

    async def _post(self, control: str, content: Mapping[str, object]) -> Any:
        async with self._session.post(f"{self._url}/emulator/{control}", data=orjson.dumps(content)) as response:
            return await _answer(response)


def phone_session() -> aiohttp.ClientSession:
    """A session patient enough to wait for bubbles."""
    return aiohttp.ClientSession(timeout=_PATIENCE)


async def _answer(response: aiohttp.ClientResponse) -> Any:
    body = await response.read()
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Misconfigured(f"{response.url.origin()} is not Parley's emulator; check its address.") from None
    if response.status >= 400:
        raise Refused(str(content.get("error", {}).get("message", "The emulator refused it.")), "emulator")
    return content


def _bubble(source: Mapping[str, Any]) -> Bubble:
    return Bubble(
        message_id=source["message_id"],
        mine=source["from"] == "person",
        kind=source["kind"],
        text=source.get("text", ""),
        at=datetime.fromisoformat(source["at"]),
        ticks=source["ticks"],
        failed=source["failed"],
        options=tuple(Option(each["title"], each.get("description", "")) for each in source.get("options", ())),
        header=source.get("header", ""),
        footer=source.get("footer", ""),
        menu=source.get("menu", ""),
        url=source.get("url", ""),
    )


def _content(what: str, caption: str) -> Mapping[str, object]:
    if what == "location":
        coordinates = {"latitude": 59.3293, "longitude": 18.0686}
        return {"location_message": {"title": "Stortorget", "label": "Stockholm", "coordinates": coordinates}}
    if what not in _MEDIA and "://" not in what:
        raise Refused(f'A phone cannot send "{what}".', "unknown", f"It can send {', '.join(SENDABLE)}.")
    url = f"https://media.example/{_MEDIA[what]}" if what in _MEDIA else what
    if caption:
        return {"media_card_message": {"url": url, "caption": caption}}
    return {"media_message": {"url": url, "thumbnail_url": "", "filename_override": ""}}


def values_of(words: list[str]) -> dict[str, str]:
    """``name=value`` words as a mapping. Raises ``Refused`` for a word without ``=``."""
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Refused(f'"{word}" is not of the form name=value.', "usage", 'For example first_name="Åsa Ek".')
        values[name.strip()] = value
    return values


def words_of(line: str) -> list[str]:
    """A command line cut into words as a shell does. Raises ``Refused`` when a quote is not closed."""
    try:
        return shlex.split(line)
    except ValueError:
        raise Refused("A quote is not closed.", "usage", 'Write both, as in first_name="Åsa Ek".') from None
