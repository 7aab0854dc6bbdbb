"""Small charts, drawn as SVG where the page is made: they need no script, and colours come from ``static/charts.css``.

Each chart is one image to a screen reader, told by a sentence. Nothing is styled in place, and everything that is written is escaped.
Values below nothing, and such as no number can be drawn of, count as nothing. Lines over time are in ``bot.web.site.lines``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from math import ceil, floor, isfinite, log10
from typing import Final, Literal

from markupsafe import Markup, escape

from bot.web.site.words import number, span

Tone = Literal["", "bad", "warn"]
PartName = Literal["sent", "delivered", "read", "failed", "skipped", "pending"]

STEPS_MOST: Final = 800
_WIDTH, _HEIGHT = 120, 32  # of a sparkline, in its own units
_LEAST_SHARE: Final = 0.6  # percent of the width, so that something is seen of what is there
_TICKS: Final = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1344, 2688, 8760)  # hours between two
_MOST_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole; ``label`` is what people call it."""

    name: PartName
    label: str
    count: int


# --- a line without axes ------------------------------------------------------------------------------------------------


def sparkline(values: Sequence[float | None], says: str, unit: str = "") -> Markup:
    """How something went, as small as a word; None is a gap, where nothing is known. ``says`` is what it is ("Messages received in the last
    24 hours")."""
    known = [_fair(value) for value in values if value is not None]
    if not known:
        return svg("chart chart-spark", f"{says}: nothing to show.", _spark_box(), _EMPTY_LINE)
    top = max(known) or 1.0
    drawn = Markup("")
    for stretch in _stretches(values):
        at = [
            (_round(_across(n, len(values))), _round(_HEIGHT - 2 - value / top * (_HEIGHT - 4))) for n, value in stretch
        ]
        drawn += _stretch(at if len(at) > 1 else [(at[0][0] - 2, at[0][1]), (at[0][0] + 2, at[0][1])])
    facts = f"{says}: last {number(known[-1])}{unit}, at most {number(max(known))}{unit}, at least {number(min(known))}{unit}."
    return svg("chart chart-spark", facts, _spark_box(), drawn)


def _spark_box() -> Markup:
    return Markup(' viewBox="0 0 {} {}" preserveAspectRatio="none"').format(_WIDTH, _HEIGHT)


_EMPTY_LINE: Final = Markup('<path class="chart-rule" d="M0 {0}H{1}" vector-effect="non-scaling-stroke"/>').format(
    _HEIGHT - 2, _WIDTH
)


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """What is known without a gap, each value with its place."""
    parts = groupby(enumerate(values), key=lambda each: each[1] is None)
    return [[(n, _fair(value)) for n, value in part] for is_gap, part in parts if not is_gap]


def _across(place: int, of: int) -> float:
    return _WIDTH / 2 if of == 1 else 2 + place / (of - 1) * (_WIDTH - 4)


def _stretch(at: Sequence[tuple[float, float]]) -> Markup:
    line = " ".join(f"{x:g} {y:g}" for x, y in at)
    return Markup(
        '<path class="chart-area" d="M{0:g} {3}L{1}L{2:g} {3}Z"/>'
        '<path class="chart-line" d="M{1}" vector-effect="non-scaling-stroke"/>'
    ).format(at[0][0], line, at[-1][0], _HEIGHT)


# --- what lies below a line over time ----------------------------------------------------------------------------------------------------

_MIDNIGHT: Final = datetime(2024, 1, 1, tzinfo=UTC)
PLOT, ABOVE, BELOW = 96, 16, 20  # pixels: the lines, the word of the scale above, the times below


def floored(at: datetime, step: timedelta) -> datetime:
    """When the step began that ``at`` falls into; steps are counted from a midnight in UTC."""
    return at - (at - _MIDNIGHT) % step


