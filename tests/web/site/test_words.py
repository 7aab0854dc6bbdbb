"""How times, stretches, numbers and addresses are written, and that whatever a stranger wrote stays words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from bot.web.site import words

NOW = datetime(2026, 11, 24, 14, 2, 7, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=59.9), "now"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=11, minutes=59), "11 h"),
        (timedelta(hours=12), "Tue 02:02"),
        (timedelta(days=5, hours=23), "Wed 15:02"),
        (timedelta(days=6), "18 Nov"),
        (timedelta(days=300), "28 Jan"),
        (timedelta(days=400), "20 Oct 2025"),
        (-timedelta(seconds=40), "in 40 s"),
        (-timedelta(hours=3, minutes=12), "in 3 h 12 min"),
        (-timedelta(days=1), "25 Nov"),
        (-timedelta(days=60), "23 Jan 2027"),
    ],
)
def test_how_long_ago(past: timedelta, told: str) -> None:
    assert words.ago(NOW - past, NOW) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3600 * 3 + 12 * 60, "3 h 12 min"),
        (86_400, "1 d"),
        (86_400 * 2 + 3600 * 4 + 59, "2 d 4 h"),
    ],
)
def test_a_stretch_has_two_units_at_most(seconds: float, told: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == told


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (timedelta(hours=14), "Today"),
        (timedelta(hours=15), "Yesterday"),
        (timedelta(days=2), "Sunday 22 November"),
        (timedelta(days=400), "Monday 20 October 2025"),
        (-timedelta(days=1), "Wednesday 25 November"),
    ],
)
def test_a_day_has_a_name(past: timedelta, told: str) -> None:
    assert words.day(NOW - past, NOW) == told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (words.milliseconds(650), "650 ms"),
        (words.milliseconds(2500), "2.5 s"),
        (words.milliseconds(45_000), "45 s"),
        (words.milliseconds(900_000), "15 min"),
        (words.size(4096), "4.1 KB"),
        (words.size(76_800_000_000), "76.8 GB"),
        (words.size(2_000_000_000_000_000), "2,000.0 TB"),
    ],
)
def test_much_is_written_shortly(told: str, expected: str) -> None:
    assert told == expected


def test_the_exact_time_is_told_in_utc_whatever_zone_it_was_written_in() -> None:
    there = datetime(2026, 11, 23, 15, 2, 7, tzinfo=timezone(timedelta(hours=1)))
    assert words.exact(there) == "2026-11-23 14:02:07 UTC"
    assert words.moment(there, NOW) == (
        '<time datetime="2026-11-23T14:02:07+00:00" title="2026-11-23 14:02:07 UTC" data-ago>Mon 15:02</time>'
    )
    assert words.moment(None, NOW) == words.until(None, NOW) == ""


def test_what_is_over_counts_down_to_nothing() -> None:
    assert ">3 h 12 min</time>" in words.until(NOW + timedelta(hours=3, minutes=12), NOW)
    assert ">0 s</time>" in words.until(NOW - timedelta(days=1), NOW)


@pytest.mark.parametrize(
    ("value", "told"), [(0, "0"), (1234, "1,234"), (1234567.0, "1,234,567"), (0.25, "0.2"), (1234.56, "1,234.6")]
)
def test_numbers_are_grouped(value: float, told: str) -> None:
    assert words.number(value) == told


def test_things_are_counted() -> None:
    assert words.counted(1, "message") == "1 message"
    assert words.counted(1200, "message") == "1,200 messages"
    assert words.counted(0, "person", "people") == "0 people"


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ("46701740605", "+46 … 605"),
        ("1234567", "+12 … 567"),
        ("123456", "…456"),
        ("BSUID-abcdef", "…def"),
        ("", "…"),
        ("٤٦٧٠١٧٤٠٦", "…٤٠٦"),
    ],
)
def test_an_address_shows_its_ends_alone(identity: str, told: str) -> None:
    assert words.masked(identity) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Use `keys create`.", "Use <code>keys create</code>."),
        ("`<b>` and </p>", "<code>&lt;b&gt;</code> and &lt;/p&gt;"),
        ("a ` alone", "a ` alone"),
        ("`<b>", "`&lt;b&gt;"),
    ],
)
def test_words_between_backticks_are_code(text: str, told: str) -> None:
    assert words.coded(text) == told


@given(st.text())
def test_whatever_it_is_it_stays_words(text: str) -> None:
    told = words.coded(text)
    assert isinstance(told, Markup)
    bare = told.replace("<code>", "").replace("</code>", "")
    assert not set(bare) & set('<>"')
