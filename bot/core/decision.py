"""What ``decide`` answers: the new state, the effects, and why.

Effects are a closed union. The store turns them into rows in the same transaction that marks the event decided; nothing else acts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.core.conversation import State
from bot.core.event import ContactKey
from bot.core.reply import Reply
from bot.core.rule import Place
from bot.core.value import quick

Purpose = Literal["all", "marketing"]


@quick
@dataclass(frozen=True, slots=True)
class Send:
    """One message to the person, ``position`` counted from 0 within the decision.

    ``if_closed`` is what leaves should the window be closed when the send starts: a template, ``wait`` (until the person writes), ``skip``
    or ``fail``. ``waits`` says that it is closed already and the message is only kept. ``confirms_stop`` marks the one message that may
    leave after STOP, ``answers`` one that answers what the person wrote. Past ``not_after`` it expires visibly; before ``not_before`` it
    is held back, and overtaken by what comes later.
    """

    reply: Reply
    contact: ContactKey
    rule: str
    position: int
    category: str = "utility"
    if_closed: Reply | Literal["wait", "skip", "fail"] = "fail"
    not_after: datetime | None = None
    waits: bool = False
    confirms_stop: bool = False
    answers: bool = True
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetPerson:
    """New values of a person; ``language`` None leaves it, a field of None is removed."""

    language: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """Ask a backend; its answer comes back as ``CallAnswered`` with the same ``key``.

    Everything is filled in: ``body`` is sent as JSON with POST, ``secret`` names the environment variable that holds the bearer token.
    An answer of 2xx with all ``results`` is found; ``may_give`` are taken where they are there.
    """

    key: str
    connection: str
    rule: str
    method: Literal["GET", "POST"]
    url: str
    body: Mapping[str, str]
    timeout_s: float
    secret: str = ""
    results: tuple[str, ...] = ()
    may_give: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Hand the named timer's event out at ``due_at``; replaces the one of that name."""

    name: str
    due_at: datetime
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropTimer:
    """Forget the named timer, if it is there."""

    name: str


@dataclass(frozen=True, slots=True)
class ChangeConsent:
    """A row for the consent ledger. ``at`` is the person's own time; ``source`` says how we know."""

    purpose: Purpose
    state: Literal["stopped", "opted_in"]
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HandOver:
    """A team has the conversation now (empty: given back)."""

    team: str


@dataclass(frozen=True, slots=True)
class TellBackend:
    """An event for subscribed backends."""

    name: str
    values: Mapping[str, str]


Effect = Send | SetPerson | Call | SetTimer | DropTimer | ChangeConsent | HandOver | TellBackend


@quick
@dataclass(frozen=True, slots=True)
class Considered:
    """A rule that could have answered: what made it a candidate, and the first condition that failed (empty: it was taken)."""

    rule: str
    place: Place
    heard: str
    failed: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Because:
    """Why a decision came out as it did. ``layer`` is the place in the fixed order that answered: consent, person, question, taps,
    near_miss, rules, first_contact, nothing_matched, or event, timer, call, colleague, or none. ``pinned`` is the rulebook that an open
    question or call went on with (0: the live one). ``path`` is the rules passed by ``goes_to``, the last one answered; ``case`` is the
    position of the reply item in it. ``notes`` are plain sentences (joined misses, cut values, a language learnt …)."""

    layer: str
    text: str = ""
    language: str = ""
    window_open: bool = False
    consent: str = ""
    considered: tuple[Considered, ...] = ()
    path: tuple[str, ...] = ()
    case: int = -1
    notes: tuple[str, ...] = ()
    pinned: int = 0


@quick
@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one event.

    ``outcome``: ``decided``; ``ignored`` when by nature nothing follows (reactions, injected); ``held`` while a call is under way: the
    event stays pending until the call's answer is decided, ``state.call.until`` at the latest, and nothing else comes of this decision.
    """

    state: State
    effects: tuple[Effect, ...]
    because: Because
    outcome: Literal["decided", "ignored", "held"] = "decided"
