"""Events that Parley makes itself (timers, answers of calls, refused sends, what colleagues do), as the inbox's bytes, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never, get_args

from bot.core.event import Act, CallAnswered, ColleagueActed, ContactKey, Reason, SendFailed, TimerFired
from bot.core.plain import Plain, Unreadable, decimal, items, mapping, moment, text, texts

Own = TimerFired | CallAnswered | SendFailed | ColleagueActed

_BEGINNING: Final = b'{"v":1,"dedup":"'


def is_own(raw: bytes) -> bool:
    """Whether ``raw_of`` wrote these bytes, and not Sinch."""
    return raw.startswith(_BEGINNING)


def raw_of(event: Own) -> bytes:
    """What the inbox keeps of ``event``; ``own_event_from_raw`` reads it back."""
    contact = event.contact
    plain: Plain = {"v": 1, "dedup": event.dedup, "contact": [contact.app, contact.channel, contact.identity]}
    match event:
        case TimerFired():
            plain |= {"timer": event.name, "due_at": event.due_at.isoformat(), "values": dict(event.values)}
        case CallAnswered():
            plain |= {
                "call": event.key,
                "connection": event.connection,
                "outcome": event.outcome,
                "values": dict(event.values),
                "at": event.at.isoformat(),
                "why": event.why,
            }
        case SendFailed():
            plain |= _failure_to_plain(event)
        case ColleagueActed():
            plain |= _act_to_plain(event)
        case _:
            assert_never(event)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def own_event_from_raw(raw: bytes, received_at: datetime) -> Own:
    """The event that ``raw_of`` wrote, received at ``received_at``. Raises ``plain.Unreadable`` when the bytes are none of ours."""
    plain = mapping(json.loads(raw))
    dedup, contact = text(plain.get("dedup")), ContactKey(*map(text, items(plain.get("contact"))))
    values = texts(plain.get("values"))
    if "timer" in plain:
        return TimerFired(dedup, contact, text(plain["timer"]), moment(plain.get("due_at")), values, received_at)
    if "failed" in plain:
        return _failure_from_plain(plain, dedup, contact, received_at)
    if "colleague" in plain:
        return _act_from_plain(plain, dedup, contact, received_at)
    key, connection, why = text(plain.get("call")), text(plain.get("connection")), text(plain.get("why"))
    at = moment(plain.get("at"))
    return CallAnswered(dedup, contact, key, connection, _outcome(plain.get("outcome")), values, at, received_at, why)


def _failure_to_plain(event: SendFailed) -> Plain:
    why = event.reason
    return {
        "failed": event.outbox_id,
        "rule": event.rule,
        "at": event.at.isoformat(),
        "reason": None if why is None else [why.code, why.description, why.sub_code, why.channel_code],
    }


def _failure_from_plain(
    plain: Mapping[str, object], dedup: str, contact: ContactKey, received_at: datetime
) -> SendFailed:
    parts = [text(part) for part in items(plain.get("reason"))]
    reason = Reason(*parts) if parts else None
    rule, outbox_id = text(plain.get("rule")), text(plain["failed"])
    return SendFailed(dedup, contact, rule, outbox_id, moment(plain.get("at")), received_at, reason)


_ACTS: Final[Mapping[object, Act]] = {word: word for word in get_args(Act)}


def _act_to_plain(event: ColleagueActed) -> Plain:
    after = event.give_back_after
    return {
        "colleague": event.what,
        "team": event.team,
        "who": event.who,
        "give_back_after_s": None if after is None else after.total_seconds(),
        "at": event.at.isoformat(),
        "note": event.note,
    }


def _act_from_plain(
    plain: Mapping[str, object], dedup: str, contact: ContactKey, received_at: datetime
) -> ColleagueActed:
    what, seconds = plain["colleague"], plain.get("give_back_after_s")
    if not isinstance(what, str) or what not in _ACTS:
        raise Unreadable("what a colleague did", what)
    after = None if seconds is None else timedelta(seconds=decimal(seconds))
    team, who, note = (text(plain.get(name)) for name in ("team", "who", "note"))
    return ColleagueActed(dedup, contact, _ACTS[what], team, who, after, moment(plain.get("at")), received_at, note)


def _outcome(value: object) -> Literal["found", "not_found", "failed"]:
    match value:
        case "found":
            return "found"
        case "not_found":
            return "not_found"
        case "failed":
            return "failed"
        case _:
            raise Unreadable("an outcome", value)
