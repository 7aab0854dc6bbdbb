"""One event, decided offline through the very function that the server uses, for ``try``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.conversation import WINDOW, Consent, Conversation, Person, Window
from bot.core.decide import decide
from bot.core.decision import Decision
from bot.core.event import BusinessEvent, ContactKey, Event, InboundMessage, OwnTap, Tap, Text
from bot.core.ledger import consent_change, with_change
from bot.core.rule import ButtonSpec, LocalText, Say, SayButtons, SayList
from bot.core.rulebook import Rulebook, Rulebooks
from bot.core.text import normalise

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
    conversation = _conversation(question, event, rulebook)
    return Answer(event, conversation, decide(event, conversation, Rulebooks(rulebook), question.now))


def _event(question: Question, rulebook: Rulebook) -> Event:
    if question.event:
        return BusinessEvent(question.dedup, CONTACT, question.event, question.data, question.now, question.now)
    written_at = question.now if question.window_open else question.now - LATE
    content = _tap(question.text, rulebook) if question.tap else Text(question.text)
    return InboundMessage(question.dedup, CONTACT, "try", content, written_at, question.now)


def _conversation(question: Question, event: Event, rulebook: Rulebook) -> Conversation:
    consent = Consent()
    change = consent_change(event, None, rulebook.consent, consent)
    if change is not None and change.state == "stopped":
        consent = with_change(consent, change, event.dedup)
    return Conversation(
        CONTACT,
        Person(1, question.language),
        _window(question),
        consent,
        first_contact=question.first_contact,
    )


def _window(question: Question) -> Window:
    if question.event and question.first_contact:
        return Window()  # who never wrote has none
    opened_at = question.now if question.window_open else question.now - LATE
    return Window(opened_at + WINDOW)


def _tap(title: str, rulebook: Rulebook) -> OwnTap | Tap:
    """A tap on our own button of that title (in any language) or that leads to the rule of that name; else on somebody's template."""
    wanted = normalise(title).plain
    for button, option in _buttons(rulebook):
        if title == button.goes_to or wanted in _titles(button.label):
            return OwnTap(button.goes_to, rulebook.version, option, postback="")
    return Tap(title)


def _titles(label: LocalText) -> Iterator[str]:
    for phrasing in label.by_language.values():
        yield normalise("".join(part for part in phrasing if isinstance(part, str))).plain


def _buttons(rulebook: Rulebook) -> Iterator[tuple[ButtonSpec, int]]:
    for rule in rulebook.rules:
        for item in rule.reply:
            for said in item.says:
                yield from ((button, option) for option, button in enumerate(_buttons_of(said)))


def _buttons_of(said: Say) -> tuple[ButtonSpec, ...]:
    match said:
        case SayButtons(buttons=buttons):
            return buttons
        case SayList(sections=sections):
            return tuple(row for section in sections for row in section.rows)
        case _:
            return ()
