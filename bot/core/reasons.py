"""Why a decision came out as it did, in sentences for people, each rule with its file and line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core.decision import (
    Because,
    Call,
    ChangeConsent,
    Considered,
    Decision,
    DropTimer,
    Effect,
    HandOver,
    Send,
    SetPerson,
    SetTimer,
    TellBackend,
)
from bot.core.rulebook import Rulebook

_LAYERS = {
    "consent": "It was a matter of consent (STOP, START), which comes before everything else.",
    "person": "A colleague has the conversation, so the bot keeps quiet.",
    "question": "It belonged to the question that is open.",
    "taps": "It was a tap on a button.",
    "near_miss": "It was nearly a STOP, so the bot asks.",
    "rules": "A rule heard it.",
    "first_contact": "No rule heard it, and the person never wrote before.",
    "nothing_matched": "No rule heard it.",
    "event": "A backend or the channel told of it.",
    "timer": "A timer was due.",
    "call": "A connection that a rule had asked answered.",
    "colleague": "A colleague acted, and the bot says nothing to that.",
    "receipt": "It tells what became of a message of ours.",
    "none": "Nothing answers this kind of event.",
}


def reasons(
    decision: Decision, rulebook: Rulebook, every_rule: bool = False, pinned: Rulebook | None = None
) -> list[str]:
    """Why it came out so, in the order in which things were asked; ``decision`` was made with ``rulebook``.

    ``every_rule`` adds a line for each rule that nothing in the message spoke to. ``pinned`` is the rulebook that ``because.pinned``
    names, where there is one: an open question goes on with it.
    """
    because = decision.because
    found = [_LAYERS.get(because.layer, f"It was answered by {because.layer}.")]
    found += [_considered(each) for each in because.considered]
    if every_rule:
        found += _unheard(because, rulebook)
    if because.pinned:
        found.append(f"It went on with rulebook {because.pinned}, which asked the question, not today's.")
    found += _path(because, pinned or rulebook)
    found += [f"Note: {note}" for note in because.notes]
    found += [sentence for effect in decision.effects if (sentence := _effect(effect))]
    found += list(_circumstances(decision))
    return found


def _considered(each: Considered) -> str:
    heard = f" ({each.heard})" if each.heard else ""
    if each.failed:
        return f"{each.place}: rule {each.rule}{heard} does not answer: {each.failed.rstrip('.')}."
    return f"{each.place}: rule {each.rule}{heard} answers."


def _unheard(because: Because, rulebook: Rulebook) -> Iterator[str]:
    asked = {each.rule for each in because.considered} | set(because.path)
    for rule in rulebook.rules:
        if rule.name not in asked:
            yield f"{rule.place}: rule {rule.name} was not asked: {_why_not(because)}."


def _why_not(because: Because) -> str:
    if because.layer in ("consent", "person", "question", "taps", "near_miss"):
        return f"the layer {because.layer} comes before the rules"
    if because.layer in ("event", "timer", "call", "colleague"):
        return "it does not wait for this event"
    return "nothing in its when speaks to the message"


def _path(because: Because, rulebook: Rulebook) -> Iterator[str]:
    path, case = because.path, because.case
    answering = {each.rule for each in because.considered if not each.failed}
    first = rulebook.rule(path[0]) if path and because.layer in ("question", "timer", "call") else None
    if first is not None and first.name not in answering:
        yield f"{first.place}: rule {first.name} goes on."
    if len(path) > 1:
        yield f"It went on from rule {' to '.join(path)}."
    rule = rulebook.rule(path[-1]) if path else None
    if rule is not None and 0 <= case < len(rule.reply) and len(rule.reply) > 1:
        yield f"{rule.reply[case].place}: reply {case + 1} of {len(rule.reply)} is the first whose conditions hold."


def _circumstances(decision: Decision) -> Iterator[str]:
    because = decision.because
    if because.text and because.layer not in ("event", "timer"):
        yield f'Read as "{because.text}".'
    if because.language:
        window = "open" if because.window_open else "closed"
        yield f"Language {because.language}, window {window}, consent {because.consent or 'unknown'}."


def _effect(effect: Effect) -> str:
    match effect:
        case Send(waits=True):
            return "The window is closed, so the message waits until the person writes."
        case Send():
            return ""
        case SetPerson():
            return f"Kept about the person: {', '.join(_changes(effect))}."
        case ChangeConsent():
            return f"Consent ({effect.purpose}) is {effect.state} from now on: {effect.source}."
        case HandOver(team=team):
            return f"The team {team} has the conversation now." if team else "The bot has the conversation again."
        case Call(connection=connection):
            return f"The connection {connection} is asked."
        case SetTimer(name=name, due_at=due_at):
            return f"The timer {name} is set for {due_at:%Y-%m-%d %H:%M} UTC."
        case DropTimer(name=name):
            return f"The timer {name} is dropped."
        case TellBackend(name=name):
            return f"Backends are told of {name}."
        case _:
            assert_never(effect)


def _changes(change: SetPerson) -> Iterator[str]:
    if change.language is not None:
        yield f"language {change.language}"
    for name, value in change.fields.items():
        yield f"{name} is forgotten" if value is None else f"{name} = {value}"
    yield from (f"tag {tag}" for tag in change.tags_added)
    yield from (f"no tag {tag}" for tag in change.tags_removed)
