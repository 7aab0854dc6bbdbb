"""What decisions want done, as JSON-ready values, and the digest by which two decisions are seen to be the same."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import assert_never

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
from bot.core.plain import Plain, decimal, iso, items, mapping, text, texts
from bot.core.plain import without_blanks as kept
from bot.core.reply import Reply, TextReply
from bot.core.reply_codec import reply_to_plain


def effect_to_plain(effect: Effect) -> Plain:
    """One effect with its kind under ``do``."""
    match effect:
        case Send():
            return _send_to_plain(effect)
        case SetPerson():
            tags = {"tagged": list(effect.tags_added), "untagged": list(effect.tags_removed)}
            return kept({"do": "set_person", "language": effect.language, "fields": dict(effect.fields), **tags})
        case Call():
            return _call_to_plain(effect)
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
    if send.not_before is not None:
        plain["not_before"] = send.not_before.isoformat()
    return plain


def _call_to_plain(call: Call) -> Plain:
    return {
        "do": "call",
        "key": call.key,
        "connection": call.connection,
        "rule": call.rule,
        "method": call.method,
        "url": call.url,
        "body": dict(call.body),
        "timeout_s": call.timeout_s,
        "secret": call.secret,
        "results": list(call.results),
        "may_give": list(call.may_give),
    }


def call_from_plain(value: object) -> Call:
    """The call that ``effect_to_plain`` wrote."""
    plain = mapping(value)
    return Call(
        text(plain.get("key")),
        text(plain.get("connection")),
        text(plain.get("rule")),
        "POST" if text(plain.get("method")) == "POST" else "GET",
        text(plain.get("url")),
        texts(plain.get("body")),
        decimal(plain.get("timeout_s")),
        text(plain.get("secret")),
        tuple(map(text, items(plain.get("results")))),
        tuple(map(text, items(plain.get("may_give")))),
    )


def effects_digest(decision: Decision) -> str:
    """SHA-256 (hex) of the effects in order: equal effects alone share it, on every version of Python.

    Hashed is what ``ascii`` writes of their values, mappings in the order of their keys. Every decision is digested, and ``json`` would
    take four times as long.
    """
    written = ascii([_digested(effect) for effect in decision.effects])
    return sha256(written.encode("ascii")).hexdigest()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _digested(effect: Effect) -> object:
    if not isinstance(effect, Send) or effect.not_before is not None:
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
