"""``schema``, ``graph`` and ``explain-rules``: the rules as an editor, a picture and a reader see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from bot.cli.output import aside, json_out, line
from bot.cli.rules import Folder, folder_of, sound
from bot.core.rulebook import Rulebook
from bot.rulebook.graph import Graph, graph_of, mermaid, svg
from bot.rulebook.json_schema import schema as json_schema
from bot.rulebook.load import load
from bot.rulebook.problem import closest, counted
from bot.rulebook.readback import read_back


def schema() -> None:
    """Print the JSON Schema of a rules file, so that an editor completes keys and underlines slips."""
    json_out(json_schema())


def graph(
    folder: Folder = None,
    as_svg: Annotated[bool, typer.Option("--svg", help="An SVG image instead of Mermaid text.")] = False,
    rule: Annotated[str, typer.Option(metavar="NAME", help="One rule, with what leads to it and where it leads.")] = "",
) -> None:
    """Draw the rules: what starts each, what it asks, where buttons and goes_to lead; dead ends in red."""
    rulebook = sound(load(folder_of(folder)), aside)
    found = graph_of(rulebook)
    if rule:
        found = found.around(_known(rule, rulebook))
    line((svg(found) if as_svg else mermaid(found)).rstrip("\n"))
    dead = list(_dead_ends(found))
    for each in dead:
        aside(each)
    aside(f"{counted(sum(node.kind == 'rule' for node in found.nodes), 'rule')}, {counted(len(dead), 'dead end')}.")


def explain_rules(
    folder: Folder = None,
    rule: Annotated[str, typer.Option(metavar="NAME", help="This rule only.")] = "",
) -> None:
    """Read each rule back as a sentence, to see whether it says what was meant."""
    rulebook = sound(load(folder_of(folder)))
    wanted = _known(rule, rulebook) if rule else ""
    for each in rulebook.rules:
        if wanted in ("", each.name):
            line(f"{each.place.file}:{each.place.line}: {each.name}: {read_back(each, rulebook)}")


def _known(name: str, rulebook: Rulebook) -> str:
    if name in rulebook.by_name:
        return name
    guess = closest(name, rulebook.by_name)
    cure = f'Did you mean "{guess}"?' if guess else "Leave --rule out to see them all."
    raise typer.BadParameter(f'there is no rule "{name}". {cure}', param_hint="--rule")


def _dead_ends(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        where = f"{node.place.file}:{node.place.line}: " if node.place is not None else ""
        called = f"{node.kind.capitalize()} {node.title}"
        if node.dead:
            yield f"{where}{called}: {node.dead}."
        yield from (f'{where}{called}, "{way.label}": {way.dead}.' for way in node.exits if way.dead)
