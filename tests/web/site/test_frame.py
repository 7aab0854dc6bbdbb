"""What is around every page: headers on each answer, and a page for whatever goes wrong."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bot.web.site.pages import HEADERS
from tests.web.site.conftest import BODY_MAX, OURS, Site

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_every_answer_has_the_headers_of_pages(site: Site) -> None:
    asked = [
        ("GET", "/admin/login"),
        ("GET", "/admin/"),
        ("POST", "/admin/login"),
        ("POST", "/admin/nowhere"),
        ("PUT", "/admin/login"),
        ("GET", "/static/style.css"),
        ("GET", "/static/nowhere.css"),
        ("GET", "/nowhere"),
    ]
    inside = [
        *(("GET", f"/admin/{path}") for path in ("", "nowhere", "operations", "answer", "login")),
        *(("GET", f"/admin/breaks/{how}") for how in ("refused", "retry", "redirect", "missing", "mistake")),
        *(("POST", f"/admin/{path}") for path in ("answer", "operate", "nowhere", "people/x")),
        ("HEAD", "/admin/live"),
        ("PATCH", "/admin/"),
        ("OPTIONS", "/admin/"),
        ("POST", "/admin/logout"),
    ]
    statuses = set()
    for who in ("", "anna"):
        if who:
            await site.log_in(who)
        for method, path in [*asked, *(inside if who else [])]:
            answer = await site.client.request(method, path, headers=BROWSER | OURS, allow_redirects=False)
            statuses.add(answer.status)
            for name, value in HEADERS.items():
                if not (name == "Cache-Control" and path.startswith("/static/")):
                    assert answer.headers.getall(name) == [value], (method, path, answer.status, name)
            assert "Server" not in answer.headers
    assert statuses >= {200, 302, 303, 401, 403, 404, 405, 410, 500, 503}


def test_nothing_from_elsewhere_is_allowed_and_nothing_inline() -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("how", "status", "sentence", "cure"),
    [
        ("refused", 410, "This &lt;person&gt; is gone.", "Look <code>elsewhere</code>."),
        ("retry", 503, "The database is locked.", "Nothing was done. Try again in a moment."),
        ("missing", 404, "There is nothing at this address.", ""),
        ("mistake", 500, "Parley made a mistake; it is not yours.", "Tell the operator; the log says more."),
    ],
)
async def test_what_goes_wrong_is_a_page(
    site: Site, logged: list[Any], how: str, status: int, sentence: str, cure: str
) -> None:
    await site.log_in("anna")
    logged.clear()
    answer = await site.get(f"/admin/breaks/{how}")
    text = await answer.text()
    assert answer.status == status
    assert sentence in text
    assert cure in text
    assert "<h1>" in text
    assert "secret of the machine" not in text
    assert "Traceback" not in text
    assert [each["event"] for each in logged] == (["page_broke"] if how == "mistake" else [])


async def test_an_unknown_page_is_a_designed_one_for_who_is_logged_in(site: Site) -> None:
    await site.log_in("anna")
    for path in ("/admin/nowhere", "/admin/people/x/y", "/admin/<script>", "/admin/%00"):
        answer = await site.get(path)
        text = await answer.text()
        assert answer.status == 404
        assert "<h1>Not here</h1>" in text
        assert "anna" in text, "the frame of all pages is there"
        assert "<script>" not in text
    wrong = await site.post("/admin/people/x", {"what": "x"})
    assert wrong.status == 405
    assert wrong.headers["Allow"] == "GET, HEAD"
    assert "<h1>Not possible</h1>" in await wrong.text()


async def test_a_form_that_is_too_large_is_told_so(site: Site) -> None:
    await site.log_in("anna")
    answer = await site.post("/admin/answer", {"what": "x" * BODY_MAX})
    assert answer.status == 413
    assert "<h1>Too large</h1>" in await answer.text()
    assert site.done == []


async def test_a_strangers_form_is_not_even_read(site: Site) -> None:
    reader, writer = await asyncio.open_connection(site.client.host, site.client.port)
    writer.write(b"POST /admin/answer HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 60000\r\n\r\n")
    assert b" 401 " in await asyncio.wait_for(reader.readline(), 5), "answered before any of it came"
    writer.close()


async def test_what_is_nowhere_is_a_page_for_people_and_a_problem_for_programs(site: Site) -> None:
    for path in ("/nowhere", "/phone/x", "/wp-admin/", "/.env", "/admin.php", "/static/", "/%2e%2e/etc/passwd"):
        page = await site.get(path, **BROWSER)
        assert (page.status, page.content_type) == (404, "text/html"), path
        assert "<h1>Not here</h1>" in await page.text()
        program = await site.get(path, Accept="*/*")
        assert (program.status, program.content_type) == (404, "application/problem+json"), path
        assert (await program.json(content_type=None))["type"] == "urn:parley:problem:not-found"
        assert page.headers["Vary"] == program.headers["Vary"] == "Accept"


async def test_the_head_of_a_page_comes_without_its_body(site: Site) -> None:
    await site.log_in("anna")
    for path in ("/admin/", "/admin/login", "/static/style.css"):
        answer = await site.client.head(path, allow_redirects=False)
        assert answer.status in (200, 303)
        assert await answer.read() == b""
    async with asyncio.timeout(5):
        live = await site.client.head("/admin/live")
        assert (live.status, live.content_type) == (200, "text/event-stream")


async def test_no_page_has_anything_inline(site: Site) -> None:
    await site.log_in("anna")
    for path in ("/admin/nowhere", "/admin/breaks/refused"):
        text = await (await site.get(path)).text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)|javascript:", text)
