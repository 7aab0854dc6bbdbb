"""The whole server, and what is no proper HTTP, or odd: a refusal of ours or a closed connection, never a mistake, and no word of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.app import listen, open_app
from bot.cli.running import GUEST
from bot.web.api.keys import make_key
from bot.web.crowd import Limits
from bot.web.guard import runner_of
from bot.web.seldom import MOST
from bot.work.clock import RunningClock
from tests.journeys.shop import config_for
from tests.web.raw import connected, status, told

LIMITS = Limits(head_s=0.3, body_s=0.3, idle_s=0.3, linger_s=0.3)
RULES = "rules:\n  - {name: hello, when: {says: [hi]}, reply: {text: Hello}}\n"
MARK = b"zebra"
CLOSED = 0
BAD = {400}
LARGE = {431, CLOSED}


def get(path: bytes, *lines: bytes, host: bytes = b"x", method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([method + b" " + path + b" HTTP/" + version, b"Host: " + host, *lines, b"", b""])


def post(*lines: bytes, body: bytes = b"", path: bytes = b"/webhooks/sinch") -> bytes:
    return get(path, *lines, method=b"POST") + body


CHUNKED = b"Transfer-Encoding: chunked"
WAYS_IN = [b"/webhooks/sinch", b"/v1/messages", b"/admin/login", b"/admin/messages", b"/healthz", b"/nowhere"]

# What is sent, and the statuses that may come.
HTTP: Mapping[str, tuple[bytes, set[int]]] = {
    "nothing but line ends": (b"\r\n" * 100, {CLOSED}),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), BAD),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), BAD),
    "SSH": (b"SSH-2.0-zebra\r\n", BAD),
    "a method that nobody knows": (get(b"/", method=b"ZEBRA"), BAD),
    "a method in small letters": (get(b"/", method=b"get"), BAD),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", BAD),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", {200}),
    "HTTP/1.2": (get(b"/healthz", version=b"1.2"), BAD),
    "HTTP/2.0 by name": (get(b"/healthz", version=b"2.0"), BAD),
    "HTTP/9.9": (get(b"/healthz", version=b"9.9"), BAD),
    "HTTP/1.1 without Host": (b"GET /healthz HTTP/1.1\r\n\r\n", BAD),
    "two hosts": (get(b"/healthz", b"Host: zebra"), BAD),
    "NUL in a header": (get(b"/healthz", b"X: zeb\x00ra"), BAD),
    "NUL in the target": (get(b"/zebra\x00"), BAD),
    "line ends without CR": (b"GET /healthz HTTP/1.1\nHost: x\n\n", BAD),
    "a CR within a header": (get(b"/healthz", b"X: zeb\rra"), BAD),
    "a header folded over lines": (get(b"/healthz", b"X: zebra", b" zebra"), BAD),
    "a header without colon": (get(b"/healthz", b"zebra"), BAD),
    "a header without name": (get(b"/healthz", b": zebra"), BAD),
    "a space before the colon": (get(b"/healthz", b"Zebra : 1"), BAD),
    "a header beyond ASCII": (get(b"/healthz", b"X: \xff\xfe\xf0"), {200}),
    "65 headers": (get(b"/healthz", *(b"X-%d: zebra" % number for number in range(64))), LARGE),
    "a giant head": (get(b"/healthz", *(b"X-%d: " % number + MARK * 1500 for number in range(50))), LARGE),
    "a giant target": (get(b"/" + MARK * 100_000), LARGE),
    "two lengths": (post(b"Content-Length: 5", b"Content-Length: 5", body=MARK), BAD),
    "two lengths that differ": (post(b"Content-Length: 5", b"Content-Length: 6", body=MARK), BAD),
    "a list of lengths": (post(b"Content-Length: 5, 5", body=MARK), BAD),
    "a length below zero": (post(b"Content-Length: -5", body=MARK), BAD),
    "a length with a sign": (post(b"Content-Length: +5", body=MARK), BAD),
    "a length in hexadecimal": (post(b"Content-Length: 0x5", body=MARK), BAD),
    "a length without end": (post(b"Content-Length: " + b"9" * 30, body=MARK), BAD),
    "a length over the limit": (post(b"Content-Length: 1048577", body=MARK), {413}),
    "a length beyond 63 bits": (post(b"Content-Length: 18446744073709551614", body=MARK), {413, 400}),
    "length and chunks": (post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"), BAD),
    "chunks and length": (post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"), BAD),
    "xchunked": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), BAD),
    "chunked, then identity": (post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), BAD),
    "chunked twice": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), BAD),
    "chunked with a tab": (post(b"Transfer-Encoding:\tchunked", body=b"0\r\n\r\n"), {401}),
    "chunked, with VT": (post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), BAD),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), {400, 401}),
    "chunked in HTTP/1.0": (b"POST /webhooks/sinch HTTP/1.0\r\n" + CHUNKED + b"\r\n\r\n0\r\n\r\n", {400, 401}),
    "no chunks at all": (post(CHUNKED, body=b"0\r\n\r\n"), {401}),
    "a chunk of no size": (post(CHUNKED, body=b"zebra\r\n"), BAD),
    "a chunk of a size below zero": (post(CHUNKED, body=b"-1\r\nz\r\n"), BAD),
    "a chunk of a size in 0x": (post(CHUNKED, body=b"0x1\r\nz\r\n"), BAD),
    "a chunk of a size beyond 64 bits": (post(CHUNKED, body=b"f" * 40 + b"\r\nz\r\n"), BAD),
    "a chunk longer than told": (post(CHUNKED, body=b"2\r\nzebra\r\n0\r\n\r\n"), BAD),
    "a chunk with a bare LF": (post(CHUNKED, body=b"5\nzebra\n0\n\n"), BAD),
    "a chunk with a huge extension": (post(CHUNKED, body=b"5;" + MARK * 50_000 + b"\r\nzebra\r\n0\r\n\r\n"), {401}),
    "chunks without end": (post(CHUNKED, body=b"5\r\nzebra\r\n"), {CLOSED}),
    "chunks over the limit": (post(CHUNKED, body=b"10000\r\n" + bytes(65536) + b"\r\n"), {CLOSED}),
    "two MiB in chunks": (post(CHUNKED, body=(b"10000\r\n" + bytes(65536) + b"\r\n") * 32), {413}),
    "a trailer": (post(CHUNKED, body=b"0\r\nX: zebra\r\n\r\n"), {401}),
    "a hundred trailers": (post(CHUNKED, body=b"0\r\n" + b"X: zebra\r\n" * 100 + b"\r\n"), {400, 401, 431, CLOSED}),
    "a body that never comes": (post(b"Content-Length: 5"), {CLOSED}),
    "a body for GET": (get(b"/healthz", b"Content-Length: 5") + MARK, {200}),
    "a packed body": (post(b"Content-Length: 5", b"Content-Encoding: gzip", body=MARK), {415}),
    "a WebSocket": (
        get(b"/healthz", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: " + MARK) + bytes(500),
        {200, 400},
    ),
    "an old WebSocket": (get(b"/", b"Sec-WebSocket-Key1: zebra"), BAD),
    "another upgrade": (get(b"/healthz", b"Upgrade: h2c", b"Connection: Upgrade"), {200}),
    "CONNECT": (b"CONNECT zebra.example:443 HTTP/1.1\r\nHost: zebra.example:443\r\n\r\n" + bytes(500), {400, 404, 405}),
    "CONNECT to a path": (get(b"/healthz", method=b"CONNECT"), {400, 404, 405}),
    "TRACE": (get(b"/healthz", b"X-Secret: zebra", method=b"TRACE"), {405}),
    "OPTIONS of all": (get(b"*", method=b"OPTIONS"), {400, 404, 405}),
    "GET of all": (get(b"*"), BAD),
    "PROPFIND": (get(b"/healthz", method=b"PROPFIND"), {405}),
    "HEAD": (get(b"/healthz", method=b"HEAD"), {200}),
    "a whole address": (get(b"http://zebra.example/healthz"), {200, 400, 404}),
    "a whole address without a path": (get(b"http://zebra.example"), {200, 303, 400, 404}),
    "a whole address that is none": (get(b"http://[zebra"), BAD),
    "another scheme": (get(b"gopher://zebra/1"), {400, 404}),
    "no target": (b"GET  HTTP/1.1\r\nHost: x\r\n\r\n", BAD),
    "a target with a space": (get(b"/zeb ra"), BAD),
    "a relative target": (get(b"healthz"), BAD),
    "two slashes": (get(b"//zebra/healthz"), {404}),
    "up": (get(b"/static/../../../etc/passwd"), {404}),
    "up, in percent": (get(b"/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), {404}),
    "expects what nobody knows": (get(b"/healthz", b"Expect: zebra"), {417}),
    "waits for leave": (post(b"Expect: 100-continue", b"Content-Length: 5"), {100}),
}

HOSTS = [b"", b"[", b"[::1", b"zebra:99999", b"zebra:z", b"a b", b"\xff", b"@", b"zebra/../", b"%00", b"z" * 300]
# Within a path and within a query.
ODD = [
    *(b"%", b"%z", b"%zz", b"%00", b"%0a", b"%ff", b"%c3%28", b"%ed%a0%80", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"..", b"%2f"),
    *(b"'", b'"', b"<b>", b"{}", b"[]", b"|", b"^", b"`", b"\\", b";", b"#", b"?", b"&&==&", b"z" * 5000, b"%25", b"%F0%9F%98%80"),
]  # fmt: skip
PLACES = [
    *(b"/", b"/v1/messages/", b"/v1/contacts/", b"/v1/", b"/v1/messages?limit=", b"/v1/messages?status=", b"/v1/campaigns/"),
    *(b"/admin/", b"/admin/conversations/", b"/admin/rules/", b"/admin/login/", b"/admin/login?next=", b"/admin/messages?q="),
    *(b"/static/", b"/docs/", b"/nowhere/", b"/webhooks/", b"/healthz?", b"/readyz/", b"/openapi.json?"),
]  # fmt: skip
ALWAYS = {200, 303, 400, 401, 404, 405, 422, CLOSED}


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole server, with little patience, where everybody is logged in; and a key to its API."""

    port: int
    key: str


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "shop.yaml").write_text(RULES, encoding="utf-8")
    config = config_for("http://127.0.0.1:9", tmp_path / "shop.db", rules, admin_password=SecretStr("secret"))
    clock = RunningClock()
    app = await open_app(config, clock)
    runner = runner_of(app.web(app.desk(GUEST)), 2.0, LIMITS)
    try:
        await runner.setup()
        await listen(runner, "127.0.0.1", 0)
        yield Whole(
            runner.addresses[0][1], await make_key(app.store, "somebody", ["send", "read", "admin"], clock.now())
        )
    finally:
        await runner.cleanup()
        await app.close()


