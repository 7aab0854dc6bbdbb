"""What an open question, a flow that was shown, or a call under way takes of a person's message.

With an open question: (a) its own options, (b) any other tap, (c) cancel words, (d) an ``anytime`` rule whose phrase is the whole message,
(e) a valid answer, (f) an ``anytime`` rule by ordinary match, a near miss of STOP, (g) a rule of which the whole message is a phrase or
example, (h) ``if_wrong``. With ``must_be: text`` only (a) to (e) and (h): "the delivery person was rude" is the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.core.answer import found_within, option_chosen, option_value, read_answer
from bot.core.asking import Question
from bot.core.choosing import first_that_fits, learn_language
from bot.core.conversation import OpenCall, OpenQuestion
from bot.core.draft import Draft
from bot.core.event import FlowAnswer, OwnTap, Tap, Text
from bot.core.filling import Unsayable, fill
from bot.core.following import ask_on, conclude
from bot.core.hearing import Candidate, heard
from bot.core.language import language_of
from bot.core.message import Message
from bot.core.near_miss import is_near_miss, near_miss
from bot.core.own_words import own_words
from bot.core.posing import OPTIONS_A_QUESTION, deadline_of, pose
from bot.core.reply import TEXT_MAX
from bot.core.rule import Rule
from bot.core.rulebook import Rulebook
from bot.core.speaking import utter
from bot.core.taps import taps
from bot.core.text import alike

# --- a call under way ---------------------------------------------------------------------------------------------------


def under_way(draft: Draft, message: Message) -> bool:
    """While a connection is asked, what the person writes waits for its answer; a cancel word leaves it."""
    waiting = draft.call
    if waiting is None:
        return False
    if is_cancel(draft, message):
        _leave(draft, f"The call of {waiting.connection} is left; its answer will count for nothing.")
        return True
    if draft.scene.now >= waiting.until:
        draft.call = None
        draft.in_trouble = draft.in_trouble or waiting.replying
        draft.note(f"No answer of {waiting.connection} came in time, so nothing waits for it any more.")
        return False
    draft.held = True
    return True


# --- an open question ---------------------------------------------------------------------------------------------------


def question(draft: Draft, message: Message) -> bool:
    """What belongs to the question that is open, or to a flow that was shown."""
    found = still_open(draft, message)
    if found is None:
        return _flow(draft, message)
    draft.hint = ""  # what points to a language must be two messages in a row
    rule, position = found
    asked = rule.ask[position]
    free_words = asked.must_be.kind == "text"
    return (
        _own_option(draft, message, rule, position)
        or _digress(draft, rule, position, lambda: _other_tap(draft, message) or _flow(draft, message))
        or _cancel(draft, message)
        or _digress(draft, rule, position, lambda: _anytime(draft, message, whole=True))
        or _answered(
            draft, rule, position, lambda: read_answer(message.event.content, message.words, asked.must_be, draft.scene)
        )
        or (not free_words and _leads_elsewhere(draft, message, rule, position))
        or _wrong(draft, rule, position)
    )


def still_open(draft: Draft, message: Message) -> tuple[Rule, int] | None:
    """The rule that asked, of the rulebook that asked it, and which of its questions waits; None where it is over, which is noted."""
    asked, now = draft.question, draft.scene.now
    if asked is None:
        return None
    if now < asked.asked_at:
        return None  # a quiet time holds it back: nobody has seen it yet
    if draft.expired_at is not None and message.event.written_at < asked.asked_at:
        return None  # so late that it cannot speak of it
    pinned = draft.rulebooks.at(asked.version)
    rule = pinned.rule(asked.rule)
    position = _position(rule, asked.slot)
    over = ""
    if rule is None or position is None:
        over = "the rules no longer ask it"
    elif asked.deadline is not None and message.event.written_at > asked.deadline:
        over = "the answer came after its time"
    elif message.event.written_at - asked.asked_at > pinned.settings.forget_answers_after:
        over = "it was asked too long ago"
    if over or rule is None or position is None:
        draft.question = None
        draft.note(f"The question for {asked.slot} of rule {asked.rule} is over: {over}.")
        return None
    return rule, position


def _position(rule: Rule | None, slot: str) -> int | None:
    questions = rule.ask if rule is not None else ()
    return next((at for at, each in enumerate(questions) if each.slot == slot), None)


def _own_option(draft: Draft, message: Message, rule: Rule, position: int) -> bool:
    """(a) A tap on one of its options, or the title or number of one typed."""
    asked = rule.ask[position]
    option: int | None = None
    match message.event.content:
        case OwnTap() as tap if tap.rule == rule.name and tap.option // OPTIONS_A_QUESTION == 1 + position:
            option = tap.option % OPTIONS_A_QUESTION if _is_of_this(tap, draft.question) else None
        case Text():
            option = option_chosen(message.words, asked.must_be, draft.scene.language)
        case _:
            return False
    return option is not None and _answered(draft, rule, position, lambda: option_value(asked.must_be, option))


def _is_of_this(tap: OwnTap, asked: OpenQuestion | None) -> bool:
    """Another version's buttons may stand in another order."""
    return asked is not None and tap.version == asked.version


