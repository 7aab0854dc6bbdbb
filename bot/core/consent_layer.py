"""STOP and START: the first layer, before everything else."""

from __future__ import annotations

from dataclasses import replace

from bot.core.choosing import first_that_fits
from bot.core.consent import Said, said_outright
from bot.core.decision import ChangeConsent, Considered
from bot.core.draft import Draft
from bot.core.event import InboundMessage
from bot.core.filling import Unsayable, fill
from bot.core.following import fit
from bot.core.hearing import named
from bot.core.ledger import change_of, consent_text, with_change
from bot.core.message import Message
from bot.core.phrasing import LocalText
from bot.core.reply import TEXT_MAX
from bot.core.speaking import utter
from bot.core.then import carry_out


def consent(draft: Draft, message: Message) -> bool:
    """STOP, and START of somebody stopped, as the whole message; and whatever else a stopped person writes, unless answers are wished."""
    known = draft.scene.conversation.consent
    words = draft.scene.rulebook.consent
    if consent_text(message.event):
        said = said_outright(message.words, words)
        if said is Said.STOP:
            stop(draft, message.event)
            return True
        if said is Said.START and _starts(draft, message.event):
            return True
    if known.stopped and words.after_stop == "silent":
        draft.excused = True
        draft.note("The person said STOP, so nobody answers.")
        return True
    return False


def stop(draft: Draft, event: InboundMessage, source: str = "the person wrote it") -> None:
    """Recording has already stopped the person where the words were plain; the one event that did is confirmed."""
    known = draft.scene.conversation.consent
    drop_everything(draft)
    draft.understood()
    late = change_of("stop", source, event.written_at, known)
    if known.changed_by == event.dedup:
        _confirm_stop(draft)
    elif known.stopped:
        draft.note("The person said STOP before; one confirmation is enough.")
    elif late is None:
        draft.note("A START that the person wrote later counts.")
    else:
        _change(draft, late, event)
        _confirm_stop(draft)


def drop_everything(draft: Draft) -> None:
    """Whatever was open ends; an answer of a call that is under way will find nothing to go on with."""
    if draft.question is not None:
        draft.note(f"The question for {draft.question.slot} is dropped.")
    draft.question = draft.call = draft.flow = None
    draft.options, draft.near_miss, draft.excused = (), False, True


def _confirm_stop(draft: Draft) -> None:
    _confirm(draft, draft.scene.rulebook.consent.stop_reply, confirms_stop=True)
    opted_out(draft)


def opted_out(draft: Draft) -> None:
    """The first rule that waits for it tags and tells; it never replies."""
    rulebook = draft.scene.rulebook
    for candidate in named(rulebook.on_opt_out, "opts_out", rulebook):
        rule = rulebook.rules[candidate.position]
        _, refused = fit(rule, draft.scene)
        draft.considered.append(Considered(rule.name, rule.place, "opts_out", refused))
        if not refused:
            carry_out(draft, rule)
            return


def _starts(draft: Draft, event: InboundMessage) -> bool:
    known = draft.scene.conversation.consent
    late = change_of("start", "the person wrote it", event.written_at, known) if known.stopped else None
    if late is None and (known.stopped or known.changed_by != event.dedup):
        return False
    if late is not None:
        _change(draft, late, event)
    draft.understood()
    _confirm(draft, draft.scene.rulebook.consent.start_reply)
    opted_in(draft)
    return True


def opted_in(draft: Draft) -> None:
    """The first rule that waits for it answers, after the confirmation."""
    rulebook = draft.scene.rulebook
    if rulebook.on_opt_in:
        first_that_fits(draft, named(rulebook.on_opt_in, "opts_in", rulebook))


def _change(draft: Draft, change: ChangeConsent, event: InboundMessage) -> None:
    """A word that was none yet when it was recorded."""
    conversation = draft.scene.conversation
    draft.changes = (*draft.changes, change)
    draft.scene.conversation = replace(conversation, consent=with_change(conversation.consent, change, event.dedup))


def _confirm(draft: Draft, reply: LocalText, confirms_stop: bool = False) -> None:
    try:
        utter(draft, fill(reply, draft.scene, TEXT_MAX, "consent reply"), confirms_stop)
    except Unsayable as why:
        draft.in_trouble = True
        draft.note(str(why))
