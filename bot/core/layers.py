"""The fixed order in which a person's message is answered: the first layer that takes it ends the search.

Each layer is given the draft and the message, and says whether the message is its own. What an open question takes comes between
``person`` and ``taps``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.consent import Said, said_outright
from bot.core.decision import ChangeConsent, Considered
from bot.core.draft import Draft, utter
from bot.core.event import InboundMessage, OwnTap, Tap, Text
from bot.core.filling import Unsayable, fill
from bot.core.following import fall_back, fit, follow, go_to, missing_needs
from bot.core.hearing import NO_SLOTS, Candidate, heard, named, tapped, typed_option
from bot.core.language import learn
from bot.core.ledger import change_of, consent_text, with_change
from bot.core.reply import TEXT_MAX
from bot.core.rule import LocalText, Rule
from bot.core.rulebook import Hit
from bot.core.text import Words, normalise
from bot.core.wording import MENU_WORDS, option_gone

JOINED_WITHIN = timedelta(seconds=3)  # bubbles of one thought
MISSES_LAST = timedelta(hours=24)
LATE_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Message:
    """A person's message with its words normalised."""

    event: InboundMessage
    words: Words


Layer = Callable[[Draft, Message], bool]


# --- 1 consent ----------------------------------------------------------------------------------------------------------


def consent(draft: Draft, message: Message) -> bool:
    """STOP, and START of somebody stopped, as the whole message; and whatever else a stopped person writes, unless answers are wished."""
    known = draft.scene.conversation.consent
    words = draft.scene.rulebook.consent
    if consent_text(message.event):
        said = said_outright(message.words, words)
        if said is Said.STOP:
            _stop(draft, message.event)
            return True
        if said is Said.START and _starts(draft, message.event):
            return True
    if known.stopped and words.after_stop == "silent":
        draft.excused = True
        draft.note("The person said STOP, so nobody answers.")
        return True
    return False


def _stop(draft: Draft, event: InboundMessage) -> None:
    """Recording has already stopped the person; the one event that did is confirmed."""
    known = draft.scene.conversation.consent
    draft.question, draft.options, draft.excused = None, (), True
    draft.understood()
    late = change_of("stop", "the person wrote it", event.written_at, known)
    if known.changed_by == event.dedup:
        _confirm(draft, draft.scene.rulebook.consent.stop_reply, confirms_stop=True)
    elif known.stopped:
        draft.note("The person said STOP before; one confirmation is enough.")
    elif late is None:
        draft.note("A START that the person wrote later counts.")
    else:
        _change(draft, late, event)
        _confirm(draft, draft.scene.rulebook.consent.stop_reply, confirms_stop=True)


def _starts(draft: Draft, event: InboundMessage) -> bool:
    known = draft.scene.conversation.consent
    late = change_of("start", "the person wrote it", event.written_at, known) if known.stopped else None
    if late is None and (known.stopped or known.changed_by != event.dedup):
        return False
    if late is not None:
        _change(draft, late, event)
    draft.understood()
    _confirm(draft, draft.scene.rulebook.consent.start_reply)
    return True


def _change(draft: Draft, change: ChangeConsent, event: InboundMessage) -> None:
    """A word that was none yet when it was recorded."""
    conversation = draft.scene.conversation
    draft.changes.append(change)
    draft.scene.conversation = replace(conversation, consent=with_change(conversation.consent, change, event.dedup))


def _confirm(draft: Draft, reply: LocalText, confirms_stop: bool = False) -> None:
    try:
        utter(draft, fill(reply, draft.scene, TEXT_MAX, "consent reply"), confirms_stop)
    except Unsayable as why:
        draft.in_trouble = True
        draft.note(str(why))


# --- 2 a person has the conversation ------------------------------------------------------------------------------------


def person(draft: Draft, message: Message) -> bool:
    """A colleague answers; the bot is silent until the conversation is given back."""
    if not draft.in_charge:
        return False
    now, until = draft.scene.now, draft.in_charge_until
    if until is not None and now >= until:
        draft.note(f"Team {draft.in_charge} was silent for long enough; the bot has the conversation again.")
        draft.in_charge, draft.in_charge_until, draft.handed_over = "", None, True
        return False
    again = message.event.written_at + draft.in_charge_for
    draft.in_charge_until = again if until is None else max(until, again)
    draft.excused = True
    draft.note(f"Team {draft.in_charge} has the conversation, so the bot does not answer.")
    return True


# --- 4 taps -------------------------------------------------------------------------------------------------------------


def taps(draft: Draft, message: Message) -> bool:
    """A tap on a button of ours or of a template, or its title or number typed."""
    match message.event.content:
        case OwnTap(rule=rule):
            _lead(draft, rule, "a button")
            return True
        case Tap() as tap:
            return first_that_fits(draft, tapped(tap, message.words, draft.scene.rulebook))
        case Text() if draft.options:
            option = typed_option(message.words, draft.options)
            if option is not None:
                _lead(draft, option.rule, "the typed title or number of a button")
            return option is not None
        case _:
            return False


def _lead(draft: Draft, name: str, why: str) -> None:
    """Today's rule of that name, whatever its ``when``."""
    draft.understood()
    rule = draft.scene.rulebook.rule(name)
    if rule is None:
        draft.note(f"The button led to rule {name}, which is gone.")
        _option_gone(draft)
        return
    case, refused = fit(rule, draft.scene)
    draft.considered.append(Considered(name, rule.place, why, refused))
    if refused:
        draft.note(f"The button leads to rule {name}, which cannot answer: {refused}.")
        fall_back(draft)
    else:
        follow(draft, rule, case)


