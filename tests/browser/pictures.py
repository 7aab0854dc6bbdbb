"""``make pictures``: the pictures that README and docs show, taken anew of a demo with a day of customers behind it."""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Page, async_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.demo import ROOT, Demo, demo_process

PICTURES = ROOT / "docs" / "pictures"
BEA, ANNA, LIV = "447700900123", "46701740605", "46701740606"  # the first two are on the phone from the start
WORDS = (
    "hi",
    "when are you open?",
    "where are you?",
    "returns",
    "can I talk to somebody",
    "thanks",
    "gift cards?",
    "delivery",
    "menu",
)
PEOPLE = tuple(f"4477009002{number:02}" for number in range(1, 15)) + tuple(
    f"467017406{number:02}" for number in range(10, 20)
)


async def a_day(demo: Demo) -> None:
    """Customers of twenty hours, more of them by day."""
    dice = random.Random(7)
    for hour in range(20):
        for person in dice.sample(PEOPLE, 2 + (5 if 6 < hour < 18 else 1)):
            await demo.say(person, dice.choice(WORDS))
        await settled(demo)
        await demo.later(hours=1)


async def settled(demo: Demo) -> None:
    """Everything has left and was read."""
    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(0.3)
            under_way = [await demo.api("GET", f"/messages?status={each}") for each in ("queued", "sent", "delivered")]
            if not any(page["messages"] for page in under_way):
                return


async def conversations(demo: Demo) -> None:
    """The people one sees by name."""
    names = {BEA: ("Bea", "Bell"), ANNA: ("Anna", "Ek"), LIV: ("Liv", "Berg")}
    for identity, (first, last) in names.items():
        await demo.api("PATCH", f"/contacts/{identity}", {"fields": {"first_name": first, "last_name": last}})
    await demo.say(LIV, "hej")
    await demo.bubbles(LIV, 1)
    await demo.say(ANNA, "när har ni öppet?")
    await demo.bubbles(ANNA, 1)
    await demo.say(BEA, "hi")
    welcome = (await demo.bubbles(BEA, 1))[-1]
    await demo.tap(BEA, welcome["message_id"], 1)
    await demo.bubbles(BEA, 2)
    await demo.say(BEA, "where are you?")
    await demo.bubbles(BEA, 4)
    await settled(demo)


async def take(demo: Demo, page: Page) -> None:
    """All of them."""
    await page.goto(f"{demo.url}/phone/?c={BEA}")
    await page.wait_for_selector("html[data-live]")
    await _keep(page, "phone")
    await page.goto(f"{demo.url}/admin/")
    await page.get_by_text("Bea Bell").first.click()
    await page.wait_for_selector("html[data-live]")
    await _keep(page, "inbox")
    await page.goto(f"{demo.url}/admin/rules?rule=hours")
    await _keep(page, "rules")
    await page.goto(f"{demo.url}/admin/operations")
    await page.wait_for_selector("html[data-live]")
    await _keep(page, "operations")


async def _keep(page: Page, name: str) -> None:
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)
        await page.screenshot(path=PICTURES / f"{name}-{theme}.png")
    print(f"docs/pictures/{name}-light.png and -dark.png")


async def main() -> int:
    """0 when all pictures are there."""
    found = shutil.which("chromium")
    if found is None:
        print("No Chromium is installed (Debian and Ubuntu: apt install chromium).", file=sys.stderr)
        return 1
    await asyncio.to_thread(PICTURES.mkdir, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        async with demo_process(Path(folder)) as demo, async_playwright() as playwright:
            await a_day(demo)
            await conversations(demo)
            browser = await playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
            context = await browser.new_context(
                viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
            )
            await take(demo, await context.new_page())
            await browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
