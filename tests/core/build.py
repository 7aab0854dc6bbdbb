"""Rulebooks, conversations and events by hand, with the real matcher: what the tests of deciding are written in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from bot.core.asking import AnswerKind, Choice, MustBe, Question
from bot.core.consent import builtin
from bot.core.conversation import Consent, Conversation, Person, State, Window
from bot.core.decide import decide
from bot.core.decision import Decision, Effect, Send
from bot.core.event import BusinessEvent, ContactKey, Content, InboundMessage, Text
from bot.core.reply import Reply
from bot.core.rule import (
    ALWAYS,
    ButtonSpec,
    Condition,
    DeliveryFailed,
    FirstContact,
    Happened,
    Heard,
    IfClosed,
    LocalText,
    NothingMatched,
    OptsIn,
    OptsOut,
    Phrase,
    Phrasing,
    Place,
    Placeholder,
    ReplyItem,
    Rule,
    Say,
    SayButtons,
    SayTemplate,
    SayText,
    Sent,
    SilentFor,
    Tapped,
    Then,
    Trigger,
    WindowCloses,
)
from bot.core.rulebook import Connection, ConsentWords, Hours, Rulebook, Rulebooks, Settings, Span, Template
from bot.core.text import normalise
from bot.rulebook.matcher import build_matcher

PLACE = Place("rules/shop.yaml", 1, 1)
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)  # Monday, 10:00 in Stockholm
ANN = ContactKey("app", "WHATSAPP", "15550001111")
LANGUAGES = ("en", "sv")

Words = str | Mapping[str, str]
ANSWERED_AT = timedelta(seconds=1)  # a message is decided this long after it was written


# --- words --------------------------------------------------------------------------------------------------------------


def phrasing(text: str) -> Phrasing:
    """``Hi {{name|there}}`` with its holes."""
    parts: list[str | Placeholder] = []
    for at, part in enumerate(re.split(r"\{\{(.*?)\}\}", text)):
        name, bar, default = part.partition("|")
        if at % 2:
            parts.append(Placeholder(name, default if bar else None))
        elif part:
            parts.append(part)
    return tuple(parts)


def local(words: Words) -> LocalText:
    """One text for every language, or one for each."""
    by_language = {"": words} if isinstance(words, str) else words
    return LocalText({language: phrasing(text) for language, text in by_language.items()}, PLACE)


def phrases(words: Sequence[str] | Mapping[str, Sequence[str]], place: Place = PLACE) -> tuple[Phrase, ...]:
    by_language = words if isinstance(words, Mapping) else {"": words}
    return tuple(Phrase(word, language, place) for language, listed in by_language.items() for word in listed)


# --- rules --------------------------------------------------------------------------------------------------------------


def says(*words: str, **by_language: Sequence[str]) -> Heard:
    return Heard("says", phrases(by_language or words))


def taps(*titles: str) -> Tapped:
    return Tapped(phrases(titles))


def sends(*kinds: str) -> Sent:
    return Sent(frozenset(kinds))


def happened(event: str, *needs: str) -> Happened:
    return Happened(event, needs)


FIRST = FirstContact()
MISSED = NothingMatched()


def buttons(text: Words, *options: tuple[Words, str]) -> SayButtons:
    """Words and buttons, each a label and the rule it leads to."""
    return SayButtons(local(text), tuple(ButtonSpec(local(label), rule, PLACE) for label, rule in options))


def item(
    *says_: Say | Words, condition: Condition = ALWAYS, goes_to: str = "", if_closed: IfClosed | None = None
) -> ReplyItem:
    """A reply item; bare words are a text, and nothing at all is ``say_nothing`` (or only ``goes_to``)."""
    specs = tuple(SayText(local(each)) if isinstance(each, str | Mapping) else each for each in says_)
    return ReplyItem(condition, specs, PLACE, goes_to, if_closed)


def rule(
    name: str,
    *triggers: Trigger,
    reply: Sequence[ReplyItem] | Words | Say | None = None,
    condition: Condition = ALWAYS,
    then: Then | None = None,
    if_closed: IfClosed | None = None,
    enabled: bool = True,
    category: str = "utility",
    line: int = 1,
    **more: object,
) -> Rule:
    """A rule that answers with its own name unless ``reply`` says otherwise."""
    items: Sequence[ReplyItem]
    if reply is None:
        items = (item(name),)
    elif isinstance(reply, Sequence) and not isinstance(reply, str):
        items = reply
    else:
        items = (item(reply),)
    place = Place("rules/shop.yaml", line, 5)
    return Rule(name, place, triggers, tuple(items), condition, if_closed, then or Then(), enabled, category, **more)  # type: ignore[arg-type]


def ask(slot: str, must_be: MustBe | AnswerKind = "text", text: Words = "", **more: object) -> Question:
    """A question that asks for its slot by name."""
    wanted = must_be if isinstance(must_be, MustBe) else MustBe(must_be, must_be)
    return Question(slot, local(text or f"{slot}?"), wanted, PLACE, **more)  # type: ignore[arg-type]


DIGITS_8 = MustBe("digits", "8 digits", 8, 8)


def one_of(*labels: str | tuple[str, Words]) -> MustBe:
    """Choices by their labels, or by a value and its label."""
    pairs = [(each, each) if isinstance(each, str) else each for each in labels]
    return MustBe("one_of", "one_of", choices=tuple(Choice(value, local(label)) for value, label in pairs))


def outcome(word: str, *says_: Say | Words, goes_to: str = "") -> ReplyItem:
    return item(*says_, condition=Condition(outcome=word), goes_to=goes_to)


def by_template(name: str, **values: Words) -> IfClosed:
    return IfClosed("template", PLACE, SayTemplate(name, PLACE, {key: local(value) for key, value in values.items()}))


WAIT = IfClosed("wait", PLACE)
SKIP = IfClosed("skip", PLACE)


def template(name: str, *parameters: str, category: str = "utility") -> Template:
    return Template(name, {"en": "en_US", "sv": "sv_SE"}, category, parameters, PLACE)


SHOP = Hours(
    "shop",
    {day: (Span(time(9), time(18)),) for day in range(5)} | {5: (Span(time(10), time(14)),)},
    PLACE,
)


def consent_words(**changes: object) -> ConsentWords:
    stop, start = builtin(LANGUAGES)
    stop_reply = local({"en": "You get no more messages.", "sv": "Du får inga fler meddelanden."})
    words = ConsentWords(stop, start, stop_reply, local({"en": "Welcome back!", "sv": "Välkommen tillbaka!"}))
    return replace(words, **changes)  # type: ignore[arg-type]


def book(
    *rules: Rule,
    languages: Sequence[str] = LANGUAGES,
    templates: Sequence[Template] = (),
    hours: Sequence[Hours] = (SHOP,),
    holidays: Mapping[str, tuple[Span, ...]] | None = None,
    consent: ConsentWords | None = None,
    settings: Settings | None = None,
    version: int = 1,
    connections: Sequence[Connection] = (),
) -> Rulebook:
    """A rulebook with all its indexes."""
    on: dict[type[Trigger], list[int]] = {}
    by_tap: dict[str, list[int]] = {}
    by_sent: dict[str, list[int]] = {}
    by_event: dict[str, list[int]] = {}
    first: list[int] = []
    missed: list[int] = []
    for at, each in enumerate(rules):
        for trigger in each.triggers:
            match trigger:
                case Tapped(titles=titles):
                    for title in titles:
                        by_tap.setdefault(normalise(title.pattern).plain, []).append(at)
                case Sent(kinds=kinds):
                    for kind in kinds:
                        by_sent.setdefault(kind, []).append(at)
                case Happened(event=event):
                    by_event.setdefault(event, []).append(at)
                case FirstContact():
                    first.append(at)
                case NothingMatched():
                    missed.append(at)
                case _:
                    on.setdefault(type(trigger), []).append(at)
    return Rulebook(
        version=version,
        digest=f"digest-{version}",
        settings=settings or Settings("Europe/Stockholm", tuple(languages)),
        hours={each.name: each for each in hours},
        holidays=holidays or {},
        templates={each.name: each for each in templates},
        consent=consent or consent_words(),
        rules=rules,
        matcher=build_matcher(rules),
        by_name={each.name: at for at, each in enumerate(rules)},
        by_tap={key: tuple(found) for key, found in by_tap.items()},
        by_sent={key: tuple(found) for key, found in by_sent.items()},
        by_event={key: tuple(found) for key, found in by_event.items()},
        on_first_contact=tuple(first),
        on_nothing_matched=tuple(missed),
        connections={each.name: each for each in connections},
        by_example=_examples(rules),
        on_silence=tuple(on.get(SilentFor, ())),
        on_window_closing=tuple(on.get(WindowCloses, ())),
        on_opt_in=tuple(on.get(OptsIn, ())),
        on_opt_out=tuple(on.get(OptsOut, ())),
        on_delivery_failed=tuple(on.get(DeliveryFailed, ())),
    )


def _examples(rules: Sequence[Rule]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for at, each in enumerate(rules):
        for phrase in each.examples_match:
            plain = normalise(phrase.pattern).plain
            found[plain] = (*found.get(plain, ()), at)
    return found


# --- conversations and events -------------------------------------------------------------------------------------------


def person(language: str = "", fields: Mapping[str, str] | None = None, tags: Sequence[str] = ()) -> Person:
    return Person(7, language, "", fields or {}, frozenset(tags))


def talk(
    state: State | None = None,
    who: Person | None = None,
    consent: Consent | None = None,
    window: Window | None = None,
    first_contact: bool = False,
    next_pending_at: datetime | None = None,
    contact: ContactKey = ANN,
) -> Conversation:
    """A conversation in an open window, unless told otherwise."""
    return Conversation(
        contact,
        who or person(),
        window or Window(NOW + timedelta(hours=20)),
        consent or Consent(),
        state or State(),
        first_contact,
        next_pending_at,
    )


CLOSED = Window(NOW - timedelta(hours=5))


def wrote(
    content: str | Content, at: datetime = NOW, dedup: str = "in-1", received_at: datetime | None = None
) -> InboundMessage:
    what = Text(content) if isinstance(content, str) else content
    return InboundMessage(dedup, ANN, f"m-{dedup}", what, at, received_at or at)


def event(name: str, at: datetime = NOW, dedup: str = "ev-1", **data: str) -> BusinessEvent:
    return BusinessEvent(dedup, ANN, name, data, at, at)


def answer(
    rulebook: Rulebook,
    said: str | Content | InboundMessage | BusinessEvent,
    conversation: Conversation | None = None,
    now: datetime | None = None,
) -> Decision:
    """What ``rulebook`` decides, a second after it was written."""
    what = said if isinstance(said, InboundMessage | BusinessEvent) else wrote(said)
    written_at = what.written_at if isinstance(what, InboundMessage) else what.at
    return decide(what, conversation or talk(), Rulebooks(rulebook), now or written_at + ANSWERED_AT)


def sends_of(decision: Decision) -> list[Send]:
    return [effect for effect in decision.effects if isinstance(effect, Send)]


def replies(decision: Decision) -> list[Reply]:
    return [send.reply for send in sends_of(decision)]


def texts(decision: Decision) -> list[str]:
    """The words of every message to send."""
    return [str(getattr(reply, "text", "")) for reply in replies(decision)]


def effects_of(decision: Decision, *kinds: type[Effect]) -> list[Effect]:
    return [effect for effect in decision.effects if isinstance(effect, kinds)]
