"""The emulator's own signing against the published vectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.sinch.emulator.signatures import application_signature, callback_headers

VECTORS: list[dict[str, str]] = json.loads(Path(__file__).parent.with_name("vectors.json").read_text())


def of(scheme: str) -> list[dict[str, str]]:
    return [vector for vector in VECTORS if vector["scheme"] == scheme]


@pytest.mark.parametrize("vector", of("conversation"), ids=lambda vector: vector["id"])
def test_callbacks(vector: dict[str, str]) -> None:
    body = vector["body"].encode()
    headers = callback_headers("sinch", vector["secret"], body, vector["nonce"], vector["timestamp"])
    assert headers == {
        "x-sinch-webhook-signature": vector["signature"],
        "x-sinch-webhook-signature-nonce": vector["nonce"],
        "x-sinch-webhook-signature-timestamp": vector["timestamp"],
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }


@pytest.mark.parametrize("vector", of("simple"), ids=lambda vector: vector["id"])
def test_simple_callbacks(vector: dict[str, str]) -> None:
    headers = callback_headers("simple", vector["secret"], vector["body"].encode(), "unused", vector["timestamp"])
    assert headers == {"x-sinch-signature": vector["signature"], "x-sinch-timestamp": vector["timestamp"]}


@pytest.mark.parametrize("vector", of("application"), ids=lambda vector: vector["id"])
def test_signed_requests(vector: dict[str, str]) -> None:
    headers = {"content-type": vector["content_type"], "x-timestamp": vector["x_timestamp"]}
    body = vector["body"].encode()
    signature = application_signature(vector["secret_base64"], vector["method"], vector["path"], headers, body)
    assert f"Application {vector['key']}:{signature}" == vector["authorization"]


def test_vectors_are_there() -> None:
    assert [len(of(scheme)) for scheme in ("conversation", "simple", "application")] == [7, 2, 2]


def test_no_secret_no_signature() -> None:
    assert callback_headers("sinch", "", b"{}", "n", "1") == {}
