"""Every page that there is, asked by everybody: whoever adds one need not remember to guard it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from pydantic import SecretStr

from bot.app import App
from bot.cli.running import running
from bot.store.users import Role
from bot.web.admin import routes as admin
from bot.web.phone import routes as phone
from bot.web.site.guard import LOGGED_OUT, Page
from bot.web.site.pages import HEADERS
from bot.work.clock import RunningClock
from tests.journeys.shop import RULES, config_for, serving
from tests.web.site.conftest import ADMIN_PASSWORD, OURS, PASSWORD, QUICK

ROLES: tuple[Role, ...] = ("view", "answer", "operate")
_NAMED = re.compile(r"\{(\w+)(?::(?:[^{}]|\{[^{}]*\})*)?\}")  # what a path names, perhaps with a pattern that it fits
FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


def address(page: Page, root: str = "/admin") -> str:
    """An address of the page, with a number for whatever it names."""
    return root + _NAMED.sub("1", page.path)


@asynccontextmanager
async def browser(url: str, name: str = "", password: str = PASSWORD) -> AsyncIterator[ClientSession]:
    """One that is logged in where it has a name."""
    async with ClientSession(url, cookie_jar=CookieJar(unsafe=True)) as session:
        if name:
            form = {"name": name, "password": password}
            async with session.post("/admin/login", data=form, headers=OURS, allow_redirects=False) as answer:
                assert answer.status == 303
        yield session


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[App, str]]:
    config = config_for("http://127.0.0.1:1", tmp_path / "shop.db", admin_password=SecretStr(ADMIN_PASSWORD))
    async with serving(config, RunningClock()) as (app, url):
        for role in ROLES:
            await app.store.users.create(role, role, QUICK.hash(PASSWORD), app.clock.now())
        yield app, url


async def test_every_route_is_a_page_or_the_login(served: tuple[App, str]) -> None:
    app, _ = served
    declared = {(page.method, _NAMED.sub(r"{\1}", page.path)) for page in admin.PAGES}
    assert len(declared) == len(admin.PAGES), "two pages at one address"
    made = admin.admin_app(app.desk())
    routes = {
        (route.method, route.resource.canonical)
        for route in made.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert routes == declared | {("GET", "/login"), ("POST", "/login"), ("POST", "/logout")}


async def strangers_are_told_nothing(session: ClientSession, pages: Sequence[Page], root: str, **headers: str) -> None:
    for page in pages:
        async with session.request(
            page.method, address(page, root), headers=OURS | headers, allow_redirects=False
        ) as answer:
            text = await answer.text()
            if page.method == "POST" or page.is_part:
                assert answer.status == 401, page
                assert LOGGED_OUT in text
                assert "/admin/logout" not in text
            else:
                assert (answer.status, text) == (303, ""), page
                assert answer.headers["Location"].startswith("/admin/login?next=/")
            for name, value in HEADERS.items():
                assert answer.headers.getall(name) == [value], page


async def test_a_stranger_gets_nothing_but_the_login(served: tuple[App, str]) -> None:
    _, url = served
    async with browser(url) as session:
        await strangers_are_told_nothing(session, admin.PAGES, "/admin")


async def test_other_sites_change_nothing_in_the_name_of_whoever_is_logged_in(served: tuple[App, str]) -> None:
    app, url = served
    before = await app.store.users.deeds(200)
    async with browser(url, "admin", ADMIN_PASSWORD) as session:
        for page in admin.PAGES:
            if page.method != "POST":
                continue
            for headers in (FOREIGN, {"Origin": "null"}, {}):
                async with session.post(address(page), headers=headers, allow_redirects=False) as answer:
                    assert answer.status == 403, page
                    assert "was not sent by one of our pages" in await answer.text()
    assert await app.store.users.deeds(200) == before


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_what_it_may_and_no_page_breaks(served: tuple[App, str], role: Role) -> None:
    """What it may is asked for as well, with an empty form: that is refused in words, or done, but never breaks."""
    _, url = served
    async with browser(url, role) as session:
        for page in admin.PAGES:
            method = "HEAD" if page.is_part and page.method == "GET" else page.method
            async with session.request(method, address(page), headers=OURS, allow_redirects=False) as answer:
                if ROLES.index(page.role) > ROLES.index(role):
                    assert answer.status == 403, page
                else:
                    assert answer.status < 500, page
                    assert answer.status not in (401, 403), page
                for name, value in HEADERS.items():
                    if name != "Content-Security-Policy":  # an attachment may have a stricter one
                        assert answer.headers.getall(name) == [value], page


async def test_a_session_is_no_api_key_and_a_key_no_session(served: tuple[App, str]) -> None:
    _, url = served
    async with browser(url, "admin", ADMIN_PASSWORD) as session:
        async with session.get("/v1/messages", headers=OURS) as answer:
            assert answer.status == 401
        cookie = next(iter(session.cookie_jar)).value
        async with session.get("/v1/messages", headers={"Authorization": f"Bearer {cookie}"}) as answer:
            assert answer.status == 401


async def test_what_is_outside_the_pages_answers_decently(served: tuple[App, str]) -> None:
    _, url = served
    async with browser(url) as session:
        for path, to in (("/", "/admin/"), ("/admin", "/admin/")):
            async with session.get(path, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, to)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for path in ("/phone/", "/phone", "/favicon.ico", "/robots.txt", "/v2/messages"):
            async with session.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
                assert (answer.status, answer.content_type) == (404, "text/html"), path
        async with session.get("/v1/nowhere", headers={"Accept": "text/html"}) as answer:
            assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_the_demo_lets_in_who_is_on_this_machine_alone(tmp_path: Path) -> None:
    async with running(RULES, tmp_path / "demo.db", 0, 0) as demo, browser(demo.url) as session:
        for pages, root in ((admin.PAGES, "/admin"), (phone.PAGES, "/phone")):
            await strangers_are_told_nothing(session, pages, root, Host="evil.example")
            for page in pages:
                if page.method == "POST":
                    async with session.post(address(page, root), headers=FOREIGN, allow_redirects=False) as answer:
                        assert answer.status == 403, page
        async with session.get("/phone/nowhere", headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404
            assert "<h1>Not here</h1>" in await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
