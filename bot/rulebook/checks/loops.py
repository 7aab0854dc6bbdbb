"""``goes_to`` that comes round again without the person having written anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.rulebook.shape.book import Draft
from bot.rulebook.shape.notes import Mention

HOPS = ("instead", "then", "misses")


def hops(draft: Draft) -> Mapping[str, Sequence[Mention]]:
    """For each rule, where it goes on to by itself."""
    found: dict[str, list[Mention]] = {}
    for mention in draft.notes.mentions:
        if mention.kind == "rule" and mention.how in HOPS and mention.rule:
            found.setdefault(mention.rule, []).append(mention)
    return found


def check_loops(draft: Draft) -> None:
    """Each circle of ``goes_to`` is told once, where it closes."""
    edges = hops(draft)
    told: set[frozenset[str]] = set()
    for start in edges:
        for path, closing in _circles(start, edges):
            if frozenset(path) not in told:
                told.add(frozenset(path))
                shown = " to ".join([*path, path[0]])
                draft.notes.problems.error(
                    closing.place,
                    f"This goes in a circle: {shown}. Take out one goes_to, or offer it as a button instead.",
                )


def _circles(start: str, edges: Mapping[str, Sequence[Mention]]) -> Iterator[tuple[list[str], Mention]]:
    """Shortest paths from ``start`` back to it."""
    seen = {start}
    waiting: list[list[str]] = [[start]]
    while waiting:
        path = waiting.pop(0)
        for mention in edges.get(path[-1], ()):
            if mention.name == start:
                yield path, mention
            elif mention.name not in seen:
                seen.add(mention.name)
                waiting.append([*path, mention.name])
