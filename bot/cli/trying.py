"""One event, decided offline through the very function that the server uses, for ``try``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.conversation import WINDOW, Conversation, Person, Window
from bot.core.decision import Decision
from bot.core.event import BusinessEvent, ContactKey, Event, InboundMessage, OwnTap, Tap, Text
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.simulation import Simulation
from bot.rulebook.tapping import pressed

LATE = timedelta(hours=25)  # with the window closed, a message is one that reached us a day late
CONTACT = ContactKey("try", "WHATSAPP", "447700900123")  # a number kept free for films


@dataclass(frozen=True, slots=True)
class Question:
    """What to try: the words of a person (``tap``: the title of a button, or the rule it leads to), or a backend's event.

    ``dedup`` is the event's own key, on which the choice among several wordings and the confirmation of a STOP depend.
    """

    text: str
    now: datetime
    tap: bool = False
    event: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    window_open: bool = True
    language: str = ""
    first_contact: bool = False
    dedup: str = "try"


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision and all that went into it."""

    event: Event
    conversation: Conversation
    decision: Decision


def answer_to(question: Question, rulebook: Rulebook) -> Answer:
    """What the bot would answer to somebody of whom nothing else is known."""
    event = _event(question, rulebook)
    simulation = Simulation(Rulebooks(rulebook), question.now, _known(question), name=question.dedup)
    [decided] = simulation.happens(event).decided
    return Answer(event, decided.conversation, decided.decision)


def _event(question: Question, rulebook: Rulebook) -> Event:
    if question.event:
        return BusinessEvent(question.dedup, CONTACT, question.event, question.data, question.now, question.now)
    written_at = question.now if question.window_open else question.now - LATE
    content = _tap(question.text, rulebook) if question.tap else Text(question.text)
    return InboundMessage(question.dedup, CONTACT, "try", content, written_at, question.now)


def _known(question: Question) -> Conversation:
    person = Person(1, question.language)
    return Conversation(CONTACT, person, _window(question), first_contact=question.first_contact)


def _window(question: Question) -> Window:
    if question.event and question.first_contact:
        return Window()  # who never wrote has none
    opened_at = question.now if question.window_open else question.now - LATE
    return Window(opened_at + WINDOW)


def _tap(title: str, rulebook: Rulebook) -> OwnTap | Tap:
    """A tap on our own button of that title (in any language) or that leads to the rule of that name; else on somebody's template."""
    try:
        return pressed(title, (), rulebook)
    except LookupError:  # a number, and nothing was shown that it could count
        return Tap(title)
