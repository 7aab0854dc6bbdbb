"""Signed requests to Sinch: the ``signed`` way of proving who sends (Sinch, application signed requests).

Real for Sinch's Voice, Verification and In-App Calling. The Conversation API documents OAuth2 and Basic alone, so
expect 401 from it unless Sinch told you otherwise.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

from bot.errors import Misconfigured


def sign_request(key: str, secret: str, method: str, path: str, content_type: str, timestamp: str, body: bytes) -> str:
    """The ``Authorization`` header of one request; send ``timestamp`` as ``x-timestamp`` with it, letter for letter.

    ``secret`` is Base64, ``path`` decoded and without host or query, ``content_type`` the header's very text (empty
    without one), ``timestamp`` ISO 8601 in UTC. Raises ``Misconfigured`` when the secret is not Base64.
    """
    signed = "\n".join((method, _content_md5(body), content_type, f"x-timestamp:{timestamp}", path))
    mac = hmac.new(_decoded(secret), signed.encode(), "sha256")
    return f"Application {key}:{b64encode(mac.digest()).decode()}"


def _content_md5(body: bytes) -> str:
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() if body else ""


def _decoded(secret: str) -> bytes:
    try:
        decoded = b64decode(secret, validate=True)
    except (NotBase64, ValueError):
        decoded = b""
    if not decoded:
        raise Misconfigured(
            "SINCH_KEY_SECRET is no Base64, as signed requests need it; copy it again or set SINCH_AUTH=oauth2."
        )
    return decoded
