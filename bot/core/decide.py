"""What follows from one event: the same inputs give the same decision, wherever and whenever it is asked.

``decide`` reads nothing but its arguments. The server, ``try``, ``check``, ``test`` and ``replay`` all go through it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import assert_never

from bot.core.conditions import consent_word
from bot.core.conversation import WINDOW, Conversation, ShownOption, State
from bot.core.decision import Because, ChangeConsent, Decision, Effect, HandOver, SetPerson
from bot.core.draft import Draft, draft_of
from bot.core.echo import counted, echo_key, is_loop
from bot.core.event import (
    BusinessEvent,
    ChannelNotice,
    ConsentNotice,
    ContactNotice,
    DeliveryReceipt,
    Event,
    InboundMessage,
    OwnTap,
    Reaction,
    Unsupported,
)
from bot.core.hearing import Candidate, message_text, named, sent
from bot.core.language import language_of
from bot.core.layers import ORDER, Message, first_that_fits
from bot.core.ledger import change_of, with_change
from bot.core.reply import Reply, buttons_of, is_template
from bot.core.rulebook import Rulebooks
from bot.core.scene import Scene
from bot.core.text import Words, normalise

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
            return _ignored(conversation, "Somebody copied this message in; nobody waits for an answer to it.")
        case InboundMessage():
            return _to_message(event, conversation, rulebooks, now)
        case BusinessEvent():
            return _to_business_event(event, conversation, rulebooks, now)
        case Reaction():
            return _to_reaction(event, conversation, rulebooks, now)
        case ConsentNotice():
            return _to_consent_notice(event, conversation)
        case DeliveryReceipt():
            return _ignored(conversation, f"A delivery receipt ({event.status}) asks for no answer.")
        case ChannelNotice():
            return _ignored(conversation, f"A notice about the channel ({event.event_type}) asks for no answer.")
        case ContactNotice():
            return _ignored(conversation, f"A notice about the contact ({event.what}) asks for no answer.")
        case Unsupported():
            return _ignored(conversation, f"Parley does not act on {event.trigger}: {event.why}.")
        case _:
            assert_never(event)


def after(conversation: Conversation, event: Event, decision: Decision) -> Conversation:
    """The conversation that the next event of the same person meets, once ``decision`` on ``event`` is committed.

    ``next_pending_at`` and the window stay for the caller to renew: they come from recording, not from deciding.
    """
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


# --- one function for each kind of event ----------------------------------------------------------------------------------


def _to_message(event: InboundMessage, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    closes_at = event.written_at + WINDOW - conversation.margin
    draft = _draft(conversation, rulebooks, now, answers=True, expired_at=closes_at if now >= closes_at else None)
    text = message_text(event.content)
    message = Message(event, normalise(text) if text else NO_WORDS)
    for layer in ORDER:
        if layer(draft, message):
            draft.layer = layer.__name__
            break
    _guard_echo(draft, message)
    if not draft.sends and not draft.excused:
        draft.in_trouble = True
        draft.note("Nobody answered this message; a person must look.")
    return _decision(draft, message.words.plain)


def _to_business_event(
    event: BusinessEvent, conversation: Conversation, rulebooks: Rulebooks, now: datetime
) -> Decision:
    draft = _draft(conversation, rulebooks, now, answers=False)
    draft.scene.given = event.data
    rulebook = rulebooks.live
    candidates = named(rulebook.by_event.get(event.name, ()), f"event {event.name}", rulebook)
    if first_that_fits(draft, candidates, event.name):
        draft.layer = "event"
    else:
        draft.note(f"No rule answers the event {event.name}.")
    return _decision(draft, event.name)


def _to_reaction(event: Reaction, conversation: Conversation, rulebooks: Rulebooks, now: datetime) -> Decision:
    """A reaction is no message: only a rule that ``sends: reaction`` names may answer it, and within the window it did not open."""
    slots = {"emoji": event.emoji}
    candidates: list[Candidate] = list(sent(("reaction",), rulebooks.live, slots)) if event.emoji else []
    if not candidates:
        return _ignored(conversation, "A reaction asks for no answer.")
    draft = _draft(conversation, rulebooks, now, answers=False)
    if draft.in_charge and (draft.in_charge_until is None or now < draft.in_charge_until):
        return _ignored(
            conversation, f"Team {draft.in_charge} has the conversation, and a reaction asks for no answer."
        )
    if not first_that_fits(draft, candidates):
        return _decision(draft, event.emoji, ignored=True)
    draft.layer = "rules"
    return _decision(draft, event.emoji)


def _to_consent_notice(event: ConsentNotice, conversation: Conversation) -> Decision:
    if not event.succeeded:
        return _ignored(conversation, "The channel could not change the person's consent, so nothing changed.")
    said = "an opt-in" if event.opted_in else "an opt-out"
    change = change_of("start" if event.opted_in else "stop", "the channel told", event.at, conversation.consent)
    if change is None:
        return _ignored(
            conversation, f"The channel told of {said}, which the ledger holds already or a newer word overrules."
        )
    decision = _ignored(conversation, f"The channel told of {said}.")
    return replace(decision, effects=(change,))


def _ignored(conversation: Conversation, why: str) -> Decision:
    because = Because("none", consent=consent_word(conversation.consent), notes=(why,))
    return Decision(conversation.state, (), because, "ignored")


# --- from draft to decision ---------------------------------------------------------------------------------------------


def _draft(
    conversation: Conversation, rulebooks: Rulebooks, now: datetime, answers: bool, expired_at: datetime | None = None
) -> Draft:
    """A message is in its own window by nature, unless it reached us too late; all else goes by the identity's window."""
    rulebook = rulebooks.live
    scene = Scene(
        rulebook,
        conversation,
        now,
        language_of(conversation, rulebook.settings),
        expired_at is None if answers else conversation.window.is_open(now, conversation.margin),
        fields=conversation.person.fields,
        tags=conversation.person.tags,
    )
    return draft_of(scene, conversation.state, answers, expired_at)


