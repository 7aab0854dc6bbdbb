"""Opening hours on the shop's own clock: weekdays, holidays, past midnight, and when clocks change."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.core.hours import closing_time, is_open, next_opening, today
from bot.core.rule import Condition
from bot.core.rulebook import Hours, Rulebook, Settings, Span
from bot.core.wording import _DAYS, MENU_WORDS, OPTION_GONE, opening_words
from tests.core.build import PLACE, SHOP, answer, book, item, rule, says, texts

STOCKHOLM = ZoneInfo("Europe/Stockholm")
BAR = Hours("bar", {4: (Span(time(20), time(2)),), 5: (Span(time(0), time(0)),)}, PLACE)
CLOSED_DAY: tuple[Span, ...] = ()
BOOK = book(
    hours=(SHOP, BAR),
    holidays={
        "2026-12-25": CLOSED_DAY,
        "2026-12-24": (Span(time(9), time(12)),),
        "2026-01-10": (Span(time(22), time(1)),),
    },
)


def at(text: str) -> datetime:
    """An instant by the clock on the wall in Stockholm."""
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM).astimezone(UTC)


@pytest.mark.parametrize(
    ("when", "open_"),
    [
        ("2026-01-05 08:59:59", False),
        ("2026-01-05 09:00", True),
        ("2026-01-05 17:59:59", True),
        ("2026-01-05 18:00", False),
        ("2026-01-10 11:00", False),  # a Saturday, but a holiday
        ("2026-01-17 11:00", True),
        ("2026-01-11 11:00", False),  # Sunday
        ("2026-12-24 11:59", True),
        ("2026-12-24 12:00", False),
        ("2026-12-25 11:00", False),
        ("2026-07-06 09:00", True),  # summer time
        ("2026-07-06 08:59", False),
        ("2026-03-30 09:00", True),  # the day after the clocks changed
    ],
)
def test_the_shop(when: str, open_: bool) -> None:
    assert is_open(BOOK, "shop", at(when)) is open_


@pytest.mark.parametrize(
    ("when", "open_"),
    [
        ("2026-01-16 19:59", False),
        ("2026-01-16 23:00", True),
        ("2026-01-17 01:59", True),
        ("2026-01-18 00:00", False),
        ("2026-01-10 22:30", True),
        ("2026-01-11 00:59", True),
        ("2026-01-11 01:00", False),
    ],
)
def test_past_midnight(when: str, open_: bool) -> None:
    assert is_open(BOOK, "bar", at(when)) is open_


def test_hours_that_nobody_declared_are_never_open() -> None:
    assert not is_open(BOOK, "kiosk", at("2026-01-05 12:00"))
    assert next_opening(BOOK, "kiosk", at("2026-01-05 12:00"), "en") == ""
    assert closing_time(BOOK, "kiosk", at("2026-01-05 12:00")) == ""


@pytest.mark.parametrize(
    ("when", "closes"),
    [
        ("2026-01-05 10:00", "18:00"),
        ("2026-01-05 20:00", "18:00"),
        ("2026-01-11 10:00", ""),
        ("2026-12-24 10:00", "12:00"),
    ],
)
def test_closing_time(when: str, closes: str) -> None:
    assert closing_time(BOOK, "shop", at(when)) == closes


def test_a_reply_speaks_of_the_hours_it_names() -> None:
    kiosk = Hours("kiosk", {0: (Span(time(7), time(11)),)}, PLACE)
    during = rule("k", says("kiosk"), reply=[item("until {{closing_time}}", condition=Condition(during="kiosk"))])
    whole = rule("w", says("whole"), reply="until {{closing_time}}", condition=Condition(during="kiosk"))
    first = rule("s", says("shop"), reply="until {{closing_time}}")
    rulebook = book(during, whole, first, hours=(SHOP, kiosk))
    said = [texts(answer(rulebook, words)) for words in ("kiosk", "whole", "shop")]
    assert said == [["until 11:00"], ["until 11:00"], ["until 18:00"]]


def test_closing_time_past_midnight() -> None:
    assert closing_time(BOOK, "bar", at("2026-01-17 00:00")) == "00:00", "open all Saturday"
    assert closing_time(BOOK, "bar", at("2026-01-16 21:00")) == "02:00"


@pytest.mark.parametrize(
    ("when", "english", "swedish"),
    [
        ("2026-01-05 08:00", "today at 09:00", "i dag kl. 09:00"),
        ("2026-01-05 19:00", "tomorrow at 09:00", "i morgon kl. 09:00"),
        ("2026-01-05 10:00", "tomorrow at 09:00", "i morgon kl. 09:00"),
        ("2026-01-09 19:00", "tomorrow at 22:00", "i morgon kl. 22:00"),
        ("2026-01-10 23:00", "on Monday at 09:00", "på måndag kl. 09:00"),
        ("2026-12-24 13:00", "on Saturday at 10:00", "på lördag kl. 10:00"),
    ],
)
def test_next_opening(when: str, english: str, swedish: str) -> None:
    assert next_opening(BOOK, "shop", at(when), "en") == english
    assert next_opening(BOOK, "shop", at(when), "sv") == swedish


def test_an_opening_over_a_week_away_is_a_date() -> None:
    closed = {f"2026-01-{day:02}": CLOSED_DAY for day in range(5, 15)}
    rulebook = book(holidays=closed)
    assert next_opening(rulebook, "shop", at("2026-01-05 08:00"), "en") == "on 2026-01-15 at 09:00"


def test_a_shop_that_never_opens_has_no_next_opening() -> None:
    assert next_opening(book(hours=(Hours("shop", {}, PLACE),)), "shop", at("2026-01-05 08:00"), "en") == ""


def zoned(name: str) -> Rulebook:
    return book(settings=Settings(name, ("en",)))


def test_the_time_zone_is_the_rulebooks() -> None:
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert is_open(zoned("Europe/Stockholm"), "shop", noon)
    assert not is_open(zoned("Asia/Tokyo"), "shop", noon)
    assert today(zoned("Asia/Tokyo"), datetime(2026, 1, 5, 16, tzinfo=UTC)) == "2026-01-06"


@pytest.mark.parametrize("language", sorted(_DAYS))
def test_every_language_says_all_four_ways(language: str) -> None:
    monday = date(2026, 1, 5)
    assert len(_DAYS[language].names) == 7
    said = {opening_words(monday, datetime(2026, 1, day, 9, 30), language) for day in (5, 6, 8, 20)}  # noqa: DTZ001
    assert len(said) == 4
    assert all("09:30" in words and "{" not in words for words in said)


def test_our_own_sentences_are_there_in_the_same_languages() -> None:
    assert set(_DAYS) == set(MENU_WORDS) == set(OPTION_GONE)
    assert opening_words(date(2026, 1, 5), datetime(2026, 1, 5, 9), "xx") == "today at 09:00"  # noqa: DTZ001
