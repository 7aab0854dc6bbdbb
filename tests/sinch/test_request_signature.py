"""Signed requests: the published vectors, and what each part of the string to sign does."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Misconfigured
from bot.sinch.request_signature import sign_request

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
SIGNED = [vector for vector in VECTORS if vector["scheme"] == "application"]


def authorization(vector: dict[str, Any], **changes: Any) -> str:
    given = {
        "key": vector["key"],
        "secret": vector["secret_base64"],
        "method": vector["method"],
        "path": vector["path"],
        "content_type": vector["content_type"],
        "timestamp": vector["x_timestamp"],
        "body": vector["body"].encode(),
        **changes,
    }
    return sign_request(**given)


def test_there_are_two_vectors() -> None:
    assert len(SIGNED) == 2


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: vector["id"])
def test_a_vector(vector: dict[str, Any]) -> None:
    assert authorization(vector) == vector["authorization"]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/path"},
        {"content_type": "application/json; charset=utf-8"},
        {"timestamp": "2023-11-22T09:10:12.000Z"},
        {"body": b"{}"},
        {"body": b""},
        {"secret": "b3RoZXI="},
        {"key": "other"},
    ],
    ids=",".join,
)
def test_every_part_counts(change: dict[str, Any]) -> None:
    assert authorization(SIGNED[0], **change) != SIGNED[0]["authorization"]


def test_no_body_leaves_its_line_empty() -> None:
    """Worked out by hand: HMAC-SHA256 under the key "k" of "GET", two empty lines, "x-timestamp:t" and "/p"."""
    assert sign_request("id", "aw==", "GET", "/p", "", "t", b"") == (
        "Application id:" + "o988AhL0BtzInHzGFtbZ44RXAzmCIVKXwsB5pTG61AY="
    )


@pytest.mark.parametrize("secret", ["", "not base64!", "a", "bXk\n=", "ż"])
def test_a_secret_that_is_no_base64_is_named(secret: str) -> None:
    with pytest.raises(Misconfigured, match="SINCH_KEY_SECRET is no Base64"):
        authorization(SIGNED[0], secret=secret)
