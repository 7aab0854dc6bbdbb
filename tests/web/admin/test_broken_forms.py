"""Forms that are none, or broken: every page that takes one refuses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.web.admin.routes import PAGES
from tests.web.admin.office import HERE, office

PART = b'--a\r\nContent-Disposition: form-data; name="number"'
BROKEN = (
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=a", b"x"),
    ("multipart/form-data; boundary=a", b"--a\r\nno header\r\n\r\n"),
    ("multipart/form-data; boundary=a", b"--a\r\nContent-Type: text/plain\r\n\r\nnameless\r\n--a--\r\n"),
    ("multipart/form-data; boundary=a", PART + b"\r\nContent-Transfer-Encoding: odd\r\n\r\n1\r\n--a--\r\n"),
    ("multipart/form-data; boundary=a", PART + b"\r\nContent-Type: text/plain; charset=odd\r\n\r\n1\r\n--a--\r\n"),
    ("multipart/form-data; boundary=a", PART + b"\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8bxxx\r\n--a--\r\n"),
    ("multipart/form-data; boundary=a", PART + b"\r\nContent-Encoding: deflate\r\n\r\n\xff\xff\xff\r\n--a--\r\n"),
    ("multipart/form-data; boundary=a", PART + b"\r\n\r\n\xff\xfe\r\n--a--\r\n"),
    ("multipart/form-data; boundary=" + "a" * 200, b"x"),
    (
        "application/x-www-form-urlencoded",
        b"text=%ED%A0%80&key=aaaaaaaaaaaaaaaaaaaa&number=%00&tags=%ED%A0%80&field.%00=1",
    ),
    ("application/json", b"{}"),
)


@pytest.mark.parametrize(("kind", "body"), BROKEN)
async def test_no_form_breaks_a_page(tmp_path: Path, kind: str, body: bytes) -> None:
    async with office(tmp_path) as desk:
        await desk.dies()
        for each in (page for page in PAGES if page.method == "POST"):
            path = re.sub(r"{[^{}]*(?:{[^{}]*}[^{}]*)*}", "1", each.path)
            headers = HERE | {"Content-Type": kind}
            async with desk.page.post(f"/admin{path}", data=body, headers=headers, allow_redirects=False) as response:
                assert response.status < 500, each.path
