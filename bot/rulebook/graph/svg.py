"""The graph as one SVG image: cards, their ways as curves, light and dark by what the reader prefers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Final

from bot.rulebook.graph.card import ENTRY, PADDING, WIDTH, Card, Row, Words, card_of
from bot.rulebook.graph.layout import COLUMN_GAP, Layout, Leg, Link, Route, layout
from bot.rulebook.graph.model import Exit, Graph, Node

_MARGIN: Final = 24.0
_LEGEND: Final = 44.0
_SIGNS: Final = {"rule": "", "event": "⚡", "moment": "◷", "team": "☺", "template": "▤"}
_LIGHT: Final = (
    "--page:#f6f7f6;--card:#ffffff;--ink:#1c2421;--soft:#56625d;--rim:#cfd6d2;"
    "--way:#7d8a84;--accent:#0f7b5f;--amber:#8a5a00;--dead:#c62828"
)
_DARK: Final = (
    "--page:#131716;--card:#1d2321;--ink:#e8edea;--soft:#a3afa9;--rim:#39433f;"
    "--way:#77847e;--accent:#37c49a;--amber:#f0b34a;--dead:#ff7b72"
)
STYLE: Final = f"""\
.parley-graph{{{_LIGHT};font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}}
@media (prefers-color-scheme:dark){{.parley-graph{{{_DARK}}}}}
.parley-graph .page{{fill:var(--page)}}
.parley-graph .card{{fill:var(--card);stroke:var(--rim)}}
.parley-graph .team .card{{stroke:var(--amber)}}
.parley-graph .template .card{{stroke-dasharray:6 3}}
.parley-graph .off{{opacity:.6}}
.parley-graph .off .card{{stroke-dasharray:3 4}}
.parley-graph .dead .card{{stroke:var(--dead);stroke-width:2}}
.parley-graph text{{fill:var(--soft);font-size:11.5px}}
.parley-graph .title{{fill:var(--ink);font-size:13px;font-weight:600}}
.parley-graph .step,.parley-graph .reply{{fill:var(--ink)}}
.parley-graph .label{{fill:var(--ink)}}
.parley-graph .button .label{{fill:var(--accent)}}
.parley-graph .hand_over .label,.parley-graph .team .title{{fill:var(--amber)}}
.parley-graph .dead-words,.parley-graph .dead-way .label{{fill:var(--dead);font-weight:600}}
.parley-graph .line-above{{stroke:var(--rim)}}
.parley-graph .way{{fill:none;stroke:var(--way);stroke-width:1.5}}
.parley-graph .head{{fill:var(--way);stroke:none}}
.parley-graph .way.button{{stroke:var(--accent)}}
.parley-graph .head.button{{fill:var(--accent)}}
.parley-graph .way.reminder,.parley-graph .way.template{{stroke-dasharray:5 4}}
.parley-graph .way.hand_over{{stroke:var(--amber);stroke-width:2}}
.parley-graph .head.hand_over{{fill:var(--amber)}}
.parley-graph .way.dead-way{{stroke:var(--dead);stroke-width:2}}
.parley-graph .head.dead-way{{fill:var(--dead)}}
.parley-graph a:focus-visible .card,.parley-graph a:hover .card{{stroke:var(--accent);stroke-width:2}}
"""


def svg(graph: Graph, *, styled: bool = True, link: str = "") -> str:
    """The whole image as text; the same graph always gives the same text.

    ``styled`` False leaves the style out, for a page that has ``STYLE`` in its own stylesheet. ``link``: rules become links to it with
    their names after it.
    """
    cards = {node.id: card_of(node) for node in graph.nodes}
    ways = [*_links(cards)]
    placed = layout([card.box for card in cards.values()], [link for link, _ in ways])
    width, height = placed.width + 2 * _MARGIN, placed.height + 2 * _MARGIN + _LEGEND
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    about = f'role="{"group" if link else "img"}" aria-label="{escape(_summary(graph))}"'  # an image hides the links within it
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="parley-graph" {size} {about}>',
        *([f"<style>{STYLE}</style>"] if styled else []),
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
        *_ways(ways, placed),
        *(_card(card, placed.corners[name], link) for name, card in cards.items()),
        "</g>",
        *_legend(height),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _summary(graph: Graph) -> str:
    rules = sum(node.kind == "rule" for node in graph.nodes)
    dead = sum(bool(node.dead) + sum(bool(way.dead) for way in node.exits) for node in graph.nodes)
    return f"{rules} rules and where they lead; {dead or 'no'} dead end{'' if dead == 1 else 's'}."


def _links(cards: dict[str, Card]) -> Iterator[tuple[Link, Exit]]:
    for name, card in cards.items():
        rows = {id(row.exit): row.y for row in card.rows}
        for way in card.node.exits:
            if way.target in cards:
                yield Link(name, way.target, rows.get(id(way), min(ENTRY, card.height / 2))), way


# --- ways ---------------------------------------------------------------------------------------------------------------------


def _ways(ways: Sequence[tuple[Link, Exit]], placed: Layout) -> Iterator[str]:
    by_link = {id(link): way for link, way in ways}
    for route in placed.routes:
        yield from _way(route, by_link[id(route.link)])


def _way(route: Route, way: Exit) -> Iterator[str]:
    kind = f"{way.how} dead-way" if way.dead else way.how
    path = [f"M{_at(route.legs[0][1])}"]
    for before, after in pairwise(route.legs):
        path.append(_bend(before, after))
        if after[0] != after[1]:
            path.append(f"L{_at(after[1])}")
    end = _at(route.legs[-1][0])
    yield f'<path class="way {kind}" d="{"".join(path)}"/>'
    yield f'<path class="head {kind}" d="M{end}l-7 -4v8z"/>'


def _bend(before: Leg, after: Leg) -> str:
    """A curve from the end of one leg to the start of the next, going on as the one runs and coming in as the other does."""
    start, end = before[1], after[0]
    out, into = _heading(before), _heading(after)
    pull = COLUMN_GAP * 0.45 if out != into else max(COLUMN_GAP * 0.45, abs(end[0] - start[0]) * 0.5)
    return f"C{_at((start[0] + out * pull, start[1]))} {_at((end[0] - into * pull, end[1]))} {_at(end)}"


def _heading(leg: Leg) -> int:
    """1 to the right, -1 to the left; a way leaves and enters its cards to the right."""
    return -1 if leg[1][0] < leg[0][0] else 1


def _at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


# --- cards --------------------------------------------------------------------------------------------------------------------


def _card(card: Card, corner: tuple[float, float], link: str) -> str:
    node = card.node
    mark = " dead" if node.dead else " off" if node.off else ""
    radius = 16 if node.kind in ("event", "moment", "team") else 8
    parts = [
        f'<g class="{node.kind}{mark}" transform="translate({corner[0]:.1f} {corner[1]:.1f})">',
        f"<title>{escape(_told(node))}</title>",
        f'<rect class="card" width="{WIDTH:.0f}" height="{card.height:.0f}" rx="{radius}"/>',
        *(_words(each, node) for each in card.words),
        *(_row(each) for each in card.rows),
        "</g>",
    ]
    inside = "".join(parts)
    if link and node.kind == "rule":
        return f'<a href="{escape(link + node.title)}">{inside}</a>'
    return inside


def _told(node: Node) -> str:
    where = f" ({node.place.file}:{node.place.line})" if node.place is not None else ""
    return f"{node.kind} {node.title}{where}" + "".join(
        f"\n{line}" for line in (*node.lines, node.reply, node.dead) if line
    )


def _words(words: Words, node: Node) -> str:
    sign = f"{_SIGNS[node.kind]} " if words.style == "title" and _SIGNS[node.kind] else ""
    name = "dead-words" if words.style == "dead" else words.style
    return f'<text class="{name}" x="{PADDING:.0f}" y="{words.y:.1f}">{sign}{escape(words.text)}</text>'


def _row(row: Row) -> str:
    kind = f"{row.exit.how} dead-way" if row.exit.dead else row.exit.how
    top = row.y - 12.5
    return (
        f'<g class="{kind}"><path class="line-above" d="M0 {top:.1f}h{WIDTH:.0f}"/>'
        f'<text class="label" x="{PADDING:.0f}" y="{row.y + 4:.1f}">{escape(_arrow(row.exit) + row.text)}</text></g>'
    )


def _arrow(way: Exit) -> str:
    return {"button": "▢ ", "reminder": "◷ ", "hand_over": "☺ ", "template": "▤ "}.get(way.how, "→ ")


def _legend(height: float) -> Iterator[str]:
    told = (("button", "▢ button"), ("goes_to", "→ goes to"), ("reminder", "◷ reminder"), ("hand_over", "☺ hand-over"))
    yield f'<g transform="translate({_MARGIN:.0f} {height - 20:.0f})">'
    for at, (how, words) in enumerate((*told, ("dead-way", "✕ dead end"))):
        yield f'<g class="{how}"><text class="label" x="{at * 100}" y="0">{words}</text></g>'
    yield "</g>"
