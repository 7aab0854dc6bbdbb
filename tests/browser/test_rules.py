"""The rules pages in a browser: a save is seen without reloading, one can go back, look at the picture, copy a rule, try other rules."""

from __future__ import annotations

import zipfile
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NARROW, WIDE, Check, Shot
from tests.browser.demo import Demo

pytestmark = pytest.mark.asyncio(loop_scope="session")
SAVED_WITHIN_MS = 30_000  # a save is checked in a process of its own, on a machine that does much else
EVIL = "<img src=x onerror=alert(1)>"


def folder(rules: Path, old: str, new: str) -> bytes:
    """The folder as a ZIP, with an edit."""
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for path in sorted(rules.glob("*.yaml")):
            archive.writestr(f"rules/{path.name}", path.read_text(encoding="utf-8").replace(old, new))
    return body.getvalue()


async def test_a_save_shows_its_problems_then_goes_live_and_is_taken_back(
    own_demo: Callable[..., Awaitable[Demo]], page: Page, shot: Shot, axe: Check
) -> None:
    demo = await own_demo()
    shop = demo.rules / "shop.yaml"
    good = shop.read_text(encoding="utf-8")
    await page.goto(f"{demo.url}/admin/rules")
    await expect(page.locator("#rules-standing")).to_contain_text("Version 1")
    shop.write_text(good.replace("anytime: true ", "anytme: true ", 1), encoding="utf-8")
    banner = page.get_by_role("group", name="Problems in the folder")
    await expect(banner).to_contain_text("is not live: 1 problem", timeout=SAVED_WITHIN_MS)
    await expect(banner).to_contain_text("Version 1, the earlier rules, goes on answering")
    await expect(banner).to_contain_text('Did you mean "anytime"?')
    await expect(banner.locator(".pointed")).to_contain_text("anytme: true")
    await axe(page)
    await shot(page, "rules-broken", both=True)
    await banner.get_by_role("link", name="rules/shop.yaml:4:5").click()
    await expect(page.locator("#L4.wrong")).to_contain_text("unknown key")

    shop.write_text(good.replace("Welcome to our shop!", "Welcome to our big shop!"), encoding="utf-8")
    await expect(page.locator("#rules-standing")).to_contain_text("Version 2", timeout=SAVED_WITHIN_MS)
    await expect(banner).to_have_count(0)

    await page.get_by_role("link", name="History").click()
    live = page.locator(".version.live")
    await expect(live).to_contain_text("find_us", timeout=SAVED_WITHIN_MS)
    await axe(page)
    await shot(page, "rules-history", both=True)
    await live.get_by_role("link", name="Compare with 1").click()
    await expect(page.locator("li.added")).to_contain_text("big shop", timeout=SAVED_WITHIN_MS)
    await expect(page.locator("li.removed")).to_contain_text("our shop")
    await axe(page)
    await shot(page, "rules-compared", both=True)

    await page.goto(f"{demo.url}/admin/rules/history")
    asked: list[str] = []

    async def answer(dialog: object) -> None:
        asked.append(dialog.message)  # type: ignore[attr-defined]
        await dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", answer)
    await page.get_by_role("button", name="Go back to 1").click()
    await expect(page.locator(".version.live")).to_contain_text("rolled back from version 2")
    assert asked == ["Let version 1 answer again, in place of version 2? It stays until a rule file is saved."]
    await demo.say("447700900411", "where are you?")
    assert (await demo.bubbles("447700900411", 1))[1]["text"] == "Welcome to our shop!"


async def test_a_rule_is_found_and_the_picture_leads_on(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await page.goto(f"{demo.url}/admin/rules")
    await page.keyboard.press("/")
    await page.keyboard.type("öppettider")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="hours").first.click()
    await expect(page.get_by_role("complementary")).to_contain_text("When somebody writes “opening hours”")
    await expect(page.locator("li.its").first).to_contain_text("- name: hours")
    await axe(page)
    await shot(page, "rules-rule", both=True)
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    await page.locator("#rules-picture svg a").filter(has_text="welcome").first.click()
    await expect(page).to_have_url(f"{demo.url}/admin/rules?rule=welcome")
    counted = page.locator("#rules-side dd").first
    await expect(counted).to_have_text("0")
    await demo.say("447700900412", "hello")
    await expect(counted).to_have_text("1")
    await expect(page.locator(".lately")).to_contain_text("hello")


async def test_the_graph_is_clicked_and_made_larger_by_keys(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await page.goto(f"{demo.url}/admin/rules/graph")
    picture = page.locator("#canvas svg")
    await expect(picture).to_be_visible(timeout=SAVED_WITHIN_MS)
    await expect(page.get_by_role("button", name="Larger")).to_be_visible()
    before = await picture.get_attribute("width")
    await page.keyboard.press("+")
    await expect(picture).not_to_have_attribute("width", before or "")
    await page.keyboard.press("0")
    await axe(page)
    await shot(page, "rules-graph", both=True)
    await page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Full size").click()
    await picture.locator("a", has_text="everything").first.click()
    await expect(page).to_have_url(f"{demo.url}/admin/rules?rule=everything")


async def test_what_nobody_understood_can_be_copied_as_a_rule(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    for number, text in enumerate(("do you have gift cards?", "gift cards please", f"gift cards {EVIL}")):
        await demo.say(f"44770090042{number}", "hello")
        await demo.bubbles(f"44770090042{number}", 1)
        await demo.say(f"44770090042{number}", text)
        await demo.bubbles(f"44770090042{number}", 2)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{demo.url}/admin/rules/unmatched")
    group = page.locator("article.group").filter(has_text="do you have gift cards?")
    await expect(group).to_contain_text("gift cards please", timeout=SAVED_WITHIN_MS)
    await expect(page.locator("#groups img")).to_have_count(0)
    await axe(page)
    await shot(page, "rules-unmatched", both=True)
    await group.get_by_role("button", name="Copy").click()
    await expect(group.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("  - name: gift_cards\n    when: {says: {en: [")  # as far in as the folder's own rules


async def test_uploaded_rules_are_tried_side_by_side(demo: Demo, page: Page, shot: Shot, axe: Check) -> None:
    await demo.say("447700900431", "Where are you?")
    await demo.bubbles("447700900431", 1)
    await page.goto(f"{demo.url}/admin/rules/replay")
    await axe(page)
    await shot(page, "rules-replay", both=True)
    body = folder(demo.rules, "Welcome to our shop!", f"Welcome {EVIL}")
    await page.get_by_label("YAML files, or a ZIP of the folder").set_input_files(
        {"name": "rules.zip", "mimeType": "application/zip", "buffer": body}
    )
    await page.get_by_role("button", name="Replay these").click()
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    row = page.locator(".difference").filter(has_text="Where are you?").first
    await expect(row).to_contain_text("Welcome to our shop!", timeout=SAVED_WITHIN_MS)
    await expect(row).to_contain_text(f"Welcome {EVIL}")
    await axe(page)
    await shot(page, "rules-replayed", both=True)


async def test_tests_are_shown_and_nothing_is_wider_than_a_phone(
    demo: Demo, page: Page, shot: Shot, axe: Check
) -> None:
    await page.goto(f"{demo.url}/admin/rules/tests")
    await expect(page.locator("#tested")).to_contain_text("tests passed", timeout=SAVED_WITHIN_MS)
    await axe(page)
    await shot(page, "rules-tests", both=True)
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    for path in ("", "?rule=hours", "/history", "/tests", "/graph", "/unmatched", "/replay"):
        await page.goto(f"{demo.url}/admin/rules{path}")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= NARROW["width"], path
