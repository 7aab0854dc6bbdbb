"""Tests as values: what staff wrote under ``tests``, shaped, each part with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from bot.core.phrasing import Place
from bot.rulebook.problem import Problem
from bot.rulebook.simulation import Answered


@dataclass(frozen=True, slots=True)
class Says:
    """The person writes; several ``texts`` are bubbles of one thought, a second apart."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taps:
    """The person taps a button: its title, its number, or the rule it leads to."""

    what: str


@dataclass(frozen=True, slots=True)
class Gives:
    """The person sends something else, with words below it; ``fields`` are those of a WhatsApp Flow."""

    kind: str
    caption: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happens:
    """A backend tells of an event. ``places`` tells where each value, and the name itself (empty key), is written."""

    name: str
    data: Mapping[str, str]
    places: Mapping[str, Place] = field(default_factory=dict)


Doing = Literal["takes_over", "writes", "gives_back", "closes"]


@dataclass(frozen=True, slots=True)
class Helps:
    """A colleague does something in the conversation; ``team`` is the one that takes over, and ``place`` where it is written."""

    does: Doing
    team: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Passes:
    """Time passes."""

    by: timedelta


Act = Says | Taps | Gives | Happens | Helps | Passes

Key = Literal[
    "rule", "asks", "text", "text_contains", "buttons", "template", "language", "opted_out", "question", "handed_over", "tags",
    "nothing",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of ``expect``: each of ``values`` must be there (``buttons``: these and no others, in this order)."""

    key: Key
    values: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mock:
    """What a connection answers in a test."""

    connection: str
    answered: Answered
    place: Place


@dataclass(frozen=True, slots=True)
class TestStep:
    """One thing that happens and what is expected of it. ``person``: who it is from here on (empty: as before)."""

    __test__: ClassVar[bool] = False  # nothing for pytest

    place: Place
    act: Act | None
    wanted: tuple[Wanted, ...] = ()
    person: str = ""
    calls: tuple[Mock, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What is so before the first step, of the first person. ``now`` is the shop's own time, unless it tells its zone (None: see
    ``bot.rulebook.suite.run``); ``window`` empty: open, save for somebody who never wrote."""

    language: str = ""
    consent: Literal["", "opted_in", "stopped", "unknown"] = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    now: datetime | None = None
    window: Literal["", "open", "closed"] = ""
    first_contact: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """A conversation with what it expects."""

    __test__: ClassVar[bool] = False

    name: str
    place: Place
    steps: tuple[TestStep, ...]
    given: Given = Given()
    calls: tuple[Mock, ...] = ()


@dataclass(frozen=True, slots=True)
class Miss:
    """One expectation of a step that did not come true. ``taken_by`` says which rule and line took the step, or why nobody did."""

    place: Place
    step: int
    did: str
    expected: str
    got: str
    taken_by: str

    @property
    def sentence(self) -> str:
        """The whole of it, for ``check`` and for saving."""
        return f"step {self.step} ({self.did}) expected {self.expected}, but got {self.got}. {self.taken_by}"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of a test: all expectations that did not come true, none where it passed. ``took_s`` is real seconds."""

    __test__: ClassVar[bool] = False

    test: Test
    misses: tuple[Miss, ...]
    took_s: float = field(default=0.0, compare=False)

    @property
    def passed(self) -> bool:
        """Whether everything expected came true."""
        return not self.misses

    def problems(self) -> tuple[Problem, ...]:
        """Each miss as an error at its place; they keep the rules from going live."""
        return tuple(
            Problem(miss.place, f'Test "{self.test.name}", {miss.sentence} Change the rules, or what the test expects.')
            for miss in self.misses
        )
