"""A stored conversation as a test: what the person did, what was decided then, and nobody's number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bot.core.conditions import consent_word
from bot.core.conversation import Conversation, State
from bot.core.decide import decide
from bot.core.decision import Decision, Send, SetPerson
from bot.core.event import (
    BusinessEvent,
    CallAnswered,
    ColleagueActed,
    Content,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    MediaKind,
    Order,
    OwnTap,
    Reaction,
    Tap,
    Text,
    TimerFired,
)
from bot.core.hours import zone
from bot.core.ledger import tap_title
from bot.core.phrasing import Place
from bot.core.reply import Reply, buttons_of
from bot.core.rulebook import Rulebook
from bot.rulebook.simulation import Answered
from bot.rulebook.suite.phone import body_of, template_of, titles_of
from bot.rulebook.suite.run import READING, run_tests
from bot.rulebook.suite.test import (
    Act,
    Doing,
    Given,
    Gives,
    Happens,
    Helps,
    Key,
    Mock,
    Passes,
    Says,
    Taps,
    Test,
    TestStep,
    Wanted,
)
from bot.work.film_number import without_numbers
from bot.work.replay import Kept
from bot.work.rulebook_shelf import Shelf

PAUSE: Final = timedelta(hours=24)  # what is further apart is another conversation
BUBBLES: Final = timedelta(seconds=3)
MINUTE: Final = timedelta(minutes=1)
_DOES: Final[Mapping[str, Doing]] = {"wrote": "writes", "gave_back": "gives_back", "closed": "closes"}
_FILM_REST: Final = "701740699"  # kept free for films


@dataclass(frozen=True, slots=True)
class Recording:
    """The test, and in sentences what of the conversation it cannot tell."""

    test: Test
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Told:
    """A step in the making, with the decisions that it led to."""

    act: Act
    kept: list[tuple[Kept, Decision]] = field(default_factory=list)
    mocks: list[Mock] = field(default_factory=list)


def conversation_around(kept: Sequence[Kept], inbox_id: int) -> Sequence[Kept]:
    """Those of one person's events, as they were decided, that belong to the conversation of event ``inbox_id``."""
    parts: list[list[Kept]] = []
    for each in kept:
        if not parts or each.now - parts[-1][-1].now > PAUSE:
            parts.append([])
        parts[-1].append(each)
    return next((part for part in parts if any(each.trace.inbox_id == inbox_id for each in part)), ())


def record(kept: Sequence[Kept], shelf: Shelf) -> Recording:
    """The test of a conversation of at least one event. Raises ``Failed`` where a rulebook of then can no longer be read.

    What does not come out the same when the test is played with the rulebook of then (a wording chosen among several, what an earlier
    conversation left behind) is left out, which the notes tell.
    """
    tape = _Tape(shelf)
    for each in kept:
        tape.take(each)
    first = kept[0]
    rulebook = shelf.rulebook(kept[-1].trace.version)
    test = without_numbers(_test(first, tape, rulebook), first.conversation.contact.identity)
    return _holding(test, rulebook, tape.notes)


def _test(first: Kept, tape: _Tape, rulebook: Rulebook) -> Test:
    here = first.now.astimezone(zone(rulebook.settings.time_zone)).replace(tzinfo=None, second=0, microsecond=0)
    steps = list(_steps(tape, rulebook))
    prefix = _prefix(first.conversation, rulebook)
    if prefix and steps:
        steps[0] = replace(steps[0], person=f"+{prefix}{_FILM_REST}")
    given = replace(_given(first), now=here)
    return Test(f"recorded {here:%Y-%m-%d %H:%M}", _at(0), tuple(steps), given)


