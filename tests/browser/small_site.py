"""A server of one small page in the frame of all pages, for what their shared script does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from aiohttp import web
from playwright.async_api import Page

from bot.web.site.access import Visitor
from bot.web.site.pages import HEADERS, html, rendered, static_routes

NOW = datetime(2026, 11, 24, 14, 2, 7, tzinfo=UTC)


@dataclass
class Site:
    """A server with one page, ``body`` in the frame of all pages; ``put`` sends parts to whoever has it open."""

    body: str = ""
    url: str = ""
    streams: list[web.StreamResponse] = field(default_factory=list)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    refusing: int = 0
    runner: web.AppRunner | None = None
    shown: int = 0
    asked: int = 0

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.add_routes(static_routes())
        app.add_routes([web.get("/", self._show), web.get("/live", self._live), web.post("/", self._show)])
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self.break_off()
        if self.runner is not None:
            await self.runner.cleanup()

    async def break_off(self) -> None:
        """All streams end, as where the server has gone."""
        self.listening.clear()
        self.over.set()
        self.over = asyncio.Event()
        self.streams.clear()

    async def put(self, now: datetime, **fragments: str) -> None:
        async with asyncio.timeout(15):
            await self.listening.wait()
        content = orjson.dumps({"now": now.isoformat(), "fragments": fragments})
        for each in self.streams:
            await each.write(b"event: news\ndata: " + content + b"\n\n")

    async def tell_over(self) -> None:
        for each in self.streams:
            await each.write(b"event: over\ndata: {}\n\n")

    async def _show(self, request: web.Request) -> web.Response:
        self.shown += 1
        values = {
            "visitor": Visitor("you", "operate", is_guest=True),
            "title": "A page",
            "sentence": "MARK",
            "cure": "",
            "now": NOW,
        }
        return html(rendered("refused.html", values).replace('<p role="alert">MARK</p>', self.body))

    async def _live(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.refusing:
            return web.Response(status=self.refusing)
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = "text/event-stream"
        if request.method == "HEAD":
            return response
        await response.prepare(request)
        await response.write(b"retry: 50\n\n")
        self.streams.append(response)
        self.listening.set()
        await self.over.wait()
        return response


def rows(*names: str, more: str = "") -> str:
    """A list as pages have it."""
    items = "\n".join(
        f'<li data-key="{name}" id="row-{name}"><a href="#{name}" data-step>{name}{more}</a>'
        f"<details><summary>more of {name}</summary>hidden</details></li>"
        for name in names
    )
    return f'<ul id="list" class="bare">\n{items}\n</ul>'


async def put(site: Site, page: Page, **fragments: str) -> None:
    """Send parts, and return when the page shows them."""
    heard = "addEventListener('parley:put', () => setTimeout(done), { once: true })"
    await page.evaluate(f"() => {{ window.arrived = new Promise((done) => {heard}); }}")
    await site.put(NOW, **fragments)
    async with asyncio.timeout(15):
        await page.evaluate("() => window.arrived")


async def opened(site: Site, page: Page, body: str) -> None:
    site.body = f'<div data-live="/live">{body}</div>'
    await page.goto(site.url)
    async with asyncio.timeout(15):
        await site.listening.wait()


async def is_same(page: Page, selector: str) -> bool:
    """Whether the element is the one that ``mark`` marked."""
    return bool(await page.evaluate("(selector) => document.querySelector(selector)?.marked === true", selector))


async def mark(page: Page, *selectors: str) -> None:
    await page.evaluate(
        "(all) => { for (const each of all) document.querySelector(each).marked = true; }", list(selectors)
    )


async def focused(page: Page) -> str:
    return str(await page.evaluate("() => document.activeElement.textContent"))
