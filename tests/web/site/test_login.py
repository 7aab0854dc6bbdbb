"""Logging in and out over HTTP: what the browser is given, where it is led, and what an attacker may send."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any
from urllib.parse import quote

import pytest

from bot.web.site import login as login_module
from bot.web.site.access import TRIES_OF_A_NAME
from bot.web.site.login import FORM_MAX, FORM_TYPE
from bot.web.site.session import COOKIE, IDLE
from tests.web.site.conftest import ADMIN_PASSWORD, OURS, PASSWORD, MakeSite, Site

ANNA = {"name": "anna", "password": PASSWORD}


async def test_the_cookie_is_for_this_site_alone(site: Site) -> None:
    answer = await site.log_in("anna")
    assert (answer.status, answer.headers["Location"]) == (303, "/admin/")
    made = answer.cookies[COOKIE]
    assert (made["httponly"], made["samesite"], made["path"], made["domain"]) == (True, "Lax", "/", "")
    assert int(made["max-age"]) == 7 * 24 * 3600
    assert not made["secure"]
    assert "told to anna, answer" in await (await site.get("/admin/")).text()


async def test_over_https_it_never_leaves_without(site: Site) -> None:
    proxied = await site.post(
        "/admin/login", ANNA, {"Origin": f"https://{site.client.host}:{site.client.port}", "X-Forwarded-Proto": "https"}
    )
    assert proxied.status == 303
    assert proxied.cookies[COOKIE]["secure"]


async def test_who_has_a_cookie_already_is_given_another(site: Site) -> None:
    """A cookie that somebody else put there is not the one that is let in later."""
    planted = "planted.0000"
    site.client.session.cookie_jar.update_cookies({COOKIE: planted})
    assert (await site.log_in("anna")).cookies[COOKIE].value != planted


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", "wrong password"),
        ("nobody", PASSWORD),
        ("", ""),
        ("anna", ""),
        ("admin", PASSWORD),
        ("anna", PASSWORD + "x"),
    ],
)
async def test_what_was_wrong_is_not_told(site: Site, name: str, password: str) -> None:
    answer = await site.log_in(name, password)
    text = await answer.text()
    assert answer.status == 401
    assert COOKIE not in answer.cookies
    assert "That name and password do not belong together. Try again." in text
    assert not password or password not in text


async def test_the_operators_own_user(site: Site) -> None:
    assert (await site.log_in("admin", ADMIN_PASSWORD)).status == 303
    assert "told to admin, operate" in await (await site.get("/admin/")).text()


async def test_without_a_password_of_the_operator_there_is_no_such_user(make_site: MakeSite) -> None:
    site = await make_site(admin_password="")
    assert "Nobody can log in yet" in await (await site.get("/admin/login")).text()
    assert (await site.log_in("admin", "")).status == 401
    assert (await site.log_in("admin", "nobody's password")).status == 401
    await site.user("anna", "view")
    assert "Nobody can log in yet" not in await (await site.get("/admin/login")).text()


async def test_a_password_is_the_same_on_every_keyboard(site: Site) -> None:
    await site.user("eva", "view", "caf\u00e9 au lait")
    assert (await site.log_in("eva", "cafe\u0301 au lait")).status == 303


OURS_TO_GO_TO = [
    "/admin/",
    "/admin/people/46701740605",
    "/admin/?q=a%20b&after=//x",
    "/admin/rules?rule=%C3%A5",
    "/phone/",
    "/phone?x",
    "/admin",
]
NOT_OURS = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/admin\\..\\..\\evil",
    "/admin//evil.example",
    "/admin/..//evil.example",
    "/adminevil.example",
    "/admin.evil.example",
    "/admin@evil.example",
    "javascript:alert(1)",
    "/v1/messages",
    "/",
    " /admin/",
    "/admin/\t/evil",
    "/admin/\r\nSet-Cookie: x=y",
    "/admin/\x00",
    "/admin/å",
    "admin/",
    "https:/admin/",
    "/%61dmin/",
]


async def test_one_goes_on_to_where_one_wanted(site: Site) -> None:
    for target in OURS_TO_GO_TO:
        site.forget()
        form = await site.get(f"/admin/login?next={quote(target)}")
        assert f'name="next" value="{target.replace("&", "&amp;")}"' in await form.text()
        assert (await site.log_in("anna", target=target)).headers["Location"] == target
        again = await site.get(f"/admin/login?next={quote(target)}")
        assert (again.status, again.headers["Location"]) == (303, target)


async def test_nobody_is_led_elsewhere(site: Site) -> None:
    for target in NOT_OURS:
        answer = await site.log_in("anna", target=target)
        assert (answer.status, answer.headers["Location"]) == (303, "/admin/"), target
        assert "x" not in answer.cookies
        again = await site.get(f"/admin/login?next={quote(target)}")
        assert (again.status, again.headers["Location"]) == (303, "/admin/"), target


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_cannot_log_somebody_in(site: Site, headers: dict[str, str]) -> None:
    answer = await site.post("/admin/login", ANNA, headers)
    assert answer.status == 403
    assert COOKIE not in answer.cookies
    assert "was not sent by our page" in await answer.text()


async def test_logging_out_takes_the_cookie_and_the_pages(site: Site) -> None:
    await site.log_in("anna")
    shown = await site.get("/admin/people/secret")
    assert shown.headers["Cache-Control"] == "no-store"
    answer = await site.post("/admin/logout")
    assert (answer.status, answer.headers["Location"], site.cookie) == (303, "/admin/login", "")
    assert (await site.get("/admin/people/secret")).status == 303


async def test_another_site_cannot_log_somebody_out(site: Site) -> None:
    await site.log_in("anna")
    await site.post("/admin/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert (await site.get("/admin/")).status == 200
    assert (await site.get("/admin/logout")).status == 405


async def test_a_session_in_use_goes_on_and_one_that_is_not_ends(site: Site) -> None:
    await site.log_in("anna")
    first = site.cookie
    site.later(minutes=5)
    assert COOKIE not in (await site.get("/admin/")).cookies
    for _ in range(3):
        site.later(hours=11)
        assert (await site.get("/admin/")).status == 200
    assert site.cookie != first
    site.later(seconds=IDLE.total_seconds())
    assert (await site.get("/admin/")).status == 303


async def test_after_a_week_one_logs_in_again_however_busy_one_was(site: Site) -> None:
    await site.log_in("anna")
    for _ in range(27):
        site.later(hours=6)
        assert (await site.get("/admin/")).status == 200
    site.later(hours=6)
    assert (await site.get("/admin/")).status == 303


# --- what is sent instead of a form ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", FORM_TYPE, 401),
        (b"\xff\xfe\x00", FORM_TYPE, 401),
        (b"name=%FF%FE&password=%ED%A0%80", FORM_TYPE, 401),
        (b"name=anna%00&password=%00", FORM_TYPE, 401),
        (b"name=anna&password=x", f"{FORM_TYPE}; charset=utf-16", 401),
        (b"name=anna&password=x", f"{FORM_TYPE}; charset=no-such", 401),
        (b"&" * 5000, FORM_TYPE, 401),
        (b"name=" + b"a" * FORM_MAX, FORM_TYPE, 413),
        (b"{}", "application/json", 415),
        (b"name=anna", "text/plain", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"name=anna", "", 415),
    ],
)
async def test_no_form_breaks_the_login(site: Site, body: bytes, kind: str, status: int) -> None:
    answer = await site.post("/admin/login", body, OURS | {"Content-Type": kind})
    assert answer.status == status
    assert COOKIE not in answer.cookies
    assert "Log in" in await answer.text()


async def test_a_body_that_grows_when_it_is_unpacked_is_too_large(site: Site) -> None:
    packed = gzip.compress(b"name=" + b"a" * 50_000_000)
    assert len(packed) < 100_000
    headers = OURS | {"Content-Type": FORM_TYPE, "Content-Encoding": "gzip"}
    assert (await site.post("/admin/login", packed, headers)).status == 413


async def test_an_endless_body_is_refused_after_its_first_bytes(site: Site) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1024
            yield b"a" * 1024

    async with asyncio.timeout(10):
        try:
            answer = await site.client.post(
                "/admin/login", data=endless(), headers=OURS | {"Content-Type": FORM_TYPE}, allow_redirects=False
            )
            assert answer.status == 413
        except ConnectionError:
            pass  # it was cut off while it was still sending
    assert sent < 20_000_000


async def test_a_form_that_trickles_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_module, "FORM_S", 0.05)
    reader, writer = await asyncio.open_connection(site.client.host, site.client.port)
    writer.write(
        f"POST /admin/login HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {FORM_TYPE}\r\n"
        "Content-Length: 100\r\n\r\nname=a".encode()
    )
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


# --- what is logged ---------------------------------------------------------------------------------------------------------------


async def test_who_comes_and_goes_is_logged_and_no_password(site: Site, logged: list[Any]) -> None:
    await site.log_in("anna", "a wrong password")
    await site.log_in("my password by mistake", "a wrong password")
    await site.log_in("anna")
    await site.post("/admin/logout")
    await site.post("/admin/logout")
    assert [{key: each[key] for key in each if key != "log_level"} for each in logged] == [
        {"event": "login_failed", "name": "anna", "network": "127.0.0.0/24"},
        {"event": "login_failed", "name": "", "network": "127.0.0.0/24"},
        {"event": "login", "name": "anna", "role": "answer", "network": "127.0.0.0/24"},
        {"event": "logout", "name": "anna"},
    ]
    assert [user.last_login_at for user in await site.store.users.listed() if user.last_login_at] == [site.clock[0]]


# --- guessing ---------------------------------------------------------------------------------------------------------------------


async def test_guessing_is_slowed_down_for_one_address_and_name(site: Site) -> None:
    for _ in range(TRIES_OF_A_NAME):
        assert (await site.log_in("anna", "wrong")).status == 401
    refused = await site.log_in("anna")
    assert refused.status == 429
    assert "too many wrong passwords. Wait 61 seconds." in await refused.text()
    assert (await site.log_in("vera")).status == 303
    elsewhere = await site.log_in("anna", X_Forwarded_For="198.51.100.9")
    assert elsewhere.status == 303, "somebody else's guessing must not lock anna out"
    site.later(seconds=61)
    assert (await site.log_in("anna")).status == 303
