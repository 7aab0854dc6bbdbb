"""Tests played through on a virtual clock, one after another: pure, and quick enough to be part of every save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final, assert_never

from bot.core.conversation import WINDOW, Consent, Conversation, Person, Window
from bot.core.decision import Call
from bot.core.event import Act as ColleagueAct
from bot.core.event import ContactKey
from bot.core.hours import zone
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.simulation import Answered, Simulation, Step
from bot.rulebook.suite.happening import content_of
from bot.rulebook.suite.judge import done, misses_of, taken_by
from bot.rulebook.suite.shape import FIRST_DAY, FIRST_HOUR
from bot.rulebook.suite.test import (
    Act,
    Doing,
    Given,
    Gives,
    Happens,
    Helps,
    Miss,
    Mock,
    Passes,
    Says,
    Taps,
    Test,
    TestResult,
    TestStep,
)

LONG_AGO: Final = timedelta(hours=25)  # a closed window: the person wrote last so long before the start
_FIRST_NUMBER: Final = 447700900123  # numbers that are kept free for films
_DOES: Final[Mapping[Doing, ColleagueAct]] = {
    "takes_over": "took_over", "writes": "wrote", "gives_back": "gave_back", "closes": "closed",
}  # fmt: skip
_EMOJI: Final = "👍"
READING: Final = timedelta(
    seconds=5
)  # a person reads before they write again: more than bubbles of one thought are apart
BUBBLE: Final = timedelta(seconds=1)


def run_tests(rulebook: Rulebook, tests: Sequence[Test]) -> tuple[TestResult, ...]:
    """What became of each test, in order. ``rulebook`` and ``tests`` come from the same reading."""
    return tuple(_run(rulebook, test) for test in tests)


def _run(rulebook: Rulebook, test: Test) -> TestResult:
    began = perf_counter()
    misses = tuple(_Play(rulebook, test).misses())
    return TestResult(test, misses, perf_counter() - began)


class _Play:
    """One test being played, with everybody in it on one clock."""

    def __init__(self, rulebook: Rulebook, test: Test) -> None:
        self._rulebook = rulebook
        self._test = test
        self._now = starts_at(test.given, rulebook)
        self._mocks: tuple[Mock, ...] = test.calls
        first = test.steps[0].person if test.steps else ""
        self._who = first
        self._people: dict[str, Simulation] = {}
        self._joins(first, test.given)

    def misses(self) -> list[Miss]:
        """Every expectation that did not come true; a step that cannot be played ends the test."""
        found: list[Miss] = []
        for number, step in enumerate(self._test.steps, 1):
            if step.person:
                self._who = step.person
            person = self._people.get(self._who) or self._joins(self._who, Given())
            if step.act is None:
                continue
            before, self._mocks = person.conversation, (*step.calls, *self._test.calls)
            try:
                seen = self._waits(number, step.act).then(self._does(step.act, person))
            except LookupError as fault:
                return [*found, Miss(step.place, number, done(step.act), "a button to tap", "none", str(fault))]
            if person.open_call is not None:
                return [*found, _unanswered(number, step, step.act, person.open_call, seen, self._rulebook)]
            found += misses_of(number, step, before, person, seen)
        return found

    def _joins(self, name: str, given: Given) -> Simulation:
        """Somebody new. Who is named by a phone number has that one."""
        number = name.removeprefix("+")
        count = len(self._people)
        identity = number if number.isdecimal() and len(number) > 6 else str(_FIRST_NUMBER + count)
        known = known_of(given, ContactKey("test", "WHATSAPP", identity), count + 1, self._now)
        key = f"{self._test.name}-{identity}"
        self._people[name] = Simulation(Rulebooks(self._rulebook), self._now, known, self._answered, key)
        return self._people[name]

    def _answered(self, call: Call) -> Answered | None:
        return next((mock.answered for mock in self._mocks if mock.connection == call.connection), None)

    def _does(self, act: Act, person: Simulation) -> Step:
        match act:
            case Says(texts=texts):
                return self._writes(texts, person)
            case Taps(what=what):
                return person.taps(what)
            case Gives(kind="reaction", caption=emoji):
                return person.reacts(emoji or _EMOJI)
            case Gives():
                return person.sends(content_of(act))
            case Happens(name=name, data=data):
                return person.event(name, data)
            case Helps(does=does, team=team):
                return person.colleague(_DOES[does], team)
            case Passes(by=by):
                return self._later(by)
            case _:
                assert_never(act)

    def _waits(self, number: int, act: Act) -> Step:
        """The moment between two steps; a step that lets time pass needs none."""
        return Step() if number == 1 or isinstance(act, Passes) else self._later(READING)

    def _writes(self, texts: Sequence[str], person: Simulation) -> Step:
        seen = person.says(texts[0])
        for text in texts[1:]:
            seen = seen.then(self._later(BUBBLE)).then(person.says(text))
        return seen

    def _later(self, by: timedelta) -> Step:
        """Time passes for everybody; what it brings to the person whose step this is."""
        self._now += by
        return {name: each.later(by) for name, each in self._people.items()}[self._who]


def starts_at(given: Given, rulebook: Rulebook) -> datetime:
    """When the clock starts (UTC): at ``given.now``, else on Monday 2026-01-05 at 10:00 of the shop's own time."""
    at = given.now or datetime.combine(FIRST_DAY, FIRST_HOUR)
    here = at if at.tzinfo is not None else at.replace(tzinfo=zone(rulebook.settings.time_zone))
    return here.astimezone(UTC)


def known_of(given: Given, contact: ContactKey, number: int, now: datetime) -> Conversation:
    """What is known of a person before the first step."""
    window = given.window or ("closed" if given.first_contact else "open")
    never = given.first_contact and window == "closed"
    wrote_at = now if window == "open" else now - LONG_AGO
    return Conversation(
        contact,
        Person(number, given.language, fields=dict(given.fields), tags=frozenset(given.tags)),
        Window() if never else Window(wrote_at + WINDOW),
        _consent(given.consent),
        first_contact=given.first_contact,
    )


def _consent(word: str) -> Consent:
    match word:
        case "opted_in":
            return Consent(opted_in=True, marketing="opted_in")
        case "stopped":
            return Consent(stopped=True)
        case _:
            return Consent()


def _unanswered(number: int, step: TestStep, act: Act, call: Call, seen: Step, rulebook: Rulebook) -> Miss:
    results = ", ".join(f"{name}: ..." for name in call.results)
    cure = f"Add calls: {{{call.connection}: {{{results}}}}} or calls: {{{call.connection}: not_found}} to this test."
    return Miss(
        step.place,
        number,
        done(act),
        f"an answer of connection {call.connection}",
        "none, because the test does not say what it answers",
        f"{taken_by(seen, rulebook)} {cure}",
    )
