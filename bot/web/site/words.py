"""How values are written on pages: times, stretches, numbers, addresses. What is returned as ``Markup`` is escaped here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup, escape

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def ago(at: datetime, now: datetime) -> str:
    """``now``, ``4 min``, ``3 h``, ``Tue 14:02``, ``12 Mar``, ``12 Mar 2025``; also ahead: ``in 4 min``."""
    past = now - at
    if past < timedelta():
        return f"in {span(-past)}" if -past < _DAY else _day(at, now)
    if past < _MINUTE:
        return "now"
    if past < _HOUR:
        return f"{past // _MINUTE} min"
    if past < 12 * _HOUR:
        return f"{past // _HOUR} h"
    return f"{at:%a %H:%M}" if past < 6 * _DAY else _day(at, now)


def _day(at: datetime, now: datetime) -> str:
    return f"{at.day} {at:%b}" if at.year == now.year else f"{at.day} {at:%b %Y}"


def day(at: datetime, now: datetime) -> str:
    """``Today``, ``Yesterday``, ``Tuesday 12 March``, ``Wednesday 12 March 2025``; both in the zone of whoever reads it."""
    days = (now.date() - at.date()).days
    if days in (0, 1):
        return ("Today", "Yesterday")[days]
    return f"{at:%A} {at.day} {at:%B}" if at.year == now.year else f"{at:%A} {at.day} {at:%B %Y}"


def exact(at: datetime) -> str:
    """``2026-11-23 14:02:07 UTC``"""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment(at: datetime | None, now: datetime) -> Markup:
    """A time as people say it, exact on hover; pages keep it up to date by themselves."""
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        at.astimezone(UTC).isoformat(), exact(at), ago(at, now)
    )


def until(at: datetime | None, now: datetime) -> Markup:
    """A stretch that counts down by itself: ``3 h 12 min``."""
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{}" data-until>{}</time>').format(
        at.astimezone(UTC).isoformat(), exact(at), span(max(at - now, timedelta()))
    )


def span(stretch: timedelta) -> str:
    """``40 s``, ``12 min``, ``3 h 12 min``, ``2 d 4 h``: never more than two units."""
    seconds = int(stretch.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return _two(seconds // 3600, "h", seconds % 3600 // 60, "min")
    return _two(seconds // 86_400, "d", seconds % 86_400 // 3600, "h")


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large} {unit} {small} {smaller}" if small else f"{large} {unit}"


def milliseconds(value: float) -> str:
    """``45 ms``, ``1.3 s``, ``12 s``, ``15 min``."""
    if value < 1000:
        return f"{value:.0f} ms"
    if value < 10_000:
        return f"{value / 1000:g} s"
    return span(timedelta(milliseconds=value))


def number(value: float) -> str:
    """``1,234``; of fractions one digit."""
    return f"{int(value):,}" if value == int(value) else f"{value:,.1f}"


def size(count: int) -> str:
    """``1.2 GB`` of so many bytes."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def counted(value: int, thing: str, things: str = "") -> str:
    """``1 message``, ``2 messages``."""
    return f"{value:,} {thing if value == 1 else things or thing + 's'}"


def masked(identity: str) -> str:
    """An address of which enough is left to be recognised: ``+46 … 678``."""
    if not (identity.isascii() and identity.isdigit()) or len(identity) < 7:
        return f"…{identity[-3:]}"
    return f"+{identity[:2]} … {identity[-3:]}"


def coded(text: str) -> Markup:
    """Words between backticks as code, everything escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


def path(text: str) -> Markup:
    """A path that may go on in the next line after a slash."""
    return Markup("/<wbr>").join(escape(part) for part in text.split("/"))
