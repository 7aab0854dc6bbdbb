"""Answers whose reading takes a library: phone numbers, and patterns that staff wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

from bot.core.asking import ReadsAnswer
from bot.core.values import plain_digits
from bot.errors import Misconfigured
from bot.rulebook.expression import Expression, compile_expression

_NUMBER = re.compile(r"(?P<country>\+|00)?(?P<rest>[ ./()\u00a0-]*\d[\d ./()\u00a0-]{3,30})")
_BESIDE = " \t\r\n\u00a0.,;:!?"
_MOST_CODE = 3  # digits of a country code (ITU-T E.164)


def phone_reader() -> ReadsAnswer:
    """Reads a phone number into E.164 (``+46701234567``); the whole answer must be one.

    With + or 00 its country must have numbers of that length. Without, it is one of the country that ``identity`` (digits, country
    code first) is from, and must be a number which that country gives out; with another identity it is none.
    """
    return _Phone()


def pattern_reader(source: str) -> ReadsAnswer:
    """Reads an answer that the RE2 expression takes whole, as written without spaces around; Misconfigured for a bad expression."""
    expression = compile_expression(source)
    if isinstance(expression, str):
        raise Misconfigured(expression)
    return _Pattern(expression)


@dataclass(frozen=True, slots=True)
class _Pattern:
    expression: Expression

    def read(self, text: str, identity: str) -> str | None:
        return text.strip() if self.expression.fits(text) else None


@dataclass(frozen=True, slots=True)
class _Phone:
    def read(self, text: str, identity: str) -> str | None:
        written = _NUMBER.fullmatch(plain_digits(text.strip(_BESIDE)))
        if written is None:
            return None
        if written["country"]:
            return _e164("+" + written["rest"], None)
        region = _region(identity)
        return _e164(written["rest"], region) if region else None


def _e164(written: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    if region:
        is_good = phonenumbers.is_valid_number(number)
    else:
        length = phonenumbers.is_possible_number_with_reason(number)
        is_good = length == phonenumbers.ValidationResult.IS_POSSIBLE
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_good else None


def _region(identity: str) -> str | None:
    """The country of a person's number; where countries share a code, the one that stands for them all."""
    if not (identity.isascii() and identity.isdecimal()):
        return None
    for length in range(1, _MOST_CODE + 1):
        region: str = phonenumbers.region_code_for_country_code(int(identity[:length]))
        if region not in (phonenumbers.UNKNOWN_REGION, phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY):
            return region
    return None
