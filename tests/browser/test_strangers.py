"""Strangers' words on every page: names, texts, files, links, tags, rules and campaigns that would run, hide or burst, were they more than
words."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NARROW
from tests.browser.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")
WHO = "447700900266"
EVIL = "\"'><img src=x onerror=ran()><svg onload=ran()></script><script>ran()</script>{{7*7}}${7*7}\u202e\u200b\u2066"
BARE = "<img src=x onerror=ran()>"
LONG = "W" * 10_000
LINK = "javascript:ran()"
RULES = f"""
rules:
  - name: odd   # {BARE} </script>
    when: {{says: [odd]}}
    reply: {{text: "{BARE} ${{7*7}} javascript:ran()", buttons: [{{label: "<b>{BARE[:14]}", goes_to: odd}}]}}
tests:
  - name: "{BARE}"
    steps: [{{says: odd, expect: {{rule: odd}}}}]
"""
BROKEN = RULES.replace("says: [odd]", "says: [odd], '<svg onload=ran()>': [1]")
PAGES = (
    "/admin/?q=%22%3E%3Cimg%20src=x%20onerror=ran()%3E&team=%3Cscript%3Eran()%3C/script%3E",
    "/admin/rules",
    "/admin/rules?file=rules/odd.yaml",
    "/admin/rules?rule=odd&q=%3Cimg%20src=x%20onerror=ran()%3E",
    "/admin/rules/history",
    "/admin/rules/tests",
    "/admin/rules/graph",
    "/admin/rules/graph?rule=odd",
    "/admin/rules/unmatched",
    "/admin/rules/replay",
    "/admin/operations",
    "/admin/operations/messages?reference=%22%3E%3Cimg%20src=x%20onerror=ran()%3E&reason=%3Csvg%20onload=ran()%3E",
    "/admin/operations/campaigns",
    "/admin/operations/campaigns/1",
    "/admin/operations/dead-letters",
    "/admin/operations/journal",
    f"/phone/?c={WHO}",
    f"/phone/?c={WHO}&tab=webhook",
    f"/phone/?c={WHO}&tab=send",
)
# Had a word become more than a word, one of these would be there, whatever the content policy keeps from running.
MADE = """() => [...document.querySelectorAll(
    'img[src="x"], main script, main svg[onload], [onerror], [onload], iframe, object, embed, base, form[action^="http"]')]
    .concat([...document.querySelectorAll("[href], [src], [action]")].filter((each) => ["href", "src", "action"].some(
        (name) => /^\\s*(?!https?:|tel:|blob:)[a-z][a-z0-9+.-]*:/i.test(each.getAttribute(name) ?? ""))))
    .map((found) => found.outerHTML.slice(0, 200))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def _says(demo: Demo) -> None:
    profile = {"identity": WHO, "name": BARE}
    async with demo.session.post(f"{demo.emulator_url}/emulator/profile", json=profile) as answer:
        assert answer.status < 400
    for words in (
        EVIL,
        LINK,
        LONG,
        "a\x00b\u0000\ufeff\u202e",
        f"[x]({LINK}) data:text/html,<script>ran()</script>",
        "odd",
    ):
        await demo.say(WHO, words)
    await demo.control("location", identity=WHO, latitude=1, longitude=2, title=EVIL, label=LINK)
    for url in ("https://x.example/<script>ran()</script>.svg", 'https://x.example/"onerror="ran()'):
        await demo.control("media", identity=WHO, url=url, caption=EVIL)
    fields = {"name": EVIL, "note": LONG[:1000], "address": LINK, "empty": "{{7*7}}"}
    await demo.api("PATCH", f"/contacts/+{WHO}", {"fields": fields, "tags": [BARE, LINK, "\u202etag", "W" * 60]})
    template = {"name": "order_shipped", "values": {"first_name": BARE, "order_number": LINK}}
    people = [{"to": f"+{WHO}"}, {"to": "+46701740699"}]
    plan = {"name": f"Spring {BARE}", "template": template, "recipients": people, "not_between": ""}
    await demo.api("POST", "/campaigns", plan)


async def test_words_of_strangers_stay_words_on_every_page(
    own_demo: Callable[..., Awaitable[Demo]], page: Page
) -> None:
    demo = await own_demo()
    await page.add_init_script("window.ran = () => { window.hasRun = true; }; window.alert = window.ran;")
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    await asyncio.to_thread((demo.rules / "odd.yaml").write_text, RULES, "utf-8")
    await page.goto(f"{demo.url}/admin/rules")
    await expect(page.get_by_text("Version 2").first).to_be_visible(timeout=30_000)
    await _says(demo)
    await demo.bubbles(WHO, 3)
    await page.goto(f"{demo.url}/admin/")
    number = re.search(r"/conversations/(\d+)", await page.content())
    assert number is not None
    there = f"/admin/conversations/{number[1]}"
    asked = (*PAGES, there, f"{there}?about=1&q=%3Cimg%20src=x%20onerror=ran()%3E", f"{there}/why/1")
    assert [found for path in asked if (found := await _trouble(page, demo, path))] == []
    await asyncio.to_thread((demo.rules / "odd.yaml").write_text, BROKEN, "utf-8")
    await page.goto(f"{demo.url}/admin/rules")
    await expect(page.get_by_text("unknown key").first).to_be_visible(timeout=30_000)
    assert await _trouble(page, demo, "/admin/rules") is None


async def _trouble(page: Page, demo: Demo, path: str) -> tuple[object, ...] | None:
    """What is wrong with a page: its status, what a stranger's words made, whether they ran, how much it is too wide."""
    answer = await page.goto(f"{demo.url}{path}", wait_until="load")
    assert answer is not None
    if await page.locator("[data-live]").count():
        await page.wait_for_selector("html[data-live=yes]")
    found = (await page.evaluate(MADE), await page.evaluate("window.hasRun === true"), await page.evaluate(WIDER))
    return None if answer.status < 400 and found == ([], False, 0) else (path, answer.status, *found)
