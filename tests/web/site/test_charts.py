"""Charts: what is drawn is what was counted, whatever it is; nothing is styled in place, and everything written is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup

from bot.web.site import charts
from bot.web.site.charts import (
    STEPS_MOST,
    Part,
    PartName,
    axis,
    bar,
    floored,
    legend,
    nice,
    progress,
    ring,
    sparkline,
    times_of,
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVIL = '"><script>alert(1)</script>'


PARTS = [
    Part("read", "read", 50),
    Part("delivered", "delivered", 30),
    Part("failed", "failed", 20),
    Part("skipped", "skipped", 0),
]

DRAWN: dict[str, Callable[[], Markup]] = {
    "sparkline": lambda: sparkline([1, 5, None, 3], "Received"),
    "sparkline of one": lambda: sparkline([7], "Received"),
    "sparkline of nothing": lambda: sparkline([], "Received"),
    "sparkline of gaps": lambda: sparkline([None, None], "Received"),
    "sparkline of zeros": lambda: sparkline([0, 0, 0], "Received"),
    "sparkline of much": lambda: sparkline([1e18, 3, float("inf"), float("nan"), -4], "Received"),
    "bar": lambda: bar(0.4),
    "bar of nothing": lambda: bar(0),
    "bar of too much": lambda: bar(7, "warn"),
    "progress": lambda: progress(PARTS, "October offer"),
    "progress of nothing": lambda: progress([], "October offer"),
    "progress of zeros": lambda: progress([Part("sent", "sent", 0), Part("failed", "failed", -3)], "October offer"),
    "ring": lambda: ring(6 * HOUR),
    "ring of nothing": lambda: ring(timedelta()),
    "ring of no time": lambda: ring(HOUR, timedelta()),
    "evil sparkline": lambda: sparkline([1], EVIL, EVIL),
    "evil progress": lambda: progress([Part("sent", EVIL, 1)], EVIL),
    "evil ring": lambda: ring(HOUR, says=EVIL),
    "legend": lambda: legend([*PARTS, Part("sent", EVIL, 3)]),
}  # fmt: skip


def parsed(drawn: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(drawn)  # noqa: S314 our own


@pytest.mark.parametrize("name", DRAWN)
def test_every_chart_is_sound_and_safe(name: str) -> None:
    drawn = DRAWN[name]()
    assert isinstance(drawn, Markup)
    root = parsed(drawn)
    for element in root.iter():
        assert element.tag in {
            "svg", "path", "rect", "circle", "title", "ul", "li", "b",
        }  # fmt: skip
        assert not {each for each in element.attrib if each in ("style", "id", "href") or each.startswith("on")}
        for attribute in ("x", "y", "width", "height"):
            value = element.attrib.get(attribute, "0").removesuffix("%")
            assert 0 <= float(value) <= 100_000, (attribute, value)
    assert not re.search(r"\b(nan|inf)\b", str(drawn))
    if root.tag == "svg" and root.get("aria-hidden") is None:
        assert root.get("role") == "img"
        assert re.fullmatch(r".+\.", root.attrib["aria-label"], re.DOTALL)


def test_every_class_that_is_drawn_has_a_colour_of_the_site() -> None:
    sheet = (Path(charts.__file__).parent.parent / "static" / "charts.css").read_text()
    used = {
        name for make in DRAWN.values() for each in parsed(make()).iter() for name in each.get("class", "").split()
    } | {f"part-{name}" for name in get_args(PartName)}
    told = set(re.findall(r"\.([a-z][a-z-]*)", sheet))
    assert {name for name in used if name.startswith(("chart", "part", "ring"))} - told == set()
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(", sheet)


# --- lines ---------------------------------------------------------------------------------------------------------------------


def paths(drawn: Markup, class_: str) -> list[str]:
    return [each.attrib["d"] for each in parsed(drawn).iter("path") if each.get("class") == class_]


def test_a_sparkline_goes_from_left_to_right_and_as_high_as_the_most() -> None:
    drawn = sparkline([0, 10, 5], "Received", " ms")
    assert paths(drawn, "chart-line") == ["M2 30 60 2 118 16"]
    assert paths(drawn, "chart-area") == ["M2 32L2 30 60 2 118 16L118 32Z"]
    assert parsed(drawn).get("aria-label") == "Received: last 5 ms, at most 10 ms, at least 0 ms."


def test_what_is_not_known_is_a_gap_and_one_value_is_seen() -> None:
    drawn = sparkline([4, 4, None, 4], "Received")
    assert paths(drawn, "chart-line") == ["M2 2 40.67 2", "M116 2 120 2"]
    assert paths(sparkline([7], "Received"), "chart-line") == ["M58 2 62 2"]
    nothing = sparkline([None], "Received")
    assert paths(nothing, "chart-line") == []
    assert parsed(nothing).get("aria-label") == "Received: nothing to show."


# --- what lies below lines ----------------------------------------------------------------------------------------------------


def rects(drawn: Markup, class_: str = "chart-bar") -> list[dict[str, str]]:
    return [each.attrib for each in parsed(drawn).iter("rect") if class_ in each.get("class", "").split()]


def below(since: datetime, stretch: timedelta, step: timedelta, zone: tzinfo = UTC) -> list[str]:
    drawn = axis(times_of(since, since + stretch, step), step, zone)
    return [each.text or "" for each in parsed(Markup("<svg>{}</svg>").format(drawn)).iter("text")]


@pytest.mark.parametrize(
    ("stretch", "step", "zone", "told"),
    [
        (DAY, HOUR, UTC, ["12:00", "18:00", "6 Jan", "06:00"]),
        (DAY, timedelta(minutes=5), UTC, ["12:00", "18:00", "6 Jan", "06:00"]),
        (DAY, HOUR, ZoneInfo("Europe/Stockholm"), ["18:00", "6 Jan", "06:00"]),
        (3 * HOUR, timedelta(minutes=5), UTC, ["12:00", "13:00", "14:00"]),
        (3 * DAY, DAY, UTC, ["5 Jan", "6 Jan", "7 Jan"]),
        (7 * DAY, HOUR, UTC, ["6 Jan", "8 Jan", "10 Jan"]),
        (timedelta(minutes=20), timedelta(minutes=5), UTC, ["12:00"]),
    ],
)
def test_a_few_whole_times_stand_below(stretch: timedelta, step: timedelta, zone: ZoneInfo, told: list[str]) -> None:
    assert below(NOON, stretch, step, zone) == told


@pytest.mark.parametrize("days", [2, 3, 5, 14, 30, 90, 400])
def test_there_are_never_too_many_times_below(days: int) -> None:
    midnight = NOON.replace(hour=0)
    told = below(midnight, days * DAY, DAY)
    assert 1 <= len(told) <= 6
    assert told[0] == "5 Jan"


def test_steps_are_at_most_so_many_the_last_ones() -> None:
    times = times_of(NOON - 1000 * HOUR, NOON, HOUR)
    assert (len(times), times[-1]) == (STEPS_MOST, NOON - HOUR)
    assert times_of(NOON, NOON, HOUR) == times_of(NOON, NOON - DAY, HOUR) == []
    assert floored(NOON + timedelta(minutes=59, microseconds=1), HOUR) == NOON
    assert floored(NOON, DAY) == NOON.replace(hour=0)


def test_a_scale_ends_at_a_round_number() -> None:
    assert [nice(most) for most in (0, 0.5, 3, 7, 10, 11, 99, 999, 1_200_000)] == [
        1,
        1,
        3,
        7,
        10,
        15,
        100,
        1000,
        1_500_000,
    ]


# --- a bar beside words -----------------------------------------------------------------------------------------------------------------


def test_a_thin_bar_is_no_longer_than_it_may_be() -> None:
    assert [each["width"] for each in rects(bar(7))] == ["100%"]
    assert [each["width"] for each in rects(bar(0.001, "warn"), "chart-warn")] == ["0.6%"]
    assert rects(bar(-1)) == []


# --- parts and rings ------------------------------------------------------------------------------------------------------------------


def test_parts_fill_the_whole_and_none_is_too_small_to_be_seen() -> None:
    drawn = progress([Part("read", "read", 999_999), Part("failed", "failed", 1)], "October offer")
    read, failed = rects(drawn, "part-read")[0], rects(drawn, "part-failed")[0]
    assert float(failed["width"][:-1]) == pytest.approx(0.6, abs=0.01)
    assert float(read["width"][:-1]) + float(failed["width"][:-1]) == pytest.approx(100)
    assert (read["x"], failed["x"]) == ("0%", read["width"])
    assert parsed(drawn).get("aria-label") == "October offer: 999,999 read, 1 failed."


def test_nothing_has_no_part() -> None:
    assert parsed(progress(PARTS[3:], "October offer")).get("aria-label") == "October offer: none yet."
    assert "part-skipped" not in progress(PARTS, "October offer")
    assert "skipped" not in legend(PARTS)
    assert [each.text for each in parsed(legend(PARTS)).iter("b")] == ["50", "30", "20"]


@pytest.mark.parametrize(
    ("left", "dash", "told"),
    [
        (24 * HOUR, "100 100", "The window closes in 1 d."),
        (30 * HOUR, "100 100", "The window closes in 1 d 6 h."),
        (6 * HOUR, "25 100", "The window closes in 6 h."),
        (timedelta(), "", "The window is closed."),
        (-HOUR, "", "The window is closed."),
    ],
)
def test_a_ring_is_as_full_as_what_is_left(left: timedelta, dash: str, told: str) -> None:
    drawn = parsed(ring(left))
    assert [
        each.attrib["stroke-dasharray"] for each in drawn.iter("circle") if "ring-left" in each.attrib["class"]
    ] == ([dash] if dash else [])
    assert drawn.get("aria-label") == told


def test_a_ring_that_is_nearly_empty_looks_so() -> None:
    assert "ring-low" in ring(timedelta(minutes=119))
    assert "ring-low" not in ring(timedelta(minutes=121))
