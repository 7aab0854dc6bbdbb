"""Where people are left standing: taps and ways that end in silence, and rules that nothing leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.core.rule import NothingMatched, ReplyItem, Rule
from bot.core.rulebook import Rulebook
from bot.rulebook.graph.model import Exit, Graph, Node
from bot.rulebook.graph.reading import case_words

_SILENT = "says nothing"


def judged(graph: Graph, rulebook: Rulebook) -> Graph:
    """The same graph with its dead ends told:

    - a way that leads to a rule which is switched off, or nowhere;
    - a rule that is led to, or that has asked, and then says nothing and leads nowhere, in all cases or in one (that no answer came
      may end in silence);
    - a rule that nothing leads to, whatever people write and whatever happens;
    - no rule at all for messages that none understands.
    """
    reached, led_to = _reached(graph), _led_to(graph)
    rules = {f"rule:{rule.name}": rule for rule in rulebook.rules}
    known = graph.by_id()
    nodes = [_judged(node, known, rules.get(node.id), reached, led_to) for node in graph.nodes]
    listens = any(isinstance(trigger, NothingMatched) for rule in rulebook.rules for trigger in rule.triggers)
    lost = Node("moment:no rule understands", "moment", "no rule understands", dead="nobody answers")
    return Graph(tuple(nodes) if listens else (lost, *nodes))


def _judged(node: Node, known: Mapping[str, Node], rule: Rule | None, reached: set[str], led_to: set[str]) -> Node:
    exits = tuple(_way(each, known) for each in node.exits)
    if rule is None:
        return replace(node, exits=exits)
    if node.off:
        return node
    if node.id not in reached:
        return replace(node, exits=exits, dead="nothing leads here")
    if node.id in led_to or rule.goes_on:
        silent = [item for item in rule.reply if _is_silent(item, rule)]
        if silent and len(silent) == len(rule.reply):
            return replace(node, exits=exits, dead=_SILENT)
        exits = (*exits, *(Exit("case", case_words(item) or "otherwise", "", _SILENT) for item in silent))
    return replace(node, exits=exits)


def _is_silent(item: ReplyItem, rule: Rule) -> bool:
    then = rule.then
    goes_on = item.goes_to or then.goes_to or then.hand_over or then.misses_goes_to
    return not item.says and not goes_on and item.condition.outcome != "no_answer"


def _way(way: Exit, known: Mapping[str, Node]) -> Exit:
    target = known.get(way.target)
    if target is None:
        return replace(way, target="", dead="no rule hears this")
    return replace(way, dead="switched off") if target.off and way.how != "start" else way


def _led_to(graph: Graph) -> set[str]:
    return {each.target for node in graph.nodes if not node.off for each in node.exits if each.how != "start"}


def _reached(graph: Graph) -> set[str]:
    """Every node that something can lead to: from what people write, from events and moments, and from templates."""
    known = graph.by_id()
    waiting = [node.id for node in graph.nodes if not node.off and (node.kind != "rule" or node.listens)]
    found = set(waiting)
    while waiting:
        node = known[waiting.pop()]
        fresh = [way.target for way in node.exits if way.target in known and way.target not in found]
        if not node.off:
            found.update(fresh)
            waiting += fresh
    return found
