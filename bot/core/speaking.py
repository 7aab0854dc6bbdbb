"""What leaves: window, consent, quiet times and limits are looked at here, whoever asks to send."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot.core.decision import Send
from bot.core.draft import Draft
from bot.core.filling import Unsayable
from bot.core.hours import quiet_until
from bot.core.reply import ButtonsReply, ListReply, OmniTemplateReply, Reply, TemplateReply, TextReply, is_template
from bot.core.rule import IfClosed, ReplyItem, Rule, Say, SayTemplate
from bot.core.saying import say
from bot.core.scene import Scene
from bot.core.templates import template_reply

WAIT_FOR = timedelta(days=7)  # how long a message waits for the person to write again

Instead = Reply | Literal["wait", "skip", "fail"]


def utter(draft: Draft, text: str, confirms_stop: bool = False) -> None:
    """Say ``text`` as our own answer, no rule's: a consent confirmation or a sentence about a button that is gone."""
    place(draft, TextReply(text), "", "utility", "fail", confirms_stop=confirms_stop)
    if draft.expired_at is not None:
        _tell_late(draft)


def speak(draft: Draft, rule: Rule, item: ReplyItem, options_from: int = 0) -> None:
    """Send what ``item`` of ``rule`` says, or what stands in for it while the window is closed.

    ``options_from`` is the number of its first button: a question's buttons have numbers of their own.
    """
    draft.quiet = rule.not_between
    if not item.says:
        draft.excused = True
        draft.note(f"Rule {rule.name} says nothing here, on purpose.")
        return
    instead = item.if_closed or rule.if_closed
    if draft.scene.window_open or all(isinstance(spec, SayTemplate) for spec in item.says):
        _speak_now(draft, rule, item, instead, options_from)
    elif instead is None:
        _speak_too_late(draft, rule, item, options_from)
    else:
        _speak_instead(draft, rule, item, instead, options_from)


def _speak_now(draft: Draft, rule: Rule, item: ReplyItem, instead: IfClosed | None, options_from: int) -> None:
    """``messages`` of several leave one template between them, should the window close before the first is out."""
    if_closed = "fail" if instead is None else _instead(draft, rule, instead)
    for spec in item.says:
        try:
            reply = say(spec, draft.scene)
        except Unsayable as why:
            _cannot(draft, rule, why)
            continue
        if options_from:
            reply = _numbered(reply, options_from)
        place(draft, reply, rule.name, _category(draft, rule, reply), if_closed)
        if if_closed not in ("wait", "fail"):
            if_closed = "skip"


def _speak_too_late(draft: Draft, rule: Rule, item: ReplyItem, options_from: int) -> None:
    """Nothing says what to send instead: it goes on the books with its time over, so that it ends where people see it."""
    _speak_now(draft, rule, item, None, options_from)
    draft.in_trouble = True
    if draft.answers:
        _tell_late(draft)
    else:
        draft.note(f"The window is closed, and rule {rule.name} does not say what to send then. Add if_closed to it.")


def _speak_instead(draft: Draft, rule: Rule, item: ReplyItem, instead: IfClosed, options_from: int) -> None:
    match instead.how:
        case "skip":
            draft.excused = True
            draft.note(f"The window is closed, and rule {rule.name} says to skip it then.")
        case "wait":
            draft.excused = True
            draft.note(f"The window is closed; what rule {rule.name} says waits until the person writes.")
            _keep_waiting(draft, rule, item.says, instead.not_after or WAIT_FOR, options_from)
        case "template":
            _speak_template(draft, rule, instead)


def _keep_waiting(draft: Draft, rule: Rule, says: tuple[Say, ...], keep_for: timedelta, options_from: int) -> None:
    for spec in says:
        try:
            reply = _numbered(say(spec, draft.scene), options_from)
            place(draft, reply, rule.name, _category(draft, rule), "wait", keep_for)
        except Unsayable as why:
            _cannot(draft, rule, why)


