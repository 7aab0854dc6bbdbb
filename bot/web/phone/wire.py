"""What went over the wire about a message, as one likes to read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from bot.sinch.emulator.traffic import Delivery, Exchange
from bot.web.phone.written import pretty, printable


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what was answered. ``id`` is unique on the page. ``tone``: good or bad. ``answer`` empty: none was needed."""

    id: str
    title: str
    line: str
    at: datetime
    tone: str
    verdict: str
    headers: tuple[tuple[str, str, bool], ...]  # name, value, whether it is about the signature
    body: Markup
    is_cut: bool
    answer: Markup = Markup("")  # noqa: RUF009 it never changes


def webhooks(deliveries: Iterable[Delivery]) -> Iterator[Call]:
    """What Sinch told the bot, oldest first."""
    for at, each in enumerate(deliveries):
        words = {0: "no answer"}.get(each.status, f"the bot answered {each.status}")
        yield Call(
            id=f"webhook-{at}",
            title=each.trigger + (f", try {each.attempt}" if each.attempt > 1 else ""),
            line=f"POST {each.url}",
            at=each.at,
            tone="good" if 200 <= each.status < 300 else "bad",
            verdict=words,
            headers=_headers(each.headers),
            body=pretty(each.body.decode("utf-8", "replace")),
            is_cut=each.size > len(each.body),
        )


def sends(exchanges: Iterable[Exchange]) -> Iterator[Call]:
    """What the bot asked of Sinch, oldest first."""
    for at, each in enumerate(exchanges):
        words = f"Sinch answered {each.status}" if each.status else "Sinch hung up"
        if each.fault == "lost_response":
            words = f"Sinch took it ({each.status}), the answer was lost on its way"
        yield Call(
            id=f"send-{at}",
            title="messages:send" if at == 0 else f"messages:send, try {at + 1}",
            line=f"{each.method} {each.path}",
            at=each.at,
            tone="good" if 200 <= each.status < 300 and not each.fault else "bad",
            verdict=words,
            headers=_headers(each.headers),
            body=pretty(each.body.decode("utf-8", "replace")),
            is_cut=each.size > len(each.body),
            answer=pretty(each.answer.decode("utf-8", "replace")) if each.answer else Markup(),
        )


def _headers(headers: Mapping[str, str]) -> tuple[tuple[str, str, bool], ...]:
    def is_signature(name: str) -> bool:
        return any(word in name.lower() for word in ("signature", "hmac", "nonce", "timestamp"))

    rows = [(printable(name), printable(value), is_signature(name)) for name, value in headers.items()]
    return tuple(sorted(rows, key=lambda row: (not row[2], row[0].lower())))
