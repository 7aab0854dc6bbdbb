"""Signing what Sinch signs and checking what it checks, spelled from the published descriptions and vectors.

Written apart from the bot's own verifier on purpose: a mistake in one of them shows as a disagreement.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Literal

Scheme = Literal["sinch", "simple"]


def callback_headers(scheme: Scheme, secret: str, body: bytes, nonce: str, timestamp: str) -> dict[str, str]:
    """The signature headers of a callback; none without a secret, as Sinch sends none then.

    ``sinch``: HMAC-SHA256 over body, dot, nonce, dot, timestamp, keyed with the secret's UTF-8 bytes, in padded
    base64 (Sinch Conversation API, webhook signatures). ``simple``: the same over body, bar, timestamp. ``timestamp``
    is Unix seconds.
    """
    if not secret:
        return {}
    if scheme == "simple":
        signed = body + b"|" + timestamp.encode()
        return {"x-sinch-signature": _mac(secret.encode(), signed), "x-sinch-timestamp": timestamp}
    signed = body + b"." + nonce.encode() + b"." + timestamp.encode()
    return {
        "x-sinch-webhook-signature-timestamp": timestamp,
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
        "x-sinch-webhook-signature": _mac(secret.encode(), signed),
    }


def new_nonce() -> str:
    """A nonce nobody has seen before."""
    return secrets.token_hex(13).upper()


def application_signature(secret: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """The signature of a request signed with an application key (Sinch, "Application signed request").

    ``secret`` is base64 text. ``headers`` needs ``content-type`` and ``x-timestamp`` in lower case; ``path`` is
    decoded, without host and query. Raises ValueError when the secret is not base64.
    """
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() if body else ""
    lines = [method, digest, headers.get("content-type", ""), "x-timestamp:" + headers.get("x-timestamp", ""), path]
    return _mac(base64.b64decode(secret, validate=True), "\n".join(lines).encode())


def _mac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