class _Tape:
    """Events in their order, as steps."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._titles: dict[tuple[str, int], str] = {}
        self._first: datetime | None = None
        self._played = timedelta()
        self.told: list[_Told] = []
        self.notes: list[str] = []

    def take(self, kept: Kept) -> None:
        """One more event."""
        state = kept.conversation.state
        decision = decide(kept.event, kept.conversation, self._shelf.rulebooks(kept.trace.version, state), kept.now)
        if decision.outcome == "decided":
            self._place(kept, decision)
        for send in _sends(decision):
            for button in buttons_of(send.reply):
                self._titles[button.rule, button.option] = button.label

    def _place(self, kept: Kept, decision: Decision) -> None:
        event = kept.event
        last = self.told[-1] if self.told else None
        if isinstance(event, CallAnswered) and last is not None:
            last.mocks.append(Mock(event.connection, _answered(event), _at(0)))
            last.kept.append((kept, decision))
        elif isinstance(event, TimerFired):
            self._wait(kept, late=True)
            self._extend(kept, decision)
        elif isinstance(event, InboundMessage) and (texts := _bubble(last, event)):
            self.told[-1] = _Told(Says(texts), [*self.told[-1].kept, (kept, decision)], self.told[-1].mocks)
        elif (act := self._act(kept)) is None:
            self.notes.append(
                f"{type(event).__name__} at {kept.now:%Y-%m-%d %H:%M} UTC is nothing that a test can tell."
            )
        else:
            self._wait(kept)
            self._played += READING if self.told and not isinstance(act, Passes) else timedelta()
            self.told.append(_Told(act, [(kept, decision)]))

    def _extend(self, kept: Kept, decision: Decision) -> None:
        """What a timer brought belongs to the time that passed."""
        if self.told and isinstance(self.told[-1].act, Passes):
            self.told[-1].kept.append((kept, decision))

    def _wait(self, kept: Kept, late: bool = False) -> None:
        """Let the time pass that passed then, in whole minutes."""
        self._first = self._first or kept.now
        left = kept.now - self._first - self._played
        minutes = -(-left // MINUTE) if late else left // MINUTE
        if minutes > 0:
            by = minutes * MINUTE
            self._played += by
            self.told.append(_Told(Passes(by)))

    def _act(self, kept: Kept) -> Act | None:
        match kept.event:
            case InboundMessage(content=content, injected=False):
                return self._content(content)
            case Reaction(emoji=emoji) if emoji:
                return Gives("reaction", emoji)
            case BusinessEvent(name=name, data=data):
                return Happens(name, data)
            case ColleagueActed(team=team) if team:
                return Helps("takes_over", team)
            case ColleagueActed(what=what):
                return Helps(_DOES[what])
            case _:
                return None

    def _content(self, content: Content) -> Act:
        match content:
            case Text(text=text) if text.strip():
                return Says((text.strip(),))
            case OwnTap(rule=rule, option=option):
                return Taps(self._titles.get((rule, option), rule))
            case Tap():
                return Taps(tap_title(content))
            case Media(kind=kind, caption=caption):
                return Gives((kind or MediaKind.FILE).value, caption.strip())
            case Location():
                return Gives("location")
            case Order():
                return Gives("order")
            case FlowAnswer(fields=fields):
                return Gives("flow", fields=fields)
            case _:
                return Gives("unsupported")


def _bubble(last: _Told | None, event: InboundMessage) -> tuple[str, ...]:
    """The texts of the step before and this one, where they are bubbles of one thought; else none."""
    if last is None or not isinstance(last.act, Says) or not isinstance(event.content, Text):
        return ()
    if not event.content.text.strip():
        return ()
    before = last.kept[-1][0].event
    if not isinstance(before, InboundMessage) or event.written_at - before.written_at > BUBBLES:
        return ()
    return (*last.act.texts, event.content.text.strip())


def _answered(event: CallAnswered) -> Answered:
    return Answered(event.outcome, event.values if event.outcome == "found" else {})


def _sends(decision: Decision) -> Sequence[Send]:
    """What left at once."""
    sends = (effect for effect in decision.effects if isinstance(effect, Send))
    return [send for send in sends if not send.waits and send.not_before is None]


# --- what is expected -------------------------------------------------------------------------------------------------------


def _steps(tape: _Tape, rulebook: Rulebook) -> Iterator[TestStep]:
    stopped, language = False, ""
    for number, told in enumerate(tape.told, 1):
        found = list(_expected(told, rulebook)) if told.kept else []
        if told.kept:
            kept, decision = told.kept[-1]
            if kept.conversation.consent.stopped != stopped:
                stopped = not stopped
                found.append(("opted_out", ("yes" if stopped else "no",)))
            if decision.because.language not in ("", language):
                language = decision.because.language
                found.append(("language", (language,)))
        wanted = (Wanted(key, values, _at(number, place)) for place, (key, values) in enumerate(found, 2))
        yield TestStep(_at(number), told.act, tuple(wanted), calls=tuple(told.mocks))


def _expected(told: _Told, rulebook: Rulebook) -> Iterator[tuple[Key, tuple[str, ...]]]:
    decisions = [decision for _, decision in told.kept]
    before, after = told.kept[0][0].conversation.state, decisions[-1].state
    rules = [decision.because.path[-1] for decision in decisions if decision.because.path]
    if rules:
        yield "rule", (rules[-1],)
    yield from _seen([send.reply for decision in decisions for send in _sends(decision)], rulebook)
    yield from _left(before, after)
    tags = {
        tag
        for decision in decisions
        for each in decision.effects
        if isinstance(each, SetPerson)
        for tag in each.tags_added
    }
    if tags:
        yield "tags", tuple(sorted(tags))


def _seen(replies: Sequence[Reply], rulebook: Rulebook) -> Iterator[tuple[Key, tuple[str, ...]]]:
    if not replies:
        yield "nothing", ("yes",)
    templates = tuple(name for reply in replies if (name := template_of(reply, rulebook)))
    texts = tuple(body for reply in replies if not template_of(reply, rulebook) and (body := body_of(reply)))
    titles = [found for reply in replies if (found := titles_of(reply))]
    if templates:
        yield "template", templates[:1]
    if texts:
        yield "text", texts
    if titles:
        yield "buttons", titles[-1]


def _left(before: State, after: State) -> Iterator[tuple[Key, tuple[str, ...]]]:
    """What stays open once the step is over, where that changed."""
    asked = after.question
    if asked is not None and (before.question is None or asked.slot != before.question.slot):
        yield "asks", (asked.slot,)
    if after.in_charge != before.in_charge:
        yield "handed_over", (after.in_charge or "no",)


def _holding(test: Test, rulebook: Rulebook, notes: Sequence[str]) -> Recording:
    """The test without what does not come true under the rulebook of then."""
    [result] = run_tests(rulebook, [test])
    wrong = {miss.place for miss in result.misses}
    steps = (
        replace(step, wanted=tuple(each for each in step.wanted if each.place not in wrong)) for step in test.steps
    )
    told = (
        f"Left out, step {miss.step} ({miss.did}): {miss.expected}; played again it gives {miss.got}."
        for miss in result.misses
    )
    return Recording(replace(test, steps=tuple(steps)), (*notes, *told))


# --- the person -------------------------------------------------------------------------------------------------------------


def _given(first: Kept) -> Given:
    known = first.conversation
    word = consent_word(known.consent)
    wrote = isinstance(first.event, InboundMessage)
    is_open = wrote or known.window.is_open(first.now, known.margin)
    return Given(
        language=known.person.language,
        consent="opted_in" if word == "opted_in" else "stopped" if word == "stopped" else "",
        fields=dict(known.person.fields),
        tags=tuple(sorted(known.person.tags)),
        window="" if is_open else "closed",
        first_contact=known.first_contact,
    )


def _prefix(known: Conversation, rulebook: Rulebook) -> str:
    """The country's prefix that tells the person's language, where it does."""
    fitting = (prefix.removeprefix("+") for prefix in rulebook.settings.language_of_prefix)
    return max((each for each in fitting if known.contact.identity.startswith(each)), key=len, default="")


def _at(line: int, column: int = 1) -> Place:
    return Place("recorded", line + 1, column)
