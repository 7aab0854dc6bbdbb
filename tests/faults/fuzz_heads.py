"""Heads as nobody should send them, over raw sockets: the signature's headers in every shape, and what is hardly HTTP at all.

The same seed gives the same requests. Whatever comes, the server answers below 500 or hangs up, and stays well.
"""

from __future__ import annotations

import asyncio
import hmac
import random
import re
import time
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from typing import Final

from tests.bench.events import SECRET, WEBHOOK_PATH

AT_ONCE: Final = 24
SILENT_S: Final = 0.7  # a head that is not whole gets no answer; we need not wait for the server to lose its patience
UNANSWERED: Final = 0

_STATUS: Final = re.compile(rb"(?:^|(?<=\n))HTTP/1\.[01] (\d{3}) |^HTTP/1\.[01] (\d{3}) ")
_PREFIX: Final = b"x-sinch-webhook-signature"
_BODIES: Final = (b"{}", b"", b'{"app_id":1}', b"null", b"\xff" * 40)
_TIMES: Final = (
    b"0", b"-1", b"+1", b"1e9", b"NaN", b"inf", b"0x10", b"", b" ", b"9" * 15, b"9" * 16, b"9" * 4000, b"1" * 7000, b"1_0", b"1.0", b"true",
    "١٧٦٣٦٣٣٧٣٠".encode(), "²³".encode(), b"\xff\xfe", b"2026-11-20T10:15:30Z", b"00000000001763633730", b"None",
)  # fmt: skip
_NONCES: Final = (
    b"n", b"", b" ", b"x" * 256, b"x" * 257, b"x" * 7000, b"\xff\xfe\x80", "ñ🙂".encode(), b".", b"a.b.c", b"\x01\x02", b"\t",
    b"' OR 1=1 --",
)  # fmt: skip
_SCHEMES: Final = (
    b"HmacSHA256", b"hmacsha256", b"HmacSHA1", b"HmacSHA512", b"none", b"", b"md5", b"\xff", b"HmacSHA256, HmacSHA256", b"x" * 5000,
)  # fmt: skip
_TARGETS: Final = (
    WEBHOOK_PATH.encode(), WEBHOOK_PATH.encode() + b"/", WEBHOOK_PATH.encode() + b"?a=%00&b=%ff", b"/", b"//", b"/%00", b"/%ff%fe",
    b"*", b"/readyz", b"/healthz?x", b"/v1/messages", b"/v1/messages/%2e%2e", b"/v1/openapi.json", b"/admin/",
    b"/admin/login?next=//evil", b"/static/", b"/static/../../etc/passwd", b"/static/%2e%2e/%2e%2e/x", b"http://other.example/",
    b"/" + b"a" * 3000, b"/" + b"%41" * 4000, b"/\xff\xfe", "/é🙂".encode(), b"", b"webhooks", b"/v1/contacts/" + b"9" * 500,
    b"/v1/messages?limit=" + b"9" * 300, b"/admin/conversations/" + b"9" * 60,
)  # fmt: skip
_METHODS: Final = (
    b"POST", b"POST", b"GET", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE", b"CONNECT", b"post", b"BREW", b"",
    b"\xff", b"G" * 300,
)  # fmt: skip
_ODD: Final = (
    b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: -1", b"Content-Length: 1e3",
    b"Content-Length: 99999999999999999999", b"Content-Length: +2", b"Content-Length: \xd9\xa3", b"Content-Length:",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding: \x00",
    b"Transfer-Encoding: identity", b"Expect: 100-continue", b"Expect: the unexpected",
    b"Upgrade: websocket\r\nConnection: upgrade", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", b"Content-Encoding: gzip",
    b"Content-Encoding: \xff", b"Content-Type: application/json; charset=\x00", b"Content-Type: \xff\xfe",
    b"Content-Type: multipart/form-data", b"Content-Type: multipart/form-data; boundary=", b"Cookie: session=\xff; ;;=;a",
    b"Cookie: " + b"a=b; " * 900, b"Host: \x00", b"Host: a\r\nHost: b", b"Host:", b"Authorization: Bearer \xff",
    b"Authorization: Basic ====", b"Authorization:", b"Range: bytes=-1-9", b"If-Modified-Since: yesterday",
    b"Accept-Language: \xff;q=NaN", b"Forwarded: for=\xff", b"X-Forwarded-For: 1,2,,\xff", b"Origin: null\r\nSec-Fetch-Site: \xff",
    b": no name", b"no colon", b" folded: x", b"a b: c", b"name : value", b"x\x00y: z", b"x: a\x00b", b"x: a\rb", b"\xff\xfe: \xff",
    b"x: " + b"v" * 9000, b"x" * 9000 + b": v", b"Idempotency-Key: \xff" * 2, b"Last-Event-ID: \xff",
)  # fmt: skip


