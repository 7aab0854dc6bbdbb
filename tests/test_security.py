"""SECURITY.md is held to: each row names tests that there are. And those of its promises that have no better place."""

from __future__ import annotations

import ast
import asyncio
import hmac
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ParleyError
from bot.net import GuardedClient
from bot.rulebook.expression import compile_expression
from bot.sinch.emulator.signatures import callback_headers
from bot.sinch.signature import Verdict, Verifier
from bot.store.sqlite import open_store
from bot.web.api.keys import hash_of, make_key
from bot.web.site.passwords import hashed, verified
from tests.pages import ROOT, tables
from tests.privacy.canaries import gives_away
from tests.test_docs import section

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PARTS = (
    "Webhook",
    "Connections of anybody",
    "API",
    "Admin pages",
    "Rules",
    "Outgoing calls",
    "Logs",
    "Storage",
    "Running it",
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NOW = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("part", PARTS)
def test_every_row_of_a_part_names_tests_that_there_are(part: str) -> None:
    [(_, rows)] = tables(section(PAGE, part))
    assert rows
    for tried, stands, shown in rows:
        named = NAMED.findall(shown)
        assert tried, rows
        assert stands, tried
        assert named, f"{tried}: no test shows it."
        assert NAMED.sub("", shown).strip(" ,") == "", shown
        assert [each for each in named if each[1] not in functions_of(ROOT / each[0])] == []


def test_no_part_is_left_out() -> None:
    titles = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert titles == ["Reporting", *PARTS, "What is left"]
    assert len(tables(PAGE)) == len(PARTS)


# --- promises


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []

    def compare(ours: Any, theirs: Any) -> bool:
        compared.append((ours, theirs))
        return False  # so that nothing else can let it pass

    body, stamp = b'{"a":1}', str(int(NOW.timestamp()))
    verifier = Verifier("sinch", ["one secret", "another"], timedelta(minutes=5))
    headers = callback_headers("sinch", "one secret", body, "nonce", stamp)
    assert verifier.verify(headers, body, NOW) is Verdict.AUTHENTIC
    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert verifier.verify(headers, body, NOW) is Verdict.NOT_AUTHENTIC
    assert len(compared) == 2  # also where the first one fits
    assert all(isinstance(each, bytes) for pair in compared for each in pair)


async def test_a_key_is_kept_as_its_hash_alone(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="app")
    key = await make_key(store, "shop", ["send"], NOW)
    await store.close()
    assert len(key) >= 43  # 256 bits
    kept = everything_in(tmp_path)
    assert b"shop" in kept
    assert hash_of(key) in kept
    assert not gives_away(kept, key)


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_passwords_are_kept_by_argon2id() -> None:
    made = hashed("a long password")
    assert made.startswith("$argon2id$v=19$m=65536,t=")
    assert made != hashed("a long password")
    assert verified(made, "a long password")
    assert not verified(made, "another password")


@pytest.mark.parametrize("source", [r"(a+)+$", r"(a|aa)+$", r"(.*)(.*)(.*)(.*)(.*)=", r"(a?){50}a{50}", r"(\w+\s?)+:"])
def test_no_expression_takes_long(source: str) -> None:
    expression, text = compile_expression(source), "a" * 4096 + "!"
    began = time.process_time()
    for _ in range(10):
        expression.find(text)
    assert time.process_time() - began < 1.0


async def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """First to a public address and then to one of ours, as a name of somebody else's may."""
    heard = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asked = []

    async def resolve(host: str, *more: Any, **named: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    client = GuardedClient()
    address = f"http://files.example.org:{port}/"
    assert client.refusal_of(address.replace("http:", "https:")) == ""  # by its name there is nothing against it
    with pytest.raises(ParleyError, match="no public address"):
        await client.request("GET", address, 5.0)
    await client.close()
    server.close()
    await server.wait_closed()
    assert asked
    assert not heard.is_set()
