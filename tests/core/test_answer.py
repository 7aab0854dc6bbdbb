"""What counts as an answer, and the value that is kept."""

from datetime import UTC, date, datetime, time

import pytest

from bot.core.answer import found_within, option_chosen, option_value, read_text
from bot.core.asking import MustBe
from bot.core.rulebook import Settings
from bot.core.scene import Scene
from bot.core.text import normalise
from bot.core.values import read_date, read_number, read_time
from tests.core.build import DIGITS_8, MISSED, book, one_of, rule, talk

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)


def scene(date_order: str = "day_first", language: str = "en") -> Scene:
    settings = Settings("Europe/Stockholm", ("en", "sv"), date_order=date_order)  # type: ignore[arg-type]
    return Scene(book(rule("x", MISSED), settings=settings), talk(), NOW, language, True)


class Upper:
    def read(self, text: str, identity: str) -> str | None:
        return f"{text.upper()} {identity}" if text.isalpha() else None


@pytest.mark.parametrize(
    ("kind", "said", "kept"),
    [
        (DIGITS_8, " 12345678 ", "12345678"),
        (DIGITS_8, "1234 5678", "12345678"),
        (DIGITS_8, "1234567", None),
        (DIGITS_8, "١٢٣٤٥٦٧٨", "١٢٣٤٥٦٧٨"),
        (MustBe("digits", "4-6 digits", 4, 6), "12345", "12345"),
        (MustBe("number", "number"), "1 000,50", "1 000,50"),
        (MustBe("number", "number"), "-3", "-3"),
        (MustBe("number", "number"), "three", None),
        (MustBe("number", "number 1-10", 1, 10), "10", "10"),
        (MustBe("number", "number 1-10", 1, 10), "10,5", None),
        (MustBe("date", "date"), "24/12/2026", "2026-12-24"),
        (MustBe("date", "date"), "2026-02-29", None),
        (MustBe("date", "date"), "1.2.26", "2026-02-01"),
        (MustBe("date", "date"), "14/6", "2026-06-14"),
        (MustBe("future_date", "future date"), "14/6", "2027-06-14"),
        (MustBe("future_date", "future date"), "15/6", "2026-06-15"),
        (MustBe("future_date", "future date"), "2026-06-14", None),
        (MustBe("future_date", "future date"), "29/2", "2028-02-29"),
        (MustBe("future_date", "future date"), "Tomorrow!", "2026-06-16"),
        (MustBe("date", "date"), "i dag", "2026-06-15"),
        (MustBe("date", "date"), "morgen", None),
        (MustBe("time", "time"), "kl 18.30", "18:30"),
        (MustBe("time", "time"), "6 pm", "18:00"),
        (MustBe("time", "time"), "12 am", "00:00"),
        (MustBe("time", "time"), "25:00", None),
        (MustBe("email", "email"), "Åsa@exempel.se", "Åsa@exempel.se"),
        (MustBe("email", "email"), "asa at exempel.se", None),
        (MustBe("yes_or_no", "yes or no"), "Ja tack!", "yes"),
        (MustBe("yes_or_no", "yes or no"), "nope", "no"),
        (MustBe("yes_or_no", "yes or no"), "perhaps", None),
        (MustBe("text", "text"), "  Åsa  ", "Åsa"),
        (MustBe("text", "text"), "x" * 1001, None),
        (MustBe("phone", "phone", reads=Upper()), "abc", "ABC 15550001111"),
        (MustBe("pattern", "pattern", reads=Upper()), "1", None),
        (MustBe("image", "image"), "here", None),
        (one_of(("home", {"en": "At home", "sv": "Hemma"})), "HEMMAAA", "home"),
        (one_of(("at_home", {"en": "There", "sv": "Där"})), "at home", "at_home"),
    ],
)
def test_the_value_kept(kind: MustBe, said: str, kept: str | None) -> None:
    assert read_text(said, kind, scene()) == kept


def test_month_first_where_that_is_the_custom() -> None:
    assert read_text("12/24/2026", MustBe("date", "date"), scene("month_first")) == "2026-12-24"
    assert read_text("12/24/2026", MustBe("date", "date"), scene()) is None
    assert read_text("2026-12-24", MustBe("date", "date"), scene("month_first")) == "2026-12-24"


@pytest.mark.parametrize(
    ("kind", "said", "kept"),
    [
        (DIGITS_8, "it is 12345678, thanks", "12345678"),
        (DIGITS_8, "12345678 or 87654321", None),
        (DIGITS_8, "a12345678", None),
        (DIGITS_8, "123456789 is it", None),
        (MustBe("email", "email"), "write to asa@exempel.se please", "asa@exempel.se"),
        (MustBe("time", "time"), "at 18:30 or so", "18:30"),
        (MustBe("date", "date"), "on 24/12/2026 perhaps", "2026-12-24"),
        (MustBe("number", "number 1-10", 1, 10), "we are 4 people", "4"),
        (MustBe("yes_or_no", "yes or no"), "well yes", None),
    ],
)
def test_the_one_value_within_a_sentence(kind: MustBe, said: str, kept: str | None) -> None:
    assert found_within(normalise(said), kind, scene()) == kept


def test_options_by_number() -> None:
    three = one_of("A", "B", "C")
    assert [option_chosen(normalise(said), three, "en") for said in ("1", "3", "4", "0", "B")] == [0, 2, None, None, 1]
    assert option_chosen(normalise("Nej!"), MustBe("yes_or_no", "yes or no"), "sv") == 1
    assert [option_value(three, option) for option in (0, 2, 3)] == ["A", "C", None]
    assert option_value(MustBe("yes_or_no", "yes or no"), 1) == "no"


def test_numbers_dates_and_times_as_people_write_them() -> None:
    assert read_number("1.000") == 1000
    assert read_number("0.125") == 0.125
    assert read_date("31/4/2026", "day_first", date(2026, 1, 1)) is None
    assert read_time("24:00") == time(0, 0)
    assert read_time("24:01") is None
