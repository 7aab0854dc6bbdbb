"""The messages that went through, and how Sinch lists those it keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.apps import App
from bot.sinch.emulator.clock import stamp
from bot.sinch.emulator.contacts import plain_identity
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.shown import Shown

PAGE_SIZE = 10
PAGE_SIZE_MAX = 1000
DISPATCH_SOURCE = "DISPATCH_SOURCE"
CONVERSATION_SOURCE = "CONVERSATION_SOURCE"


@dataclass(slots=True)
class Message:
    """One message. ``content`` is the app or contact message as it went over the wire; ids are empty in DISPATCH."""

    id: str
    app_id: str
    to_contact: bool
    channel: str
    identity: str
    contact_id: str
    conversation_id: str
    content: Json
    metadata: str
    accepted_at: datetime
    mode: str
    sender_id: str = ""
    kept_until: datetime | None = None
    shown: Shown | None = None
    correlation_id: str = ""

    def resource(self, with_metadata: bool = True) -> Json:
        """As ``GET /messages`` shows it."""
        return {
            "id": self.id,
            "direction": "TO_CONTACT" if self.to_contact else "TO_APP",
            "app_message" if self.to_contact else "contact_message": self.content,
            "channel_identity": {"channel": self.channel, "identity": self.identity, "app_id": ""},
            "conversation_id": self.conversation_id,
            "contact_id": self.contact_id,
            "metadata": self.metadata if with_metadata else "",
            "accept_time": stamp(self.accepted_at),
            "sender_id": self.sender_id,
            "processing_mode": self.mode,
            "injected": False,
        }


class Messages:
    """The last ``remember`` messages, oldest first."""

    def __init__(self, remember: int) -> None:
        self._remember = remember
        self._by_id: dict[str, Message] = {}

    def add(self, message: Message, app: App) -> None:
        """Remember a message; Sinch lists it only as long as the app's retention says."""
        days = app.kept_days if message.mode == app.mode else 0
        if days:
            message.kept_until = message.accepted_at + timedelta(days=days)
        self._by_id[message.id] = message
        if len(self._by_id) > self._remember:
            del self._by_id[next(iter(self._by_id))]

    def remembered(self, message_id: str) -> Message | None:
        """A message, kept by Sinch or not."""
        return self._by_id.get(message_id)

    def get(self, message_id: str, source: str, now: datetime) -> Message:
        """A message that Sinch keeps. Raises Rejected with 404."""
        message = self._by_id.get(message_id)
        if message is None or not _is_listed(message, source, now):
            raise Rejected(f"Message {message_id} was not found.", 404)
        return message

    def delete(self, message_id: str, source: str, now: datetime) -> None:
        """Sinch no longer keeps it. Raises Rejected with 404."""
        self.get(message_id, source, now).kept_until = None

    def page(self, query: Mapping[str, str], now: datetime) -> Json:
        """A page of ``GET /messages``, newest first. Raises Rejected."""
        size = _page_size(query.get("page_size", ""))
        found = list(islice(self._matching(query, now), size + 1))
        with_metadata = query.get("view") != "WITHOUT_METADATA"
        return {
            "messages": [message.resource(with_metadata) for message in found[:size]],
            "next_page_token": found[size - 1].id if len(found) > size else "",
        }

    def _matching(self, query: Mapping[str, str], now: datetime) -> Iterator[Message]:
        source = query.get("messages_source", CONVERSATION_SOURCE)
        if source not in (DISPATCH_SOURCE, CONVERSATION_SOURCE):
            raise Rejected("messages_source must be CONVERSATION_SOURCE or DISPATCH_SOURCE.")
        start, end = _moment(query, "start_time"), _moment(query, "end_time")
        after = query.get("page_token", "")
        for message in reversed(self._by_id.values()):
            if after:
                after = "" if message.id == after else after
            elif _is_listed(message, source, now) and _fits(message, query) and _is_between(message, start, end):
                yield message


def _is_listed(message: Message, source: str, now: datetime) -> bool:
    is_dispatched = message.mode == "DISPATCH"
    kept = message.kept_until is not None and now < message.kept_until
    return kept and is_dispatched == (source == DISPATCH_SOURCE)


def _fits(message: Message, query: Mapping[str, str]) -> bool:
    identity = query.get("channel_identity")
    if identity and plain_identity(identity) != plain_identity(message.identity):
        return False
    if query.get("only_recipient_originated") == "true" and message.to_contact:
        return False
    direction = "TO_CONTACT" if message.to_contact else "TO_APP"
    facts = {
        "app_id": message.app_id,
        "channel": message.channel,
        "contact_id": message.contact_id,
        "conversation_id": message.conversation_id,
        "direction": direction,
    }
    return all(query.get(name) in (None, "", value) for name, value in facts.items())


def _is_between(message: Message, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or message.accepted_at >= start) and (end is None or message.accepted_at < end)


def _page_size(text: str) -> int:
    if not text:
        return PAGE_SIZE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= PAGE_SIZE_MAX:
        raise Rejected(f"page_size must be 1 to {PAGE_SIZE_MAX}.")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Rejected(f"{name} must be an RFC 3339 time.")
    return moment
