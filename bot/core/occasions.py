"""Events that are no messages of a person: what a backend tells, what a call answered, what the channel tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.core.choosing import first_that_fits
from bot.core.consent_layer import drop_everything, opted_in, opted_out
from bot.core.conversation import Conversation
from bot.core.decision import ChangeConsent, Decision
from bot.core.draft import Draft
from bot.core.drafting import begin, finished, held, ignored
from bot.core.event import BusinessEvent, CallAnswered, ConsentNotice, DeliveryReceipt, Reaction, SendFailed
from bot.core.following import conclude
from bot.core.hearing import Candidate, named, sent
from bot.core.ledger import change_of, marketing_stop, told_by_receipt, with_change
from bot.core.question_layer import Pinned
from bot.core.rule import DeliveryFailed
from bot.core.rulebook import Rulebooks


def in_anothers_hands(draft: Draft) -> bool:
    """Whether a colleague has the conversation now."""
    until = draft.in_charge_until
    return bool(draft.in_charge) and (until is None or draft.scene.now < until)


def waits_for_call(conversation: Conversation, now: datetime) -> bool:
    """Whether an event has to wait for the answer of a call that is under way."""
    call = conversation.state.call
    return call is not None and now < call.until


def to_business_event(
    event: BusinessEvent, conversation: Conversation, rulebooks: Rulebooks, now: datetime
) -> Decision:
    """The first rule that waits for the event of that name and whose needs are met."""
    if waits_for_call(conversation, now):
        return held(conversation)
    draft = begin(event.dedup, conversation, rulebooks, now, answers=False)
    draft.scene.given = event.data
    rulebook = rulebooks.live
    candidates = named(rulebook.by_event.get(event.name, ()), f"event {event.name}", rulebook)
    if first_that_fits(draft, candidates, event.name):
        draft.layer = "event"
    else:
        draft.note(f"No rule answers the event {event.name}.")
    return finished(draft, event.name)


def to_call_answer(event: CallAnswered, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """The rule that called goes on with what came out, in the rulebook that it called from."""
    waiting = conversation.state.call
    if waiting is None or waiting.key != event.key:
        return ignored(conversation, f"Nothing waits for this answer of {event.connection} any more.")
    draft = begin(event.dedup, conversation, rulebooks, now, answers=False)
    draft.answers = waiting.replying
    draft.layer = "call"
    draft.call = None
    rule = rulebooks.at(waiting.version).rule(waiting.rule)
    draft.note(f"The connection {event.connection} answered: {event.outcome}." + (f" {event.why}" if event.why else ""))
    if rule is None:
        draft.in_trouble = True
        draft.note(f"Rule {waiting.rule}, which asked it, is gone.")
        return finished(draft, "")
    with Pinned(draft, waiting):
        draft.scene.results = event.values
        draft.path.append(rule.name)
        conclude(draft, rule, event.outcome)
    if draft.answers and not draft.sends and not draft.excused and not conversation.consent.stopped:
        draft.in_trouble = True
        draft.note("Nobody answered the message that led to this call; a person must look.")
    return finished(draft, "")


def to_receipt(event: DeliveryReceipt, conversation: Conversation) -> Decision:
    """Nothing follows, save that WhatsApp may tell by a failure that the person wants no marketing."""
    decision = ignored(conversation, f"A delivery receipt ({event.status}) asks for no answer.")
    return _with_stop(decision, told_by_receipt(event))


def to_send_failure(event: SendFailed, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """The first rule that waits for failed deliveries; never for a message that such a rule sent."""
    decision = _answer_failure(event, conversation, rulebooks, now)
    return _with_stop(decision, marketing_stop(event.reason, event.at))


def _with_stop(decision: Decision, change: ChangeConsent | None) -> Decision:
    if change is None:
        return decision
    notes = (*decision.because.notes, "WhatsApp told that the person wants no marketing from us (131050).")
    because = replace(decision.because, notes=notes)
    return replace(decision, effects=(change, *decision.effects), because=because)


def _answer_failure(event: SendFailed, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    rulebook = rulebooks.live
    failed = rulebook.rule(event.rule)
    if failed is not None and any(isinstance(trigger, DeliveryFailed) for trigger in failed.triggers):
        return ignored(conversation, f"The message that failed was rule {failed.name}'s, which is itself for failures.")
    if not rulebook.on_delivery_failed:
        return ignored(conversation, "No rule waits for failed deliveries.")
    draft = begin(event.dedup, conversation, rulebooks, now, answers=False)
    reason = event.reason
    draft.scene.given = {
        "failed_rule": event.rule,
        "reason": "" if reason is None else reason.description or reason.code,
    }
    if first_that_fits(draft, named(rulebook.on_delivery_failed, "delivery_failed", rulebook)):
        draft.layer = "event"
    return finished(draft, "delivery_failed")


def to_reaction(event: Reaction, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """A reaction is no message: only a rule that ``sends: reaction`` names may answer it, and within the window it did not open."""
    slots = {"emoji": event.emoji}
    candidates: list[Candidate] = list(sent(("reaction",), rulebooks.live, slots)) if event.emoji else []
    if not candidates:
        return ignored(conversation, "A reaction asks for no answer.")
    draft = begin(event.dedup, conversation, rulebooks, now, answers=False)
    if in_anothers_hands(draft):
        return ignored(conversation, f"Team {draft.in_charge} has the conversation, and a reaction asks for no answer.")
    if not first_that_fits(draft, candidates):
        return finished(draft, event.emoji, is_ignored=True)
    draft.layer = "rules"
    return finished(draft, event.emoji)


def to_consent_notice(
    event: ConsentNotice, conversation: Conversation, rulebooks: Rulebooks, now: datetime
) -> Decision:
    """The ledger follows the channel; rules that wait for it tag, tell and, at an opt-in, answer."""
    if not event.succeeded:
        return ignored(conversation, "The channel could not change the person's consent, so nothing changed.")
    said = "an opt-in" if event.opted_in else "an opt-out"
    known = conversation.consent
    change = change_of("start" if event.opted_in else "stop", "the channel told", event.at, known)
    is_new = known.changed_by == event.dedup  # recording has done it already
    if change is None and not is_new:
        return ignored(
            conversation, f"The channel told of {said}, which the ledger holds already or a newer word overrules."
        )
    turns = is_new or known.stopped == event.opted_in
    rulebook = rulebooks.live
    state = conversation.state
    open_still = not event.opted_in and (state.question or state.call or state.flow or state.near_miss or state.options)
    if not turns or not (open_still or (rulebook.on_opt_in if event.opted_in else rulebook.on_opt_out)):
        decision = ignored(conversation, f"The channel told of {said}.")
        return decision if change is None else replace(decision, effects=(change,))
    consent = known if change is None else with_change(known, change, event.dedup)
    draft = begin(event.dedup, replace(conversation, consent=consent), rulebooks, now, answers=False)
    draft.note(f"The channel told of {said}.")
    draft.changes += () if change is None else (change,)
    if event.opted_in:
        opted_in(draft)
    else:
        drop_everything(draft)
        opted_out(draft)
    draft.layer = "consent"
    return finished(draft, said)