def _other_tap(draft: Draft, message: Message) -> bool:
    """(b)"""
    return isinstance(message.event.content, OwnTap | Tap) and taps(draft, message)


def _cancel(draft: Draft, message: Message) -> bool:
    """(c)"""
    if not is_cancel(draft, message):
        return False
    _leave(draft, "A cancel word leaves the question.")
    return True


def is_cancel(draft: Draft, message: Message) -> bool:
    """Whether the whole message is a cancel word."""
    words, cancels = message.words, draft.scene.rulebook.settings.cancel_words
    if not isinstance(message.event.content, Text | Tap):
        return False
    return words.plain in cancels or (words.held and any(alike(words.keys, each.split()) for each in cancels))


def _leave(draft: Draft, why: str) -> None:
    scene = draft.scene
    draft.question = draft.call = None
    draft.options = ()
    draft.understood()
    draft.note(why)
    written = scene.rulebook.settings.cancel_text
    try:
        text = own_words(scene.language).cancelled if written is None else fill(written, scene, TEXT_MAX, "cancel_text")
    except Unsayable as trouble:
        draft.note(str(trouble))
        text = own_words(scene.language).cancelled
    utter(draft, text)


def _anytime(draft: Draft, message: Message, whole: bool) -> bool:
    """(d) with ``whole``: the message is nothing but a phrase of the rule; (f) by ordinary match."""
    live = draft.scene.rulebook
    words = message.words
    hits = live.matcher.hits(words) if words.keys else ()
    candidates = [each for each in heard(hits, message.event.content, live) if live.rules[each.position].anytime]
    if whole and candidates:
        exact = live.matcher.phrases_of(words)
        candidates = [each for each in candidates if each.position in exact]
    if not candidates:
        return False
    learn_language(draft, words, hits)
    return first_that_fits(draft, candidates)


def _answered(draft: Draft, rule: Rule, position: int, read: Callable[[], str | None]) -> bool:
    """(e) The value is kept, and the next question asked or the rule gone on with."""
    asked = draft.question
    if asked is None:
        return False
    language = draft.scene.language
    with Pinned(draft, asked):
        value = read()
        if value is not None:
            draft.understood()
            draft.path.append(rule.name)
            slot = rule.ask[position].slot
            draft.note(f'It answers the question for {slot} of rule {rule.name}: "{value}".')
            draft.scene.answers = {**asked.answers, slot: value}
            ask_on(draft, rule)
            return True
    draft.scene.language, draft.pinned = language, 0
    return False


def _leads_elsewhere(draft: Draft, message: Message, rule: Rule, position: int) -> bool:
    """(f), a near miss, (g), and last of all a value that stands in a longer sentence."""
    must_be = rule.ask[position].must_be
    return (
        _digress(draft, rule, position, lambda: _anytime(draft, message, whole=False))
        or (is_near_miss(draft, message) and near_miss(draft, message))
        or _other_rule(draft, message)
        or _answered(draft, rule, position, lambda: found_within(message.words, must_be, draft.scene))
    )


def _other_rule(draft: Draft, message: Message) -> bool:
    """(g) leaves the question."""
    live, words = draft.scene.rulebook, message.words
    if not words.keys:
        return False
    exact = live.matcher.phrases_of(words).union(live.by_example.get(words.plain, ()))
    every = live.matcher.hits(words) if exact else ()
    candidates = [
        Candidate(hit.rule, hit.phrase.pattern, hit.phrase.place, hit.slots) for hit in every if hit.rule in exact
    ]
    if not candidates:
        return False
    learn_language(draft, words, every)
    left, draft.question = draft.question, None
    if first_that_fits(draft, candidates):
        if left is not None:
            draft.note(f"The question for {left.slot} of rule {left.rule} is left: the message is another rule's.")
        return True
    draft.question = left
    return False


