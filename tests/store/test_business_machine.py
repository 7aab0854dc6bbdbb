"""Anything that people, backends, colleagues and the network do, in any order, against a model that keeps books of its own.

``PARLEY_STORIES`` is how many stories are told in all; the gate tells 300 short ones, in a few parts, so that two cores share them.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from bot.store.sqlite import open_store
from tests.store.business import Business
from tests.store.places import SqlitePlace
from tests.store.stories import PEOPLE, Stories

PARTS = 6
STORIES = int(os.environ.get("PARLEY_STORIES", "300"))
STEPS = int(os.environ.get("PARLEY_STEPS", "20"))

# A story that fails is not shortened, as every try costs a story. It prints how to tell it again.
TOLD = settings(
    max_examples=max(1, STORIES // PARTS),
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.reuse, Phase.generate],
)


@pytest.mark.parametrize("part", range(PARTS))
def test_business(part: int) -> None:
    run_state_machine_as_test(Stories, settings=TOLD)


# --- what stories found, each told by itself ----------------------------------------------------------------------------


@pytest.fixture
async def business(tmp_path: Path) -> AsyncIterator[Business]:
    opened = Business(SqlitePlace(tmp_path, open_store))
    await opened.begin()
    yield opened
    await opened.place.close()


async def says(business: Business, text: str) -> None:
    assert await business.hears(business.written(PEOPLE[0], text, business.now))
    business.passes(timedelta(seconds=1))


def told(business: Business) -> list[str]:
    rows = business.rows("SELECT json_extract(payload, '$.text') FROM outbox WHERE kind = 'message' ORDER BY seq")
    return [text for (text,) in rows]


async def decided(business: Business) -> None:
    while (await business.decide()).settled:
        pass


async def test_what_comes_with_a_calls_answer_is_answered_after_what_was_held_for_it(business: Business) -> None:
    await says(business, "track")
    await decided(business)
    [call] = await business.store.start_calls(10, business.now)
    await says(business, "hello")
    await decided(business)
    await says(business, "number")  # and nobody looks at it before the answer is there
    await business.answers(call, "found")
    await decided(business)
    assert told(business) == ["Found. A", "Hello! A", "Which one? A"]


async def test_what_comes_with_a_stop_and_a_start_is_answered_after_what_was_held_for_a_call(
    business: Business,
) -> None:
    await says(business, "track")
    await decided(business)
    await says(business, "hello")
    await decided(business)
    for text in ("STOP", "START", "number"):
        await says(business, text)
    await decided(business)
    assert told(business) == ["Hello! A", "Welcome back.", "Which one? A"]


async def test_a_clock_that_is_set_back_lets_no_message_overtake(business: Business) -> None:
    await says(business, "hello")
    await decided(business)
    business.passes(timedelta(seconds=-20))
    await business.crash()  # a new process does not know how late it was
    await says(business, "number")
    await decided(business)
    [first] = await business.starts()
    assert "Hello!" in str(first.reply)
