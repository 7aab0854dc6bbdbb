"""Several lines over one time, drawn as SVG like the charts of ``bot.web.site.charts``; colours come from ``static/charts.css``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Final

from markupsafe import Markup, escape

from bot.web.site.charts import ABOVE, BELOW, PLOT, axis, moment_of, nice, svg, times_of
from bot.web.site.words import number

Row = tuple[str, ...]
HITS_MOST: Final = 400  # places to point at, each with its numbers


@dataclass(frozen=True, slots=True)
class Line:
    """``values`` by the beginning of their step; one that is missing is a gap, or nothing at all where ``is_count``. ``class_`` is the
    colour's: one of a to d."""

    label: str
    class_: str
    values: Mapping[datetime, float]
    is_count: bool = True

    def at(self, moment: datetime) -> float | None:
        """Its value there."""
        return self.values.get(moment, 0.0 if self.is_count else None)


def lines(
    drawn: Sequence[Line],
    since: datetime,
    until: datetime,
    step: timedelta,
    says: str,
    words: Callable[[float], str] = number,
    zone: tzinfo = UTC,
) -> Markup:
    """What ``drawn`` tell of each ``step`` from ``since`` on and before ``until``; ``words`` tells a value."""
    times = times_of(since, until, step)
    top = nice(max((line.at(at) or 0.0 for line in drawn for at in times), default=0.0))
    plot = Markup("").join(_line(line, times, top) for line in drawn)
    inner = Markup(
        '<svg y="{}" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" class="chart-plot">{}</svg>'
    ).format(ABOVE, PLOT, max(1, len(times) - 1), PLOT, plot)
    told = f"{says}: {', '.join(_told(line, times, words) for line in drawn)}."
    size = Markup(' height="{}"').format(ABOVE + PLOT + BELOW)
    whole = _scale(top, words) + axis(times, step, zone) + inner + _hits(drawn, times, step, words, zone)
    return svg("chart chart-lines", told, size, whole)


def lines_rows(
    drawn: Sequence[Line],
    since: datetime,
    until: datetime,
    step: timedelta,
    words: Callable[[float], str] = number,
    zone: tzinfo = UTC,
) -> list[Row]:
    """The steps in which there was something, newest first."""
    times = reversed(times_of(since, until, step))
    return [
        (moment_of(at, step, zone), *(_word(line.at(at), words) for line in drawn))
        for at in times
        if any(line.at(at) for line in drawn)
    ]


def key(drawn: Sequence[Line]) -> Markup:
    """What the colours mean."""
    items = (
        Markup(
            '<li><svg class="chart-key" width="16" height="12" aria-hidden="true" focusable="false">'
            '<path class="chart-line line-{}" d="M1 6H15"/></svg> {}</li>'
        ).format(line.class_, line.label)
        for line in drawn
    )
    return Markup('<ul class="chart-legend">{}</ul>').format(Markup("").join(items))


def table(rows: Sequence[Row], heads: Sequence[str], caption: str) -> Markup:
    """The same numbers for whoever does not see the lines."""
    # Plain strings with each word escaped once: there are hundreds of rows, and ``Markup.format`` takes its time.
    head = "".join(f'<th scope="col"{" class=number" if n else ""}>{escape(each)}</th>' for n, each in enumerate(heads))
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td class=number>{escape(each)}</td>" for each in row[1:])
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>"
    return Markup(f'<table class="chart-table">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')  # noqa: S704 escaped


def _scale(top: float, words: Callable[[float], str]) -> Markup:
    return Markup(
        '<text class="chart-text" x="0" y="12">{}</text><line class="chart-rule" x1="0" x2="100%" y1="{}" y2="{}"/>'
        '<line class="chart-rule" x1="0" x2="100%" y1="{}" y2="{}"/>'
    ).format(words(top), ABOVE, ABOVE, ABOVE + PLOT, ABOVE + PLOT)


def _line(line: Line, times: Sequence[datetime], top: float) -> Markup:
    """A path for each stretch without a gap; a single value is a short stroke."""
    known = [(n, line.at(at)) for n, at in enumerate(times)]
    made = Markup("")
    for is_gap, part in groupby(known, key=lambda each: each[1] is None):
        if is_gap:
            continue
        at = [(float(n), round(PLOT - 1 - (value or 0.0) / top * (PLOT - 2), 2)) for n, value in part]
        if len(at) == 1:
            at = [(max(0.0, at[0][0] - 0.4), at[0][1]), (at[0][0] + 0.4, at[0][1])]
        path = " ".join(f"{x:g} {y:g}" for x, y in at)
        made += Markup('<path class="chart-line line-{}" d="M{}" vector-effect="non-scaling-stroke"/>').format(
            line.class_, path
        )
    return made


def _hits(
    drawn: Sequence[Line], times: Sequence[datetime], step: timedelta, words: Callable[[float], str], zone: tzinfo
) -> Markup:
    if len(times) > HITS_MOST:
        return Markup("")
    width = 100 / max(1, len(times))
    place = f'y="{ABOVE}" width="{round(width, 2):g}%" height="{PLOT}"'
    made = (
        f'<rect class="chart-hit" x="{round(n * width, 2):g}%" {place}>'
        f"<title>{escape(_hit(drawn, at, step, words, zone))}</title></rect>"
        for n, at in enumerate(times)
        if any(line.at(at) for line in drawn)
    )
    return Markup("".join(made))  # noqa: S704 escaped


def _hit(drawn: Sequence[Line], at: datetime, step: timedelta, words: Callable[[float], str], zone: tzinfo) -> str:
    values = ", ".join(f"{line.label.lower()} {_word(line.at(at), words)}" for line in drawn)
    return f"{moment_of(at, step, zone)}: {values}"


def _told(line: Line, times: Sequence[datetime], words: Callable[[float], str]) -> str:
    known = [value for at in times if (value := line.at(at)) is not None]
    if not known or not any(known):
        return f"{line.label.lower()} nothing"
    return f"{line.label.lower()} at most {words(max(known))}"


def _word(value: float | None, words: Callable[[float], str]) -> str:
    return "–" if value is None else words(value)
