"""Pages over a real store on a file, asked as browsers ask; only the clock is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from bot.errors import Refused, StoreUnavailable
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.users import Role
from bot.web.guard import hide_server
from bot.web.site.access import Access, Visitor
from bot.web.site.frame import nowhere, site_app
from bot.web.site.guard import Page, guarded, see_other
from bot.web.site.live import Pulse, stream
from bot.web.site.login import Login
from bot.web.site.pages import html, static_routes
from bot.web.site.session import COOKIE

PASSWORD = "correct horse battery"
ADMIN_PASSWORD = "a password of the operator"
OURS = {"Sec-Fetch-Site": "same-origin"}
BODY_MAX = 64 * 1024
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # what a hash costs is written in it


@dataclass
class Site:
    """Some pages under ``/admin``, one for each thing a page can do. ``done`` is what was done there."""

    client: TestClient[web.Request, web.Application]
    store: Store
    access: Access
    pulse: Pulse
    clock: list[datetime]
    done: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> ClientResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(path, headers=named, allow_redirects=False)

    async def post(self, path: str, data: Any = None, headers: dict[str, str] | None = None) -> ClientResponse:
        return await self.client.post(
            path, data=data, headers=OURS if headers is None else headers, allow_redirects=False
        )

    async def log_in(self, name: str, password: str = PASSWORD, target: str = "", **headers: str) -> ClientResponse:
        named = OURS | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.post("/admin/login", {"name": name, "password": password, "next": target}, named)

    @property
    def cookie(self) -> str:
        """What the browser keeps; empty: nothing."""
        return next((each.value for each in self.client.session.cookie_jar if each.key == COOKIE), "")

    def forget(self) -> None:
        """Another browser, without cookies."""
        self.client.session.cookie_jar.clear()

    async def user(self, name: str, role: Role, password: str = PASSWORD) -> None:
        await self.store.users.create(name, role, QUICK.hash(password), self.clock[0])

    def later(self, **by: float) -> None:
        self.clock[0] += timedelta(**by)


MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def make_site(
    tmp_path: Path, aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
) -> AsyncIterator[MakeSite]:
    async with AsyncExitStack() as stack:

        async def make(admin_password: str = ADMIN_PASSWORD, guest: Visitor | None = None) -> Site:
            clock = [datetime(2026, 1, 5, 9, tzinfo=UTC)]
            store = await open_store(tmp_path / "parley.db", app="app")
            stack.push_async_callback(store.close)
            access = Access(store.users, store.installation_key, lambda: clock[0], admin_password, guest)
            pulse = Pulse(store.conversations.turn)
            app = web.Application(middlewares=[nowhere], client_max_size=BODY_MAX)
            hide_server(app)
            done: list[str] = []
            site = Site(
                await _client(app, access, pulse, clock, aiohttp_client, done), store, access, pulse, clock, done
            )
            stack.callback(pulse.stop)
            return site

        yield make


async def _client(
    app: web.Application,
    access: Access,
    pulse: Pulse,
    clock: list[datetime],
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]],
    done: list[str],
) -> TestClient[web.Request, web.Application]:
    app.add_routes(static_routes())
    inner = site_app(access, "/admin")
    inner.add_routes(Login(access).routes())
    inner.add_routes(guarded(access, pages(access, pulse, clock, done), "/admin"))

    async def stop(_: web.Application) -> None:
        pulse.stop()

    inner.on_shutdown.append(stop)
    app.add_subapp("/admin", inner)
    return await aiohttp_client(app)


def pages(access: Access, pulse: Pulse, clock: list[datetime], done: list[str]) -> list[Page]:
    """One of each kind."""

    async def show(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        return html(f"<p>secret of {request.match_info.get('name', '')}, told to {visitor.name}, {visitor.role}</p>")

    async def change(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        form = await request.post()
        done.append(f"{visitor.name}: {form.get('what', '')}")
        return see_other("/admin/")

    async def breaks(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        match request.match_info["how"]:
            case "refused":
                raise Refused("This <person> is gone.", "gone", "Look `elsewhere`.", 410)
            case "retry":
                raise StoreUnavailable("The database is locked.")
            case "redirect":
                raise web.HTTPFound("/admin/")
            case "missing":
                raise web.HTTPNotFound
            case _:
                raise ZeroDivisionError("secret of the machine")

    async def live(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        async def fragments() -> dict[str, str]:
            return {"part": f"<div id='part'>{done}</div>"}

        return await stream(request, pulse, fragments, access.still_in(request), lambda: clock[0])

    return [
        Page("GET", "/", show),
        Page("GET", "/people/{name}", show),
        Page("GET", "/breaks/{how}", breaks),
        Page("GET", "/operations", show, role="operate"),
        Page("GET", "/live", live, is_part=True),
        Page("POST", "/answer", change, role="answer"),
        Page("POST", "/operate", change, role="operate"),
        Page("POST", "/operations/deeper/{id}", change, role="operate"),
    ]


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    """Where ``admin`` can log in, and ``vera`` (view), ``anna`` (answer) and ``otto`` (operate)."""
    made = await make_site()
    for name, role in (("vera", "view"), ("anna", "answer"), ("otto", "operate")):
        await made.user(name, role)  # type: ignore[arg-type]
    return made


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What is logged from now on."""
    with capture_logs() as entries:
        yield entries
