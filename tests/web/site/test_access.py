"""Who is let in: forged cookies, changed passwords, revoked users, guesses, many at once."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest

from bot.errors import Overloaded, Refused
from bot.web.site import access as access_module
from bot.web.site.access import CHECKED_AT_ONCE, NAME_MAX, TRIES_OF_A_NAME, TRIES_OF_AN_ADDRESS, WAITING_MOST, Access
from bot.web.site.passwords import PASSWORD_MAX
from bot.web.site.session import COOKIE, Sealer, Session
from tests.web.site.conftest import ADMIN_PASSWORD, PASSWORD, QUICK, MakeSite, Site

SENDABLE = [each for each in range(256) if each not in (0, 10, 13)]


async def raw(site: Site, cookie: bytes) -> bytes:
    """The status line for a request with these bytes as its cookie."""
    reader, writer = await asyncio.open_connection(site.client.host, site.client.port)
    try:
        writer.write(b"GET /admin/people/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + cookie + b"\r\n\r\n")
        return await asyncio.wait_for(reader.readline(), 5)
    finally:
        writer.close()


NASTY = (
    b"",
    b"=",
    b".",
    b"a.b",
    b"a." + b"0" * 64,
    b"eyJ.." + b"f" * 64,
    b'"\\"; parley_session=.',
    b"\xff\xfe\x80.\xff",
    "å.å".encode(),
    b"." * 4000,
    b"W10=." + b"0" * 64,
    b"null.",
    b"\x01\x02\x7f",
    b"%00.%00",
    b"a" * 7000,
)


async def test_whatever_a_cookie_holds_nobody_is_let_in(site: Site) -> None:
    """``test_session`` tries any text; these are bytes on the wire."""
    dice = random.Random(5)
    drawn = [bytes(dice.choice(SENDABLE) for _ in range(dice.randrange(200))) for _ in range(100)]
    for each in (*NASTY, *drawn):
        for cookie in (each, b"parley_session=" + each, b"parley_session=x; parley_session=" + each):
            status = await raw(site, cookie)
            assert b" 303 " in status or b" 400 " in status, (cookie, status)


async def test_a_session_of_another_installation_is_none(site: Site) -> None:
    stranger = Sealer(b"another installation's key......")
    now = site.clock[0]
    for fingerprint in (
        stranger.fingerprint(ADMIN_PASSWORD),
        Sealer(site.store.installation_key).fingerprint(ADMIN_PASSWORD),
    ):
        cookie = stranger.seal(Session("admin", now, now, fingerprint))
        assert (await site.get("/admin/", Cookie=f"{COOKIE}={cookie}")).status == 303


async def test_a_session_needs_the_password_of_then(site: Site) -> None:
    ours, now = Sealer(site.store.installation_key), site.clock[0]
    for name in ("anna", "admin", "nobody", ""):
        cookie = ours.seal(Session(name, now, now, ours.fingerprint("")))
        assert (await site.get("/admin/", Cookie=f"{COOKIE}={cookie}")).status == 303


async def test_a_new_password_ends_all_sessions_of_the_old(site: Site) -> None:
    await site.log_in("anna")
    old = site.cookie
    await site.store.users.change("anna", site.clock[0], password=QUICK.hash(PASSWORD))
    assert (await site.get("/admin/")).status == 303
    await site.log_in("anna")
    assert (await site.get("/admin/")).status == 200
    site.forget()
    assert (await site.get("/admin/", Cookie=f"{COOKIE}={old}")).status == 303


async def test_so_does_a_new_password_of_the_operator(site: Site) -> None:
    await site.log_in("admin", ADMIN_PASSWORD)
    cookie = site.cookie
    users, key, now = site.store.users, site.store.installation_key, site.clock[0]
    request = FakeRequest({COOKIE: cookie})
    assert await Access(users, key, lambda: now, ADMIN_PASSWORD).visitor(request) is not None  # type: ignore[arg-type]
    for changed in ("another password", ""):
        assert await Access(users, key, lambda: now, changed).visitor(request) is None  # type: ignore[arg-type]


class FakeRequest:
    """As much of a request as is asked for its cookie."""

    def __init__(self, cookies: dict[str, str]) -> None:
        self.cookies = cookies


async def test_a_revoked_user_is_out_at_once_and_comes_back_with_a_new_password_alone(site: Site) -> None:
    await site.log_in("anna")
    await site.store.users.revoke("anna", site.clock[0])
    assert (await site.get("/admin/")).status == 303
    assert (await site.log_in("anna")).status == 401
    await site.user("anna", "view")
    assert (await site.get("/admin/")).status == 303, "the session from before must stay closed"
    assert (await site.log_in("anna")).status == 303


async def test_another_role_counts_at_once(site: Site) -> None:
    await site.log_in("vera")
    assert (await site.get("/admin/operations")).status == 403
    await site.store.users.change("vera", site.clock[0], role="operate")
    assert (await site.get("/admin/operations")).status == 200
    await site.store.users.change("vera", site.clock[0], role="view")
    assert (await site.get("/admin/operations")).status == 403


async def test_a_session_opens_no_api_and_an_api_key_no_page(make_site: MakeSite) -> None:
    site = await make_site()
    await site.log_in("admin", ADMIN_PASSWORD)
    key = site.cookie
    site.forget()
    assert (await site.get("/admin/", Authorization=f"Bearer {key}")).status == 303
    assert (await site.get(f"/admin/?{COOKIE}={key}")).status == 303


# --- guessing -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were compared with a password, each taking no time."""
    compared: list[str] = []

    def compare(hash_: str, password: str) -> bool:
        compared.append(hash_)
        return False

    monkeypatch.setattr(access_module, "verified", compare)
    return compared


