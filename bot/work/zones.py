"""In which time zone somebody is, by their phone number: the zones of its country.

Countries and their zones are those of the IANA time zone database (``zone.tab``), the country of a number is what Google's libphonenumber
data says. A country with several zones counts as quiet while it is in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from bot.core.hours import quiet_there, zone
from bot.core.rule import QuietTime

_LONGEST_PREFIX: Final = 7  # digits that tell the country even where several share a code, as the Americas do
_NEVER_AWAKE_AFTER: Final = timedelta(hours=48)


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of that name, or None where the database has none."""
    try:
        return zone(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zones_of_number(identity: str) -> tuple[str, ...]:
    """The zones of a number's country, or countries where its first digits leave it open; none for what is no phone number."""
    return _zones_of(identity[:_LONGEST_PREFIX], len(identity)) if identity.isdecimal() else ()


@lru_cache(maxsize=50_000)
def _zones_of(prefix: str, length: int) -> tuple[str, ...]:
    regions = _regions(prefix.ljust(length, "0"))
    return tuple(dict.fromkeys(name for region in regions for name in _zones_by_country().get(region, ())))


def _regions(digits: str) -> Sequence[str]:
    """The country; all that share its code where the rest of the number does not tell."""
    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:length] or 0))
        if regions is not None:
            return regions if len(regions) == 1 else _one_of(digits, regions)
    return ()


def _one_of(digits: str, regions: Sequence[str]) -> Sequence[str]:
    try:
        found = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{digits}", None))
    except phonenumbers.NumberParseException:
        found = None
    return regions if found is None else (found,)


@cache
def _zones_by_country() -> dict[str, list[str]]:
    """By the country's two letters."""
    table = resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text(encoding="ascii")
    found: dict[str, list[str]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, name, *_ = line.split("\t")
            found.setdefault(country, []).append(name)
    return found


def awake_at(zones: Sequence[ZoneInfo], quiet: QuietTime, now: datetime) -> datetime:
    """The first moment from ``now`` on at which it is quiet in none of ``zones``, or in the middle one where they lie too far apart."""
    at = now
    while at < now + _NEVER_AWAKE_AFTER:
        ends = [end for there in zones if (end := quiet_there(there, quiet, at)) is not None]
        if not ends:
            return at
        at = max(ends)
    middle = sorted(zones, key=lambda there: now.astimezone(there).utcoffset() or timedelta())[len(zones) // 2]
    return quiet_there(middle, quiet, now) or now
