"""Where somebody is by their number, and when it is quiet nowhere there."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.core.rule import QuietTime
from bot.work.zones import awake_at, zone_named, zones_of_number

NIGHT = QuietTime(time(21), time(8))


@pytest.mark.parametrize(
    ("number", "some", "others"),
    [
        ("46701740605", {"Europe/Stockholm"}, set()),
        ("12125550123", {"America/New_York", "Pacific/Honolulu"}, {"America/Toronto", "America/Port_of_Spain"}),
        ("14165550123", {"America/Toronto", "America/Vancouver"}, {"America/New_York"}),
        ("18685550123", {"America/Port_of_Spain"}, {"America/New_York"}),
        ("79161234567", {"Europe/Moscow", "Asia/Kamchatka"}, {"Asia/Almaty"}),
        ("447700900123", {"Europe/London"}, {"Europe/Paris"}),
        (
            "10000000000",
            {"America/New_York", "America/Toronto", "America/Jamaica"},
            set(),
        ),  # nobody's: all that share the code
    ],
)
def test_a_number_is_in_the_zones_of_its_country(number: str, some: set[str], others: set[str]) -> None:
    found = set(zones_of_number(number))
    assert some <= found
    assert not others & found


@pytest.mark.parametrize("identity", ["US.13491208655302741918", "", "999999999999"])
def test_what_is_no_number_of_any_country_is_nowhere(identity: str) -> None:
    assert zones_of_number(identity) == ()


def test_every_zone_that_a_number_leads_to_is_known() -> None:
    names = {name for prefix in range(1, 1000) for name in zones_of_number(f"{prefix}00000000")}
    assert len(names) > 300
    assert all(zone_named(name) for name in names)
    assert zone_named("Mars/Olympus") is None
    assert zone_named("") is None


def awake(now: str, *names: str, quiet: QuietTime = NIGHT) -> str:
    found = awake_at([ZoneInfo(name) for name in names], quiet, datetime.fromisoformat(now))
    return found.astimezone(UTC).isoformat()


@pytest.mark.parametrize(
    ("now", "zones", "expected"),
    [
        ("2026-01-05T12:00+00:00", ["Europe/Stockholm"], "2026-01-05T12:00:00+00:00"),
        ("2026-01-05T20:00+00:00", ["Europe/Stockholm"], "2026-01-06T07:00:00+00:00"),
        # 09:00 in New York is 04:00 in Honolulu: all are awake from 08:00 there, 13:00 in New York.
        ("2026-01-05T14:00+00:00", ["America/New_York", "Pacific/Honolulu"], "2026-01-05T18:00:00+00:00"),
        # 22:30 in New York, which is then quiet until 08:00, and Honolulu until 08:00 of its own.
        ("2026-01-06T03:30+00:00", ["America/New_York", "Pacific/Honolulu"], "2026-01-06T18:00:00+00:00"),
        ("2026-01-05T12:00+00:00", ["America/New_York", "Pacific/Honolulu"], "2026-01-05T18:00:00+00:00"),
    ],
)
def test_it_waits_until_it_is_quiet_in_none_of_the_zones(now: str, zones: list[str], expected: str) -> None:
    assert awake(now, *zones) == expected


def test_zones_that_are_never_awake_together_go_by_the_middle_one() -> None:
    zones = ["Pacific/Kiritimati", "Europe/London", "Pacific/Honolulu"]
    narrow = QuietTime(time(12), time(10))  # awake for two hours a day
    assert awake("2026-01-05T12:30+00:00", *zones, quiet=narrow) == "2026-01-06T10:00:00+00:00"
    assert awake("2026-01-05T11:00+00:00", *zones, quiet=narrow) == "2026-01-05T11:00:00+00:00"
