"""What a subscribed backend is told of each kind of news: one JSON text, the same for every subscription and every try.

{"type": kind, "timestamp": when it happened, "sequence": a number that grows, "data": {…}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

import orjson

from bot.core.delivery import OutboxState, delivery_name
from bot.core.event import (
    ColleagueActed,
    Content,
    Event,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    Order,
    OwnTap,
    Tap,
    Text,
    Unreadable,
)
from bot.core.hearing import message_text
from bot.core.reply import Reply, buttons_of
from bot.store.subscriptions import News
from bot.store.units import Claimed
from bot.work.inbox import Deciding, read_event

Data = dict[str, Any]
_QUEUED = {state.value for state in (OutboxState.QUEUED, OutboxState.WAITING, OutboxState.SENDING, OutboxState.UNKNOWN)}


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes the bodies. ``deciding`` reads stored events again."""

    deciding: Deciding

    def __call__(self, news: News) -> str | None:
        """The body, or None where there is nothing to tell, as for a reaction."""
        data = self._data(news)
        return None if data is None else body_of(news.kind, news.at, news.number, data)

    def _data(self, news: News) -> Data | None:
        match news.kind:
            case "message.received":
                return self._received(news)
            case "message.unmatched":
                return self._unmatched(news)
            case "message.status":
                return _status(news)
            case "consent.changed":
                return {"person": person_of(news), **news.content, "at": _time(news.at)}
            case "rule.told":
                values = {name: value for name, value in _mapping(news.content["values"]).items() if name != "rule"}
                return {**news.content, "values": values, "person": person_of(news)}
            case _:  # handed over, or given back
                who = event.who if isinstance(event := self._event(news), ColleagueActed) else None
                team, rule = news.content["team"] or None, news.content["rule"] or None
                return {"person": person_of(news), "team": team, "who": who, "rule": rule, "at": _time(news.at)}

    def _event(self, news: News) -> Event | None:
        """What it came of; None where that is gone."""
        if news.inbox_kind is None or news.received_at is None:
            return None
        claimed = Claimed(0, news.inbox_kind, news.raw, news.received_at, 1, media_kind=news.media_kind)
        event = read_event(self.deciding, claimed)
        return None if isinstance(event, Exception) else event

    def _received(self, news: News) -> Data | None:
        event = self._event(news)
        if not isinstance(event, InboundMessage) or event.injected:
            return None
        return {
            "person": person_of(news),
            "message_id": event.message_id,
            "content": content_to_plain(event.content, news),
            "reply_to": event.reply_to or None,
            "at": _time(event.written_at),
            "window_closes_at": None if news.closes_at is None else _time(news.closes_at),
        }

    def _unmatched(self, news: News) -> Data | None:
        event = self._event(news)
        if not isinstance(event, InboundMessage):
            return None
        words = message_text(event.content)
        return {
            "person": person_of(news),
            "message_id": event.message_id,
            "text": words,
            "content": content_to_plain(event.content, news),
            "at": _time(event.written_at),
        }


def body_of(kind: str, at: datetime, sequence: int, data: Mapping[str, object]) -> str:
    """The envelope of Standard Webhooks with our ``sequence``. Half characters, which no UTF-8 can hold, become U+FFFD."""
    plain = {"type": kind, "timestamp": _time(at), "sequence": sequence, "data": data}
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def person_of(news: News) -> Data:
    """Who it is about: our number of the person, and the address, a phone number with its ``+``."""
    contact = news.contact
    if contact is None:
        return {"id": news.person, "channel": None, "identity": None}
    identity = f"+{contact.identity}" if contact.identity.isdecimal() else contact.identity
    return {"id": news.person, "channel": contact.channel, "identity": identity}


def content_to_plain(content: Content, news: News) -> Data:
    """What a person sent, by ``kind``; the title of a tap is the one that our message showed."""
    match content:
        case Text(text=text):
            return {"kind": "text", "text": text}
        case Media(url=url, kind=kind, caption=caption, filename=filename):
            known = "file" if kind is None else kind.value
            return {"kind": known, "url": url, "caption": caption or None, "filename": filename or None}
        case Location(latitude=latitude, longitude=longitude, title=title, label=label):
            place = {"title": title or None, "label": label or None}
            return {"kind": "location", "latitude": latitude, "longitude": longitude, **place}
        case OwnTap(rule=rule, option=option, message_id=message_id):
            return {"kind": "tap", "title": _title(news.sent(message_id), rule, option), "rule": rule, "postback": None}
        case Tap(postback=postback):
            return {"kind": "tap", "title": message_text(content) or None, "rule": None, "postback": postback}
        case Order(catalog_id=catalog, title=title, items=items):
            lines = [
                {"id": i.id, "quantity": i.quantity, "item_price": i.item_price, "currency": i.currency} for i in items
            ]
            return {"kind": "order", "catalog_id": catalog, "title": title or None, "items": lines}
        case FlowAnswer(name=name, fields=fields):
            return {"kind": "flow_answer", "name": name, "fields": dict(fields)}
        case Unreadable(why=why):
            return {"kind": "unreadable", "why": why}
        case _:
            assert_never(content)


def _title(reply: Reply | None, rule: str, option: int) -> str | None:
    """What the tapped button says in the message that showed it."""
    shown = () if reply is None else buttons_of(reply)
    return next((button.label for button in shown if (button.rule, button.option) == (rule, option)), None)


def _status(news: News) -> Data:
    state, delivery = str(news.content["state"]), int(str(news.content["delivery"]))
    status = delivery_name(delivery) if state == "sent" or delivery else "queued" if state in _QUEUED else state
    return {
        "person": person_of(news),
        "id": news.message_id,
        "status": status,
        "reference": news.reference or None,
        **_reason(str(news.content["reason"]), status),
        "at": _time(news.at),
    }


def _reason(text: str, status: str) -> Data:
    """A stored reason is a sentence, or the parts of a receipt's."""
    if status in ("sent", "delivered", "read") or not text:
        return {"reason": None, "reason_code": None, "channel_code": None}
    if not text.startswith("["):
        return {"reason": text, "reason_code": None, "channel_code": None}
    code, description, _, channel_code = orjson.loads(text)
    return {"reason": description or code, "reason_code": code or None, "channel_code": channel_code or None}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
