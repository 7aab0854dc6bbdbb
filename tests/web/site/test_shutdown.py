"""A real server process with pages open: it lets a user in, and is gone soon after it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from bot.web.admin.routes import PAGES
from tests.cli.conftest import GOOD, ROOT, SERVER, clean_environment
from tests.web.site.conftest import ADMIN_PASSWORD, OURS

STREAMS = 3
GONE_WITHIN_S = 3.0
LIVE = next(f"/admin{page.path}" for page in PAGES if page.is_part and page.method == "GET" and "{" not in page.path)


async def test_a_server_whose_pages_are_open_stops_at_once(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(GOOD, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(ROOT / "run.py"), "serve"),
        cwd=tmp_path,
        env=clean_environment({**SERVER, "ADMIN_PASSWORD": ADMIN_PASSWORD}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        greeting = await asyncio.wait_for(process.stdout.readline(), 60)
        url = greeting.decode().split()[3].rstrip(".")
        async with ClientSession(url, cookie_jar=CookieJar(unsafe=True)) as session:
            form = {"name": "admin", "password": ADMIN_PASSWORD}
            async with session.post("/admin/login", data=form, headers=OURS, allow_redirects=False) as answer:
                assert answer.status == 303
            streams = [await session.get(LIVE) for _ in range(STREAMS)]
            for each in streams:
                assert each.status == 200
                assert await each.content.readline()
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 30) == 0
            assert time.monotonic() - began < GONE_WITHIN_S
            for each in streams:
                await each.content.read()
                assert each.content.at_eof()
        assert process.stderr is not None
        logged = (await process.stderr.read()).decode()
        assert ADMIN_PASSWORD not in logged
        assert '"login"' in logged
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
