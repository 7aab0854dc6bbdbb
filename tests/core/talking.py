"""One person's conversation decided step by step, each on what the one before left: for tests that need several messages."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot.core.codec import conversation_from_plain, conversation_to_plain
from bot.core.conversation import Conversation, State
from bot.core.decide import after, decide
from bot.core.decision import Call, Decision, DropTimer, SetTimer
from bot.core.event import BusinessEvent, CallAnswered, Content, Event, InboundMessage, OwnTap, Text, TimerFired
from bot.core.ledger import consent_change, with_change
from bot.core.reply import buttons_of
from bot.core.rulebook import Rulebook, Rulebooks
from tests.core.build import ANN, NOW, replies, talk, texts


class Talk:
    """``now`` moves by a minute a message, or as told; each conversation goes through its stored form on the way."""

    def __init__(self, rulebook: Rulebook, conversation: Conversation | None = None) -> None:
        self.rulebooks = Rulebooks(rulebook)
        self.conversation = conversation or talk()
        self.now = NOW
        self.timers: dict[str, SetTimer] = {}
        self.call: Call | None = None
        self.decision: Decision  # of the last event
        self.count = 0
        self._shown = 0  # the version that the buttons of the last reply carry

    @property
    def state(self) -> State:
        return self.conversation.state

    @property
    def asked(self) -> str:
        """The rule whose question is open, or nothing."""
        return self.state.question.rule if self.state.question is not None else ""

    def says(self, what: str | Content, later: timedelta = timedelta(minutes=1)) -> list[str]:
        content = Text(what) if isinstance(what, str) else what
        self.now += later
        event = InboundMessage(self._key(), ANN, "m", content, self.now, self.now)
        self.conversation = replace(self.conversation, window=self.conversation.window.renewed(self.now))
        change = consent_change(event, None, self.rulebooks.live.consent, self.conversation.consent)
        if change is not None:
            consent = with_change(self.conversation.consent, change, event.dedup)
            self.conversation = replace(self.conversation, consent=consent)
        return self.decide(event)

    def taps(self, option: int) -> list[str]:
        """A tap on an option (from 0) of the last reply."""
        button = buttons_of(replies(self.decision)[-1])[option]
        return self.says(OwnTap(button.rule, self._shown, button.option, "pb"))

    def event(self, name: str, **data: str) -> list[str]:
        return self.decide(BusinessEvent(self._key(), ANN, name, data, self.now, self.now))

    def answers(
        self, outcome: Literal["found", "not_found", "failed"], values: Mapping[str, str] | None = None, why: str = ""
    ) -> list[str]:
        assert self.call is not None
        call, self.call = self.call, None
        return self.decide(
            CallAnswered(self._key(), ANN, call.key, call.connection, outcome, values or {}, self.now, self.now, why)
        )

    def waits(self, how_long: timedelta) -> list[str]:
        """Time passes; what is due fires in order."""
        until, said = self.now + how_long, []
        while due := [timer for timer in self.timers.values() if timer.due_at <= until]:
            timer = min(due, key=lambda each: each.due_at)
            del self.timers[timer.name]
            self.now = max(self.now, timer.due_at)
            said += self.decide(TimerFired(self._key(), ANN, timer.name, timer.due_at, timer.values, self.now))
        self.now = until
        return said

    def edit(self, rulebook: Rulebook) -> None:
        """Another rulebook goes live; those before it are kept."""
        older = {**self.rulebooks.older, self.rulebooks.live.version: self.rulebooks.live}
        self.rulebooks = Rulebooks(rulebook, older)

    def decide(self, event: Event) -> list[str]:
        at: datetime = self.now + timedelta(seconds=1)
        stored = conversation_from_plain(conversation_to_plain(self.conversation))
        assert stored == self.conversation, "what is stored is what was meant"
        self.decision = decide(event, stored, self.rulebooks, at)
        assert self.decision == decide(event, stored, self.rulebooks, at), "the same inputs decide the same"
        self._shown = self.decision.because.pinned or self.rulebooks.live.version
        for effect in self.decision.effects:
            if isinstance(effect, SetTimer):
                self.timers[effect.name] = effect
            elif isinstance(effect, DropTimer):
                self.timers.pop(effect.name, None)
            elif isinstance(effect, Call):
                self.call = effect
        self.conversation = after(self.conversation, event, self.decision)
        return texts(self.decision)

    def _key(self) -> str:
        self.count += 1
        return f"e-{self.count}"