async def failing(access: Access, name: str, address: str, password: str = "wrong") -> str:
    """The word of the refusal."""
    with pytest.raises((Refused, Overloaded)) as refused:
        await access.log_in(name, password, address)
    return refused.value.code if isinstance(refused.value, Refused) else "overloaded"


async def test_names_cannot_be_told_from_one_another_by_the_work_they_make(site: Site, checks: list[str]) -> None:
    for name in ("anna", "nobody", "admin", "", "x" * 500, "an\x00na", "åsa"):
        before = len(checks)
        assert await failing(site.access, name, f"198.51.100.{before}") == "wrong-password"
        assert len(checks) == before + 1, name
        assert checks[-1].startswith("$argon2id$")
    unknown = {each for each in checks if not each.startswith("$argon2id$v=19$m=8,")}
    assert [each.split("$")[3] for each in unknown] == ["m=65536,t=3,p=4"], "as much as for a user"


async def test_an_address_may_not_try_every_name(site: Site, checks: list[str]) -> None:
    told = [await failing(site.access, f"name{number}", "198.51.100.7") for number in range(TRIES_OF_AN_ADDRESS + 5)]
    assert told == ["wrong-password"] * TRIES_OF_AN_ADDRESS + ["too-many-tries"] * 5
    assert await failing(site.access, "name", "198.51.100.8") == "wrong-password"


async def test_many_at_once_are_not_more_than_may_be(site: Site, checks: list[str]) -> None:
    told = await asyncio.gather(*(failing(site.access, "anna", "198.51.100.7") for _ in range(200)))
    assert TRIES_OF_A_NAME <= told.count("wrong-password") == len(checks) < TRIES_OF_A_NAME + CHECKED_AT_ONCE
    assert told.count("overloaded") == 200 - WAITING_MOST
    assert await failing(site.access, "vera", "198.51.100.8") == "wrong-password", "and it goes on afterwards"


async def test_names_that_were_tried_take_little_memory(site: Site, checks: list[str]) -> None:
    await failing(site.access, "x" * 100_000, "198.51.100.7")
    assert max(len(each) for each in site.access._by_name._failed) < 2 * NAME_MAX


async def test_an_endless_password_is_not_hashed(site: Site, checks: list[str]) -> None:
    assert await failing(site.access, "anna", "198.51.100.7", "x" * (PASSWORD_MAX + 1)) == "wrong-password"
    assert checks == []


async def test_logging_in_never_holds_up_the_server(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While passwords are compared, which takes a thread and never more than two at a time, pages are answered."""
    go_on, at_once, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def compare(hash_: str, password: str) -> bool:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        assert go_on.wait(20)
        with lock:
            at_once -= 1
        return False

    monkeypatch.setattr(access_module, "verified", compare)
    tries = [asyncio.create_task(site.log_in(f"name{number}", "wrong")) for number in range(6)]
    while at_once < CHECKED_AT_ONCE:
        assert (await site.get("/admin/login")).status == 200
    assert not any(each.done() for each in tries)
    go_on.set()
    assert [answer.status for answer in await asyncio.gather(*tries)] == [401] * 6
    assert most == CHECKED_AT_ONCE