async def wrong(port: int, cases: Mapping[str, tuple[bytes, set[int]]]) -> list[str]:
    """A line for each case that was not answered as it should be. Several at a time, and a good client beside them."""
    turn = asyncio.Semaphore(40)

    async def one(name: str, sent: bytes, may_be: set[int]) -> str | None:
        async with turn:
            said = await told(port, sent)
        if status(said) not in may_be:
            return f"{name}: {said[:80]!r}"
        if b"server:" in said.lower() or b"traceback" in said.lower():
            return f"{name}: tells too much: {said[:300]!r}"
        if MARK in said and status(said) in {0, 400, 408, 413, 417, 431}:
            return f"{name}: repeats what was sent: {said[:300]!r}"
        return None

    found = await asyncio.gather(*(one(name, *case) for name, case in cases.items()), healthy(port, 100))
    return [each for each in found if each is not None]


async def healthy(port: int, times: int) -> str | None:
    """A client without fault."""
    for _ in range(times):
        async with connected(port) as good:
            good.send(get(b"/healthz"))
            if await good.answer() != (200, b"alive\n"):
                return "the good client was not served"
    return None


async def test_what_is_no_proper_http(whole: Whole, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logged:
        assert await wrong(whole.port, HTTP) == []
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []
    assert {each["event"] for each in logged} <= {"clients_refused", "webhook_refused"}
    assert MARK.decode() not in str(logged)


async def test_odd_addresses_and_hosts(whole: Whole, caplog: pytest.LogCaptureFixture) -> None:
    key = b"Authorization: Bearer " + whole.key.encode()
    cases = {
        f"{place!r} {odd[:20]!r}": (get(place + odd, b"Connection: close", key), ALWAYS)
        for place in PLACES
        for odd in ODD
    } | {
        f"{place!r} at {host[:20]!r}": (get(place, b"Connection: close", key, host=host), ALWAYS)
        for place in WAYS_IN
        for host in HOSTS
    }  # fmt: skip
    with capture_logs() as logged:
        assert await wrong(whole.port, cases) == []
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []
    assert {each["event"] for each in logged} <= {"clients_refused", "webhook_refused"}


async def test_a_slow_webhook_is_told_nothing_so_that_it_comes_again(whole: Whole) -> None:
    """A 408 might be final at Sinch, as other 4xx are."""
    assert await told(whole.port, post(b"Content-Length: 50", body=b"half")) == b""


async def test_a_slow_backend_is_told_so(whole: Whole) -> None:
    lines = (b"Authorization: Bearer " + whole.key.encode(), b"Content-Type: application/json", b"Content-Length: 50")
    said = await told(whole.port, post(*lines, path=b"/v1/messages", body=b"{"))
    assert status(said) == 408
    assert b"urn:parley:problem:slow-body" in said


async def test_forged_webhooks_do_not_fill_the_log(whole: Whole) -> None:
    with capture_logs() as logged:
        async with connected(whole.port) as raw:
            for _ in range(50):
                raw.send(post(b"Content-Length: 2", body=b"{}"))
                assert (await raw.answer())[0] == 401
    assert len([each for each in logged if each["event"] == "webhook_refused"]) == MOST
