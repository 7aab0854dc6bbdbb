"""Lines that strangers cause."""

from datetime import UTC, datetime, timedelta

from bot.web.seldom import EVERY, MOST, Seldom

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_minute_has_so_many_lines_and_the_next_one_tells_of_the_others() -> None:
    seldom = Seldom()
    assert [seldom.left_out(NOW) for _ in range(MOST + 5)] == [0] * MOST + [None] * 5
    assert seldom.left_out(NOW + EVERY) == 5
    assert seldom.left_out(NOW + EVERY) == 0


def test_a_clock_that_is_set_back_keeps_nobody_quiet() -> None:
    seldom = Seldom()
    for _ in range(MOST + 1):
        seldom.left_out(NOW)
    assert seldom.left_out(NOW - timedelta(days=1)) == 1
