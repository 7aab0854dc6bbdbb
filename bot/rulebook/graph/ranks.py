"""Which column each box stands in, and in which order the boxes of a column stand.

The usual way of drawing a graph in layers (Sugiyama and others, 1981): ways that would run backwards are put aside, each box stands one
column after the last that leads to it, and columns are sorted by where their neighbours stand until ways cross little.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

Way = tuple[str, str]
_SWEEPS: Final = 12


def ranks(ids: Sequence[str], ways: Iterable[Way]) -> tuple[dict[str, int], set[Way]]:
    """The column of each box from 0, and the ways that run backwards (or stay in a column)."""
    after = _targets(ids, ways)
    backward = _backward(ids, after)
    forward = {one: [two for two in after[one] if (one, two) not in backward] for one in ids}
    found = dict.fromkeys(ids, 0)
    for one in _topological(ids, forward):
        for two in forward[one]:
            found[two] = max(found[two], found[one] + 1)
    led_to = {two for targets in forward.values() for two in targets}
    for one in ids:  # what starts a way stands right before it, not at the far left
        if one not in led_to and forward[one]:
            found[one] = min(found[two] for two in forward[one]) - 1
    return found, backward


def _targets(ids: Sequence[str], ways: Iterable[Way]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {one: [] for one in ids}
    for one, two in ways:
        if two not in found[one]:
            found[one].append(two)
    return found


def _backward(ids: Sequence[str], after: Mapping[str, Sequence[str]]) -> set[Way]:
    """Few ways whose removal leaves no circle: boxes are put into a row from which most ways run forwards (Eades, Lin and Smyth,
    1993), and those that run backwards are named."""
    place = {one: at for at, one in enumerate(_in_a_row(ids, after))}
    return {(one, two) for one, targets in after.items() for two in targets if place[two] <= place[one]}


def _in_a_row(ids: Sequence[str], after: Mapping[str, Sequence[str]]) -> list[str]:
    """First what nothing leads to, last what leads nowhere, in between whatever leads on to most."""
    outward = {one: {two for two in after[one] if two != one} for one in ids}
    inward: dict[str, set[str]] = {one: set() for one in ids}
    for one, targets in outward.items():
        for two in targets:
            inward[two].add(one)
    left = dict.fromkeys(ids)
    head: list[str] = []
    tail: list[str] = []
    while left:
        last = next((one for one in left if not outward[one] and inward[one]), None)
        first = next((one for one in left if not inward[one]), None)
        chosen = last or first or max(left, key=lambda one: len(outward[one]) - len(inward[one]))
        (tail if last else head).append(chosen)
        del left[chosen]
        for other in inward.pop(chosen):
            outward[other].discard(chosen)
        for other in outward.pop(chosen):
            inward[other].discard(chosen)
    return [*head, *reversed(tail)]


def _topological(ids: Sequence[str], forward: Mapping[str, Sequence[str]]) -> list[str]:
    open_ways = dict.fromkeys(ids, 0)
    for targets in forward.values():
        for two in targets:
            open_ways[two] += 1
    found = [one for one in ids if not open_ways[one]]
    for one in found:  # grows while it is walked
        for two in forward[one]:
            open_ways[two] -= 1
            if not open_ways[two]:
                found.append(two)
    return found


def ordered(columns: Sequence[Sequence[str]], ways: Sequence[tuple[str, str, float]]) -> list[list[str]]:
    """The columns sorted so that few ways cross. A way goes from a column to the next; its third part (0 to 1) tells how far down in
    its first box it leaves."""
    best = [list(column) for column in columns]
    fewest = _crossings(best, ways)
    now = [list(column) for column in columns]
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for at in range(1, len(now)) if down else range(len(now) - 2, -1, -1):
            now[at] = _sorted(now[at], now[at - 1 if down else at + 1], ways, down)
        crossings = _crossings(now, ways)
        if crossings < fewest:
            best, fewest = [list(column) for column in now], crossings
    return best


def _sorted(column: list[str], beside: list[str], ways: Sequence[tuple[str, str, float]], down: bool) -> list[str]:
    """``column`` by the mean place of what it is connected to in ``beside``; boxes without any keep their place."""
    place = {one: float(at) for at, one in enumerate(beside)}
    seen: dict[str, list[float]] = {}
    for one, two, port in ways:
        if down and one in place:
            seen.setdefault(two, []).append(place[one] + port)
        elif not down and two in place:
            seen.setdefault(one, []).append(place[two] - port / 2)
    size = len(beside) / max(len(column), 1)
    weight = {
        one: sum(seen[one]) / len(seen[one]) if one in seen else (at + 0.5) * size for at, one in enumerate(column)
    }
    return sorted(column, key=lambda one: (weight[one], column.index(one)))


def _crossings(columns: Sequence[Sequence[str]], ways: Sequence[tuple[str, str, float]]) -> int:
    place = {one: (at, row) for at, column in enumerate(columns) for row, one in enumerate(column)}
    by_column: dict[int, list[tuple[float, float]]] = {}
    for one, two, port in ways:
        by_column.setdefault(place[one][0], []).append((place[one][1] + port, float(place[two][1])))
    return sum(_inversions([end for _, end in sorted(ends)]) for ends in by_column.values())


def _inversions(ends: Sequence[float]) -> int:
    found = 0
    seen: list[float] = []
    for end in ends:
        found += len(seen) - bisect_right(seen, end)
        insort(seen, end)
    return found
