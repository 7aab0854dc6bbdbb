"""Rules as values: what staff wrote, checked and ready to decide with.

Made by ``bot.rulebook`` only; ``decide`` reads them. Nothing here knows YAML, but everything that a person may ask about carries
the ``Place`` where it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Literal

from bot.core.asking import Question
from bot.core.phrasing import LocalText as LocalText
from bot.core.phrasing import Phrasing as Phrasing
from bot.core.phrasing import Place as Place
from bot.core.phrasing import Placeholder as Placeholder

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


@dataclass(frozen=True, slots=True)
class Matches:
    """``matches``: RE2 expressions found in the trimmed text as typed, case ignored; named groups are slots."""

    expressions: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class SilentFor:
    """``silent_for``: the person last wrote so long ago (own time)."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class WindowCloses:
    """``window_closes_in``: so long before the true end of the 24-hour window."""

    before: timedelta


@dataclass(frozen=True, slots=True)
class OptsIn:
    """``opts_in``: the person came back with START, or the channel told so."""


@dataclass(frozen=True, slots=True)
class OptsOut:
    """``opts_out``: the person said STOP; such a rule tags and tells, and never replies."""


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """``delivery_failed``: a message of ours surely never arrived."""


Trigger = (
    Heard
    | Matches
    | Tapped
    | Sent
    | Happened
    | FirstContact
    | NothingMatched
    | SilentFor
    | WindowCloses
    | OptsIn
    | OptsOut
    | DeliveryFailed
)


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
    """All of these must hold; an empty condition always holds.

    ``outcome`` is a bare word: of a question answered, given_up, no_answer; of a call found, not_found, failed. ``starts_on`` and
    ``ends_on`` (``from``, ``until``) are days in the rulebook's time zone, both included. ``after_rule``: the last rule that answered.
    """

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
    starts_on: date | None = None
    ends_on: date | None = None
    after_rule: str = ""

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
    """Words with a button that opens a WhatsApp Flow. With ``results`` its answer goes on in this rule as outcome answered."""

    text: LocalText
    flow_id: str
    cta: LocalText
    header: LocalText | None = None
    footer: LocalText | None = None
    screen: str = ""
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SayTemplate:
    """A declared template by our name; ``values`` give parameters by name where the event or fields do not."""

    template: str
    place: Place
    values: Mapping[str, LocalText] = field(default_factory=dict)


Say = SayText | SayButtons | SayList | SayMedia | SayLocation | SayContact | SayLink | SayFlow | SayTemplate


@dataclass(frozen=True, slots=True)
class IfClosed:
    """What leaves instead when the window is closed: a template, or ``wait`` (so long at most, at most 7 days), or ``skip``."""

    how: Literal["template", "wait", "skip"]
    place: Place
    template: SayTemplate | None = None
    not_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ReplyItem:
    """One case of a rule's reply: ``says`` in order, or nothing (``say_nothing``), or on to rule ``goes_to``."""

    condition: Condition
    says: tuple[Say, ...]
    place: Place
    goes_to: str = ""
    if_closed: IfClosed | None = None


# --- then ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remind:
    """``remind``: go on with rule ``goes_to`` after so long, unless the person writes before."""

    after: timedelta
    goes_to: str


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
    forget: tuple[str, ...] = ()
    remind: Remind | None = None
    tell_backend: str = ""


NO_THEN = Then()  # the one of all rules that end with their reply, so that nobody looks further


# --- the rule itself ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtMost:
    """``once a day``, ``3 per hour``: so often to one person within any stretch of that length."""

    count: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class QuietTime:
    """``not_between``: what the bot starts waits until ``ends``; past midnight where ``ends`` is not after ``starts``."""

    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class Rule:
    """When, if, ask, call, reply, then. ``typos``: slips allowed in words of five letters or more (0 or 1)."""

    name: str
    place: Place
    triggers: tuple[Trigger, ...]
    reply: tuple[ReplyItem, ...]
    condition: Condition = ALWAYS
    if_closed: IfClosed | None = None
    then: Then = NO_THEN
    enabled: bool = True
    category: str = "utility"
    examples_match: tuple[Phrase, ...] = ()
    examples_no_match: tuple[Phrase, ...] = ()
    ask: tuple[Question, ...] = ()
    call: str = ""
    anytime: bool = False
    typos: int = 0
    at_most: AtMost | None = None
    not_between: QuietTime | None = None

    @property
    def goes_on(self) -> bool:
        """Whether its reply waits for an outcome: of questions, or of a call."""
        return bool(self.ask or self.call)
