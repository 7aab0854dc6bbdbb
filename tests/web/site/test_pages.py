"""Templates escape whatever they are given, and files are given as they are, to everybody, and no others."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from bot.web.site import pages
from bot.web.site.pages import STATIC, address, environment, html, rendered, warm
from tests.web.site.conftest import Site

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus=alert(1) autofocus='",
    "{{ 7777 * 7777 }}{% include 'base.html' %}",
    "\u202egnp.exe\u202c",
    "\x00\x01\x7f",
    "\ud800 half a character",
    "😀" * 10_000,
    "</textarea></title></style>",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_words_a_page_holds_they_are_only_words(words: str) -> None:
    values = {"visitor": None, "title": words, "sentence": words, "cure": f"`{words}`"}
    text = rendered("refused.html", values)
    plain = rendered("refused.html", {"visitor": None, "title": "", "sentence": "", "cure": "`x`"})
    assert text.count("<") == plain.count("<"), "not one tag more"
    assert str(7777 * 7777) not in text
    form = rendered(
        "login.html", {"visitor": None, "target": words, "name": words, "trouble": words, "has_anybody": True}
    )
    assert form.count("<") == rendered(
        "login.html", {"visitor": None, "target": "", "name": "x", "trouble": "x", "has_anybody": True}
    ).count("<")
    assert html(text).body
    assert json.dumps(text).encode(), "and fits in a stream"


def test_a_value_that_is_missing_is_a_mistake_and_not_nothing() -> None:
    with pytest.raises(UndefinedError):
        rendered("refused.html", {"visitor": None, "title": "", "cure": ""})


def test_every_template_is_right_and_has_nothing_inline() -> None:
    for name in environment().list_templates(extensions=["html"]):
        environment().get_template(name)
        text = (pages.TEMPLATES / name).read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=[\"']|<script(?![^>]*\bsrc=)|javascript:", text), name
        assert "|safe" not in text or name == "inbox_marks.html", f"{name}: words become markup in words.py alone"
        assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text), f"{name}: nothing comes from elsewhere"


def test_no_script_or_style_asks_anybody_else() -> None:
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(
            r"https?://(?!www\.w3\.org/2000/svg)|@import|\beval\(|new Function|document\.write", text
        ), path.name


def test_all_is_read_at_the_start() -> None:
    warm()
    assert {path.name for path in STATIC.iterdir()} == pages._names()


async def test_a_file_has_an_address_of_its_version_and_is_kept_for_ever(site: Site) -> None:
    for name, kind in (("style.css", "text/css"), ("site.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = await site.get(address(name))
        assert (answer.status, answer.content_type, answer.charset) == (200, kind, "utf-8")
        assert await answer.read() == (STATIC / name).read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for other in (f"/static/{name}", f"/static/{name}?v=000000000000"):
            assert (await site.get(other)).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../pages.py",
            "..%2fpages%2fbase.html",
            "%2e%2e%2f%2e%2e%2fapp.py",
            "....//style.css",
            "..\\site.js",
            "style.css%00",
            "style.css/",
        ),
        *("", ".", "..", "STYLE.CSS", "/etc/passwd", "%2fetc%2fpasswd", "style.css.map", "a" * 5000),
    ],
)
async def test_no_other_file_is_given(site: Site, path: str) -> None:
    reader, writer = await asyncio.open_connection(site.client.host, site.client.port)
    writer.write(f"GET /static/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.split(b" ", 2)[1] in (b"404", b"400"), path
    assert b"from __future__" not in answer
    assert b"root:" not in answer


def test_pages_and_files_are_small() -> None:
    assert sum(path.stat().st_size for path in (STATIC / "site.js", STATIC / "style.css")) < 40_000
    assert isinstance(STATIC, Path)
