"""Why a decision came out as it did, in sentences for people, each rule with its file and line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from bot.core.decision import Because, Considered, Decision, HandOver, Send, SetPerson
from bot.core.rule import Place, Rule
from bot.core.rulebook import Rulebook

LAYERS = {
    "consent": "Consent comes first: a word that stops or starts, or a person who said STOP.",
    "person": "A colleague has the conversation.",
    "taps": "A button was tapped, or its title or number typed.",
    "rules": "A rule took it.",
    "first_contact": "No rule took it, and the person never wrote before.",
    "nothing_matched": "No rule took it.",
    "event": "A rule waits for this event.",
    "none": "Nothing answers this.",
}


def explain(decision: Decision, rulebook: Rulebook, every_rule: bool = False) -> tuple[str, ...]:
    """The reasons of ``decision`` as sentences in the order in which things were asked; it was made with ``rulebook``.

    ``every_rule`` adds a line for each rule that nothing in the message spoke to.
    """
    because = decision.because
    lines = [_seen(because), LAYERS.get(because.layer, because.layer)]
    lines.extend(_considered(each, because) for each in because.considered)
    if every_rule:
        lines.extend(_unheard(because, rulebook))
    lines.extend(_path(because, rulebook))
    lines.extend(because.notes)
    lines.extend(_outcome(decision))
    return tuple(lines)


def at(place: Place) -> str:
    """A place for people: file and line."""
    return f"{place.file}:{place.line}"


def _seen(because: Because) -> str:
    window = "open" if because.window_open else "closed"
    heard = f'Heard "{because.text}"' if because.text else "Heard no words"
    language = f", language {because.language}" if because.language else ""
    return f"{heard}; window {window}, consent {because.consent}{language}."


def _considered(each: Considered, because: Because) -> str:
    about = f'Rule {each.rule} ({at(each.place)}) was asked because of "{each.heard}"'
    if each.failed:
        return f"{about}, and did not answer: {each.failed}."
    return f"{about}, and took it."


def _unheard(because: Because, rulebook: Rulebook) -> Iterator[str]:
    asked = {each.rule for each in because.considered} | set(because.path)
    for rule in rulebook.rules:
        if rule.name not in asked:
            yield f"Rule {rule.name} ({at(rule.place)}) was not asked: {_why_not(rule, because)}."


def _why_not(rule: Rule, because: Because) -> str:
    if because.layer in ("consent", "person", "taps"):
        return f"the layer {because.layer} comes before the rules"
    if because.layer == "event":
        return "it does not wait for this event"
    return "nothing in its when speaks to the message"


def _path(because: Because, rulebook: Rulebook) -> Iterator[str]:
    rules = [found for name in because.path if (found := rulebook.rule(name)) is not None]
    for source, target in pairwise(rules):
        yield f"Rule {source.name} went on to rule {target.name} ({at(target.place)})."
    if rules and 0 <= because.case < len(rules[-1].reply):
        item = rules[-1].reply[because.case]
        yield f"Rule {rules[-1].name} answered with reply {because.case + 1} of {len(rules[-1].reply)} ({at(item.place)})."


def _outcome(decision: Decision) -> Iterator[str]:
    for effect in decision.effects:
        match effect:
            case SetPerson(language=language) if language:
                yield f"The person's language is {language} now."
            case HandOver(team=team):
                yield f"Team {team} has the conversation." if team else "The bot has the conversation again."
            case _:
                pass
    sends = sum(isinstance(effect, Send) for effect in decision.effects)
    yield f"{sends} message{'' if sends == 1 else 's'} to send." if sends else "No message to send."