def times_of(since: datetime, until: datetime, step: timedelta) -> list[datetime]:
    """The beginnings of the steps, at most ``STEPS_MOST``: the last ones."""
    steps = max(0, -((since - until) // step))
    return [since + n * step for n in range(max(0, steps - STEPS_MOST), steps)]


def axis(times: Sequence[datetime], step: timedelta, zone: tzinfo) -> Markup:
    """A few times below, on whole hours or days."""
    if not times:
        return Markup("")
    whole = times[-1] + step - times[0]
    hours = next((each for each in _TICKS if whole <= each * timedelta(hours=1) * _MOST_TICKS), _TICKS[-1])
    drawn, days = Markup(""), 0
    for place, at in enumerate(times):
        local = at.astimezone(zone)
        is_midnight = step >= timedelta(days=1) or (local.hour == 0 and _is_tick(local, step, 1))
        days += is_midnight
        told = is_midnight and (days - 1) % (hours // 24) == 0 if hours >= 24 else _is_tick(local, step, hours)
        if told and place <= len(times) * 0.9:  # the last would be cut off
            words = f"{local.day} {local:%b}" if hours >= 24 or is_midnight else f"{local:%H:%M}"
            drawn += Markup('<text class="chart-text" x="{:g}%" y="{}">{}</text>').format(
                _round(place * 100 / len(times)), ABOVE + PLOT + BELOW - 5, words
            )
    return drawn


def _is_tick(local: datetime, step: timedelta, hours: int) -> bool:
    return local.hour % hours == 0 and timedelta(minutes=local.minute) < min(step, timedelta(hours=1))


def moment_of(at: datetime, step: timedelta, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    day = f"{local:%a} {local.day} {local:%b}"
    return day if step >= timedelta(days=1) else f"{day} {local:%H:%M}"


# --- a bar beside words -------------------------------------------------------------------------------------------------------------


def bar(share: float, tone: Tone = "") -> Markup:
    """A thin bar beside a number that is told in words, as long as ``share`` (0 to 1) says; a screen reader passes it by."""
    width = _least(min(1.0, _fair(share)) * 100)
    drawn = Markup('<rect class="chart-back" width="100%" height="6" rx="3"/>')
    if width:
        drawn += Markup('<rect class="{}" width="{:g}%" height="6" rx="3"/>').format(_bar_class(tone), _round(width))
    return Markup('<svg class="chart chart-thin" height="6" aria-hidden="true" focusable="false">{}</svg>').format(
        drawn
    )


# --- parts of a whole ----------------------------------------------------------------------------------------------------------------


def progress(parts: Sequence[Part], says: str) -> Markup:
    """One bar whose parts are in the order given; what there is nothing of takes no room."""
    present = [part for part in parts if part.count > 0]
    widths = _widths([part.count for part in present])
    drawn, x = Markup('<rect class="chart-back" width="100%" height="12"/>'), 0.0
    for part, width in zip(present, widths, strict=True):
        drawn += Markup(
            '<rect class="part-{}" x="{:g}%" width="{:g}%" height="12"><title>{}: {}</title></rect>'
        ).format(part.name, _round(x), _round(width), part.label, number(part.count))
        x += width
    told = ", ".join(f"{number(part.count)} {part.label}" for part in present) or "none yet"
    return svg("chart chart-progress", f"{says}: {told}.", Markup(' height="12"'), drawn)


def legend(parts: Iterable[Part]) -> Markup:
    """What the colours of ``progress`` mean, with the numbers: of those parts that there are."""
    lines = (
        Markup(
            '<li><svg class="chart-key" width="12" height="12" aria-hidden="true" focusable="false">'
            '<rect class="part-{}" width="12" height="12" rx="3"/></svg> {} <b>{}</b></li>'
        ).format(part.name, part.label, number(part.count))
        for part in parts
        if part.count > 0
    )
    return Markup('<ul class="chart-legend">{}</ul>').format(Markup("").join(lines))


def _widths(counts: Sequence[int]) -> list[float]:
    """Percents that make 100, none too small to be seen."""
    total = sum(counts)
    widths = [_least(count / total * 100) for count in counts]
    return [width / sum(widths) * 100 for width in widths]


# --- a window that closes ----------------------------------------------------------------------------------------------------------


def ring(left: timedelta, whole: timedelta = timedelta(hours=24), says: str = "The window") -> Markup:
    """How much is left of a stretch that empties; under a twelfth of it in another colour."""
    share = _left(left, whole)
    drawn = Markup('<circle class="ring-back" cx="16" cy="16" r="13"/>')
    if share:
        drawn += Markup(
            '<circle class="ring-left{}" cx="16" cy="16" r="13" pathLength="100" stroke-dasharray="{:g} 100"'
            ' transform="rotate(-90 16 16)"/>'
        ).format(" ring-low" if share < 1 / 12 else "", _round(share * 100))
    told = f"{says} closes in {span(left)}." if share else f"{says} is closed."
    return svg("chart chart-ring", told, Markup(' viewBox="0 0 32 32" width="32" height="32"'), drawn)


def _left(left: timedelta, whole: timedelta) -> float:
    return min(1.0, max(0.0, left / whole)) if whole > timedelta() else 0.0


# --- what all share ---------------------------------------------------------------------------------------------------------------


def svg(class_: str, told: str, size: Markup, drawn: Markup) -> Markup:
    return Markup('<svg class="{}" role="img" aria-label="{}"{}>{}</svg>').format(class_, told, size, escape(drawn))


def _bar_class(tone: Tone) -> str:
    return f"chart-bar chart-{tone}" if tone else "chart-bar"


def _fair(value: float | None) -> float:
    """A value that can be drawn."""
    if value is None or not isfinite(value) or value <= 0:
        return 0
    return value


def _least(percent: float) -> float:
    return max(percent, _LEAST_SHARE) if percent > 0 else 0.0


def nice(top: float) -> float:
    """The next round number."""
    if top <= 10:
        return float(max(1, ceil(top)))
    power = 10.0 ** floor(log10(top))
    return next(step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10, 20) if top <= step * power)


def _round(value: float) -> float:
    return round(value, 2)
