"""Ids of our buttons: what comes back as the postback of a tap, and proof that we made it.

An id names the rule, the rulebook version that showed the button and the option's position, so that a tap on a week-old
message still finds its way. The signature is HMAC-SHA256 (RFC 2104) under the installation's key, cut to 96 bits: an id cannot
be guessed or changed, only copied. WhatsApp allows a list row's id 200 characters and Sinch some of these; ours stay below
120 with the longest rule name.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

_PREFIX = "pb1"
_SIGNATURE_BYTES = 12
_SHAPE = re.compile(r"pb1\.([0-9a-z_]{1,64})\.(0|[1-9][0-9]{0,11})\.(0|[1-9][0-9]{0,11})\.([0-9A-Za-z_-]{16})")


def button_id(key: bytes, rule: str, version: int, option: int) -> str:
    """The id of option number ``option`` (from 0) of ``rule`` as rulebook ``version`` shows it: ASCII, safe in a URL.

    Raises ValueError for an empty key, a name that is not 1 to 64 of ``[a-z0-9_]``, or a number below 0 or of more than 12
    digits: all of these are settled long before a button is shown.
    """
    signed = f"{_PREFIX}.{rule}.{version}.{option}"
    made = f"{signed}.{_signature(key, signed)}"
    if not key or _SHAPE.fullmatch(made) is None:
        raise ValueError(f"no button id can be made for rule {rule!r}, version {version}, option {option}")
    return made


def read_button_id(key: bytes, postback: str) -> tuple[str, int, int] | None:
    """Rule, version and option of an id that ``button_id`` made under this key; None for every other text, however hostile.

    The signature is compared in constant time.
    """
    found = _SHAPE.fullmatch(postback)
    if found is None or not key:
        return None
    rule, version, option, signature = found.groups()
    expected = _signature(key, f"{_PREFIX}.{rule}.{version}.{option}")
    return (rule, int(version), int(option)) if hmac.compare_digest(signature, expected) else None


def _signature(key: bytes, signed: str) -> str:
    digest = hmac.new(key, signed.encode("ascii", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode("ascii")
