"""Whatever the rules and whatever happens: what every decision of every conversation must hold to."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.codec import (
    conversation_from_plain,
    conversation_to_plain,
    effects_digest,
    state_from_plain,
    state_to_plain,
)
from bot.core.conversation import Consent, Conversation
from bot.core.decide import after, decide
from bot.core.decision import Call, Decision, DropTimer, Send, SetTimer
from bot.core.event import (
    Act,
    BusinessEvent,
    CallAnswered,
    ColleagueActed,
    ConsentNotice,
    DeliveryReceipt,
    Event,
    InboundMessage,
    Reaction,
    SendFailed,
    TimerFired,
)
from bot.core.ledger import consent_change, with_change
from bot.core.reply import BODY_MAX, TEXT_MAX, Button, ButtonsReply, ListReply, TextReply, buttons_of, is_template
from bot.core.rulebook import Rulebooks
from tests.core.build import ANN, NOW, person, sends_of, talk
from tests.core.stories import NAMES, SLOTS, Author, content, moment_before, pause, results

EXAMPLES = int(os.environ.get("STORIES", "200"))
# Why a message may end without a reply: each of these a sentence that the page shows.
SILENCES = ("on purpose", "Joined with", "over an hour old", "to skip it", "waits until the person writes", "so nobody answers",
            "one confirmation is enough", "wrote later counts", "its answer comes as an event", "has the conversation")  # fmt: skip


class Story:
    """One conversation under rulebooks that are edited meanwhile; every decision is looked at from all sides."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.author = Author(rng)
        self.rulebooks = Rulebooks(self.author.rulebook(1))
        who = person(rng.choice(("", "en", "sv", "de", "xx")), {"name": "Åsa"})
        who = replace(who, time_zone=rng.choice(("", "", "Asia/Tokyo", "Mars/Olympus")))
        self.conversation = talk(who=who, first_contact=rng.random() < 0.3)
        self.now = NOW
        self.timers: dict[str, SetTimer] = {}
        self.fired: list[SetTimer] = []
        self.calls: list[Call] = []
        self.shown: list[tuple[Button, int]] = []
        self.asked: set[tuple[str, str]] = set()  # questions whose text left
        self.count = self.called = self.pinned = self.held = self.acted = 0

    def goes_on(self) -> None:
        self.now += pause(self.rng)
        self.count += 1
        roll = self.rng.random()
        if roll < (0.2 if self.conversation.state.question is not None else 0.04):
            self._edit()
        elif roll > 0.97:
            self._a_colleague()
        elif roll > 0.96:
            self._by_the_api()
        else:
            self._happens(self._event(self.rng.random()))

    def _edit(self) -> None:
        live = self.rulebooks.live
        older = {**self.rulebooks.older, live.version: live} if self.rng.random() < 0.8 else {}
        self.rulebooks = Rulebooks(self.author.rulebook(live.version + 1), older)

    def _a_colleague(self) -> None:
        rng = self.rng
        what = rng.choice(("took_over", *get_args(Act)))
        team = (
            rng.choice(("sales", "support")) if what == "took_over" or (what == "wrote" and rng.random() < 0.3) else ""
        )
        after_ = rng.choice((None, timedelta(hours=2)))
        self._happens(ColleagueActed(f"e-{self.count}", ANN, what, team, "Ida", after_, self.now, self.now))
        self.acted += 1

    def _by_the_api(self) -> None:
        consent = Consent(self.rng.random() < 0.5, self.now, self.rng.choice(("unknown", "opted_in", "stopped")))
        self.conversation = replace(self.conversation, consent=consent)

    # --- events -----------------------------------------------------------------------------------------------------------

    def _event(self, roll: float) -> Event:
        rng, now, key = self.rng, self.now, f"e-{self.count}"
        due = [each for each in self.timers.values() if each.due_at <= now]
        if due and roll < 0.9:
            timer = min(due, key=lambda each: each.due_at)
            del self.timers[timer.name]
            self.fired.append(timer)
            return TimerFired(key, ANN, timer.name, timer.due_at, timer.values, now)
        if self.calls and roll < 0.3:
            return self._answered(key)
        if roll < 0.15 and self.fired:
            stale = rng.choice(self.fired)
            return TimerFired(key, ANN, stale.name, stale.due_at, stale.values, now)
        if roll < 0.2:
            return BusinessEvent(
                key, ANN, rng.choice(("sold", "rated", "else")), rng.choice(({}, {"n": "5"})), now, now
            )
        if roll < 0.26:
            return rng.choice(
                (
                    Reaction(key, ANN, "m", rng.choice(("❤", "")), now, now),
                    ConsentNotice(key, ANN, rng.random() < 0.5, rng.random() < 0.8, moment_before(rng, now), now),
                    SendFailed(key, ANN, rng.choice((*NAMES, "")), "o", now, now),
                    DeliveryReceipt(key, ANN, "m", "o", "DELIVERED", now, now),
                    TimerFired(key, ANN, rng.choice(("silent:ann", "question", "remind:bob", "odd")), now, {}, now),
                )
            )
        what = content(rng, self.shown)
        return InboundMessage(key, ANN, "m", what, moment_before(rng, now), now, injected=rng.random() < 0.03)

    def _answered(self, key: str) -> CallAnswered:
        call = self.calls.pop(self.rng.randrange(len(self.calls)))
        outcome, values = results(self.rng)
        right = call.key if self.rng.random() < 0.9 else "another"
        return CallAnswered(key, ANN, right, call.connection, outcome, values, self.now, self.now)

    def _happens(self, event: Event) -> None:
        change = consent_change(event, None, self.rulebooks.live.consent, self.conversation.consent)
        if change is not None and self.rng.random() < 0.9:  # else a word that was none yet when it was recorded
            consent = with_change(self.conversation.consent, change, event.dedup)
            self.conversation = replace(self.conversation, consent=consent)
        if isinstance(event, InboundMessage) and not event.injected:
            window = self.conversation.window.renewed(event.written_at)
            pending = self.rng.choice((None, None, event.written_at + timedelta(seconds=2)))
            self.conversation = replace(self.conversation, window=window, next_pending_at=pending)
        before = self.conversation
        plain = json.dumps(conversation_to_plain(before), sort_keys=True)
        decision = decide(event, before, self.rulebooks, self.now)
        assert json.dumps(conversation_to_plain(before), sort_keys=True) == plain, "nothing is changed"
        again = decide(event, conversation_from_plain(json.loads(plain)), self.rulebooks, self.now)
        assert again == decision, "what is stored decides the same"
        assert effects_digest(again) == effects_digest(decision)
        assert state_from_plain(json.loads(json.dumps(state_to_plain(decision.state)))) == decision.state
        self.conversation = after(before, event, decision)
        if decision.outcome == "held":
            self.held += 1
            check_held(before, decision, self.now)
            return
        self.pinned += decision.because.pinned != 0
        self._carry_out(decision)
        check_consent(event, before, self.conversation, decision, self.rulebooks)
        check_window(event, before, decision, self.now)
        check_sends(decision)
        self._check_options(decision)
        self._check_question(event, before, decision)
        check_bounds(decision)
        if isinstance(event, ColleagueActed):
            check_colleague(event, before, decision)
        if isinstance(event, InboundMessage) and not event.injected:
            check_answered(decision)

    # --- what is kept -------------------------------------------------------------------------------------------------------

    def _carry_out(self, decision: Decision) -> None:
        version = decision.because.pinned or self.rulebooks.live.version
        for effect in decision.effects:
            match effect:
                case SetTimer():
                    assert effect.due_at > self.now - timedelta(hours=30)
                    self.timers[effect.name] = effect
                case DropTimer():
                    self.timers.pop(effect.name, None)
                case Call():
                    assert decision.state.call is not None
                    assert effect.key == decision.state.call.key
                    self.calls.append(effect)
                    self.called += 1
                case Send():
                    self.shown += [(each, version) for each in buttons_of(effect.reply) if each.rule]
                case _:
                    pass

    def _check_options(self, decision: Decision) -> None:
        """A question's buttons are numbered by its place in ``ask``, all others from 0."""
        for send in sends_of(decision):
            text = str(getattr(send.reply, "text", ""))
            options = [each.option for each in buttons_of(send.reply)]
            if options and text.startswith("Q:"):
                _, name, slot, _ = text.split(":", 3)
                books = [self.rulebooks.live, *self.rulebooks.older.values()]
                rules = [each for book in books if (each := book.rule(name)) is not None]
                places = {at for each in rules for at, question in enumerate(each.ask) if question.slot == slot}
                (first,) = {option // 100 - 1 for option in options}
                assert first in places
                assert [option % 100 for option in options] == list(range(len(options)))
            elif not is_template(send.reply):
                assert options == list(range(len(options)))

    def _check_question(self, event: Event, before: Conversation, decision: Decision) -> None:
        for send in sends_of(decision):
            text = str(getattr(send.reply, "text", ""))
            if text.startswith("Q:") and not send.waits and (send.not_after is None or send.not_after > self.now):
                name, slot = text.split(":", 3)[1:3]
                self.asked.add((name, slot))
        question, was = decision.state.question, before.state.question
        if question is not None and question is not was:
            assert (question.rule, question.slot) in self.asked, "what is open was said"
        deadline = question.deadline if question is not None else None
        timer = self.timers.get("question")
        if deadline is not None and deadline > self.now:
            assert timer is not None
            assert timer.due_at == deadline
        elif deadline is None:
            assert timer is None


# --- what holds always ------------------------------------------------------------------------------------------------------


def check_held(before: Conversation, decision: Decision, now: datetime) -> None:
    assert before.state.call is not None
    assert now < before.state.call.until
    assert decision.state == before.state
    assert decision.effects == ()


def check_consent(
    event: Event, before: Conversation, later: Conversation, decision: Decision, rulebooks: Rulebooks
) -> None:
    """Nothing but the confirmation, and answers where staff wish them, goes to somebody who said STOP."""
    if not later.consent.stopped:
        return
    if isinstance(event, TimerFired):
        assert decision.effects == ()
    sends = sends_of(decision)
    confirming = [each for each in sends if each.confirms_stop]
    assert len(confirming) <= 1
    if confirming:
        assert later.consent.changed_by == event.dedup
    others = [each for each in sends if not each.confirms_stop]
    if rulebooks.live.consent.after_stop == "silent" and not decision.because.pinned:
        assert others == []
    replying = before.state.call is not None and before.state.call.replying
    if others:
        assert all(each.answers for each in others)
        assert isinstance(event, InboundMessage) or replying


def check_window(event: Event, before: Conversation, decision: Decision, now: datetime) -> None:
    """Words of our own leave in an open window, or end where people see them."""
    is_open = before.window.is_open(now, before.margin)
    if isinstance(event, InboundMessage):
        is_open = now < event.written_at + timedelta(hours=24) - before.margin
    for send in sends_of(decision):
        if is_open or is_template(send.reply) or send.waits:
            continue
        expires = send.not_after is not None and send.not_after <= now
        assert expires or send.if_closed == "fail"
        assert expires or decision.state.waiting


def check_sends(decision: Decision) -> None:
    for position, send in enumerate(sends_of(decision)):
        assert send.position == position
        match send.reply:
            case TextReply(text=text):
                assert 0 < len(text) <= TEXT_MAX
            case ButtonsReply(text=text, buttons=buttons):
                assert 0 < len(text) <= BODY_MAX
                assert 1 <= len(buttons) <= 3
            case ListReply(text=text, sections=sections):
                assert 0 < len(text) <= BODY_MAX
                assert 1 <= sum(len(each.rows) for each in sections) <= 10
            case _:
                pass
    assert len(decision.because.path) <= 30


def check_colleague(event: ColleagueActed, before: Conversation, decision: Decision) -> None:
    """The bot says nothing to it, and nothing that it asked stays open while a team has the conversation."""
    state = decision.state
    assert not any(isinstance(effect, Send | Call | SetTimer) for effect in decision.effects)
    if event.team:
        assert state.in_charge == event.team
        assert state.in_charge_until is not None
        if before.state.in_charge != event.team:
            assert (state.question, state.call, state.flow, state.near_miss) == (None, None, None, False)
    if event.what in ("gave_back", "closed"):
        assert not state.in_charge
    if event.what != "took_over":
        assert not state.waiting


def check_bounds(decision: Decision) -> None:
    """A conversation does not grow with its length."""
    state = decision.state
    assert set(state.reminders) <= {f"remind:{name}" for name in NAMES}
    assert set(state.uses) <= set(NAMES)
    assert all(len(times) <= 3 for times in state.uses.values())
    if state.question is not None:
        assert set(state.question.answers) <= set(SLOTS)
        assert all(len(value) <= 1000 for value in state.question.answers.values())
    if state.call is not None:
        assert sum(isinstance(effect, Call) for effect in decision.effects) <= 1
    assert len(json.dumps(state_to_plain(state))) < 60_000


def check_answered(decision: Decision) -> None:
    """Every message ends in a reply, a colleague, a silence with its reason, or before a person."""
    notes = decision.because.notes
    silence = any(phrase in note for note in notes for phrase in SILENCES)
    assert sends_of(decision) or decision.state.in_charge or (decision.state.waiting and notes) or silence, notes


def tell(seed: int, events: int = 25) -> Story:
    story = Story(seed)
    if seed % 7 == 0:
        story.conversation = replace(story.conversation, consent=Consent(True, NOW - timedelta(hours=1)))
    for _ in range(events):
        story.goes_on()
    return story


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.integers(0, 2**40))
def test_any_story_under_any_rules(seed: int) -> None:
    tell(seed)


def test_the_stories_are_full_of_questions_calls_and_timers() -> None:
    """Else they would prove little."""
    stories = [tell(seed) for seed in range(60)]
    assert sum(len(story.asked) for story in stories) > 30
    assert sum(len(story.fired) for story in stories) > 30
    assert sum(story.called for story in stories) > 30
    assert sum(story.pinned for story in stories) > 5
    assert sum(story.held for story in stories) > 2
    assert sum(story.acted for story in stories) > 20
