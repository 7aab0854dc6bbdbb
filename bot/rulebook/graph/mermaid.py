"""The graph as a Mermaid flowchart, which GitHub, GitLab and many wikis draw by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from bot.rulebook.graph.model import Exit, Graph, How, Kind, Node

_SHAPES: Final[Mapping[Kind, tuple[str, str]]] = {
    "rule": ("[", "]"),
    "event": (">", "]"),
    "moment": ("([", "])"),
    "team": ("[[", "]]"),
    "template": ("[/", "/]"),
}
_ARROWS: Final[Mapping[How, str]] = {"reminder": "-.->", "hand_over": "==>", "template": "-.->"}
_WORDS: Final[Mapping[Kind, str]] = {"event": "event ", "team": "team ", "template": "template "}
_CLASSES: Final = (
    "classDef dead stroke:#c62828,stroke-width:3px,color:#c62828",
    "classDef off stroke-dasharray:4 4,color:#888",
)


def mermaid(graph: Graph) -> str:
    """The flowchart, from left to right; the same graph always gives the same text."""
    lines = ["flowchart LR"]
    for node in graph.nodes:
        lines += [f"  {line}" for line in _node(node)]
    for node in graph.nodes:
        lines += [f"  {line}" for line in _ways(node)]
    return "\n".join([*lines, *(f"  {each}" for each in _CLASSES), ""])


def _node(node: Node) -> Iterator[str]:
    opens, closes = _SHAPES[node.kind]
    told = [
        f"<b>{_safe(_WORDS.get(node.kind, '') + node.title)}</b>",
        *(_safe(line) for line in (*node.lines, node.reply) if line),
    ]
    if node.off:
        told.append("switched off")
    if node.dead:
        told.append(f"✕ {_safe(node.dead)}")
    mark = ":::dead" if node.dead else ":::off" if node.off else ""
    yield f'{_id(node.id)}{opens}"{"<br/>".join(told)}"{closes}{mark}'
    for at, step in enumerate(node.steps):
        shape = ("{{", "}}") if step.kind == "question" else ("[(", ")]")
        yield f'{_id(node.id)}__{at}{shape[0]}"{_safe(("asks " if step.kind == "question" else "calls ") + step.text)}"{shape[1]}'


def _ways(node: Node) -> Iterator[str]:
    """Steps in their order; what leads on from the rule leaves from the last of them."""
    chain = [_id(node.id), *(f"{_id(node.id)}__{at}" for at in range(len(node.steps)))]
    yield from (f"{one} --> {two}" for one, two in pairwise(chain))
    for at, way in enumerate(node.exits):
        yield from _way(chain[-1], way, f"{_id(node.id)}__dead{at}")


def _way(source: str, way: Exit, end: str) -> Iterator[str]:
    label = f"[{way.label}]" if way.how == "button" else way.label
    label += f" ✕ {way.dead}" if way.dead and way.target else ""
    arrow = _ARROWS.get(way.how, "-->") + (f'|"{_safe(label)}"|' if label else "")
    if way.target:
        yield f"{source} {arrow} {_id(way.target)}"
    else:
        yield f'{source} {arrow} {end}(["✕ {_safe(way.dead)}"]):::dead'


def _id(node_id: str) -> str:
    """An id of letters, digits and _ only; what is replaced is written as its code, so that no two become one."""
    return re.sub(r"[^a-z0-9_]", lambda found: "_" if found[0] == ":" else f"_{ord(found[0]):x}_", node_id)


def _safe(text: str) -> str:
    """``text`` inside a label in quotes: its signs are no markup."""
    return re.sub(r"[#\"<>&`|{}\[\]()]", lambda found: f"#{ord(found[0])};", text)
