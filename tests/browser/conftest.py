"""The system's Chromium, and demos to look at. Screenshots are kept in ``artefacts/`` (or $PARLEY_ARTEFACTS)."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.browser.demo import ROOT, Demo, demo_process
from tests.browser.small_site import Site

ARTEFACTS = Path(os.environ.get("PARLEY_ARTEFACTS", ROOT / "artefacts"))
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 375, "height": 760}
# A browser in a test asks nobody but us, and needs no sandbox of its own: it sees our pages alone.
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-dev-shm-usage"
).split()

CHROMIUM = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
)  # the first has no windows to think of: a third quicker

Shot = Callable[..., Awaitable[Path]]
Check = Callable[[Page], Awaitable[None]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of this process; tests are skipped where none is installed."""
    found = os.environ.get("PARLEY_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        cure = f"Debian: apt install {CHROMIUM[0]}"
        pytest.skip(f"No Chromium is installed ({cure}), so pages are not looked at.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A browser that remembers nothing of other tests."""
    made = await chromium.new_context(viewport=WIDE, locale="en-GB", timezone_id="UTC", reduced_motion="reduce")  # type: ignore[arg-type]
    made.set_default_timeout(15_000)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page whose scripts must not fail, and that asks nobody but the server it came from."""
    made = await context.new_page()
    troubles = watched(made)
    yield made
    assert troubles == []


def watched(page: Page) -> list[str]:
    """Fills up with what goes wrong on the page: errors of scripts, and what the content policy forbade."""
    troubles: list[str] = []

    def told(message: ConsoleMessage) -> None:
        # What the server refuses is part of many tests; the browser says so in the console as well.
        if message.type == "error" and "the server responded with a status of" not in message.text:
            troubles.append(f"{message.text} ({message.location})")

    page.on("console", told)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    return troubles


@pytest.fixture
def shot() -> Shot:
    """Keeps a picture of a page, ``name.png``; ``both=True``: wide and narrow, light and dark, four pictures."""

    async def take(page: Page, name: str, both: bool = False, full_page: bool = False) -> Path:
        if not both:
            await page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=full_page)
            return ARTEFACTS / f"{name}.png"
        for size, viewport in (("narrow", NARROW), ("wide", WIDE)):
            await page.set_viewport_size(viewport)  # type: ignore[arg-type]
            for theme in ("dark", "light"):
                await page.emulate_media(color_scheme=theme)
                await page.screenshot(path=ARTEFACTS / f"{name}-{size}-{theme}.png", full_page=full_page)
        return ARTEFACTS / f"{name}-wide-light.png"

    return take


@pytest.fixture
def axe() -> Check:
    """Fails with what axe-core finds wrong (labels, contrast, roles …), at both widths and in both themes."""

    async def check(page: Page) -> None:
        for viewport in (NARROW, WIDE):
            await page.set_viewport_size(viewport)  # type: ignore[arg-type]
            for theme in ("dark", "light"):
                await page.emulate_media(color_scheme=theme)
                found = (await Axe().run(page)).response["violations"]
                assert not found, f"{viewport['width']} px, {theme}:\n{_told(found)}"

    return check


def _told(violations: Sequence[dict[str, Any]]) -> str:
    return "\n".join(
        f"{each['id']}: {each['help']}\n  "
        + "\n  ".join(f"{node['html'][:160]}\n    {node['failureSummary']}" for node in each["nodes"][:4])
        for each in violations
    )


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    """A small page of our own, to try the shared script on."""
    made = Site()
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """A demo that the tests of a module share: use contacts of your own, and leave its clock, faults and rules alone."""
    async with demo_process(tmp_path_factory.mktemp("demo")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def own_demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Callable[..., Awaitable[Demo]]]:
    """Makes a demo for this test alone, ``await own_demo(ADMIN_PASSWORD="…")``; its clock, faults and rules may be changed."""
    async with AsyncExitStack() as stack:

        async def make(*options: str, **environment: str) -> Demo:
            folder = tmp_path_factory.mktemp("demo")
            return await stack.enter_async_context(demo_process(folder, environment, *options))

        yield make
