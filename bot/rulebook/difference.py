"""What changed from one rulebook's files to another's, told by files and by the names of rules.

Reads YAML alone and checks nothing, so it tells of rulebooks that no program of today would take as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.rulebook.node import Fields, Items, Node, Scalar
from bot.rulebook.problem import Problems
from bot.rulebook.tree import read_tree


@dataclass(frozen=True, slots=True)
class Difference:
    """Names in the order of the rulebook they stand in. ``reordered``: rules that both have come in another order, which counts."""

    files: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reordered: bool = False


def difference(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Difference:
    """What a reader of ``before`` finds new in ``after``. A rule that only moved, or was laid out anew, is not changed."""
    old, new = rules_of(before), rules_of(after)
    return Difference(
        files=tuple(name for name in sorted({*before, *after}) if before.get(name) != after.get(name)),
        added=tuple(name for name in new if name not in old),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        removed=tuple(name for name in old if name not in new),
        reordered=[name for name in old if name in new] != [name for name in new if name in old],
    )


def rules_of(files: Mapping[str, bytes]) -> dict[str, object]:
    """The content of each rule that has a name, by that name, in the order of the rulebook."""
    found: dict[str, object] = {}
    for name in sorted(files, key=lambda name: name.split("/")):
        for rule in _listed(read_tree(name, files[name], Problems()).root):
            title = rule.entry("name")
            if title is not None and isinstance(title.value, Scalar):
                found.setdefault(title.value.text, _content(rule))
    return found


def _listed(root: Node | None) -> Iterator[Fields]:
    rules = root.entry("rules") if isinstance(root, Fields) else None
    items: Sequence[Node] = rules.value.items if rules is not None and isinstance(rules.value, Items) else ()
    return (each for each in items if isinstance(each, Fields))


def _content(node: Node) -> object:
    """The node without its places; the order of keys does not count."""
    match node:
        case Scalar():
            return node.text
        case Items():
            return [_content(each) for each in node.items]
        case Fields():
            return {entry.key: _content(entry.value) for entry in node.entries}
