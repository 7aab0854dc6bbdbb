"""A rulebook: all that was read from the rules folder at one time, checked, with the indexes that deciding needs.

Made by ``bot.rulebook`` only; ``decide`` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal, Protocol

from bot.core.rule import LocalText, Phrase, Place, Rule
from bot.core.text import Words
from bot.core.value import quick


@dataclass(frozen=True, slots=True)
class Span:
    """Open from ``opens`` to ``closes`` on one day; ``closes`` at or before ``opens`` runs past midnight."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Hours:
    """Named opening hours: spans for Monday (0) to Sunday (6)."""

    name: str
    by_weekday: Mapping[int, tuple[Span, ...]]
    place: Place


@dataclass(frozen=True, slots=True)
class TemplateButton:
    """A quick reply on a template: its title at WhatsApp and the rule a tap leads to (may be empty)."""

    title: str
    goes_to: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template as declared: ``languages`` from ours to WhatsApp's; ``parameters`` in WhatsApp's order (approved) or by name
    (``omni``: Sinch's template id); ``body`` optional words for pages and terminals."""

    name: str
    languages: Mapping[str, str]
    category: str
    parameters: tuple[str, ...]
    place: Place
    buttons: tuple[TemplateButton, ...] = ()
    omni: str = ""
    body: LocalText | None = None
    header: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """A backend that rules ask, as an administrator declared it. ``secret`` names the environment variable of the bearer token.

    ``results`` must all be in an answer of 2xx for it to count as found; ``may_give`` may be missing. ``send``: values of the body.
    """

    name: str
    url: LocalText
    place: Place
    method: Literal["GET", "POST"] = "GET"
    send: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    may_give: tuple[str, ...] = ()
    timeout: timedelta = timedelta(seconds=4)
    secret: str = ""


@dataclass(frozen=True, slots=True)
class ConsentWords:
    """Normalised whole messages that stop and start, and what is answered. ``near_misses``: ask or ignore."""

    stop: frozenset[str]
    start: frozenset[str]
    stop_reply: LocalText
    start_reply: LocalText
    near_misses: Literal["ask", "ignore"] = "ask"
    near_miss_text: LocalText | None = None
    after_stop: Literal["silent", "answer"] = "silent"
    marketing: Literal["opted_in", "not_stopped"] = "opted_in"


@dataclass(frozen=True, slots=True)
class Settings:
    """``settings``. ``languages``: the first is the default. ``answer_within``: an answer not out by then expires.

    ``forget_answers_after``: an open question and its answers end so long after it was last asked. ``cancel_words``: normalised whole
    messages that leave a question, built-in ones included.
    """

    time_zone: str
    languages: tuple[str, ...]
    answer_within: timedelta = timedelta(minutes=10)
    language_of_prefix: Mapping[str, str] = field(default_factory=dict)
    option_gone: LocalText | None = None
    forget_answers_after: timedelta = timedelta(hours=4)
    cancel_words: frozenset[str] = frozenset()
    cancel_text: LocalText | None = None
    date_order: Literal["day_first", "month_first"] = "day_first"


@quick
@dataclass(frozen=True, slots=True)
class Hit:
    """A rule (by position) that hears the message: the phrase that did, its language, and what its slots caught (as written)."""

    rule: int
    phrase: Phrase
    slots: Mapping[str, str]


class Matcher(Protocol):
    """Finds the rules that hear a message."""

    def hits(self, words: Words) -> Sequence[Hit]:
        """The first hit of each rule that hears ``words``, in rule order. Cost does not grow with the number of rules."""
        ...

    def languages(self, words: Words) -> frozenset[str]:
        """The languages whose keyword lists hear ``words`` (lists for every language do not count)."""
        ...

    def phrases_of(self, words: Words) -> frozenset[int]:
        """The rules (by position) of which the whole message is a phrase, in whatever way they listen for it."""
        ...


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules of one reading of the folder, checked, with the indexes ``decide`` needs.

    ``version`` is the number under which it is stored (0: not stored), ``digest`` the SHA-256 of the files as read. ``rules`` are in
    the order of precedence; the ``by_*`` mappings hold positions in it, in that order. ``by_tap`` is keyed by the normalised postback or
    title (``normalise(title).plain``), ``by_sent`` by the kind as written in ``sends`` (``voice``, ``media`` …), ``by_example`` by the
    normalised messages of ``examples: match``.
    """

    version: int
    digest: str
    settings: Settings
    hours: Mapping[str, Hours]
    holidays: Mapping[str, tuple[Span, ...]]
    templates: Mapping[str, Template]
    consent: ConsentWords
    rules: tuple[Rule, ...]
    matcher: Matcher
    by_name: Mapping[str, int]
    by_tap: Mapping[str, tuple[int, ...]]
    by_sent: Mapping[str, tuple[int, ...]]
    by_event: Mapping[str, tuple[int, ...]]
    on_first_contact: tuple[int, ...]
    on_nothing_matched: tuple[int, ...]
    teams: tuple[str, ...] = ()
    connections: Mapping[str, Connection] = field(default_factory=dict)
    canned: Mapping[str, LocalText] = field(default_factory=dict)
    by_example: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    on_silence: tuple[int, ...] = ()
    on_window_closing: tuple[int, ...] = ()
    on_opt_in: tuple[int, ...] = ()
    on_opt_out: tuple[int, ...] = ()
    on_delivery_failed: tuple[int, ...] = ()

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, or None where this version has none."""
        position = self.by_name.get(name)
        return None if position is None else self.rules[position]


@dataclass(frozen=True, slots=True)
class Rulebooks:
    """The live rulebook, and older ones that an open question is pinned to."""

    live: Rulebook
    older: Mapping[int, Rulebook] = field(default_factory=dict)

    def at(self, version: int) -> Rulebook:
        """The rulebook of that version, or the live one where it is no longer held."""
        return self.older.get(version, self.live) if version != self.live.version else self.live
