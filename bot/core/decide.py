"""What follows from one event: the same inputs give the same decision, wherever and whenever it is asked.

``decide`` reads nothing but its arguments. The server, ``try``, ``check``, ``test`` and ``replay`` all go through it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from bot.core.colleague import to_colleague
from bot.core.conversation import WINDOW, Conversation
from bot.core.decision import ChangeConsent, Decision, SetPerson
from bot.core.draft import Draft
from bot.core.drafting import begin, finished, held, ignored
from bot.core.echo import counted, echo_key, is_loop
from bot.core.event import (
    BusinessEvent,
    CallAnswered,
    ChannelNotice,
    ColleagueActed,
    ConsentNotice,
    ContactNotice,
    DeliveryReceipt,
    Event,
    InboundMessage,
    OwnTap,
    Reaction,
    SendFailed,
    TimerFired,
    Unsupported,
)
from bot.core.hearing import message_text
from bot.core.layers import order
from bot.core.ledger import with_change
from bot.core.message import Message
from bot.core.occasions import (
    to_business_event,
    to_call_answer,
    to_consent_notice,
    to_reaction,
    to_receipt,
    to_send_failure,
)
from bot.core.question_layer import keep_open
from bot.core.rulebook import Rulebooks
from bot.core.text import Words, normalise
from bot.core.timers import forget_reminders, to_timer, watch_silence

__all__ = ["after", "decide"]

NO_WORDS = Words("", (), "")


def decide(event: Event, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """The decision for ``event`` in ``conversation`` at ``now`` (aware UTC).

    Consent words take effect where the event is recorded (``bot.core.ledger``), so ``conversation.consent`` may already hold what this
    very event said. Raises nothing for any event and any checked rulebook; every message of a person ends in a reply, a colleague, an
    explicit silence, or ``state.waiting`` with a note that says why.
    """
    match event:
        case InboundMessage(injected=True):
            return ignored(conversation, "Somebody copied this message in; nobody waits for an answer to it.")
        case InboundMessage():
            return _to_message(event, conversation, rulebooks, now)
        case BusinessEvent():
            return to_business_event(event, conversation, rulebooks, now)
        case TimerFired():
            return to_timer(event, conversation, rulebooks, now)
        case CallAnswered():
            return to_call_answer(event, conversation, rulebooks, now)
        case SendFailed():
            return to_send_failure(event, conversation, rulebooks, now)
        case ColleagueActed():
            return to_colleague(event, conversation, rulebooks, now)
        case Reaction():
            return to_reaction(event, conversation, rulebooks, now)
        case ConsentNotice():
            return to_consent_notice(event, conversation, rulebooks, now)
        case DeliveryReceipt():
            return to_receipt(event, conversation)
        case ChannelNotice():
            return ignored(conversation, f"A notice about the channel ({event.event_type}) asks for no answer.")
        case ContactNotice():
            return ignored(conversation, f"A notice about the contact ({event.what}) asks for no answer.")
        case Unsupported():
            return ignored(conversation, f"Parley does not act on {event.trigger}: {event.why}.")
        case _:
            assert_never(event)


def after(conversation: Conversation, event: Event, decision: Decision) -> Conversation:
    """The conversation that the next event of the same person meets, once ``decision`` on ``event`` is committed.

    ``next_pending_at`` and the window stay for the caller to renew: they come from recording, not from deciding.
    """
    if decision.outcome == "held":
        return conversation
    person, consent = conversation.person, conversation.consent
    for effect in decision.effects:
        if isinstance(effect, SetPerson):
            fields = {**person.fields, **effect.fields}
            person = replace(
                person,
                language=person.language if effect.language is None else effect.language,
                fields={name: value for name, value in fields.items() if value is not None},
                tags=person.tags.union(effect.tags_added).difference(effect.tags_removed),
            )
        elif isinstance(effect, ChangeConsent):
            consent = with_change(consent, effect, event.dedup)
    wrote = isinstance(event, InboundMessage) and not event.injected
    first = conversation.first_contact and not wrote
    # Every event of every lane passes here, and dataclasses.replace costs three times as much as naming all fields.
    return Conversation(
        conversation.contact,
        person,
        conversation.window,
        consent,
        decision.state,
        first,
        conversation.next_pending_at,
        conversation.margin,
    )


def _to_message(event: InboundMessage, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    closes_at = event.written_at + WINDOW - conversation.margin
    expired_at = closes_at if now >= closes_at else None
    draft = begin(event.dedup, conversation, rulebooks, now, answers=True, expired_at=expired_at)
    text = message_text(event.content)
    message = Message(event, normalise(text) if text else NO_WORDS)
    if draft.reminders:
        forget_reminders(draft)
    for layer in order(draft, message):
        if layer(draft, message):
            draft.layer = layer.__name__
            break
    else:
        draft.layer = "nothing_matched"  # and no rule is there for it
    if draft.held:
        return held(conversation)
    if draft.question is not None and draft.question is conversation.state.question and draft.layer != "person":
        keep_open(draft, message)
    _guard_echo(draft, message)
    if not draft.sends and not draft.excused:
        draft.in_trouble = True
        draft.note("Nobody answered this message; a person must look.")
    rulebook = rulebooks.live
    if rulebook.on_silence or rulebook.on_window_closing:
        watch_silence(draft, event)
    return finished(draft, message.words.plain)


def _guard_echo(draft: Draft, message: Message) -> None:
    content = message.event.content
    heard = message.words.plain or (content.postback if isinstance(content, OwnTap) else message.words.text)
    if not (draft.sends or draft.calls) or not heard or draft.layer == "consent":
        return
    # Whether they mean STOP is asked in the same words by two layers.
    rule = draft.path[-1] if draft.path else "near_miss" if draft.near_miss else draft.layer
    asked = draft.question
    # Yes to one question after another is no loop.
    asks = asked.slot if asked is not None and asked.rule == rule else ""
    draft.echoes = counted(draft.echoes, echo_key(heard, rule, asks, str(draft.case)), message.event.written_at)
    if is_loop(draft.echoes[-1]):
        draft.sends.clear()
        if draft.calls:
            draft.calls = ()
            draft.call = None
        draft.excused = draft.in_trouble = True
        draft.note(
            "The same answer to the same words over 10 times in 60 seconds: a machine may be at the other end. Paused."
        )
