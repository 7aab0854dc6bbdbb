"""Replies, conversations and decisions as JSON-ready values and back.

What is written here is stored for years: keys are never reused for something else. What is empty is left out. ``state_from_plain`` and
``conversation_from_plain`` upgrade what an older program wrote. Anything this program never wrote raises ``plain.Unreadable``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.core.conversation import (
    MARGIN,
    STATE_VERSION,
    Consent,
    Conversation,
    Echo,
    Person,
    ShownOption,
    State,
    Window,
)
from bot.core.echo import MOST
from bot.core.effect_codec import effect_to_plain, effects_digest
from bot.core.event import ContactKey
from bot.core.plain import (
    Plain,
    Unreadable,
    decimal,
    flag,
    iso,
    items,
    mapping,
    maybe_moment,
    moment,
    number,
    text,
    texts,
)
from bot.core.plain import without_blanks as kept
from bot.core.question_codec import (
    call_from_plain,
    call_to_plain,
    flow_from_plain,
    question_from_plain,
    question_to_plain,
)
from bot.core.reply_codec import reply_from_plain, reply_to_plain

__all__ = [
    "as_it_is",
    "conversation_from_plain",
    "conversation_to_plain",
    "effect_to_plain",
    "effects_digest",
    "reply_from_plain",
    "reply_to_plain",
    "state_from_plain",
    "state_to_plain",
]

# --- conversations ------------------------------------------------------------------------------------------------------


def state_to_plain(state: State, moment_to_plain: Callable[[datetime], object] = datetime.isoformat) -> Plain:
    """``state`` with ``v``, the version of this form; the state of somebody new is ``v`` alone.

    ``moment_to_plain=as_it_is`` leaves times to a JSON library that writes them as ``isoformat`` does, and quicker.
    """
    plain: Plain = {"v": STATE_VERSION}
    if state.misses:
        plain["misses"] = state.misses
    if state.missed_at is not None:
        plain["missed_at"] = moment_to_plain(state.missed_at)
    if state.last_rule:
        plain["rule"] = state.last_rule
    if state.options:
        plain["options"] = [[each.rule, each.option, each.title] for each in state.options]
    if state.options_version:
        plain["options_v"] = state.options_version
    if state.hint:
        plain["hint"] = state.hint
    if state.question is not None:
        plain["question"] = question_to_plain(state.question)
    if state.in_charge or state.in_charge_until is not None or state.in_charge_for != _IN_CHARGE_FOR:
        plain["team"] = [state.in_charge, iso(state.in_charge_until), state.in_charge_for.total_seconds()]
    if state.echoes:
        plain["echoes"] = [[each.key, *map(moment_to_plain, each.times)] for each in state.echoes]
    if state.waiting:
        plain["waiting"] = True
    if state.call is not None:
        plain["call"] = call_to_plain(state.call)
    if state.flow is not None:
        plain["flow"] = [state.flow.rule, state.flow.version, state.flow.sent_at.isoformat()]
    if state.uses:
        plain["uses"] = {name: [each.isoformat() for each in state.uses[name]] for name in sorted(state.uses)}
    if state.reminders:
        plain["reminders"] = list(state.reminders)
    if state.near_miss:
        plain["near_miss"] = True
    return plain


_IN_CHARGE_FOR = State().in_charge_for


def state_from_plain(value: object) -> State:
    """The state that ``state_to_plain`` of this or an earlier program wrote; ``Unreadable`` for a later one's."""
    plain = _upgraded(mapping(value))
    team, until, team_for = _team(plain.get("team"))
    question = plain.get("question")
    return State(
        number(plain.get("misses")),
        maybe_moment(plain.get("missed_at")),
        text(plain.get("rule")),
        tuple(map(_shown, items(plain.get("options")))),
        number(plain.get("options_v")),
        text(plain.get("hint")),
        None if question is None else question_from_plain(question),
        team,
        until,
        team_for,
        tuple(map(_echo, items(plain.get("echoes")))),
        flag(plain.get("waiting")),
        None if plain.get("call") is None else call_from_plain(plain["call"]),
        None if plain.get("flow") is None else flow_from_plain(plain["flow"]),
        {name: tuple(map(moment, items(each))) for name, each in mapping(plain.get("uses") or {}).items()},
        tuple(map(text, items(plain.get("reminders")))),
        flag(plain.get("near_miss")),
    )


