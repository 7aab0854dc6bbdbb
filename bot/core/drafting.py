"""From an event to a draft, and from the draft to the decision."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from bot.core.conditions import consent_word
from bot.core.conversation import Conversation, OpenQuestion, ShownOption, State
from bot.core.decision import Because, Decision, DropTimer, Effect, HandOver, SetPerson, SetTimer
from bot.core.draft import Draft, draft_of
from bot.core.language import language_of
from bot.core.reply import Reply, buttons_of, is_template
from bot.core.rulebook import Rulebooks
from bot.core.scene import NO_VALUES, Scene
from bot.core.text import normalise
from bot.core.uses import kept_uses

QUESTION_TIMER = "question"
_LAYER_NAMES = {"near_miss_answer": "near_miss", "under_way": "question"}


def begin(
    key: str,
    conversation: Conversation,
    rulebooks: Rulebooks,
    now: datetime,
    answers: bool,
    expired_at: datetime | None = None,
) -> Draft:
    """A draft for the event of that dedup key.

    A message is in its own window by nature, unless it reached us too late; all else goes by the identity's window.
    """
    rulebook, person = rulebooks.live, conversation.person
    scene = Scene(
        rulebook,
        conversation,
        now,
        language_of(conversation, rulebook.settings),
        expired_at is None if answers else conversation.window.is_open(now, conversation.margin),
        NO_VALUES,
        NO_VALUES,
        NO_VALUES,
        NO_VALUES,
        fields=person.fields,
        tags=person.tags,
        uses=conversation.state.uses,
        key=key,
    )
    return draft_of(scene, rulebooks, conversation.state, answers, expired_at)


def ignored(conversation: Conversation, why: str) -> Decision:
    """Nothing follows, by nature."""
    because = Because("none", consent=consent_word(conversation.consent), notes=(why,))
    return Decision(conversation.state, (), because, "ignored")


def held(conversation: Conversation) -> Decision:
    """Nothing follows yet: a call is under way."""
    return Decision(conversation.state, (), Because("none"), "held")


def finished(draft: Draft, text: str, is_ignored: bool = False) -> Decision:
    """The decision that the draft has become; ``text`` is what was heard."""
    scene = draft.scene
    because = Because(
        _LAYER_NAMES.get(draft.layer, draft.layer),
        text,
        scene.language,
        scene.window_open,
        consent_word(scene.conversation.consent),
        tuple(draft.considered),
        tuple(draft.path),
        draft.case,
        tuple(scene.notes),
        draft.pinned,
    )
    state = _state(draft)
    return Decision(state, _effects(draft, state), because, "ignored" if is_ignored else "decided")


def _state(draft: Draft) -> State:
    before = draft.scene.conversation.state
    options, version = draft.options, before.options_version
    if draft.sends:
        last = draft.sends[-1].reply
        if draft.scene.window_open or is_template(last):  # else it waits or expires, and the person sees nothing new
            options = _options(last)
            version = (draft.pinned or draft.scene.rulebook.version) if options else 0
    uses = draft.scene.uses
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
        draft.echoes,
        before.waiting or draft.in_trouble or bool(draft.in_charge and (draft.answers or draft.handed_over)),
        draft.call,
        draft.flow,
        kept_uses(uses, draft.rulebooks.live, draft.scene.now) if uses else uses,
        draft.reminders,
        draft.near_miss and (draft.answers or not draft.sends),  # what the bot says by itself closes it
    )


def _effects(draft: Draft, state: State) -> tuple[Effect, ...]:
    effects: list[Effect] = [*draft.changes, *draft.sends]
    person = _person_change(draft)
    if person is not None:
        effects.append(person)
    if draft.handed_over:
        effects.append(HandOver(draft.in_charge))
    if draft.calls or draft.tells or draft.timers:
        effects += [*draft.calls, *draft.tells, *{each.name: each for each in draft.timers}.values()]
    before = draft.scene.conversation.state.question
    if state.question is not before:
        effects += _question_timer(before, state.question)
    return tuple(effects)


def _question_timer(before: OpenQuestion | None, now: OpenQuestion | None) -> list[Effect]:
    """One timer a conversation watches the open question; it moves with its deadline."""
    was, is_ = (None if each is None else each.deadline for each in (before, now))
    if is_ is not None and now is not None:
        return [SetTimer(QUESTION_TIMER, is_, {"rule": now.rule, "slot": now.slot})] if is_ != was else []
    return [DropTimer(QUESTION_TIMER)] if was is not None else []


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
