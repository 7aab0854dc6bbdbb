"""The whole demo in this process: server, emulator, pages; asked over HTTP as a browser does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession, FormData
from yarl import URL

from bot.cli.running import Running, running
from bot.sinch.emulator.phones import Bubble

BEA, ANNA = "447700900123", "46701740605"
RULES = """\
settings: {time_zone: Europe/Stockholm, languages: [en, sv], language_of_prefix: {"46": sv}}
hours:
  shop: {mon-sun: "09:00-18:00"}
templates:
  order_shipped:
    languages: {en: en_US, sv: sv_SE}
    category: utility
    parameters: [order_number]
    body: {en: "{{order_number}} is coming", sv: "{{order_number}} kommer"}
    buttons: [{quick_reply: Track, goes_to: hours}]
rules:
  - name: welcome
    when: {says: {en: [hello], sv: [hej]}}
    reply:
      text: {en: "Hi there", sv: "Hej där"}
      buttons: [{label: {en: Opening hours, sv: Öppettider}, goes_to: hours}]

  - name: hours
    when: {says: {en: [open], sv: [öppet]}}
    reply:
      - during: shop
        text: {en: "We are open", sv: "Vi har öppet"}
      - text: {en: "We are closed", sv: "Vi har stängt"}
  - name: both
    when: {says: {en: [world], sv: [värld]}}
    reply: {text: {en: Which?, sv: Vilken?}}
  - name: choices
    when: {says: {en: [options], sv: [alternativ]}}
    reply:
      text: {en: "Choose one", sv: "Välj"}
      list:
        menu: {en: Choose, sv: Välj}
        sections:
          - title: {en: Shop, sv: Butik}
            rows: [{label: {en: Opening hours, sv: Öppettider}, goes_to: hours, description: {en: When?, sv: När?}}]
  - name: survey
    when: {says: {en: [survey], sv: [enkät]}}
    reply:
      - if: answered
        text: {en: "Thank you for the {{grade}}", sv: "Tack för {{grade}}"}
      - flow: {id: "4711", cta: {en: Answer, sv: Svara}, results: [grade]}
        text: {en: "Tell us", sv: "Berätta"}
  - name: silent
    when: {says: {en: [thanks], sv: [tack]}}
    reply: {say_nothing: true}
  - name: order_shipped
    when: {event: order.shipped, needs: [order_number]}
    reply: {text: {en: "{{order_number}} has left", sv: "{{order_number}} har gått"}}
    if_closed: {template: order_shipped}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
"""


@dataclass
class Booth:
    """``demo`` is what runs; forms go where a browser would send them, from our own page unless said otherwise."""

    demo: Running
    session: ClientSession
    rules: Path

    async def page(self, **query: str) -> str:
        async with self.session.get(f"{self.demo.url}/phone/?{urlencode(query)}") as response:
            assert response.status == 200, await response.text()
            return await response.text()

    async def post(
        self, act: str, fields: Mapping[str, str] | FormData, status: int = 303, site: str = "same-origin"
    ) -> str:
        """Where it leads; for another status the page's text."""
        data = fields if isinstance(fields, FormData) else dict(fields)
        async with self.session.post(
            f"{self.demo.url}/phone/{act}", data=data, headers={"Sec-Fetch-Site": site}, allow_redirects=False
        ) as response:
            text = await response.text()
            assert response.status == status, text
            return response.headers["Location"] if status == 303 else text

    async def says(self, text: str, answers: int = 1, identity: str = BEA) -> Bubble:
        """They write by the page; the bot's newest bubble once there are so many more of them."""
        before = len(self.theirs(identity))
        await self.post("say", {"c": identity, "text": text})
        return await self.answered(before + answers, identity)

    async def answered(self, count: int, identity: str = BEA) -> Bubble:
        """The bot's newest bubble, once it has sent ``count`` and the last was read."""
        phone = self.demo.emulator.person(identity).phone
        async with asyncio.timeout(10):
            while len(self.theirs(identity)) < count or self.theirs(identity)[-1].ticks < 3:
                await phone.anything.after(phone.anything.count)
        await self.demo.emulator.settled()
        return self.theirs(identity)[-1]

    def theirs(self, identity: str = BEA) -> list[Bubble]:
        return [each for each in self.demo.emulator.person(identity).phone.bubbles() if not each.mine]

    def mine(self, identity: str = BEA) -> list[Bubble]:
        return [each for each in self.demo.emulator.person(identity).phone.bubbles() if each.mine]


@pytest.fixture
async def booth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Booth]:
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rules.yaml").write_text(RULES, encoding="utf-8")
    async with running(rules, tmp_path / "demo.db", 0, 0) as demo, ClientSession() as session:
        yield Booth(demo, session, rules)


def words(page: str) -> str:
    """A page without its tags, spaces squeezed."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def part(page: str, element: str) -> str:
    """The part of a page that begins with the element of that id and ends with the next section."""
    start = page.index(f'id="{element}"')
    return page[start : page.find("</section>", start)]


def path(url: str) -> str:
    return URL(url).path
