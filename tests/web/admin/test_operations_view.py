"""The operations page's numbers as people read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.store.tallies import Tally
from bot.store.work_left import WorkLeft
from bot.web.admin.operations_view import PERIODS, capped, delay_of_all, delays, tiles

NOW = datetime(2026, 1, 7, 10, 2, tzinfo=UTC)
NOTHING = WorkLeft(0, 0, None, 0, 0, 0, 0, 0, None, 0, 0)


def note(left: WorkLeft) -> str:
    """What the tile of those who wait says."""
    return next(each.note for each in tiles([], left, NOW) if each.key == "waiting")


def test_who_waits_for_whom_is_told() -> None:
    assert note(NOTHING) == "people wait for a colleague"
    assert note(replace(NOTHING, people=1, people_since=NOW - timedelta(minutes=5), waiting=2)) == (
        "person waits for a colleague, for 5 min; 2 messages wait for the person to write"
    )


def test_a_period_ends_with_the_step_that_is_running() -> None:
    for period in PERIODS:
        assert period.until(NOW) - timedelta(microseconds=1) >= NOW
        assert period.until(NOW) - period.step <= NOW
        assert period.since(NOW) == period.until(NOW) - period.whole


def test_delays_are_of_each_step_and_of_all() -> None:
    later = NOW + timedelta(minutes=5)
    counted = [Tally("delay", NOW, "40", 98), Tally("delay", NOW, "2500", 2), Tally("delay", later, "65", 1)]
    assert delays(counted, 0.99) == {NOW: 2500, later: 65}
    assert (delay_of_all(counted, 0.5), delay_of_all([], 0.5)) == (40, None)


@pytest.mark.parametrize(("told", "expected"), [(capped(10_000), "10,000"), (capped(10_001), "10,000+")])
def test_numbers_are_written_shortly(told: str, expected: str) -> None:
    assert told == expected
