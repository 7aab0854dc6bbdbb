"""What one does as a person on WhatsApp: write, tap, send, react, fill in. Each is a form that leads back to the chat."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bot.errors import Refused
from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.files import FILE_MAX
from bot.sinch.emulator.person import NothingToTap, Person
from bot.store.contacts import PersonChange
from bot.web.phone.booth import BOOTH, PULSE, Booth
from bot.web.phone.looking import Looking
from bot.web.phone.newcomers import language_of_number
from bot.web.site.access import Visitor
from bot.web.site.guard import UNREADABLE, see_other

TEXT_MAX: Final = 65_536  # what WhatsApp lets people write
NAME_MAX: Final = 80
REACTION_MAX: Final = 32
_NUMBER: Final = re.compile(r"[0-9]{7,15}")
_SPACED: Final = re.compile(r"[\s().+/-]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a form."""

    name: str
    content_type: str
    body: bytes


class Sent:
    """A form as it came: texts by name, and the file where there is one."""

    def __init__(self, texts: dict[str, str], file: Upload | None) -> None:
        self._texts = texts
        self.file = file

    def text(self, name: str, most: int = 400) -> str:
        """A field's words, empty where it is missing; ``Refused`` where they are too long."""
        found = self._texts.get(name, "")
        if len(found) > most:
            raise Refused(f"That is longer than {most} characters.", "too_long", "Write less.", 413)
        return found

    def number(self, name: str, most: float) -> float:
        """A decimal number from ``-most`` to ``most``; ``Refused`` for anything else."""
        try:
            found = float(self.text(name).replace(",", "."))
        except ValueError:
            found = math.nan
        if not abs(found) <= most:
            raise Refused(
                f"The {name} is a number from -{most:g} to {most:g}.", "bad_number", "Write it with digits.", 422
            )
        return found

    def texts(self, start: str) -> dict[str, str]:
        """The fields whose names begin so, without the beginning."""
        return {name.removeprefix(start): self.text(name) for name in self._texts if name.startswith(start)}


Act = Callable[[Booth, Person, Sent], Awaitable[object]]


def doing(act: Act) -> Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]:
    """The handler of a form with which the person ``c`` does something; it leads back to their chat."""

    async def handle(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        booth, sent = request.app[BOOTH], await form(request)
        identity = sent.text("c")
        if identity not in booth.phones():
            raise Refused("There is no such contact (any more).", "unknown_contact", "Add one.", 404)
        try:
            await act(booth, booth.person(identity), sent)
        except NothingToTap as trouble:
            raise Refused(str(trouble), "nothing_to_tap", "Choose something that the message shows.", 409) from None
        except Rejected as trouble:
            raise Refused(trouble.sentence, "refused", "Change it and try again.", trouble.status) from None
        request.app[PULSE].touch()
        return see_other(Looking(identity).address())

    return handle


async def form(request: web.Request) -> Sent:
    """The request's form. ``Refused`` where it is too large or not readable."""
    try:
        is_upload = request.content_type.startswith("multipart/")  # all else was read already
        read = request.clone(client_max_size=FILE_MAX + 1024 * 1024) if is_upload else request
        found = await read.post()
    except web.HTTPRequestEntityTooLarge:
        most = f"A file may have up to {FILE_MAX // 1024**2} MiB."
        raise Refused(most, "too_large", "Choose a smaller one.", 413) from None
    except UNREADABLE:  # words that are not UTF-8, or in a character set that nobody knows
        raise Refused("The form could not be read.", "bad_form", "Open the page again.", 400) from None
    texts = {name: value for name, value in found.items() if isinstance(value, str)}
    files = [_taken(value) for value in found.values() if isinstance(value, web.FileField)]
    return Sent(texts, next((each for each in files if each.name), None))


def _taken(field: web.FileField) -> Upload:
    """What was uploaded, of which nothing stays behind; a form without a file has one without a name."""
    with field.file as file:
        return Upload(field.filename, field.content_type, file.read())


async def say(booth: Booth, person: Person, sent: Sent) -> object:
    """Words, or a file with words as its caption."""
    text, reply_to = sent.text("text", TEXT_MAX).replace("\r\n", "\n").strip(), sent.text("reply_to")
    if sent.file is not None:
        file, voice = sent.file, sent.text("voice") == "1"
        kept = booth.emulator.files.keep(file.body, file.content_type, booth.now(), file.name, voice)
        return await person.sends_file(kept, text, reply_to)
    if not text:
        raise Refused("There is nothing to send.", "empty", "Write something or choose a file.", 422)
    return await person.says(text, reply_to)


async def tap(booth: Booth, person: Person, sent: Sent) -> object:
    """A button or a row, by its place in the message."""
    return await person.taps(sent.text("message"), int(sent.number("choice", 100)))


async def react(booth: Booth, person: Person, sent: Sent) -> object:
    """An emoji on a message; the same once more takes it back."""
    message_id, emoji = sent.text("message"), sent.text("emoji", REACTION_MAX)
    bubble = person.phone.bubble(message_id)
    if bubble is None:
        raise Refused("That message is not here any more.", "unknown_message", "React to a newer one.", 404)
    return await person.reacts(message_id, "" if bubble.reaction == emoji else emoji)


async def place(booth: Booth, person: Person, sent: Sent) -> object:
    """A place on the map."""
    latitude, longitude = sent.number("latitude", 90), sent.number("longitude", 180)
    words = sent.text("title").strip(), sent.text("label").strip()
    return await person.sends_location(latitude, longitude, *words, reply_to=sent.text("reply_to"))


async def card(booth: Booth, person: Person, sent: Sent) -> object:
    """Somebody's contact card."""
    name, phone = sent.text("name").strip(), sent.text("phone").strip()
    if not name or not phone:
        raise Refused("A contact card has a name and a number.", "empty", "Fill in both.", 422)
    return await person.sends_contact(name, [phone], reply_to=sent.text("reply_to"))


async def fill_in(booth: Booth, person: Person, sent: Sent) -> object:
    """A form that a message shows."""
    return await person.fills_in(sent.text("message"), {**sent.texts("answer-")})


async def add(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A new contact, or one whose tab was closed."""
    booth, sent = request.app[BOOTH], await form(request)
    number = _SPACED.sub("", sent.text("number"))
    if not _NUMBER.fullmatch(number) or number.startswith("0"):
        cure = "Write it with its country and without noughts before it, as in +44 7700 900123."
        raise Refused("That is no telephone number.", "bad_number", cure, 422)
    person = booth.open(number)
    if name := sent.text("name", NAME_MAX).strip():
        person.phone.name = name
    language, settings = sent.text("language"), booth.rulebook.settings
    if language in settings.languages and language != language_of_number(number, settings):
        change = PersonChange(language=language)
        await booth.desk.backend.store.contacts.change(booth.key(number), change, booth.desk.now())
    request.app[PULSE].touch()
    return see_other(Looking(number).address())


async def close(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A contact's tab; their conversation stays, and something new opens it again."""
    booth, sent = request.app[BOOTH], await form(request)
    identity, there = sent.text("c"), sent.text("here")
    if identity in booth.phones():
        booth.close(identity)
        request.app[PULSE].touch()
    return see_other(Looking(there if there != identity else "").address())
