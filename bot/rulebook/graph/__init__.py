"""The rules as a picture: what starts each rule, what it asks, and where every button and every ``goes_to`` leads."""

from __future__ import annotations

from bot.core.rulebook import Rulebook
from bot.rulebook.graph.dead_ends import judged
from bot.rulebook.graph.mermaid import mermaid as mermaid
from bot.rulebook.graph.model import Graph as Graph
from bot.rulebook.graph.reading import ways
from bot.rulebook.graph.svg import STYLE as STYLE
from bot.rulebook.graph.svg import svg as svg


def graph_of(rulebook: Rulebook) -> Graph:
    """The graph of all rules, dead ends included; equal rules give equal graphs."""
    return judged(ways(rulebook), rulebook)
