"""Passwords: made, hashed with argon2id, compared. Every function here but ``new_password`` takes some 50 ms and 64 MiB: call it from a
thread."""

from __future__ import annotations

import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from bot.errors import Refused

PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 256
_hasher: Final = PasswordHasher()


def new_password() -> str:
    """Nobody guesses it: 120 random bits, of letters that are easy to tell apart and to type."""
    letters = "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(24))
    return "-".join(letters[at : at + 6] for at in range(0, 24, 6))


def as_typed(password: str) -> str:
    """The same for every keyboard: an ``é`` is one sign on one machine and two on another."""
    return unicodedata.normalize("NFC", password)


def hashed(password: str) -> str:
    """The hash to store. ``Refused`` where the password is too short or too long."""
    password = as_typed(password)
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Refused(
            f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.", "bad-password", "Choose another.", 422
        )
    try:
        return _hasher.hash(password)
    except UnicodeError:
        raise Refused("The password is not text in UTF-8.", "bad-password", "Choose another.", 422) from None


def verified(hash_: str, password: str) -> bool:
    """Whether the password is the one that was hashed; never an exception."""
    try:
        return _hasher.verify(hash_, as_typed(password))
    except (VerificationError, InvalidHashError, UnicodeError):
        return False


def is_hash(text: str) -> bool:
    """Whether it is a hash as ``hashed`` makes them, and not, say, a password."""
    try:
        return text.startswith("$argon2id$") and extract_parameters(text) is not None
    except InvalidHashError:
        return False
