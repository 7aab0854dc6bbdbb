"""Answers that are read by a library: phone numbers to E.164, and patterns."""

import pickle

import pytest

from bot.errors import Misconfigured
from bot.rulebook.answers import pattern_reader, phone_reader

SWEDE = "46701234567"


@pytest.mark.parametrize(
    ("text", "identity", "number"),
    [
        ("0701234567", SWEDE, "+46701234567"),
        (" 070-123 45 67. ", SWEDE, "+46701234567"),
        ("(070) 1234567!", SWEDE, "+46701234567"),
        ("46701234567", SWEDE, "+46701234567"),
        ("٠٧٠١٢٣٤٥٦٧", SWEDE, "+46701234567"),
        ("＋46 70 123 45 67", SWEDE, "+46701234567"),
        ("+46 (0)70-123 45 67", "someone", "+46701234567"),
        ("0046701234567", "", "+46701234567"),
        ("+1 555 123 4567", SWEDE, "+15551234567"),
        ("555 123 4567", "12025550100", None),
        ("(202) 456-1111", "12025550100", "+12024561111"),
        ("11 91234-5678", "5511987654321", "+5511912345678"),
        ("020 7946 0958", "447700900123", "+442079460958"),
        ("0701234567", "someone", None),
        ("0701234567", "", None),
        ("0701234567", "99900", None),
        ("0701234567", "8835100", None),
        ("12345", SWEDE, None),
        ("070123456789012", SWEDE, None),
        ("+999 12345678", SWEDE, None),
        ("+46 12", SWEDE, None),
        ("070 1234567 Anna", SWEDE, None),
        ("1-800-FLOWERS", "12025550100", None),
        ("call me", SWEDE, None),
        ("", SWEDE, None),
        ("+", SWEDE, None),
        ("\ud800", SWEDE, None),
    ],
)
def test_a_phone_number_is_read(text: str, identity: str, number: str | None) -> None:
    assert phone_reader().read(text, identity) == number


def test_an_answer_fits_a_pattern_as_a_whole() -> None:
    reader = pattern_reader("[A-Z]{2}-[0-9]{4}")
    assert reader.read(" ab-1234\n", SWEDE) == "ab-1234"
    assert reader.read("my ab-1234", SWEDE) is None
    assert reader.read("", SWEDE) is None


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(Misconfigured, match="never closed"):
        pattern_reader("(a")


def test_readers_travel() -> None:
    phone, pattern = pickle.loads(pickle.dumps((phone_reader(), pattern_reader("a+"))))  # noqa: S301 our own
    assert (phone, pattern) == (phone_reader(), pattern_reader("a+"))
    assert phone.read("0701234567", SWEDE) == "+46701234567"
    assert pattern.read("AAA", "") == "AAA"
