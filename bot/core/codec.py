"""Replies, conversations and decisions as JSON-ready values and back.

What is written here is stored for years: keys are never reused for something else. What is empty is left out. ``state_from_plain`` and
``conversation_from_plain`` upgrade what an older program wrote. Anything this program never wrote raises ``plain.Unreadable``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import assert_never

from bot.core.conversation import (
    MARGIN,
    STATE_VERSION,
    Consent,
    Conversation,
    Echo,
    OpenQuestion,
    Person,
    ShownOption,
    State,
    Window,
)
from bot.core.decision import (
    Call,
    ChangeConsent,
    Decision,
    DropTimer,
    Effect,
    HandOver,
    Send,
    SetPerson,
    SetTimer,
    TellBackend,
)
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
from bot.core.reply import Reply, TextReply
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
        plain["question"] = _question_to_plain(state.question)
    if state.in_charge or state.in_charge_until is not None or state.in_charge_for != _IN_CHARGE_FOR:
        plain["team"] = [state.in_charge, iso(state.in_charge_until), state.in_charge_for.total_seconds()]
    if state.echo is not None:
        plain["echo"] = [state.echo.key, moment_to_plain(state.echo.since), state.echo.count]
    if state.waiting:
        plain["waiting"] = True
    return plain


_IN_CHARGE_FOR = State().in_charge_for


def state_from_plain(value: object) -> State:
    """The state that ``state_to_plain`` of this or an earlier program wrote; ``Unreadable`` for a later one's."""
    plain = _upgraded(mapping(value))
    team, until, team_for = _team(plain.get("team"))
    question, echo = plain.get("question"), plain.get("echo")
    return State(
        number(plain.get("misses")),
        maybe_moment(plain.get("missed_at")),
        text(plain.get("rule")),
        tuple(map(_shown, items(plain.get("options")))),
        number(plain.get("options_v")),
        text(plain.get("hint")),
        None if question is None else _question(question),
        team,
        until,
        team_for,
        None if echo is None else _echo(echo),
        flag(plain.get("waiting")),
    )


def _upgraded(plain: Mapping[str, object]) -> Mapping[str, object]:
    """``plain`` in today's form. Each version that changes the form adds its step from the one before, and older steps stay."""
    version = number(plain.get("v"), STATE_VERSION) if plain else STATE_VERSION
    if version != STATE_VERSION:
        raise Unreadable(f"a conversation of version {STATE_VERSION}, not {version}", plain)
    return plain


def _question_to_plain(question: OpenQuestion) -> Plain:
    return {
        "rule": question.rule,
        "slot": question.slot,
        "version": question.version,
        "asked_at": question.asked_at.isoformat(),
        "deadline": iso(question.deadline),
        "tries": question.tries,
        "answers": dict(question.answers),
    }


def _question(value: object) -> OpenQuestion:
    plain = mapping(value)
    return OpenQuestion(
        text(plain.get("rule")),
        text(plain.get("slot")),
        number(plain.get("version")),
        moment(plain.get("asked_at")),
        maybe_moment(plain.get("deadline")),
        number(plain.get("tries")),
        texts(plain.get("answers")),
    )


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
    key, since, count = items(value)
    return Echo(text(key), moment(since), number(count))


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


# --- effects ------------------------------------------------------------------------------------------------------------


def effect_to_plain(effect: Effect) -> Plain:
    """One effect with its kind under ``do``."""
    match effect:
        case Send():
            return _send_to_plain(effect)
        case SetPerson():
            tags = {"tagged": list(effect.tags_added), "untagged": list(effect.tags_removed)}
            return kept({"do": "set_person", "language": effect.language, "fields": dict(effect.fields), **tags})
        case Call(connection=connection, values=values, rule=rule):
            return {"do": "call", "connection": connection, "values": dict(values), "rule": rule}
        case SetTimer(name=name, due_at=due_at, values=values):
            return {"do": "set_timer", "name": name, "due_at": due_at.isoformat(), "values": dict(values)}
        case DropTimer(name=name):
            return {"do": "drop_timer", "name": name}
        case ChangeConsent(purpose=purpose, state=state, source=source, at=at):
            return {"do": "consent", "purpose": purpose, "state": state, "source": source, "at": at.isoformat()}
        case HandOver(team=team):
            return {"do": "hand_over", "team": team}
        case TellBackend(name=name, values=values):
            return {"do": "tell_backend", "name": name, "values": dict(values)}
        case _:
            assert_never(effect)


def _send_to_plain(send: Send) -> Plain:
    if_closed = send.if_closed if isinstance(send.if_closed, str) else reply_to_plain(send.if_closed)
    plain: Plain = {
        "do": "send",
        "reply": reply_to_plain(send.reply),
        "to": [send.contact.app, send.contact.channel, send.contact.identity],
        "rule": send.rule,
        "position": send.position,
        "category": send.category,
        "if_closed": if_closed,
        "not_after": iso(send.not_after),
        "waits": send.waits,
        "confirms_stop": send.confirms_stop,
        "answers": send.answers,
    }
    return plain


def effects_digest(decision: Decision) -> str:
    """SHA-256 (hex) of the effects in order: equal effects alone share it, on every version of Python.

    Hashed is what ``ascii`` writes of their values, mappings in the order of their keys. Every decision is digested, and ``json`` would
    take four times as long.
    """
    written = ascii([_digested(effect) for effect in decision.effects])
    return sha256(written.encode("ascii")).hexdigest()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _digested(effect: Effect) -> object:
    if not isinstance(effect, Send):
        return _ordered(effect_to_plain(effect))
    contact, if_closed = effect.contact, effect.if_closed
    left = None if effect.not_after is None else effect.not_after - _EPOCH  # isoformat would take ten times as long
    return (
        "send",
        _reply_digested(effect.reply),
        (contact.app, contact.channel, contact.identity),
        effect.rule,
        effect.position,
        effect.category,
        if_closed if isinstance(if_closed, str) else _reply_digested(if_closed),
        None if left is None else (left.days, left.seconds, left.microseconds),
        effect.waits,
        effect.confirms_stop,
        effect.answers,
    )


def _reply_digested(reply: Reply) -> object:
    return ("text", reply.text) if isinstance(reply, TextReply) else _ordered(reply_to_plain(reply))


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value
