"""Replies and decisions in words: what the person would read, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import assert_never

from bot.core.decision import (
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
from bot.core.reply import (
    Button,
    ButtonsReply,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    OmniTemplateReply,
    Reply,
    TemplateReply,
    TextReply,
    buttons_of,
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
    "event": "A backend told of it.",
    "none": "Nothing answers this kind of event.",
}


def preview(reply: Reply) -> list[str]:
    """The reply as lines of text."""
    return [*_words(reply), *(_button_line(at, each) for at, each in enumerate(buttons_of(reply), 1))]


def _words(reply: Reply) -> list[str]:
    match reply:
        case TextReply(text=text):
            return text.splitlines()
        case ButtonsReply():
            picture = [f"[picture] {reply.media_url}"] if reply.media_url else []
            return [*picture, *_framed(reply.header, reply.text, reply.footer)]
        case ListReply():
            return [*_framed(reply.header, reply.text, reply.footer), f"[list] {reply.menu}"]
        case MediaReply():
            return [f"[{reply.kind}] {reply.url}", *reply.caption.splitlines()]
        case LocationReply():
            return [f"[place] {reply.title} ({reply.latitude}, {reply.longitude})", *reply.label.splitlines()]
        case ContactReply():
            return [f"[contact] {reply.name}, {reply.phone}"]
        case LinkReply():
            return [*reply.text.splitlines(), f"[link] {reply.title}: {reply.url}"]
        case FlowReply():
            return [*_framed(reply.header, reply.text, reply.footer), f"[flow] {reply.cta}"]
        case TemplateReply():
            return [f"[template] {reply.name} ({reply.language})", *_template_words(reply)]
        case OmniTemplateReply():
            return [f"[template] {reply.template_id} ({reply.language})", *_values(reply.parameters.items())]
        case _:
            assert_never(reply)


def _template_words(reply: TemplateReply) -> list[str]:
    return reply.text.splitlines() or _values(reply.parameters.items())


def _values(values: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {name}: {value}" for name, value in values]


def _framed(header: str, text: str, footer: str) -> list[str]:
    return [*header.splitlines(), *text.splitlines(), *footer.splitlines()]


def _button_line(at: int, button: Button) -> str:
    described = f" - {button.description}" if button.description else ""
    leads = f"  -> {button.rule}" if button.rule else ""
    return f"  {at}) {button.label}{described}{leads}"


def sends_of(decision: Decision) -> Sequence[Send]:
    """The messages of a decision, in order."""
    return [effect for effect in decision.effects if isinstance(effect, Send)]


def reasons(decision: Decision, rulebook: Rulebook) -> list[str]:
    """Why it came out so, as sentences for staff, with the file and line of each rule."""
    because = decision.because
    found = [_LAYERS.get(because.layer, f"It was answered by {because.layer}.")]
    found += [_considered(each) for each in because.considered]
    found += _path(because.path, because.case, rulebook)
    found += [f"Note: {note}" for note in because.notes]
    found += [sentence for effect in decision.effects if (sentence := _effect(effect))]
    found += list(_circumstances(decision))
    return found


def _considered(each: Considered) -> str:
    heard = f" ({each.heard})" if each.heard else ""
    if each.failed:
        return f"{each.place}: rule {each.rule}{heard} does not answer: {each.failed.rstrip('.')}."
    return f"{each.place}: rule {each.rule}{heard} answers."


def _path(path: tuple[str, ...], case: int, rulebook: Rulebook) -> Iterator[str]:
    if len(path) > 1:
        yield f"It went on from rule {' to '.join(path)}."
    rule = rulebook.rule(path[-1]) if path else None
    if rule is not None and 0 <= case < len(rule.reply) and len(rule.reply) > 1:
        yield f"{rule.reply[case].place}: reply {case + 1} of {len(rule.reply)} is the first whose conditions hold."


def _circumstances(decision: Decision) -> Iterator[str]:
    because = decision.because
    if because.text and because.layer != "event":
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


def spoken_duration(duration: timedelta) -> str:
    """``23 h 59 min``, ``2 d 1 h``, ``40 s``."""
    seconds = int(abs(duration).total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")]
    told = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(told) or "0 s"