def _numbered(reply: Reply, options_from: int) -> Reply:
    """The same with its buttons' numbers counted from there."""
    match reply:
        case ButtonsReply(buttons=buttons):
            return replace(reply, buttons=tuple(replace(each, option=each.option + options_from) for each in buttons))
        case ListReply(sections=sections):
            moved = (tuple(replace(row, option=row.option + options_from) for row in each.rows) for each in sections)
            kept = zip(sections, moved, strict=True)
            return replace(reply, sections=tuple(replace(section, rows=rows) for section, rows in kept))
        case _:
            return reply


def _speak_template(draft: Draft, rule: Rule, instead: IfClosed) -> None:
    draft.note(f"The window is closed; rule {rule.name} sends its template instead.")
    try:
        reply = _template(instead, draft.scene)
    except Unsayable as why:
        _cannot(draft, rule, why)
        return
    place(draft, reply, rule.name, _category(draft, rule, reply), "fail")


def _instead(draft: Draft, rule: Rule, instead: IfClosed) -> Instead:
    """What leaves should the window close before the message does."""
    if instead.how != "template":
        return instead.how
    try:
        reply = _template(instead, draft.scene)
    except Unsayable as why:
        draft.note(f"Rule {rule.name}, should the window close: {why}")
        return "fail"
    refused = consent_refusal(draft.scene, reply.category, draft.answers)
    return "fail" if refused else reply


def _template(instead: IfClosed, scene: Scene) -> TemplateReply | OmniTemplateReply:
    if instead.template is None:
        raise Unsayable("if_closed names no template.")
    return template_reply(instead.template, scene)


def place(
    draft: Draft,
    reply: Reply,
    rule: str,
    category: str,
    if_closed: Instead,
    keep_for: timedelta | None = None,
    confirms_stop: bool = False,
) -> None:
    refused = "" if confirms_stop else consent_refusal(draft.scene, category, draft.answers)
    if refused:
        draft.note(f"Not sent: {refused}.")
        return
    not_after = _not_after(draft, reply, keep_for)
    not_before = None
    if draft.quiet is not None and not draft.answers and keep_for is None:
        not_before = quiet_until(draft.scene, draft.quiet)
        if not_before is not None:
            draft.note(f"It is a quiet time of the rule: it leaves at {not_before:%Y-%m-%d %H:%M} UTC.")
    draft.sends.append(
        Send(
            reply,
            draft.scene.conversation.contact,
            rule,
            len(draft.sends),
            category,
            if_closed,
            not_after,
            keep_for is not None,
            confirms_stop,
            draft.answers,
            not_before,
        )
    )


def _not_after(draft: Draft, reply: Reply, keep_for: timedelta | None) -> datetime | None:
    scene = draft.scene
    if keep_for is not None:
        return scene.now + keep_for
    if not draft.answers:
        return None
    if draft.expired_at is not None and not is_template(reply):
        return draft.expired_at
    return scene.now + scene.rulebook.settings.answer_within


def _category(draft: Draft, rule: Rule, reply: Reply | None = None) -> str:
    """Marketing where the rule or the template says so; an answer in our own words is never marketing."""
    if isinstance(reply, (TemplateReply, OmniTemplateReply)):
        return "marketing" if rule.category == "marketing" and not draft.answers else reply.category
    return "utility" if draft.answers else rule.category


def consent_refusal(scene: Scene, category: str, answers: bool) -> str:
    """Why consent forbids to send, as half a sentence; empty when it allows it."""
    consent = scene.conversation.consent
    words = scene.rulebook.consent
    if consent.stopped and not (answers and words.after_stop == "answer"):
        return "the person said STOP"
    if category != "marketing":
        return ""
    if consent.marketing == "stopped":
        return "the person wants no marketing"
    if words.marketing == "opted_in" and consent.marketing != "opted_in":
        return "the person never agreed to marketing"
    return ""


def _cannot(draft: Draft, rule: Rule, why: Unsayable) -> None:
    draft.in_trouble = True
    draft.note(f"Rule {rule.name} could not send its reply. {why}")


def _tell_late(draft: Draft) -> None:
    draft.note(
        "The message reached us after its own window was over, so a free-form answer expires instead of leaving."
    )