def _guard_echo(draft: Draft, message: Message) -> None:
    content = message.event.content
    heard = message.words.plain or (content.postback if isinstance(content, OwnTap) else message.words.text)
    if not draft.sends or not heard or draft.layer == "consent":
        draft.echo = None
        return
    rule = draft.path[-1] if draft.path else draft.layer
    draft.echo = counted(draft.scene.conversation.state.echo, echo_key(heard, rule), message.event.written_at)
    if is_loop(draft.echo):
        draft.sends.clear()
        draft.excused = draft.in_trouble = True
        draft.note(
            "The same answer to the same words over 10 times in 60 seconds: a machine may be at the other end. Paused."
        )


def _decision(draft: Draft, text: str, ignored: bool = False) -> Decision:
    scene = draft.scene
    because = Because(
        draft.layer,
        text,
        scene.language,
        scene.window_open,
        consent_word(scene.conversation.consent),
        tuple(draft.considered),
        tuple(draft.path),
        draft.case,
        tuple(scene.notes),
    )
    return Decision(_state(draft), _effects(draft), because, "ignored" if ignored else "decided")


def _state(draft: Draft) -> State:
    before = draft.scene.conversation.state
    options, version = draft.options, before.options_version
    if draft.sends:
        last = draft.sends[-1].reply
        if draft.scene.window_open or is_template(last):  # else it waits or expires, and the person sees nothing new
            options = _options(last)
            version = draft.scene.rulebook.version if options else 0
    return State(
        draft.misses,
        draft.missed_at,
        draft.path[-1] if draft.path else before.last_rule,
        options,
        version,
        draft.hint,
        draft.question,
        draft.in_charge,
        draft.in_charge_until,
        draft.in_charge_for,
        draft.echo if draft.answers else before.echo,
        before.waiting or draft.in_trouble or bool(draft.in_charge and (draft.answers or draft.handed_over)),
    )


def _effects(draft: Draft) -> tuple[Effect, ...]:
    effects: list[Effect] = [*draft.changes, *draft.sends]
    person = _person_change(draft)
    if person is not None:
        effects.append(person)
    if draft.handed_over:
        effects.append(HandOver(draft.in_charge))
    return tuple(effects)


def _person_change(draft: Draft) -> SetPerson | None:
    """What of the person is no longer as it was."""
    scene, person = draft.scene, draft.scene.conversation.person
    language = draft.language if draft.language and draft.language != person.language else None
    if language is None and scene.tags == person.tags and scene.fields is person.fields:
        return None
    fields = {name: value or None for name, value in scene.fields.items() if person.fields.get(name, "") != value}
    if language is None and scene.tags == person.tags and not fields:
        return None
    return SetPerson(language, fields, tuple(sorted(scene.tags - person.tags)), tuple(sorted(person.tags - scene.tags)))


def _options(last: Reply) -> tuple[ShownOption, ...]:
    """The buttons that the person sees now: those of the bot's last message alone."""
    buttons = buttons_of(last)
    if not buttons:
        return ()
    return tuple(ShownOption(each.rule, each.option, _title(each.label)) for each in buttons if each.rule)


@lru_cache(maxsize=4096)
def _title(label: str) -> str:
    return normalise(label).plain
