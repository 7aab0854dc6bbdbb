"""Several lines over one time: every value has its place, gaps stay gaps, and words are escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot.web.site.charts import ABOVE, PLOT
from bot.web.site.lines import Line, key, lines, lines_rows, table

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)
EVIL = "<script>\"'&"


def at(step: int) -> datetime:
    return NOON + step * STEP


def paths(drawn: str) -> list[str]:
    return re.findall(r'<path class="chart-line line-\w" d="M([^"]*)"', drawn)


def test_a_count_that_is_missing_is_none_and_the_largest_reaches_the_top() -> None:
    drawn = lines([Line("Sent", "a", {at(0): 10, at(2): 5})], NOON, at(4), STEP, "Messages")
    (path,) = paths(drawn)
    assert [float(each.split(",")[0]) for each in path.split()[::2]] == [0, 1, 2, 3]
    heights = [float(each) for each in path.split()[1::2]]
    assert heights == [1.0, PLOT - 1.0, (1.0 + PLOT - 1.0) / 2, PLOT - 1.0]
    assert f'y="{ABOVE}"' in drawn


def test_what_is_not_known_is_a_gap() -> None:
    delay = Line("p99", "b", {at(0): 3.0, at(1): 4.0, at(4): 5.0}, is_count=False)
    assert len(paths(lines([delay], NOON, at(6), STEP, "Delay"))) == 2


def test_each_step_tells_its_numbers_where_one_points() -> None:
    both = [Line("Sent", "a", {at(1): 7}), Line("Read", "b", {})]
    drawn = lines(both, NOON, at(3), STEP, "Messages", lambda value: f"{value:g} pieces")
    assert re.findall("<title>(.*?)</title>", drawn) == ["Mon 5 Jan 12:05: sent 7 pieces, read 0 pieces"]
    assert lines_rows(both, NOON, at(3), STEP) == [("Mon 5 Jan 12:05", "7", "0")]


def test_a_screen_reader_is_told_in_a_sentence() -> None:
    drawn = lines([Line("Sent", "a", {at(1): 7}), Line("Read", "b", {})], NOON, at(3), STEP, "Messages")
    assert 'aria-label="Messages: sent at most 7, read nothing."' in drawn
    assert 'role="img"' in drawn


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_few_steps_are_drawn_too(steps: int) -> None:
    drawn = lines([Line("Sent", "a", {at(0): 7})], NOON, at(steps), STEP, "Messages")
    assert not re.search(r"\b(nan|inf)\b", drawn)
    assert len(paths(drawn)) == min(steps, 1)


def test_words_are_escaped() -> None:
    made = Line(EVIL, "a", {at(0): 1})
    drawn = lines([made], NOON, at(1), STEP, EVIL) + key([made]) + table([(EVIL, "1")], (EVIL, EVIL), EVIL)
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
