"""What a picture of the rules is made of, before anybody draws it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from bot.core.rule import Place

Kind = Literal["rule", "event", "moment", "team", "template"]
How = Literal["button", "goes_to", "case", "reminder", "hand_over", "template", "start"]


@dataclass(frozen=True, slots=True)
class Exit:
    """A way on from a node. ``target`` is a node's id, empty where the way ends; ``dead`` says in words why it leads nowhere."""

    how: How
    label: str
    target: str
    dead: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens inside a rule before its reply: a question, or a call of a connection."""

    kind: Literal["question", "call"]
    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """A rule, or what starts or ends a way. ``reply``: how its first reply begins. ``dead`` says in words what is wrong; ``off``: the
    rule is switched off; ``listens``: it hears what people write, tap or send."""

    id: str
    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    reply: str = ""
    steps: tuple[Step, ...] = ()
    exits: tuple[Exit, ...] = ()
    dead: str = ""
    off: bool = False
    listens: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """All nodes, rules in their order of precedence; every target of an exit is among them."""

    nodes: tuple[Node, ...]

    def by_id(self) -> dict[str, Node]:
        """The nodes by their ids, in order."""
        return {node.id: node for node in self.nodes}

    def around(self, rule: str) -> Graph:
        """The rule of that name with all that leads to it and all that it leads to; empty where there is none."""
        here = f"rule:{rule}"
        found = self.by_id().get(here)
        if found is None:
            return Graph(())
        kept = {here} | {each.target for each in found.exits}
        kept |= {node.id for node in self.nodes if any(each.target == here for each in node.exits)}
        return Graph(tuple(_within(node, here, kept) for node in self.nodes if node.id in kept))


def _within(node: Node, here: str, kept: set[str]) -> Node:
    """Neighbours keep only their ways to and from the middle."""
    if node.id == here:
        return node
    return replace(node, exits=tuple(each for each in node.exits if each.target == here))
