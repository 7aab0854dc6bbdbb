"""Single keys, and the small things that the shared script adds."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Check, Shot
from tests.browser.small_site import Site, focused, opened, rows

pytestmark = pytest.mark.asyncio(loop_scope="session")


KEYS = """
<p><label>Search <input type="search" data-search></label> <label>Answer <textarea data-reply></textarea></label>
<label>Once <input type="checkbox"></label> <a href="#back" data-back>Back</a></p>
"""


async def test_single_keys_move_search_answer_and_lead_back(site: Site, page: Page) -> None:
    await opened(site, page, KEYS + rows("a", "b", "c"))
    seen: list[Any] = []
    for key in ("j", "j", "k", "j", "j", "j"):
        await page.keyboard.press(key)
        seen.append(await focused(page))
    assert seen == ["a", "b", "a", "b", "c", "c"]
    await page.keyboard.press("/")
    await page.keyboard.type("jkr/")
    assert await page.get_by_label("Search").input_value() == "jkr/", "keys rest while one types"
    await page.keyboard.press("Escape")
    await page.keyboard.press("r")
    await page.keyboard.type("r")
    assert await page.get_by_label("Answer").input_value() == "r"
    assert not page.url.endswith("#back")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{site.url}/#back")
    await page.get_by_label("Once").focus()
    await page.keyboard.press("j")
    assert await focused(page) == "a", "a box to tick is not typing"
    await page.keyboard.press("Control+k")
    assert await focused(page) == "a"


async def test_the_keys_are_explained_and_can_be_switched_off(site: Site, page: Page, axe: Check, shot: Shot) -> None:
    await opened(site, page, KEYS + rows("a", "b"))
    await page.get_by_role("button", name="Keys").click()
    dialog = page.get_by_role("dialog", name="Keys")
    await expect(dialog).to_be_visible()
    await axe(page)
    await shot(page, "keys", both=True)
    await page.keyboard.press("j")
    await expect(dialog).to_be_visible()
    await page.get_by_label("Single keys do this").uncheck()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("button", name="Keys")).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.get_by_role("button", name="Keys")).to_be_focused()
    await page.reload()
    await page.keyboard.press("j")
    assert await focused(page) not in ("a", "b"), "the browser remembers"


async def test_a_text_is_copied_or_at_least_marked(site: Site, page: Page) -> None:
    await opened(site, page, '<pre id="code">run.py serve</pre><button data-copies="code">Copy</button>')
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("() => navigator.clipboard.readText()") == "run.py serve"
    await expect(page.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    await page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Selected")).to_be_visible()
    assert await page.evaluate("() => getSelection().toString()") == "run.py serve"


async def test_what_cannot_be_undone_is_asked_about(site: Site, page: Page) -> None:
    await opened(site, page, '<form method="post" action="/" data-asks="Sure?"><button>Erase</button></form>')
    asked: list[str] = []
    answers = iter((False, True))

    async def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if next(answers) else dialog.dismiss())

    page.on("dialog", answer)
    await page.get_by_role("button", name="Erase").click()
    assert (asked, site.shown) == (["Sure?"], 1)
    await page.get_by_role("button", name="Erase").click()
    await page.wait_for_load_state()
    assert (asked, site.shown) == (["Sure?", "Sure?"], 2)