class Heads:
    """An endless supply of requests as bytes."""

    def __init__(self, seed: int, port: int) -> None:
        self._dice = random.Random(seed)
        self._host = f"Host: 127.0.0.1:{port}".encode()

    def next(self) -> bytes:
        """The next one; half of them are about the signature, and are proper HTTP."""
        luck = self._dice.random()
        if luck < 0.5:
            return self._signed()
        return self._bent() if luck < 0.98 else self._broken_off()

    def _signed(self) -> bytes:
        """Signed over whatever its time and nonce are, so that it is these that decide; or signed wrongly."""
        dice = self._dice
        body, now = dice.choice(_BODIES), str(int(time.time())).encode()
        stamp = dice.choice(_TIMES) if dice.random() < 0.5 else now
        nonce = dice.choice(_NONCES) if dice.random() < 0.5 else dice.randbytes(6).hex().encode()
        mac = hmac.digest(SECRET.encode(), body + b"." + nonce + b"." + stamp, "sha256")
        proof = dice.choice((
            b64encode(mac), b64encode(mac), b64encode(mac), b64encode(mac).rstrip(b"="), urlsafe_b64encode(mac), mac.hex().encode(),
            b"", b"=", b64encode(mac) * 2, b"\xff" * 32, b'"' + b64encode(mac) + b'"', b"x" * 6000,
        ))  # fmt: skip
        headers = [
            (_PREFIX, proof), (_PREFIX + b"-timestamp", stamp), (_PREFIX + b"-nonce", nonce),
            (_PREFIX + b"-algorithm", dice.choice(_SCHEMES) if dice.random() < 0.4 else b"HmacSHA256"),
        ]  # fmt: skip
        if dice.random() < 0.2:
            headers += [
                (b"x-sinch-signature", proof),
                (b"x-sinch-timestamp", stamp),
                (b"Authorization", b"Application a:" + proof),
            ]
        if dice.random() < 0.25:
            headers.append(dice.choice(headers))
        if dice.random() < 0.2:
            headers.remove(dice.choice(headers))
        dice.shuffle(headers)
        lines = [self._cased(name) + b": " + value for name, value in headers]
        return self._request(b"POST", WEBHOOK_PATH.encode(), lines, body)

    def _cased(self, name: bytes) -> bytes:
        return self._dice.choice((name, name, name.upper(), name.title(), name.swapcase()))

    def _bent(self) -> bytes:
        dice = self._dice
        lines = [dice.choice(_ODD) for _ in range(dice.choice((0, 1, 1, 2, 3, 70)))]
        body = dice.choice(
            (
                b"",
                b"{}",
                b"5\r\nhello\r\n0\r\n\r\n",
                b"zz\r\n\r\n",
                b"ffffffffffffffff\r\nx\r\n0\r\n\r\n",
                b"-1\r\n\r\n",
            )
        )
        if dice.random() < 0.15:
            lines.append(b"Transfer-Encoding: chunked")
        request = self._request(dice.choice(_METHODS), dice.choice(_TARGETS), lines, body)
        if dice.random() < 0.1:
            request = request.replace(
                b"HTTP/1.1",
                dice.choice((b"HTTP/1.0", b"HTTP/9.9", b"HTTP/", b"http/1.1", b"HTTP/1.1.1", b"\xff", b"")),
                1,
            )
        if dice.random() < 0.1:
            request = request.replace(b"\r\n", dice.choice((b"\n", b"\r", b"\r\r\n", b"\n\n")))
        return dice.randbytes(dice.randrange(400)) + b"\r\n\r\n" if dice.random() < 0.05 else request

    def _request(self, method: bytes, target: bytes, lines: list[bytes], body: bytes) -> bytes:
        length = b"Content-Length: %d" % len(body)
        head = [method + b" " + target + b" HTTP/1.1", self._host, *lines, length, b"Connection: close"]
        return b"\r\n".join(head) + b"\r\n\r\n" + body

    def _broken_off(self) -> bytes:
        whole = self._signed()
        return whole[: self._dice.randrange(1, len(whole))]


async def send_heads(seed: int, count: int, port: int) -> tuple[Counter[int], list[bytes]]:
    """Send ``count``; how many were answered with each status, ``UNANSWERED`` where with none, and the requests that were answered 5xx."""
    heads = Heads(seed, port)
    answers: Counter[int] = Counter()
    guilty: list[bytes] = []
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            request = heads.next()
            for status in await _ask(port, request) or [UNANSWERED]:
                answers[status] += 1
                if status >= 500:
                    guilty.append(request)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return answers, guilty


async def _ask(port: int, request: bytes) -> list[int]:
    """The statuses of all that was answered until the server hung up, or fell silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    try:
        writer.write(request)
        while part := await asyncio.wait_for(reader.read(65536), SILENT_S):
            said += part
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return [int(found[1] or found[2]) for found in _STATUS.finditer(said)]