def _upgraded(plain: Mapping[str, object]) -> Mapping[str, object]:
    """``plain`` in today's form. Each version that changes the form adds its step from the one before, and older steps stay."""
    version = number(plain.get("v"), STATE_VERSION) if plain else STATE_VERSION
    if version == 1:  # which counted the exchanges in a row alone
        echo = plain.get("echo")
        return {**plain, "v": 2, "echoes": [] if echo is None else [_each_time(echo)]}
    if version != STATE_VERSION:
        raise Unreadable(f"a conversation of version {STATE_VERSION}, not {version}", plain)
    return plain


def _team(value: object) -> tuple[str, datetime | None, timedelta]:
    found = items(value)
    if not found:
        return "", None, _IN_CHARGE_FOR
    team, until, seconds = found
    return text(team), maybe_moment(until), timedelta(seconds=decimal(seconds))


def _shown(value: object) -> ShownOption:
    rule, option, title = items(value)
    return ShownOption(text(rule), number(option), text(title))


def _echo(value: object) -> Echo:
    key, *times = items(value)
    return Echo(text(key), tuple(map(moment, times)))


def _each_time(value: object) -> list[object]:
    """Of version 1, which kept how often since when."""
    key, since, count = items(value)
    return [key, *[since] * min(number(count), MOST + 1)]


def as_it_is(moment: datetime) -> datetime:
    """A time for the JSON library to write."""
    return moment


def conversation_to_plain(
    conversation: Conversation, moment_to_plain: Callable[[datetime], object] = datetime.isoformat
) -> Plain:
    """All that ``decide`` may look at besides the event, the rulebooks and the clock; times as with ``state_to_plain``."""
    contact, closes_at, pending_at = conversation.contact, conversation.window.closes_at, conversation.next_pending_at
    plain: Plain = {"contact": [contact.app, contact.channel, contact.identity]}
    if person := _person_to_plain(conversation.person):
        plain["person"] = person
    if closes_at is not None:
        plain["window"] = moment_to_plain(closes_at)
    if conversation.consent != _NO_CONSENT and (consent := _consent_to_plain(conversation.consent)):
        plain["consent"] = consent
    plain["state"] = state_to_plain(conversation.state, moment_to_plain)
    if conversation.first_contact:
        plain["first_contact"] = True
    if pending_at is not None:
        plain["next_pending_at"] = moment_to_plain(pending_at)
    if conversation.margin != MARGIN:
        plain["margin"] = [conversation.margin.total_seconds()]
    return plain


_NO_CONSENT = Consent()


def _person_to_plain(person: Person) -> Plain:
    plain: Plain = {"id": person.id} if person.id else {}
    if person.language:
        plain["language"] = person.language
    if person.time_zone:
        plain["zone"] = person.time_zone
    if person.fields:
        plain["fields"] = dict(person.fields)
    if person.tags:
        plain["tags"] = sorted(person.tags)
    return plain


def _consent_to_plain(consent: Consent) -> Plain:
    marketing = "" if consent.marketing == "unknown" else consent.marketing
    return kept(
        {
            "stopped": consent.stopped,
            "at": iso(consent.changed_at),
            "marketing": marketing,
            "opted_in": consent.opted_in,
            "by": consent.changed_by,
        }
    )


def conversation_from_plain(value: object) -> Conversation:
    """The conversation that ``conversation_to_plain`` wrote."""
    plain = mapping(value)
    app, channel, identity = map(text, items(plain.get("contact")))
    person, consent = mapping(plain.get("person") or {}), mapping(plain.get("consent") or {})
    margin = items(plain.get("margin"))
    return Conversation(
        ContactKey(app, channel, identity),
        Person(
            number(person.get("id")),
            text(person.get("language")),
            text(person.get("zone")),
            texts(person.get("fields")),
            frozenset(map(text, items(person.get("tags")))),
        ),
        Window(maybe_moment(plain.get("window"))),
        Consent(
            flag(consent.get("stopped")),
            maybe_moment(consent.get("at")),
            text(consent.get("marketing")) or "unknown",
            flag(consent.get("opted_in")),
            text(consent.get("by")),
        ),
        state_from_plain(plain.get("state") or {}),
        flag(plain.get("first_contact")),
        maybe_moment(plain.get("next_pending_at")),
        timedelta(seconds=decimal(margin[0])) if margin else MARGIN,
    )