def _option_gone(draft: Draft) -> None:
    scene = draft.scene
    own = scene.rulebook.settings.option_gone
    try:
        utter(draft, option_gone(scene.language) if own is None else fill(own, scene, TEXT_MAX, "option_gone text"))
    except Unsayable as why:
        draft.note(str(why))
    found = _menu(draft)
    if found is not None:
        follow(draft, *found)


def _menu(draft: Draft) -> tuple[Rule, int] | None:
    """The first rule that hears what people of this language call the menu, then what English calls it."""
    scene = draft.scene
    for word in dict.fromkeys((MENU_WORDS.get(scene.language, "menu"), "menu")):
        for hit in scene.rulebook.matcher.hits(normalise(word)):
            rule = scene.rulebook.rules[hit.rule]
            case, refused = fit(rule, scene)
            draft.considered.append(Considered(rule.name, hit.phrase.place, f"the menu ({word})", refused))
            if not refused:
                return rule, case
    return None


# --- 5 rules ------------------------------------------------------------------------------------------------------------


def rules(draft: Draft, message: Message) -> bool:
    """Top to bottom, the first rule that hears the message and whose ``if`` holds."""
    scene, words = draft.scene, message.words
    hits = scene.rulebook.matcher.hits(words) if words.keys else ()
    if isinstance(message.event.content, Text) or hits:
        _learn_language(draft, words, hits)
    return first_that_fits(draft, heard(hits, message.event.content, scene.rulebook))


def _learn_language(draft: Draft, words: Words, hits: Sequence[Hit]) -> None:
    scene = draft.scene
    if len(scene.rulebook.settings.languages) == 1:
        draft.hint = ""  # there is no other language to learn
        return
    learnt = learn(words, hits, scene.conversation, scene.rulebook)
    scene.language, draft.language, draft.hint = learnt.language, learnt.known, learnt.hint
    if learnt.known:
        draft.note(f"The words are in {learnt.known}: that is the person's language from now on.")


def first_that_fits(draft: Draft, candidates: Sequence[Candidate], event: str = "") -> bool:
    """Follow the first candidate that can answer; all of them go into the reasons, the later ones as too late."""
    scene = draft.scene
    taken: tuple[Rule, int] | None = None
    slots = NO_SLOTS
    for candidate in candidates:
        rule = scene.rulebook.rules[candidate.position]
        if taken is not None:
            refused = f"rule {taken[0].name}, above it, took the message"
        else:
            scene.slots = candidate.slots
            case, refused = fit(rule, scene)
            refused = refused or (missing_needs(rule, event, scene) if event else "")
            if not refused:
                taken, slots = (rule, case), candidate.slots
        draft.considered.append(Considered(rule.name, candidate.place, candidate.heard, refused))
    scene.slots = slots
    if taken is None:
        return False
    draft.understood()
    follow(draft, *taken)
    return True


# --- 6, 7 nobody heard it -----------------------------------------------------------------------------------------------


def first_contact(draft: Draft, message: Message) -> bool:
    """The person never wrote before, and no rule took what they wrote."""
    rulebook = draft.scene.rulebook
    if not draft.scene.conversation.first_contact or not rulebook.on_first_contact:
        return False
    return first_that_fits(draft, named(rulebook.on_first_contact, "first_contact", rulebook))


def nothing_matched(draft: Draft, message: Message) -> bool:
    """Say so, once for bubbles of one thought, and give up in favour of another rule after so many misses in a row."""
    written_at = message.event.written_at
    if draft.missed_at is not None and abs(written_at - draft.missed_at) <= JOINED_WITHIN:
        draft.missed_at = max(draft.missed_at, written_at)
        draft.excused = True
        draft.note("Joined with the message just before it, which nothing matched either: one miss, one answer.")
        return True
    if _newer_is_late_too(draft, written_at):
        draft.excused = True
        draft.note("It is over an hour old, and so is a newer one: only the newest is told that nothing matched.")
        return True
    _count_miss(draft, written_at)
    return _miss(draft)


def _newer_is_late_too(draft: Draft, written_at: datetime) -> bool:
    scene = draft.scene
    newer = scene.conversation.next_pending_at
    return newer is not None and scene.now - written_at > LATE_AFTER and scene.now - newer > LATE_AFTER


def _count_miss(draft: Draft, written_at: datetime) -> None:
    in_a_row = draft.missed_at is not None and abs(written_at - draft.missed_at) < MISSES_LAST
    draft.misses = draft.misses + 1 if in_a_row else 1
    draft.missed_at = written_at


def _miss(draft: Draft) -> bool:
    scene = draft.scene
    for position in scene.rulebook.on_nothing_matched:
        rule = scene.rulebook.rules[position]
        case, refused = fit(rule, scene)
        draft.considered.append(Considered(rule.name, rule.place, "nothing_matched", refused))
        if refused:
            continue
        if rule.then.misses_goes_to and draft.misses >= rule.then.misses_count:
            draft.note(f"Nothing matched {draft.misses} times in a row.")
            draft.path.append(rule.name)
            go_to(draft, rule.then.misses_goes_to, rule)
        else:
            follow(draft, rule, case)
        return True
    return False


ORDER: tuple[Layer, ...] = (consent, person, taps, rules, first_contact, nothing_matched)
