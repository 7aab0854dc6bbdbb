"""What is known of a person, as it stands beside their conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from bot.core.conversation import WINDOW, Conversation
from bot.core.language import language_of
from bot.store.contacts import ContactView, LedgerView
from bot.store.units import MessageView
from bot.web.admin.naming import name_of
from bot.web.admin.said import said_by_us
from bot.web.api.backend import Backend
from bot.web.api.contacts import consent_told
from bot.web.api.messages import to_of
from bot.web.site.charts import ring


@dataclass(frozen=True, slots=True)
class Word:
    """A row of the consent ledger."""

    words: str
    source: str
    proof: str
    at: datetime
    stopped: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A message that is to leave later; ``leaves_at`` None: when the person writes again."""

    line: str
    leaves_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonView:
    """``number`` is the whole address as people write it. ``closes_at`` None: they never wrote. ``team`` empty: the bot has the
    conversation. ``allowed``, ``marketing``: why a message is allowed or refused now, in a sentence."""

    person: int
    name: str
    number: str
    numbers: tuple[str, ...]
    is_open: bool
    closes_at: datetime | None
    ring: Markup
    team: str
    team_until: datetime | None
    waiting: bool
    stopped: bool
    allowed: str
    marketing: str
    words: tuple[Word, ...]
    language: str
    language_is_guess: bool
    time_zone: str
    tags: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    question: str
    call: str
    planned: tuple[Planned, ...]
    first_seen: datetime
    languages: tuple[str, ...]
    teams: tuple[str, ...]
    has_template: bool


def person_view(
    number: int,
    view: ContactView,
    ledger: Sequence[LedgerView],
    queued: Sequence[MessageView],
    backend: Backend,
) -> PersonView:
    """Values for the right pane; they say how things stand now."""
    now, state, rulebook = backend.now(), view.state, backend.rulebook()
    first = view.identities[0]
    has_team = bool(state.in_charge) and (state.in_charge_until is None or now < state.in_charge_until)
    is_open = first.window.is_open(now, backend.margin)
    # Our own words stop leaving a little before WhatsApp closes the window, so that is what counts down.
    closes_at = None if first.window.closes_at is None else first.window.closes_at - backend.margin
    consent = consent_told(view, backend)
    conversation = Conversation(first.contact, view.person)
    return PersonView(
        person=number,
        name=name_of(view.person.fields),
        number=to_of(first.contact.identity),
        numbers=tuple(to_of(each.contact.identity) for each in view.identities),
        is_open=is_open,
        closes_at=closes_at,
        ring=ring(closes_at - now if is_open and closes_at else timedelta(), WINDOW),
        team=state.in_charge if has_team else "",
        team_until=state.in_charge_until if has_team else None,
        waiting=state.waiting,
        stopped=view.consent.stopped,
        allowed=_sentence(consent.sentence),
        marketing=consent.marketing_sentence,
        words=tuple(_word(each) for each in ledger),
        language=language_of(conversation, rulebook.settings),
        language_is_guess=not view.person.language,
        time_zone=view.person.time_zone,
        tags=tuple(sorted(view.person.tags)),
        fields=tuple(sorted(view.person.fields.items())),
        question="" if state.question is None else f"{state.question.slot} of rule {state.question.rule}",
        call="" if state.call is None else f"{state.call.connection}, for rule {state.call.rule}",
        planned=tuple(_planned(each) for each in queued if _is_planned(each, now)),
        first_seen=view.first_seen,
        languages=tuple(rulebook.settings.languages),
        teams=rulebook.teams,
        has_template=bool(rulebook.templates),
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _word(each: LedgerView) -> Word:
    row = each.row
    stopped = row.state == "stopped"
    what = "marketing" if row.purpose == "marketing" else "all messages"
    return Word(f"{'Opted out of' if stopped else 'Opted in to'} {what}", row.source, row.proof, row.at, stopped)


def _is_planned(message: MessageView, now: datetime) -> bool:
    return message.state.value == "waiting" or (message.not_before is not None and message.not_before > now)


def _planned(message: MessageView) -> Planned:
    waits = message.state.value == "waiting"
    return Planned(said_by_us(message.reply).line, None if waits else message.not_before)
