"""Who may ask for which page, and what everybody else is told."""

from __future__ import annotations

from typing import Any

import pytest

from bot.web.site.access import Visitor
from tests.web.site.conftest import OURS, MakeSite, Site

READS = ("/admin/", "/admin/people/anna", "/admin/operations", "/admin/breaks/refused", "/admin/breaks/mistake")
FOREIGN: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
)


async def test_a_stranger_cannot_tell_a_page_from_none(site: Site) -> None:
    for path in (
        *READS,
        "/admin/nowhere",
        "/admin/people",
        "/admin/people/x/y",
        "/admin/answer",
        "/admin//",
        "/admin/%00",
    ):
        for method in ("GET", "HEAD"):
            answer = await site.client.request(method, path, allow_redirects=False)
            assert (answer.status, await answer.text()) == (303, ""), path
            assert answer.headers["Location"].startswith("/admin/login?next=/admin/"), path
    told = set()
    for path in ("/admin/answer", "/admin/operate", "/admin/nowhere", "/admin/", "/admin/live"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            answer = await site.client.request(method, path, headers=OURS, allow_redirects=False)
            told.add((answer.status, await answer.text(), answer.headers.get("Allow")))
    assert len(told) == 1
    assert next(iter(told))[0] == 401
    assert (await site.get("/admin/live")).status == 401, "a script is told, not led to a form"
    assert site.done == []


async def test_after_logging_in_one_is_where_one_wanted_to_be(site: Site) -> None:
    led = await site.get("/admin/people/%C3%A5?q=a%26b%20c&x=%2F")
    form = await site.get(led.headers["Location"])
    assert 'value="/admin/people/%C3%A5?q=a%26b+c&amp;x=/"' in (await form.text()).replace("%20", "+").replace(
        "%2F", "/"
    )
    assert (await site.get(f"/admin/?q={'x' * 3000}")).headers["Location"] == "/admin/login?next=/admin/"


@pytest.mark.parametrize(("name", "may"), [("vera", ()), ("anna", ("answer",)), ("otto", ("answer", "operate"))])
async def test_each_role_may_what_it_may(site: Site, logged: list[Any], name: str, may: tuple[str, ...]) -> None:
    await site.log_in(name)
    logged.clear()
    for what in ("answer", "operate"):
        answer = await site.post(f"/admin/{what}", {"what": what})
        if what in may:
            assert (answer.status, answer.headers["Location"]) == (303, "/admin/")
        else:
            assert answer.status == 403
            text = await answer.text()
            assert f"{name} may not" in text
            assert f"Ask whoever runs the bot for the role &#34;{what}&#34;." in text
    assert site.done == [f"{name}: {what}" for what in may]
    assert (await site.get("/admin/operations")).status == (200 if "operate" in may else 403)
    denied = [(each["who"], each["page"], each["why"]) for each in logged if each["event"] == "access_denied"]
    role = {"vera": "view", "anna": "answer"}.get(name, "")
    refused = [
        what for what in ("/admin/answer", "/admin/operate", "/admin/operations") if what.split("/")[2] not in may
    ]
    assert denied == [(name, page, f"the role is {role}") for page in refused if role]


async def test_what_changes_something_comes_from_our_own_pages(site: Site, logged: list[Any]) -> None:
    await site.log_in("otto")
    logged.clear()
    for headers in FOREIGN:
        answer = await site.post("/admin/operate", {"what": "evil"}, headers)
        assert answer.status == 403
        assert "was not sent by one of our pages, so nothing was done" in await answer.text()
    assert site.done == []
    assert {each["event"] for each in logged} == {"access_denied"}
    origin = {"Origin": f"http://{site.client.host}:{site.client.port}"}
    assert (await site.post("/admin/operate", {"what": "fine"}, origin)).status == 303
    assert site.done == ["otto: fine"]


async def test_what_only_shows_may_be_asked_from_anywhere(site: Site) -> None:
    """A link in a mail; the other site cannot read what comes."""
    await site.log_in("anna")
    answer = await site.get("/admin/people/x", Sec_Fetch_Site="cross-site", Origin="https://evil.example")
    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded; charset=utf-16", "application/x-www-form-urlencoded; charset=no-such"]
)
async def test_a_form_that_cannot_be_read_is_refused(site: Site, kind: str) -> None:
    await site.log_in("anna")
    answer = await site.post("/admin/answer", b"what=%FF", OURS | {"Content-Type": kind})
    assert answer.status == 400
    assert "The form could not be read." in await answer.text()
    assert site.done == []


async def test_half_a_character_and_nothing_are_taken_as_they_are(site: Site) -> None:
    await site.log_in("anna")
    for body in (b"what=%ED%A0%80%FF", b"what=%00", b"", b"&&&=", b"\xff\xfe"):
        answer = await site.post("/admin/answer", body, OURS | {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status in (303, 400), body
    assert len(site.done) >= 3


async def test_in_the_demo_everybody_on_this_machine_is_let_in_and_no_other(make_site: MakeSite) -> None:
    site = await make_site(guest=Visitor("you", "operate", is_guest=True))
    port = site.client.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        assert "told to you" in await (await site.get("/admin/", Host=host)).text()
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "192.168.1.7"):
        answer = await site.get("/admin/people/x", Host=host)
        assert answer.status == 303
        assert (await site.post("/admin/operate", {"what": "x"}, OURS | {"Host": host})).status == 401
    for headers in FOREIGN:
        assert (await site.post("/admin/operate", {"what": "x"}, headers)).status == 403
    assert site.done == []
    led = await site.get("/admin/login")
    assert (led.status, led.headers["Location"]) == (303, "/admin/")


LINK = '<a href="{}" data-back>Back</a>'


async def test_a_refusal_leads_back_to_the_page_one_came_from(site: Site) -> None:
    await site.log_in("vera")
    here = f"http://{site.client.host}:{site.client.port}"
    answer = await site.post("/admin/answer", {}, OURS | {"Referer": f"{here}/admin/people/x?q=%22a&b"})
    assert LINK.format("/admin/people/x?q=%22a&amp;b") in await answer.text()
    nowhere = await site.get("/admin/breaks/missing", Referer=f"{here}/admin/people/x")
    assert LINK.format("/admin/people/x") in await nowhere.text()


async def test_a_refusal_leads_nowhere_but_to_pages_of_ours(site: Site) -> None:
    await site.log_in("vera")
    here = f"http://{site.client.host}:{site.client.port}"
    for referer in (
        "https://evil.example/admin/people/x",
        f"{here}//evil.example/admin/",
        f"{here}/v1/openapi.json",
        f"{here}/admin/login",
        f"{here}/admin/breaks/refused",
        f"{here}/admin/{'x' * 2000}",
        "http://[",
        "javascript:alert(1)",
        "",
    ):
        answer = await site.get("/admin/breaks/refused", Referer=referer)
        assert "data-back" not in await answer.text(), referer


async def test_without_a_referer_a_refusal_leads_to_the_page_above(site: Site) -> None:
    await site.log_in("vera")
    told = await (await site.post("/admin/operations/deeper/still", {})).text()
    assert LINK.format("/admin/operations") in told
