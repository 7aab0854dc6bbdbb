"""Who is let in, as a browser sees it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NARROW, WIDE, Check, Shot
from tests.browser.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")
PASSWORD = "correct horse battery"


async def the_header_is_one_row(demo: Demo, page: Page) -> None:
    """On a narrow screen too, with all pages in it; what is only a sign there keeps its name."""
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    header = page.get_by_role("banner")
    for name, path in {"Inbox": "/admin/", "Rules": "/admin/rules", "Phone": "/phone/"}.items():
        await header.get_by_role("link", name=name).click()
        await expect(page).to_have_url(re.compile(re.escape(f"{demo.url}{path}")))
        await expect(header.locator("[aria-current=page]")).to_have_text(name)
        assert await header.evaluate("(each) => each.offsetHeight") < 60
    for name in ("Keys", "Log out"):
        await expect(header.get_by_role("button", name=name, exact=True)).to_be_visible()
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]


async def test_logging_in_leads_to_the_page_one_wanted_and_out_again(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo(ADMIN_PASSWORD=PASSWORD)
    await page.goto(f"{demo.url}/admin/operations")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await axe(page)
    await page.get_by_label("Name").fill("admin")
    await page.get_by_label("Password").fill("wrong password")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    await shot(page, "login", both=True)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(f"{demo.url}/admin/operations")
    await the_header_is_one_row(demo, page)
    await page.get_by_role("button", name="Log out").click()
    await page.goto(f"{demo.url}/admin/")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
