"""Where boxes and ways are drawn: columns from left to right, each group of connected boxes for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from bot.rulebook.graph.ranks import ordered, ranks

COLUMN_GAP: Final = 76.0
ROW_GAP: Final = 18.0
LANE: Final = 12.0  # the room that a way takes between two boxes
_ROUNDS: Final = 16
_LEAST_WIDTH: Final = 1200.0  # groups stand side by side up to here, or up to the widest of them


@dataclass(frozen=True, slots=True)
class Box:
    """Something to place; ways enter it ``entry`` below its top."""

    id: str
    width: float
    height: float
    entry: float


@dataclass(frozen=True, slots=True)
class Link:
    """A way from ``source``, leaving ``port`` below its top, to ``target``."""

    source: str
    target: str
    port: float


Leg = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Route:
    """A way as drawn: legs from one point (x, y) to another, which run straight; between two legs it bends."""

    link: Link
    legs: tuple[Leg, ...]


@dataclass(slots=True)
class Layout:
    """The upper left corner of each box, the routes of the links in their order, and the size of the whole."""

    corners: dict[str, tuple[float, float]] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def layout(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """Place all boxes; equal input gives equal output. The largest group of connected boxes is on top and sets the width."""
    groups = sorted(_groups(boxes, links), key=lambda group: -len(group))
    parts: list[Layout] = []
    for group in groups:
        ids = {box.id for box in group}
        parts.append(_columns(group, [link for link in links if link.source in ids]))
    found = Layout()
    room = max([_LEAST_WIDTH, *(part.width for part in parts)])
    row: list[Layout] = []
    for part in parts:
        if row and sum(each.width + COLUMN_GAP for each in row) + part.width > room:
            _add_row(found, row)
            row = []
        row.append(part)
    _add_row(found, row)
    return found


def _groups(boxes: Sequence[Box], links: Iterable[Link]) -> list[list[Box]]:
    """Boxes that hang together, each group in the order of its first box."""
    group = {box.id: at for at, box in enumerate(boxes)}
    for link in links:
        one, two = sorted((group[link.source], group[link.target]))
        if one != two:
            group = {name: one if at == two else at for name, at in group.items()}
    found: dict[int, list[Box]] = {}
    for box in boxes:
        found.setdefault(group[box.id], []).append(box)
    return list(found.values())


def _add_row(whole: Layout, row: Sequence[Layout]) -> None:
    """Put groups side by side below what is there."""
    top, left = whole.height + 2 * ROW_GAP if whole.height else 0.0, 0.0
    for part in row:
        whole.corners |= {name: (x + left, y + top) for name, (x, y) in part.corners.items()}
        for route in part.routes:
            whole.routes.append(
                Route(route.link, tuple((_moved(a, left, top), _moved(b, left, top)) for a, b in route.legs))
            )
        left += part.width + COLUMN_GAP
        whole.height = max(whole.height, top + part.height)
    whole.width = max(whole.width, left - COLUMN_GAP)


def _moved(point: tuple[float, float], right: float, down: float) -> tuple[float, float]:
    return point[0] + right, point[1] + down


# --- one group of connected boxes -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Grid:
    """Columns of boxes and lanes. ``pairs``: what is connected from a column to the next, with the height at which it leaves and
    enters. ``lanes``: by the position of a link, the lanes it passes, from its source to its target."""

    columns: list[list[str]]
    heights: dict[str, float]
    pairs: list[tuple[str, str, float, float]]
    lanes: dict[int, list[str]]
    back: set[int]


def _columns(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    by_id = {box.id: box for box in boxes}
    grid = _grid(boxes, by_id, links)
    ports = [(one, two, out / max(grid.heights[one], 1.0)) for one, two, out, _ in grid.pairs]
    grid.columns = ordered(grid.columns, ports)
    tops = _tops(grid)
    widths = [max((by_id[one].width for one in column if one in by_id), default=0.0) for column in grid.columns]
    column_of = {one: at for at, column in enumerate(grid.columns) for one in column}
    first = COLUMN_GAP / 2 if any(column_of[links[at].target] == 0 for at in grid.back) else 0.0  # room to turn round
    lefts = [first + sum(widths[:at]) + at * COLUMN_GAP for at in range(len(widths))]
    found = Layout()
    found.corners = {box.id: (lefts[column_of[box.id]], tops[box.id]) for box in boxes}
    for at, link in enumerate(links):
        passed = [(lefts[column_of[lane]], widths[column_of[lane]], tops[lane]) for lane in grid.lanes[at]]
        found.routes.append(_route(link, by_id, found.corners, passed, at in grid.back))
    turns = any(column_of[links[at].source] == len(widths) - 1 for at in grid.back)
    found.width = lefts[-1] + widths[-1] + (COLUMN_GAP / 2 if turns else 0.0)
    found.height = max(tops[one] + height for one, height in grid.heights.items())
    return found


def _grid(boxes: Sequence[Box], by_id: Mapping[str, Box], links: Sequence[Link]) -> _Grid:
    rank, backward = ranks([box.id for box in boxes], [(link.source, link.target) for link in links])
    least = min(rank.values())
    grid = _Grid(
        [[] for _ in range(max(rank.values()) - least + 1)], {box.id: box.height for box in boxes}, [], {}, set()
    )
    for box in boxes:
        grid.columns[rank[box.id] - least].append(box.id)
    for at, link in enumerate(links):
        one, two = rank[link.source] - least, rank[link.target] - least
        back = (link.source, link.target) in backward or two <= one
        passed = range(one, two - 1, -1) if back else range(one + 1, two)
        grid.lanes[at] = [f"~{at}.{column}" for column in passed]
        for lane, column in zip(grid.lanes[at], passed, strict=True):
            grid.columns[column].append(lane)
            grid.heights[lane] = LANE
        if back:
            grid.back.add(at)
        grid.pairs += _pairs(link, by_id, grid.lanes[at], back)
    return grid


def _pairs(
    link: Link, by_id: Mapping[str, Box], lanes: Sequence[str], back: bool
) -> Iterator[tuple[str, str, float, float]]:
    middle = LANE / 2
    if back:
        yield from ((two, one, middle, middle) for one, two in pairwise(lanes))
        return
    stops = [link.source, *lanes, link.target]
    outs = [link.port, *(middle for _ in lanes)]
    ins = [*(middle for _ in lanes), by_id[link.target].entry]
    yield from zip(stops, stops[1:], outs, ins, strict=False)


def _tops(grid: _Grid) -> dict[str, float]:
    """The top of every box and lane: as near to its neighbours as its column allows."""
    tops: dict[str, float] = {}
    for column in grid.columns:
        y = 0.0
        for one in column:
            tops[one] = y
            y += grid.heights[one] + ROW_GAP
    wishes: dict[str, list[tuple[str, float]]] = {}
    for one, two, out, enter in grid.pairs:
        wishes.setdefault(two, []).append((one, out - enter))
        wishes.setdefault(one, []).append((two, enter - out))
    for step in range(_ROUNDS):
        for column in grid.columns if step % 2 == 0 else reversed(grid.columns):
            _settle(column, grid.heights, tops, wishes)
    least = min(tops.values())
    return {one: round(y - least, 1) for one, y in tops.items()}


def _settle(
    column: Sequence[str],
    heights: Mapping[str, float],
    tops: dict[str, float],
    wishes: Mapping[str, Sequence[tuple[str, float]]],
) -> None:
    """Move a column's boxes to where their ways run straight, in the mean, without touching: neighbours that would meet go as one."""
    blocks: list[tuple[float, float, list[str]]] = []  # wished start, weight, members
    for one in column:
        wanted = [tops[other] + off for other, off in wishes.get(one, ())]
        weight = float(len(wanted)) or 0.01
        blocks.append((sum(wanted) / len(wanted) if wanted else tops[one], weight, [one]))
        while len(blocks) > 1 and blocks[-2][0] + _length(blocks[-2][2], heights) > blocks[-1][0]:
            start, weight, members = blocks.pop()
            before, above, earlier = blocks.pop()
            shifted = start - _length(earlier, heights)
            mean = (before * above + shifted * weight) / (above + weight)
            blocks.append((mean, above + weight, earlier + members))
    for start, _, members in blocks:
        for one in members:
            tops[one] = start
            start += heights[one] + ROW_GAP


def _length(members: Sequence[str], heights: Mapping[str, float]) -> float:
    return sum(heights[one] + ROW_GAP for one in members)


def _route(
    link: Link,
    by_id: Mapping[str, Box],
    corners: Mapping[str, tuple[float, float]],
    passed: Sequence[tuple[float, float, float]],
    back: bool,
) -> Route:
    x, y = corners[link.source]
    end_x, end_y = corners[link.target]
    start = (x + by_id[link.source].width, y + link.port)
    end = (end_x, end_y + by_id[link.target].entry)
    lanes = [((left, top + LANE / 2), (left + width, top + LANE / 2)) for left, width, top in passed]
    middle = tuple((right, left) if back else (left, right) for left, right in lanes)
    return Route(link, ((start, start), *middle, (end, end)))
