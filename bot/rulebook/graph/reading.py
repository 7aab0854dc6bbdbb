"""From a rulebook to its graph: what starts a rule, what it does, and every way that leads on from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.core.rule import (
    Condition,
    DeliveryFailed,
    FirstContact,
    Happened,
    NothingMatched,
    OptsIn,
    OptsOut,
    ReplyItem,
    Rule,
    Say,
    SayButtons,
    SayFlow,
    SayLink,
    SayList,
    SayTemplate,
    SayText,
    SilentFor,
    Trigger,
    WindowCloses,
)
from bot.core.rulebook import Rulebook, Template
from bot.core.text import normalise
from bot.rulebook.checks.says import buttons_in
from bot.rulebook.graph.model import Exit, Graph, Kind, Node, Step
from bot.rulebook.readback.asking import must_be_words
from bot.rulebook.readback.conditions import case
from bot.rulebook.readback.replies import said_words
from bot.rulebook.readback.triggers import trigger_words
from bot.rulebook.readback.words import shortened, span, title

_OUTCOMES: Final = {"given_up": "given up", "no_answer": "no answer", "not_found": "not found"}
_REPLY_MAX: Final = 60
_CLOSED: Final = "with the window closed"


def ways(rulebook: Rulebook) -> Graph:
    """Every rule with its ways, not yet judged; see ``graph_of``."""
    rules = [_rule(rule, rulebook) for rule in rulebook.rules]
    templates = [_template(template, rulebook) for template in rulebook.templates.values() if template.buttons]
    teams = [Node(f"team:{team}", "team", team) for team in rulebook.teams]
    used = {exit.target for node in (*rules, *templates) for exit in node.exits}
    rest = [node for node in (*templates, *teams) if node.id in used]
    return Graph((*_starts(rulebook), *rules, *rest))


# --- what starts a rule ---------------------------------------------------------------------------------------------------


def _starts(rulebook: Rulebook) -> list[Node]:
    """Events and moments, each once, with the rules they set off."""
    found: dict[str, Node] = {}
    for rule in rulebook.rules:
        for trigger in rule.triggers:
            start = _start(trigger)
            if start is None:
                continue
            kind, what = start
            node = found.setdefault(f"{kind}:{what}", Node(f"{kind}:{what}", kind, what))
            exits = (*node.exits, Exit("start", "", f"rule:{rule.name}"))
            found[node.id] = Node(node.id, node.kind, node.title, exits=exits)
    return list(found.values())


def _start(trigger: Trigger) -> tuple[Kind, str] | None:
    """What is drawn as a node of its own; what people write stands in the rule itself."""
    match trigger:
        case Happened(event=event):
            return "event", event
        case SilentFor(after=after):
            return "moment", f"silent for {span(after)}"
        case WindowCloses(before=before):
            return "moment", f"window closes in {span(before)}"
        case FirstContact():
            return "moment", "first contact"
        case NothingMatched():
            return "moment", "no rule understands"
        case OptsIn():
            return "moment", "START"
        case OptsOut():
            return "moment", "STOP"
        case DeliveryFailed():
            return "moment", "delivery failed"
        case _:
            return None


# --- a rule ---------------------------------------------------------------------------------------------------------------


def _rule(rule: Rule, rulebook: Rulebook) -> Node:
    language = rulebook.settings.languages[0]
    asks = [Step("question", f"{each.slot}: {must_be_words(each.must_be, language)}") for each in rule.ask]
    calls = [Step("call", rule.call)] if rule.call else []
    exits = dict.fromkeys(_exits(rule, rulebook, language))
    return Node(
        f"rule:{rule.name}",
        "rule",
        rule.name,
        tuple(_lines(rule)),
        _first_reply(rule, language),
        (*asks, *calls),
        tuple(exits),
        off=not rule.enabled,
        listens=any(_start(trigger) is None for trigger in rule.triggers),
        place=rule.place,
    )


def _lines(rule: Rule) -> Iterator[str]:
    """What people write to it, and when it holds."""
    heard = [trigger_words(each) for each in rule.triggers if _start(each) is None]
    if heard:
        yield " or ".join(heard)
    if not rule.condition.is_empty:
        yield f"only {case(rule.condition)}"


def _first_reply(rule: Rule, language: str) -> str:
    said = next((say for item in rule.reply for say in item.says), None)
    return _beginning(said, language) if said is not None else ""


def _beginning(say: Say, language: str) -> str:
    """The words of a message alone; its buttons and rows are drawn as ways."""
    match say:
        case SayText(text=text) | SayButtons(text=text) | SayList(text=text) | SayLink(text=text) | SayFlow(text=text):
            return f"“{shortened(title(text, language), _REPLY_MAX)}”"
        case _:
            return shortened(said_words(say, language), _REPLY_MAX)


def _exits(rule: Rule, rulebook: Rulebook, language: str) -> Iterator[Exit]:
    for item in rule.reply:
        yield from _of_item(item, rulebook, language)
    if rule.if_closed is not None and rule.if_closed.template is not None:
        yield from _to_template(rule.if_closed.template, rulebook, _CLOSED)
    then = rule.then
    if then.goes_to:
        yield Exit("goes_to", "then", f"rule:{then.goes_to}")
    if then.remind is not None:
        yield Exit("reminder", f"after {span(then.remind.after)}", f"rule:{then.remind.goes_to}")
    if then.misses_goes_to:
        yield Exit("goes_to", f"after {then.misses_count} misses", f"rule:{then.misses_goes_to}")
    if then.hand_over:
        yield Exit("hand_over", "hands over", f"team:{then.hand_over}")


def _of_item(item: ReplyItem, rulebook: Rulebook, language: str) -> Iterator[Exit]:
    if item.goes_to:
        yield Exit("goes_to", case_words(item) or "goes on", f"rule:{item.goes_to}")
    for say in item.says:
        for button in buttons_in(say):
            yield Exit("button", title(button.label, language), f"rule:{button.goes_to}")
        if isinstance(say, SayTemplate):
            yield from _to_template(say, rulebook, "template")
    if item.if_closed is not None and item.if_closed.template is not None:
        yield from _to_template(item.if_closed.template, rulebook, _CLOSED)


def case_words(item: ReplyItem) -> str:
    """When a case of a reply holds, shortly."""
    outcome = item.condition.outcome
    if outcome and item.condition == Condition(outcome=outcome):
        return _OUTCOMES.get(outcome, outcome)
    return case(item.condition)


def _to_template(say: SayTemplate, rulebook: Rulebook, when: str) -> Iterator[Exit]:
    """Templates without quick replies lead nowhere, and that is how they are meant."""
    template = rulebook.templates.get(say.template)
    if template is not None and template.buttons:
        yield Exit("template", when, f"template:{say.template}")


# --- a template -----------------------------------------------------------------------------------------------------------


def _template(template: Template, rulebook: Rulebook) -> Node:
    exits = [Exit("button", each.title, _tapped(each.title, each.goes_to, rulebook)) for each in template.buttons]
    return Node(f"template:{template.name}", "template", template.name, exits=tuple(exits), place=template.place)


def _tapped(words: str, goes_to: str, rulebook: Rulebook) -> str:
    """Where a quick reply leads: where it says, or to the first rule that hears its title as a tap."""
    heard: Sequence[int] = rulebook.by_tap.get(normalise(words).plain, ())
    target = goes_to or next((rulebook.rules[at].name for at in heard), "")
    return f"rule:{target}" if target else ""
