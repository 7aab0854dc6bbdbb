"""Opening hours: whether a named shop is open, when it closes and when it opens next, in the rulebook's time zone.

A day named in ``holidays`` has that day's spans instead of the weekday's, for all hours alike. Spans are compared on the wall clock, so
a shop that opens at nine opens at nine on the days when clocks change as well.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.core.rule import QuietTime
from bot.core.rulebook import Rulebook, Span
from bot.core.scene import Scene
from bot.core.wording import opening_words

LOOK_AHEAD_DAYS = 60  # a shop that opens later than that is not worth a sentence
ONE_DAY = timedelta(days=1)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The named zone of the IANA database; ``ZoneInfoNotFoundError`` for a name that is not in it (reading the rules checks)."""
    return ZoneInfo(name)


def local_time(rulebook: Rulebook, now: datetime) -> datetime:
    """What the clock on the shop's wall shows at ``now``; naive, because opening hours are."""
    return now.astimezone(zone(rulebook.settings.time_zone)).replace(tzinfo=None)


def is_open(rulebook: Rulebook, name: str, now: datetime) -> bool:
    """Whether the hours called ``name`` are open at ``now``; hours that nobody declared never are."""
    return _closes_at(rulebook, name, local_time(rulebook, now)) is not None


def closing_time(rulebook: Rulebook, name: str, now: datetime) -> str:
    """When what is open now closes, such as ``18:00``; when closed, today's last closing, or empty on a day without hours."""
    local = local_time(rulebook, now)
    closes_at = _closes_at(rulebook, name, local)
    if closes_at is None:
        today = _spans(rulebook, name, local.date())
        closes_at = max((_ends(local.date(), span) for span in today), default=None)
    return "" if closes_at is None else f"{closes_at:%H:%M}"


def next_opening(rulebook: Rulebook, name: str, now: datetime, language: str) -> str:
    """When it opens next, in words of ``language`` (``tomorrow at 09:00``); empty when that is more than 60 days away."""
    local = local_time(rulebook, now)
    opens_at = _opens_at(rulebook, name, local)
    return "" if opens_at is None else opening_words(local.date(), opens_at, language)


def opens_next(rulebook: Rulebook, name: str, now: datetime) -> datetime | None:
    """When it opens next, in UTC; None when that is more than 60 days away."""
    opens_at = _opens_at(rulebook, name, local_time(rulebook, now))
    return None if opens_at is None else opens_at.replace(tzinfo=zone(rulebook.settings.time_zone)).astimezone(UTC)


def quiet_until(scene: Scene, quiet: QuietTime) -> datetime | None:
    """When a quiet time that is on now ends, by the clock where the person is (the shop's, where nobody knows); None: it is not on."""
    return quiet_there(_zone_of(scene), quiet, scene.now)


def quiet_there(there: ZoneInfo, quiet: QuietTime, now: datetime) -> datetime | None:
    """When a quiet time that is on at ``now`` ends, by the clock of that zone; None: it is not on."""
    local = now.astimezone(there)
    over_midnight = quiet.ends <= quiet.starts
    at = local.timetz().replace(tzinfo=None)
    is_on = (at >= quiet.starts or at < quiet.ends) if over_midnight else quiet.starts <= at < quiet.ends
    if not is_on:
        return None
    day = local.date() + ONE_DAY if over_midnight and at >= quiet.starts else local.date()
    until = datetime.combine(day, quiet.ends, tzinfo=there)
    if until.astimezone(UTC) <= now:  # the clock was put back, and shows that time twice
        until = until.replace(fold=1)
    return until.astimezone(UTC)


def _zone_of(scene: Scene) -> ZoneInfo:
    """The person's zone; what is no zone of the IANA database counts as not known."""
    own = scene.conversation.person.time_zone
    if own:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return zone(own)
    return zone(scene.rulebook.settings.time_zone)


def today(rulebook: Rulebook, now: datetime) -> str:
    """The date in the rulebook's time zone, as ``2026-01-05``: read the same way in every language."""
    return local_time(rulebook, now).date().isoformat()


def _spans(rulebook: Rulebook, name: str, day: date) -> tuple[Span, ...]:
    hours = rulebook.hours.get(name)
    if hours is None:
        return ()
    holiday = rulebook.holidays.get(day.isoformat())
    return holiday if holiday is not None else hours.by_weekday.get(day.weekday(), ())


def _ends(day: date, span: Span) -> datetime:
    past_midnight = span.closes <= span.opens
    return datetime.combine(day + ONE_DAY if past_midnight else day, span.closes)


def _closes_at(rulebook: Rulebook, name: str, local: datetime) -> datetime | None:
    """The end of the spans that ``local`` is in: those of today, and of yesterday past midnight."""
    found = None
    for day in (local.date() - ONE_DAY, local.date()):
        for span in _spans(rulebook, name, day):
            ends = _ends(day, span)
            if datetime.combine(day, span.opens) <= local < ends and (found is None or ends > found):
                found = ends
    return found


def _opens_at(rulebook: Rulebook, name: str, local: datetime) -> datetime | None:
    for ahead in range(LOOK_AHEAD_DAYS + 1):
        day = local.date() + timedelta(days=ahead)
        starts = (datetime.combine(day, span.opens) for span in _spans(rulebook, name, day))
        soonest = min((start for start in starts if start > local), default=None)
        if soonest is not None:
            return soonest
    return None
