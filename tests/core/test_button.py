"""Button ids: what we made is read back, and nothing else is."""

import hashlib
import hmac
from base64 import urlsafe_b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.button import button_id, read_button_id

KEY = b"k" * 32
names = st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True)
numbers = st.integers(0, 10**12 - 1)


@given(names, numbers, numbers)
def test_an_id_is_read_back(rule: str, version: int, option: int) -> None:
    made = button_id(KEY, rule, version, option)
    assert read_button_id(KEY, made) == (rule, version, option)
    assert read_button_id(b"other", made) is None


def test_the_signature_is_that_of_rfc_2104() -> None:
    digest = hmac.new(KEY, b"pb1.track_order.12.0", hashlib.sha256).digest()
    expected = urlsafe_b64encode(digest[:12]).decode()
    assert button_id(KEY, "track_order", 12, 0) == f"pb1.track_order.12.0.{expected}"


def test_an_id_is_short_plain_and_known_by_its_beginning() -> None:
    longest = button_id(KEY, "n" * 64, 10**12 - 1, 10**12 - 1)
    assert len(longest) < 173 - 40
    assert longest.isascii()
    assert longest.startswith("pb1.")
    assert set(longest) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@given(names, st.integers(0, 99), st.integers(0, 9), st.data())
def test_a_changed_id_is_refused(rule: str, version: int, option: int, data: st.DataObject) -> None:
    made = button_id(KEY, rule, version, option)
    at = data.draw(st.integers(0, len(made) - 1))
    char = data.draw(st.sampled_from("abz019._-A=é\n"))
    changed = made[:at] + char + made[at + 1 :]
    assert changed == made or read_button_id(KEY, changed) is None


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}=", "{}.", "x{}", "{}\x00"])
def test_nothing_may_stand_around_an_id(around: str) -> None:
    assert read_button_id(KEY, around.format(button_id(KEY, "hours", 3, 1))) is None


def signed_by(key: bytes, text: str) -> str:
    return f"{text}.{urlsafe_b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()[:12]).decode()}"


@pytest.mark.parametrize("spelling", ["pb1.hours.03.1", "pb1.hours.3.01", "pb1.Hours.3.1", "pb2.hours.3.1", "pb1..3.1"])
def test_an_id_has_one_spelling_even_when_signed(spelling: str) -> None:
    assert read_button_id(KEY, signed_by(KEY, "pb1.hours.3.1")) == ("hours", 3, 1)
    assert read_button_id(KEY, signed_by(KEY, spelling)) is None


@given(st.text() | st.text("pb1.0az_-=", max_size=120))
@example("pb1.a.0.0.")
@example("pb1.a.١.0.AAAAAAAAAAAAAAAA")
@example("pb1." + "a" * 10_000)
@example("pb1.a.0.0." + "\ud800" * 16)
@example("pb1.a." + "9" * 5_000 + ".0.AAAAAAAAAAAAAAAA")
def test_hostile_text_is_no_id(postback: str) -> None:
    assert read_button_id(KEY, postback) is None


def test_no_key_no_ids() -> None:
    assert read_button_id(b"", signed_by(b"", "pb1.hours.1.0")) is None
    with pytest.raises(ValueError, match="no button id"):
        button_id(b"", "hours", 1, 0)


@pytest.mark.parametrize(
    ("rule", "version", "option"),
    [("", 1, 0), ("n" * 65, 1, 0), ("Hours", 1, 0), ("å", 1, 0), ("a.b", 1, 0), ("a", -1, 0), ("a", 1, 10**12)],
)
def test_what_cannot_be_an_id_is_not_made(rule: str, version: int, option: int) -> None:
    with pytest.raises(ValueError, match="no button id"):
        button_id(KEY, rule, version, option)
