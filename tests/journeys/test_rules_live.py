"""Days on which the staff edit their rules while customers write: the folder is saved, the server goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.journeys.backend import Backend
from tests.journeys.shop import BEN, PATIENCE_S, Guest, Shop

HELLO = "Hello from the workshop!"
OPEN = "We are open until 18:00."
SLIP = "The number on your slip? (6 digits)"


class Staff:
    """They edit the files. The log tells when what they saved answers, or that it does not."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told: asyncio.Queue[str] = asyncio.Queue()

    def hear(self, logger: object, level: str, line: MutableMapping[str, Any]) -> str:
        if line["event"] in ("rules_live", "rules_refused"):
            self._told.put_nowait(line["event"])
        raise structlog.DropEvent

    async def save(self, *edits: tuple[str, str], file: str = "rules.yaml") -> str:
        """Each first text becomes the second; the log's word for what came of it."""
        path = self._folder / file
        text = path.read_text("utf-8")
        for before, after in edits:
            assert before in text
            text = text.replace(before, after)
        path.write_text(text, "utf-8")
        async with asyncio.timeout(2 * PATIENCE_S):  # a child of low priority looks at it
            return await self._told.get()


@pytest.fixture
def staff(workshop_rules: Path) -> Iterator[Staff]:
    staff = Staff(workshop_rules)
    structlog.configure(processors=[staff.hear])
    yield staff
    structlog.reset_defaults()


@pytest.fixture
def shop(staff: Staff, workshop: Shop) -> Shop:
    return workshop


async def test_an_old_button_leads_to_todays_rule_or_says_that_it_is_gone(shop: Shop, ben: Guest, staff: Staff) -> None:
    await ben.says("hi")
    hello = await ben.reads()
    assert await staff.save(("We are open until {{closing_time}}.", "Come in until {{closing_time}}!")) == "rules_live"
    assert await ben.taps(hello, "Opening hours") == "Come in until 18:00!"
    assert (
        await staff.save(("name: hours", "name: when_open"), ("goes_to: hours", "goes_to: when_open")) == "rules_live"
    )
    assert await ben.taps(hello, "Opening hours") == "That option is no longer there."
    menu = await ben.reads()
    assert menu.shown.text == HELLO
    assert await ben.taps(menu, "Opening hours") == "Come in until 18:00!"
    assert await ben.taps(hello, "My repair") == SLIP


async def test_who_is_in_the_middle_of_a_question_stays_on_their_version(
    shop: Shop, ben: Guest, anna: Guest, staff: Staff, backend: Backend
) -> None:
    await ben.asks("book")
    assert await ben.asks("Service") == "Which day? For example 20/1."
    edits = (
        ("Which day? For example 20/1.", "When may we see your bike?"),
        ("Booked as {{number}}: {{work}} on {{day}}, with a loan bike.", "Done, {{number}}, with a bike."),
        ("Vilken dag? Till exempel 20/1.", "När får vi se din cykel?"),
    )
    assert await staff.save(*edits) == "rules_live"
    standing = await shop.app.reloader.state()
    assert (standing.version, standing.people) == (2, {1: {"book": 1}})
    await anna.asks("boka")
    assert await anna.asks("Service") == "När får vi se din cykel?"
    assert await ben.asks("are you open?") == OPEN
    assert (await ben.reads()).shown.text == "Which day? For example 20/1."
    await shop.restarts()
    assert await ben.asks("20/1") == "Do you need a loan bike?"
    assert (await shop.because(BEN)).pinned == 1
    assert await ben.asks("yes") == "Booked as 41: service on 2026-01-20, with a loan bike."
    await ben.asks("book")
    assert await ben.asks("Service") == "When may we see your bike?"
    assert (await shop.app.reloader.state()).people == {2: {"book": 2}}


async def test_with_a_mistake_in_the_saved_rules_the_old_ones_answer(shop: Shop, ben: Guest, staff: Staff) -> None:
    assert await ben.asks("my repair") == SLIP
    assert await staff.save(("goes_to: hours", "goes_to: ours"), ("Oil your chain.", "Pump up!")) == "rules_refused"
    assert await ben.asks("123456") == "Repair 123456: in work, ready Friday."
    assert await ben.asks("a tip?") == "Oil your chain."
    [problem] = (await shop.app.reloader.state()).problems
    assert "ours" in str(problem)
    await shop.restarts()
    assert await ben.asks("a tip?") == "Oil your chain."
    assert await staff.save(("goes_to: ours", "goes_to: hours"), ("2 per day", "3 per day")) == "rules_live"
    assert await ben.asks("a tip?") == "Pump up!"


async def test_what_breaks_a_test_of_the_staff_does_not_go_live(ben: Guest, staff: Staff) -> None:
    assert await staff.save(("Hello from the workshop!", "Go away!")) == "rules_refused"
    assert await ben.asks("hi") == HELLO


async def test_a_call_comes_back_to_the_rules_that_made_it(
    shop: Shop, ben: Guest, staff: Staff, backend: Backend
) -> None:
    backend.may_answer.clear()
    await ben.says("repair 123456")
    await backend.is_asked()
    assert await staff.save(("Repair {{repair}}: {{status}}", "{{repair}} is {{status}}")) == "rules_live"
    backend.may_answer.set()
    assert (await ben.reads()).shown.text == "Repair 123456: in work, ready Friday."
    assert await ben.asks("repair 123456") == "123456 is in work, ready Friday."
