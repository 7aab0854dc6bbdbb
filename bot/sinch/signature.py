"""Whether a webhook really comes from Sinch: HMAC over the raw body, compared in constant time, and fresh.

Two schemes, chosen by setting and never detected from headers, since an attacker would pick the weaker one:

``sinch``   Sinch Conversation API, webhook signing: base64 of HMAC-SHA256 over ``body . nonce . timestamp``, the key
            being the secret's UTF-8 bytes; headers ``x-sinch-webhook-signature``, and the same with ``-timestamp``,
            ``-nonce``, ``-algorithm``.
``simple``  base64 of HMAC-SHA256 over ``body | timestamp``, headers ``x-sinch-signature`` and ``x-sinch-timestamp``.
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Literal

from bot.errors import Misconfigured

Scheme = Literal["sinch", "simple"]

NONCE_MAX = 256
_TIMESTAMP_MAX = 15  # decimal digits; a longer number is no time of ours, and int() is never handed a huge text
_MILLISECONDS = 13  # a Unix time of this many digits is in milliseconds, under the simple scheme only


class Verdict(Enum):
    """What a signature proves. STALE is authentic, but signed longer ago, or further ahead, than ``max_age``."""

    AUTHENTIC = "authentic"
    STALE = "stale"
    NOT_AUTHENTIC = "not_authentic"


class Verifier:
    """Checks webhooks against several active secrets (while one is being changed).

    Raises ``Misconfigured`` when made without a usable secret or with an unknown scheme: nothing is ever accepted
    unchecked.
    """

    __slots__ = ("_keys", "_max_age_s", "_scheme")

    def __init__(self, scheme: Scheme, secrets: Sequence[str], max_age: timedelta) -> None:
        if scheme not in ("sinch", "simple"):
            raise Misconfigured(f'The webhook scheme is "{scheme}"; it must be sinch or simple.')
        if not secrets or not all(secret.strip() for secret in secrets):
            raise Misconfigured(
                "A webhook secret is missing or empty; set SINCH_WEBHOOK_SECRET to the secret of the webhook."
            )
        self._scheme: Final = scheme
        self._keys: Final = tuple(hmac.new(_key(secret), digestmod="sha256") for secret in secrets)
        self._max_age_s: Final = max_age.total_seconds()

    def verify(self, headers: Mapping[str, object], body: bytes, now: datetime) -> Verdict:
        """Judge any headers and body, never raising. ``body`` is the bytes exactly as received, ``now`` aware UTC.

        A header that this needs and that is missing, repeated or not text refuses the webhook.
        """
        signed = _signed_sinch(headers) if self._scheme == "sinch" else _signed_simple(headers)
        if signed is None:
            return Verdict.NOT_AUTHENTIC
        signature, tail, sent_at_s = signed
        if not self._is_genuine(signature, body, tail):
            return Verdict.NOT_AUTHENTIC
        return Verdict.AUTHENTIC if abs(now.timestamp() - sent_at_s) <= self._max_age_s else Verdict.STALE

    def _is_genuine(self, signature: bytes, body: bytes, tail: bytes) -> bool:
        genuine = False
        for key in self._keys:
            mac = key.copy()
            mac.update(body)
            mac.update(tail)
            # Comparing the encoded text refuses every other spelling of the bytes: unpadded, url-safe, with line ends.
            genuine |= hmac.compare_digest(b2a_base64(mac.digest(), newline=False), signature)
        return genuine


_Signed = tuple[
    bytes, bytes, float
]  # the signature, what follows the body in the MAC, and when it was signed in Unix seconds


def _signed_sinch(headers: Mapping[str, object]) -> _Signed | None:
    signature = _one(headers, "x-sinch-webhook-signature")
    timestamp = _one(headers, "x-sinch-webhook-signature-timestamp")
    nonce = _one(headers, "x-sinch-webhook-signature-nonce")
    if not signature or not timestamp or not nonce or not _is_our_algorithm(headers):
        return None
    sent_at = _unix_time(timestamp)
    if sent_at is None or not signature.isascii() or len(nonce) > NONCE_MAX:
        return None
    try:  # aiohttp keeps bytes that are not UTF-8 as surrogates; they go into the MAC as they came
        tail = f".{nonce}.{timestamp}".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return signature.encode(), tail, float(sent_at)


def _signed_simple(headers: Mapping[str, object]) -> _Signed | None:
    signature = _one(headers, "x-sinch-signature")
    timestamp = _one(headers, "x-sinch-timestamp")
    if not signature or not timestamp or not signature.isascii():
        return None
    sent_at = _unix_time(timestamp)
    if sent_at is None:
        return None
    sent_at_s = sent_at / 1000 if len(timestamp) == _MILLISECONDS else float(sent_at)
    return signature.encode(), f"|{timestamp}".encode(), sent_at_s


def _is_our_algorithm(headers: Mapping[str, object]) -> bool:
    values = _all(headers, "x-sinch-webhook-signature-algorithm")
    if not values:
        return True  # Sinch's own SDKs do not ask for it either
    only = values[0]
    return len(values) == 1 and isinstance(only, str) and only.lower() == "hmacsha256"


def _unix_time(text: str) -> int | None:
    return int(text) if len(text) <= _TIMESTAMP_MAX and text.isascii() and text.isdigit() else None


def _one(headers: Mapping[str, object], name: str) -> str | None:
    """The only value of a header, or None where it is missing, repeated or not text."""
    values = _all(headers, name)
    if len(values) != 1:
        return None
    only = values[0]
    return only if isinstance(only, str) else None


def _all(headers: Mapping[str, object], name: str) -> Sequence[object]:
    """Every value of a header: at once from a multidict, else by comparing names without their case."""
    getall = getattr(headers, "getall", None)
    if getall is not None:
        found: Sequence[object] = getall(name, ())
        return found
    return [value for key, value in headers.items() if key.lower() == name]


def _key(secret: str) -> bytes:
    try:
        return secret.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Misconfigured("A webhook secret holds characters that are no text; copy it again from Sinch.") from None
