"""A decision in the making, and the sends that go into it: window, consent and limits are looked at here, whoever asks to send."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from bot.core.conversation import Echo, OpenQuestion, ShownOption, State
from bot.core.decision import ChangeConsent, Considered, Send
from bot.core.filling import Unsayable
from bot.core.reply import OmniTemplateReply, Reply, TemplateReply, TextReply, is_template
from bot.core.rule import IfClosed, ReplyItem, Rule, SayTemplate
from bot.core.saying import say
from bot.core.scene import Scene
from bot.core.templates import template_reply

WAIT_FOR = timedelta(days=7)  # how long a message waits for the person to write again

Instead = Reply | Literal["wait", "skip", "fail"]


@dataclass(slots=True)
class Draft:
    """What the layers fill in, one after another; ``bot.core.decide`` makes the decision of it.

    ``answers``: a person wrote, so somebody must answer. ``expired_at``: the end of that message's own window where it is over already;
    nothing free-form may answer it. ``excused``: nothing more is owed (say_nothing, a colleague, a message kept for later …).
    ``in_trouble``: something should have left and cannot, so a person must look.
    """

    scene: Scene
    answers: bool
    expired_at: datetime | None
    misses: int
    missed_at: datetime | None
    options: tuple[ShownOption, ...]
    question: OpenQuestion | None
    in_charge: str
    in_charge_until: datetime | None
    in_charge_for: timedelta
    hint: str
    language: str = ""
    layer: str = "none"
    sends: list[Send] = field(default_factory=list)
    changes: list[ChangeConsent] = field(default_factory=list)
    considered: list[Considered] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    case: int = -1
    handed_over: bool = False
    excused: bool = False
    in_trouble: bool = False
    fell_back: bool = False
    echo: Echo | None = None

    def note(self, sentence: str) -> None:
        """Keep a plain sentence for whoever asks why."""
        self.scene.notes.append(sentence)

    def understood(self) -> None:
        """A message meant something to us: misses no longer count in a row. Events and reactions count for nothing here."""
        if self.answers:
            self.misses, self.missed_at = 0, None


def draft_of(scene: Scene, state: State, answers: bool, expired_at: datetime | None) -> Draft:
    """A draft that begins where ``state`` left off."""
    return Draft(
        scene,
        answers,
        expired_at,
        state.misses,
        state.missed_at,
        state.options,
        state.question,
        state.in_charge,
        state.in_charge_until,
        state.in_charge_for,
        state.hint,
    )


# --- what leaves --------------------------------------------------------------------------------------------------------


def utter(draft: Draft, text: str, confirms_stop: bool = False) -> None:
    """Say ``text`` as our own answer, no rule's: a consent confirmation or a sentence about a button that is gone."""
    _place(draft, TextReply(text), "", "utility", "fail", confirms_stop=confirms_stop)
    if draft.expired_at is not None:
        _tell_late(draft)


def speak(draft: Draft, rule: Rule, item: ReplyItem) -> None:
    """Send what ``item`` of ``rule`` says, or what stands in for it while the window is closed."""
    if not item.says:
        draft.excused = True
        draft.note(f"Rule {rule.name} says nothing here, on purpose.")
        return
    instead = item.if_closed or rule.if_closed
    if draft.scene.window_open or all(isinstance(spec, SayTemplate) for spec in item.says):
        _speak_now(draft, rule, item, instead)
    elif instead is None:
        _speak_too_late(draft, rule, item)
    else:
        _speak_instead(draft, rule, item, instead)


def _speak_now(draft: Draft, rule: Rule, item: ReplyItem, instead: IfClosed | None) -> None:
    """``messages`` of several leave one template between them, should the window close before the first is out."""
    if_closed = "fail" if instead is None else _instead(draft, rule, instead)
    for spec in item.says:
        try:
            reply = say(spec, draft.scene)
        except Unsayable as why:
            _cannot(draft, rule, why)
            continue
        _place(draft, reply, rule.name, _category(draft, rule, reply), if_closed)
        if if_closed not in ("wait", "fail"):
            if_closed = "skip"


def _speak_too_late(draft: Draft, rule: Rule, item: ReplyItem) -> None:
    """Nothing says what to send instead: it goes on the books with its time over, so that it ends where people see it."""
    _speak_now(draft, rule, item, None)
    draft.in_trouble = True
    if draft.answers:
        _tell_late(draft)
    else:
        draft.note(f"The window is closed, and rule {rule.name} does not say what to send then. Add if_closed to it.")


def _speak_instead(draft: Draft, rule: Rule, item: ReplyItem, instead: IfClosed) -> None:
    match instead.how:
        case "skip":
            draft.excused = True
            draft.note(f"The window is closed, and rule {rule.name} says to skip it then.")
        case "wait":
            draft.excused = True
            draft.note(f"The window is closed; what rule {rule.name} says waits until the person writes.")
            for spec in item.says:
                try:
                    _place(draft, say(spec, draft.scene), rule.name, _category(draft, rule), "wait", waits=True)
                except Unsayable as why:
                    _cannot(draft, rule, why)
        case "template":
            _speak_template(draft, rule, instead)


def _speak_template(draft: Draft, rule: Rule, instead: IfClosed) -> None:
    draft.note(f"The window is closed; rule {rule.name} sends its template instead.")
    try:
        reply = _template(instead, draft.scene)
    except Unsayable as why:
        _cannot(draft, rule, why)
        return
    _place(draft, reply, rule.name, _category(draft, rule, reply), "fail")


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


def _place(
    draft: Draft,
    reply: Reply,
    rule: str,
    category: str,
    if_closed: Instead,
    waits: bool = False,
    confirms_stop: bool = False,
) -> None:
    refused = "" if confirms_stop else consent_refusal(draft.scene, category, draft.answers)
    if refused:
        draft.note(f"Not sent: {refused}.")
        return
    not_after = _not_after(draft, reply, waits)
    contact = draft.scene.conversation.contact
    draft.sends.append(
        Send(
            reply, contact, rule, len(draft.sends), category, if_closed, not_after, waits, confirms_stop, draft.answers
        )
    )


def _not_after(draft: Draft, reply: Reply, waits: bool) -> datetime | None:
    scene = draft.scene
    if waits:
        return scene.now + WAIT_FOR
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
