"""From ``to`` as a backend writes it to the address that messages go to.

A phone number is checked with Google's libphonenumber data; any other identity (such as WhatsApp's business-scoped ids) must be one
that wrote to us before.
"""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

from bot.core.event import ContactKey
from bot.errors import Refused
from bot.store.port import Store
from bot.store.units import Standing

CHANNEL: Final = "WHATSAPP"
IDENTITY_MAX: Final = 160
_SPACED: Final = re.compile(r"[\s().-]+")
_DIGITS: Final = re.compile(r"\+?[0-9]{4,20}")
CURE: Final = 'Write a phone number with + and its country, such as "+46701740605".'


async def address_of(to: str, app: str, store: Store) -> tuple[ContactKey, Standing]:
    """The address of ``to`` and how it stands. Raises ``Refused`` (422) when it is neither a phone number nor known."""
    contact = contact_of(to, app)
    standing = await store.standing(contact)
    if not standing.known:
        check_number(to)
    return contact, standing


def contact_of(to: str, app: str) -> ContactKey:
    """The address that ``to`` means, whether anybody has it or not."""
    return ContactKey(app, CHANNEL, _plain(to))


def _plain(to: str) -> str:
    """As we keep it: digits for a phone number, else as it was written."""
    bare = _SPACED.sub("", to)
    return bare.removeprefix("+") if _DIGITS.fullmatch(bare) else to


def check_number(to: str) -> None:
    """Raises ``Refused`` (422) where ``to``, of whom nothing is known, is no phone number with its country."""
    number = _SPACED.sub("", to)
    if not _DIGITS.fullmatch(number):
        raise Refused(f'"{to}" is neither a phone number nor somebody who wrote to us.', "bad-recipient", CURE, 422)
    if not number.startswith("+"):
        raise Refused(
            f'"{to}" may lack its country, and nobody of that number wrote to us.',
            "bad-recipient",
            _with_country(number),
            422,
        )
    if (fault := _fault(number)) is not None:
        raise Refused(f'"{to}" {fault}.', "bad-recipient", CURE, 422)


def remark_on(to: str) -> str | None:
    """What is odd about a number that is taken all the same, None where nothing is."""
    number = _SPACED.sub("", to)
    try:
        is_odd = number.startswith("+") and not phonenumbers.is_valid_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return None
    return (
        f'"{to}" has the length of a number, but is in no range that its country is known to give out.'
        if is_odd
        else None
    )


def check_digits(to: str) -> None:
    """The same where a ``+`` is easily lost, as in an address or a spreadsheet: digits alone are a whole number where they can be one."""
    bare = to.strip()
    if not (bare.isdecimal() and bare.isascii() and _fault(f"+{bare}") is None):
        check_number(bare)


def _with_country(number: str) -> str:
    """How digits without a ``+`` become a whole number."""
    bare = number.removeprefix("00")
    if bare.startswith("0") or _fault(f"+{bare}") is not None:
        return (
            'Write a phone number with + and its country, without the 0 before the area code, such as "+46701740605".'
        )
    return f'If its country stands in it already, write "+{bare}"; else put + and the country before it.'


def _fault(number: str) -> str | None:
    """What keeps a number from being anybody's. Only its country and length are judged: number plans change faster than tables,
    and WhatsApp itself tells when nobody has it."""
    try:
        reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        reason = phonenumbers.ValidationResult.INVALID_COUNTRY_CODE
    match reason:
        case phonenumbers.ValidationResult.IS_POSSIBLE:
            return None
        case phonenumbers.ValidationResult.INVALID_COUNTRY_CODE:
            return "starts with a country code that does not exist"
        case phonenumbers.ValidationResult.TOO_LONG:
            return "is too long for a number of its country"
        case _:
            return "is too short for a number of its country, or is only the end of one"
