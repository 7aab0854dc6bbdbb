"""Cookies: what we sealed opens, and nothing else does, whatever it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bot.web.site.session import IDLE, LONGEST, RENEW, Sealer, Session

KEY = b"k" * 32
SEALER = Sealer(KEY)
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
SESSION = Session("anna", AT, AT, SEALER.fingerprint("hash"))


@given(
    st.text(min_size=1, max_size=64).filter(lambda name: name.isprintable()),
    st.integers(0, 2**32),
)
def test_what_was_sealed_opens(name: str, at_s: int) -> None:
    at = datetime.fromtimestamp(at_s, UTC)
    session = Session(name, at, at + timedelta(hours=1), SEALER.fingerprint(name))
    assert SEALER.open(SEALER.seal(session)) == session


@given(st.one_of(st.text(), st.binary().map(lambda each: each.decode("utf-8", "surrogateescape"))))
def test_anything_else_is_none_and_never_an_error(cookie: str) -> None:
    assert SEALER.open(cookie) is None


@given(st.integers(0, 400), st.characters())
def test_a_cookie_of_which_one_sign_was_changed_does_not_open(at: int, sign: str) -> None:
    cookie = SEALER.seal(SESSION)
    at %= len(cookie)
    edited = cookie[:at] + sign + cookie[at + 1 :]
    assert SEALER.open(edited) == (SESSION if edited == cookie else None)


def test_a_part_of_a_cookie_does_not_open() -> None:
    cookie = SEALER.seal(SESSION)
    assert [cookie[:length] for length in range(len(cookie)) if SEALER.open(cookie[:length])] == []
    assert [cookie[length:] for length in range(1, len(cookie)) if SEALER.open(cookie[length:])] == []


def test_what_was_signed_with_another_key_does_not_open() -> None:
    assert SEALER.open(Sealer(b"x" * 32).seal(SESSION)) is None
    body = base64.urlsafe_b64encode(orjson.dumps(["admin", AT.timestamp(), AT.timestamp(), SESSION.fingerprint]))
    bare = hmac.new(KEY, body, hashlib.sha256).hexdigest()  # the installation's key itself, which signs button ids too
    assert SEALER.open(f"{body.decode()}.{bare}") is None


def test_a_session_has_two_ends() -> None:
    assert SESSION.is_alive(AT)
    assert SESSION.is_alive(AT + IDLE - timedelta(seconds=1))
    assert not SESSION.is_alive(AT + IDLE)
    used = Session("anna", AT, AT + LONGEST - timedelta(seconds=2), "f")
    assert used.is_alive(AT + LONGEST - timedelta(seconds=1))
    assert not used.is_alive(AT + LONGEST)
    assert not SESSION.is_alive(AT - RENEW - timedelta(seconds=1)), "it comes from the future"


def test_a_fingerprint_tells_a_change_and_nothing_else() -> None:
    assert SEALER.fingerprint("one") == SEALER.fingerprint("one") != SEALER.fingerprint("two")
    assert SEALER.fingerprint("one") != Sealer(b"x" * 32).fingerprint("one")
    assert SEALER.fingerprint("\ud800")
