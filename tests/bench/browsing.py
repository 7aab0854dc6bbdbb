"""How quickly the pages answer over a large database: ``python -m tests.bench.browsing`` fills one, logs in and asks for each page.

100,000 contacts and 1,000,000 messages; the server alone on one core. Then somebody writes whose conversation is open, and it is measured
how long until the page is told.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import aiohttp

from tests.bench.asking import ask, free_port
from tests.bench.children import Broken, child, cores, wait_until_ready
from tests.bench.events import APP_ID, PROJECT_ID, SECRET, WEBHOOK_PATH
from tests.bench.large import fill
from tests.bench.road import Bench, environment_of
from tests.bench.sides import emulator

ROUNDS = 15
WANTED_MS = 200.0
WANTED_LIVE_S = 1.0
PASSWORD = "a password for measuring"
WRITER = "447700900123"
PAGES = {
    "inbox": "/admin/",
    "inbox, unread": "/admin/?show=unread",
    "inbox, needs a person": "/admin/?show=needs_person",
    "inbox, failed": "/admin/?show=failed",
    "inbox, opted out": "/admin/?show=stopped",
    "inbox, search a number": "/admin/?q=0900123",
    "inbox, search a name": "/admin/?q=anna",
    "inbox, search nothing found": "/admin/?q=zzzzqqqq",
    "conversation": "/admin/conversations/{person}",
    "rules": "/admin/rules",
    "rules, history": "/admin/rules/history",
    "rules, tests": "/admin/rules/tests",
    "rules, graph": "/admin/rules/graph",
    "rules, unmatched": "/admin/rules/unmatched",
    "rules, replay": "/admin/rules/replay",
    "operations": "/admin/operations",
    "operations, dead letters": "/admin/operations/dead-letters",
    "operations, campaigns": "/admin/operations/campaigns",
    "operations, messages": "/admin/operations/messages",
}


@asynccontextmanager
async def _logged_in(port: int) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # of an address without a name
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar) as session:
        form = {"name": "admin", "password": PASSWORD, "next": "/admin/"}
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with session.post("/admin/login", data=form, headers=headers, allow_redirects=False) as answer:
            if answer.status != 303:
                raise Broken(f"Logging in was answered {answer.status}.")
        yield session


async def _page(session: aiohttp.ClientSession, path: str) -> tuple[float, str]:
    """Milliseconds until the whole page was there, and its text."""
    began = time.perf_counter()
    async with session.get(path, allow_redirects=False) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise Broken(f"{path} was answered {answer.status}.")
    return (time.perf_counter() - began) * 1000, text


async def _pages(session: aiohttp.ClientSession, people: int) -> dict[str, list[float]]:
    """The pages take turns, so that a slow moment of the machine hits all of them; each first asked once without counting."""
    found: dict[str, list[float]] = {name: [] for name in PAGES}
    for round_ in range(ROUNDS + 1):
        person = 1 + round_ * (people // (ROUNDS + 2))
        for name, path in PAGES.items():
            took_ms, _ = await _page(session, path.format(person=person))
            if round_:
                found[name].append(took_ms)
    return found


async def _live(session: aiohttp.ClientSession, side_port: int) -> list[float]:
    """Seconds from a person's writing until their open conversation is told, for twenty messages one after another."""
    said = {"identity": WRITER, "text": "hello", "app_id": APP_ID}
    await asyncio.to_thread(ask, side_port, "POST", "/emulator/say", said)
    _, text = await _page(session, f"/admin/?q={WRITER}")
    link = re.search(r"/admin/conversations/\d+", text)
    if link is None:
        raise Broken("The inbox does not find who has just written.")
    _, text = await _page(session, link[0])
    found = re.search(r'data-live="([^"]+)"', text)
    if found is None:
        raise Broken("The conversation names no address for live updates.")
    took: list[float] = []
    timeout = aiohttp.ClientTimeout(total=120)
    async with session.get(unescape(found[1]), timeout=timeout) as stream:
        await _until(stream, b"event: news")
        for number in range(20):
            words = f"live message number {number:03}"
            began = time.perf_counter()
            await asyncio.to_thread(ask, side_port, "POST", "/emulator/say", {**said, "text": words})
            await _until(stream, words.encode())
            took.append(time.perf_counter() - began)
    return took


async def _until(stream: aiohttp.ClientResponse, words: bytes) -> None:
    seen = b""
    async with asyncio.timeout(20):
        while words not in seen:
            chunk = await stream.content.readany()
            if not chunk:
                raise Broken("The stream of live updates ended.")
            seen = (seen + chunk)[-4_000_000:]


async def _measure(port: int, side_port: int, people: int) -> tuple[dict[str, list[float]], list[float]]:
    async with _logged_in(port) as session:
        return await _pages(session, people), await _live(session, side_port)


def measure(
    bench: Bench, contacts: int, messages: int, database: Path | None = None
) -> tuple[dict[str, list[float]], list[float]]:
    """Milliseconds of each page, and seconds of live updates."""
    with emulator(bench.cores.others, bench.folder) as side:
        port = free_port()
        environment = {**environment_of(side, bench.folder, port), "ADMIN_PASSWORD": PASSWORD}
        if database is not None:
            shutil.copyfile(database, bench.folder / "parley.db")
        else:
            fill(bench.folder / "parley.db", contacts, messages, datetime.now(UTC), APP_ID)
        webhook = {
            "app_id": APP_ID,
            "target": f"http://127.0.0.1:{port}{WEBHOOK_PATH}",
            "secret": SECRET,
            "triggers": ["MESSAGE_INBOUND", "MESSAGE_DELIVERY"],
        }
        ask(side.port, "POST", f"/v1/projects/{PROJECT_ID}/webhooks", webhook)
        with child(
            "server", ["run.py", "serve"], bench.cores.server, bench.folder, environment, speaks=False
        ) as server:
            wait_until_ready(server, lambda: ask(port, "GET", "/readyz")[0] == 200)
            return asyncio.run(_measure(port, side.port, contacts))


def main() -> int:
    """Prints the figures; 1 where a page could not be had at all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.browsing", description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the database goes (default: the system's temporary folder)")
    parser.add_argument("--database", type=Path, help="one that tests.bench.large made for the app of this bench")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parley-bench-", dir=asked.folder) as name:
        bench = Bench(cores(pin=True), Path(name), seconds=0.0, connections=0, people=0)
        try:
            pages, live = measure(bench, asked.contacts, asked.messages, asked.database)
        except Broken as trouble:
            print(trouble, file=sys.stderr)
            return 1
    print(f"{asked.contacts:,} contacts, {asked.messages:,} messages; {ROUNDS} times each page; milliseconds")
    for page, took in pages.items():
        middle = statistics.median(took)
        verdict = "ok     " if middle < WANTED_MS else "NOT MET"
        print(f"{verdict}  {page:<30} median {middle:6.1f}  longest {max(took):6.1f}")
    verdict = "ok     " if max(live) < WANTED_LIVE_S else "NOT MET"
    print(f"{verdict}  live update: median {statistics.median(live):.2f} s, longest {max(live):.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
