"""Rules as values: what staff wrote, checked and ready to decide with.

Made by ``bot.rulebook`` only; ``decide`` reads them. Nothing here knows YAML, but everything that a person may ask about carries
the ``Place`` where it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written: path relative to the rules folder's parent, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


# --- words with holes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placeholder:
    """``{{name}}`` or ``{{name|default}}``; without a default the value is guaranteed at that point."""

    name: str
    default: str | None = None


Phrasing = tuple[str | Placeholder, ...]


@dataclass(frozen=True, slots=True)
class LocalText:
    """One text in each language; the key ``""`` counts for every language that has no text of its own."""

    by_language: Mapping[str, Phrasing]
    place: Place

    def in_language(self, language: str) -> Phrasing:
        """The text for ``language``; checked rulebooks have one for each of their languages."""
        found = self.by_language.get(language)
        return found if found is not None else self.by_language[""]


# --- when ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Phrase:
    """A pattern as written, and the language whose list it stands in (empty: every language)."""

    pattern: str
    language: str
    place: Place


@dataclass(frozen=True, slots=True)
class Heard:
    """``says``, ``says_exactly`` or ``starts_with``: patterns found in, equal to, or at the start of a message."""

    how: Literal["says", "says_exactly", "starts_with"]
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Tapped:
    """``taps``: postbacks or visible titles, for buttons on approved templates."""

    titles: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """``sends``: kinds of content; ``media`` stands for any file."""

    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Happened:
    """``event``: a business event by name, with the values it must bring."""

    event: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstContact:
    """``first_contact``: no identity of this person wrote before; tried after all other rules."""


@dataclass(frozen=True, slots=True)
class NothingMatched:
    """``nothing_matched``: a message that no rule took."""


Trigger = Heard | Tapped | Sent | Happened | FirstContact | NothingMatched


# --- if -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ValueTest:
    """``contact``, ``slot``, ``event``, ``answer`` or ``result``: the named value equals one of ``anyof`` (normalised words, or
    ``at least 10`` kept as (``at least``, 10.0))."""

    source: Literal["contact", "slot", "event", "answer", "result"]
    name: str
    anyof: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """All of these must hold; an empty condition always holds. ``outcome`` is a bare word such as ``found``."""

    during: str = ""
    outside: str = ""
    languages: frozenset[str] = frozenset()
    window: Literal["", "open", "closed"] = ""
    tag: str = ""
    no_tag: str = ""
    consent: str = ""
    first_contact: bool | None = None
    values: tuple[ValueTest, ...] = ()
    outcome: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it holds for everybody at any time."""
        return self == ALWAYS


ALWAYS = Condition()


# --- reply --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ButtonSpec:
    """A button or row as written; ``goes_to`` is checked to exist."""

    label: LocalText
    goes_to: str
    place: Place
    description: LocalText | None = None


@dataclass(frozen=True, slots=True)
class SayText:
    """Words alone."""

    text: LocalText


@dataclass(frozen=True, slots=True)
class SayButtons:
    """Words with 1 to 3 buttons."""

    text: LocalText
    buttons: tuple[ButtonSpec, ...]
    header: LocalText | None = None
    footer: LocalText | None = None
    image: LocalText | None = None


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """A group of rows; ``title`` may be missing when it is the only one."""

    title: LocalText | None
    rows: tuple[ButtonSpec, ...]


@dataclass(frozen=True, slots=True)
class SayList:
    """Words with a list behind the button ``menu``."""

    text: LocalText
    menu: LocalText
    sections: tuple[SectionSpec, ...]
    header: LocalText | None = None
    footer: LocalText | None = None


@dataclass(frozen=True, slots=True)
class SayMedia:
    """A file by URL."""

    kind: Literal["image", "video", "audio", "document", "sticker"]
    url: LocalText
    caption: LocalText | None = None
    filename: LocalText | None = None


@dataclass(frozen=True, slots=True)
class SayLocation:
    """A place on the map."""

    latitude: float
    longitude: float
    title: LocalText
    label: LocalText | None = None


@dataclass(frozen=True, slots=True)
class SayContact:
    """A contact card."""

    name: LocalText
    phone: str
    email: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class SayLink:
    """Words with one URL button."""

    text: LocalText
    title: LocalText
    url: LocalText


@dataclass(frozen=True, slots=True)
class SayFlow:
    """Words with a button that opens a WhatsApp Flow."""

    text: LocalText
    flow_id: str
    cta: LocalText
    header: LocalText | None = None
    footer: LocalText | None = None
    screen: str = ""


@dataclass(frozen=True, slots=True)
class SayTemplate:
    """A declared template by our name; ``values`` give parameters by name where the event or fields do not."""

    template: str
    place: Place
    values: Mapping[str, LocalText] = field(default_factory=dict)


Say = SayText | SayButtons | SayList | SayMedia | SayLocation | SayContact | SayLink | SayFlow | SayTemplate


@dataclass(frozen=True, slots=True)
class IfClosed:
    """What leaves instead when the window is closed: a template, or ``wait``, or ``skip``."""

    how: Literal["template", "wait", "skip"]
    place: Place
    template: SayTemplate | None = None


@dataclass(frozen=True, slots=True)
class ReplyItem:
    """One case of a rule's reply: ``says`` in order, or nothing (``say_nothing``), or on to rule ``goes_to``."""

    condition: Condition
    says: tuple[Say, ...]
    place: Place
    goes_to: str = ""
    if_closed: IfClosed | None = None


@dataclass(frozen=True, slots=True)
class Then:
    """What happens after the reply: ``goes_to``, tags, fields, and giving up after ``misses_count`` messages missed in a row."""

    goes_to: str = ""
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()
    set: Mapping[str, LocalText] = field(default_factory=dict)
    misses_count: int = 0
    misses_goes_to: str = ""
    hand_over: str = ""
    give_back_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Rule:
    """When, if, reply, then."""

    name: str
    place: Place
    triggers: tuple[Trigger, ...]
    reply: tuple[ReplyItem, ...]
    condition: Condition = ALWAYS
    if_closed: IfClosed | None = None
    then: Then = Then()
    enabled: bool = True
    category: str = "utility"
    examples_match: tuple[Phrase, ...] = ()
    examples_no_match: tuple[Phrase, ...] = ()