def _wrong(draft: Draft, rule: Rule, position: int) -> bool:
    """(h) ``if_wrong``, or giving up after so many."""
    asked = draft.question
    if asked is None:
        return False
    draft.understood()
    draft.path.append(rule.name)
    with Pinned(draft, asked):
        written: Question = rule.ask[position]
        wrong = asked.tries + 1
        if wrong >= written.tries:
            draft.note(f"It is no {written.must_be.written}, for the {_ordinal(wrong)} time: given up.")
            draft.question = None
            conclude(draft, rule, "given_up")
        else:
            draft.note(f"It is no {written.must_be.written}.")
            pose(draft, rule, position, written.if_wrong or written.text, wrong)
    return True


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


# --- digressions --------------------------------------------------------------------------------------------------------


def _digress(draft: Draft, rule: Rule, position: int, answer: Callable[[], bool]) -> bool:
    """Something else is answered meanwhile. Unless that ends in another question, a call or a hand-over, the question is asked again."""
    asked = draft.question
    if asked is None or not answer():
        return False
    if draft.question is not asked or draft.in_charge or draft.call is not None:
        draft.question = None if draft.question is asked else draft.question
        draft.note(f"The question for {asked.slot} of rule {asked.rule} is dropped.")
        return True
    draft.note(f"The question for {asked.slot} of rule {asked.rule} stays open and is asked again.")
    with Pinned(draft, asked):
        pose(draft, rule, position, rule.ask[position].text, asked.tries)
        if draft.question is None:  # its text could not be said again, which is no reason to forget it
            draft.question = _anew(asked, rule.ask[position], draft.scene.now)
    return True


def keep_open(draft: Draft, message: Message) -> None:
    """A message that was something else, and left the question open without a word of it: its time begins anew."""
    found, asked = still_open(draft, message), draft.question
    if found is not None and asked is not None:
        rule, position = found
        draft.question = _anew(asked, rule.ask[position], draft.scene.now)


def _anew(asked: OpenQuestion, question: Question, now: datetime) -> OpenQuestion:
    return replace(asked, asked_at=now, deadline=deadline_of(question, now))


class Pinned:
    """Within it, the draft goes on with the rulebook that asked, in a language that this one speaks, and the values that the rule had."""

    def __init__(self, draft: Draft, asked: OpenQuestion | OpenCall) -> None:
        scene = draft.scene
        self._draft = draft
        self._asked = asked
        self._rulebook: Rulebook = scene.rulebook
        self._values = (scene.answers, scene.slots, scene.given, scene.results, scene.outcome)

    def __enter__(self) -> None:
        draft, scene, asked = self._draft, self._draft.scene, self._asked
        pinned = draft.rulebooks.at(asked.version)
        if pinned is not scene.rulebook:
            draft.pinned = pinned.version
            learnt = draft.language if draft.language in pinned.settings.languages else ""
            scene.language = learnt or language_of(scene.conversation, pinned.settings)
        scene.rulebook = pinned
        scene.answers, scene.slots, scene.given = asked.answers, asked.caught, asked.given
        scene.results, scene.outcome = {}, ""

    def __exit__(self, *exception: object) -> None:
        scene = self._draft.scene
        scene.rulebook = self._rulebook
        scene.answers, scene.slots, scene.given, scene.results, scene.outcome = self._values


# --- flows --------------------------------------------------------------------------------------------------------------


def _flow(draft: Draft, message: Message) -> bool:
    """The answer of a flow goes on in today's rule of the name that showed it; a rule without such a reply leaves it to ``sends: flow``."""
    shown, answer = draft.flow, message.event.content
    if shown is None or not isinstance(answer, FlowAnswer):
        return False
    draft.flow = None
    rule = draft.scene.rulebook.rule(shown.rule)
    if rule is None or not any(item.condition.outcome == "answered" for item in rule.reply):
        return False
    draft.understood()
    draft.path.append(rule.name)
    draft.scene.slots = answer.fields
    conclude(draft, rule, "answered")
    return True
