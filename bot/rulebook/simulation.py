"""One person's conversation on a virtual clock: what happens, what is decided, and what is then on the person's phone.

Nothing is read or sent. Recording, deciding, timers, calls and the outbox go the way the server goes, through the same functions of
``bot.core``: the window opens with each message, consent words count before deciding, what waits leaves before the answer, and
``delivery.gate`` is asked before each message. Equal inputs give equal steps; every key is made from ``name`` and a count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from bot.core.conversation import Conversation
from bot.core.decide import after, decide
from bot.core.decision import Call, Decision, DropTimer, Effect, Send, SetTimer
from bot.core.delivery import Drop, Go, Outgoing, Policy, gate
from bot.core.event import (
    Act,
    BusinessEvent,
    CallAnswered,
    ColleagueActed,
    Content,
    Event,
    InboundMessage,
    Reaction,
    Text,
    TimerFired,
)
from bot.core.ledger import consent_change, with_change
from bot.core.reply import Reply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.rulebook.tapping import Pressable, pressed

MOST_WAITING = 3  # as the store keeps it: so many messages wait for a person to write
TOO_MANY = "Newer messages were waiting already."
TIMED_OUT = "It did not answer in time."

Outcome = Literal["found", "not_found", "failed"]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a connection answers; ``why`` says in a sentence why it failed."""

    outcome: Outcome
    values: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


Backends = Callable[[Call], Answered | None]


def nobody(call: Call) -> None:
    """No backend is there: a call stays open until ``Simulation.answers``, or until its time is over."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message on the person's phone. ``rule`` said it; ``note`` tells where something else left instead of it."""

    reply: Reply
    rule: str
    at: datetime
    version: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that never left, and why."""

    reply: Reply
    rule: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with all that went into it; ``rulebook`` is the one that was live."""

    event: Event
    conversation: Conversation
    decision: Decision
    at: datetime
    rulebook: Rulebook


@dataclass(slots=True)
class Step:
    """What came of one thing that happened, in order; ``later`` may bring many decisions, or none."""

    shown: list[Shown] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def then(self, other: Step) -> Step:
        """Both, one after the other."""
        return Step(self.shown + other.shown, self.decided + other.decided, self.lost + other.lost)


@dataclass(frozen=True, slots=True)
class _Parked:
    """A message in the outbox."""

    send: Send
    message: Outgoing
    version: int
    waits: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    call: Call
    at: datetime

    @property
    def until(self) -> datetime:
        return self.at + timedelta(seconds=self.call.timeout_s)


class Simulation:
    """One person's conversation. ``known`` is what is known of them at ``start`` (aware UTC).

    ``rulebooks`` may be replaced between steps, as a save does. ``backends`` answers calls at once; what it answers None to stays open.
    """

    def __init__(
        self,
        rulebooks: Rulebooks,
        start: datetime,
        known: Conversation,
        backends: Backends = nobody,
        name: str = "test",
    ) -> None:
        self.rulebooks = rulebooks
        self.now = start
        self.conversation = known
        self.backends = backends
        self.on_phone: list[Shown] = []
        self._name = name
        self._count = 0
        self._outbox: list[_Parked] = []
        self._timers: dict[str, SetTimer] = {}
        self._held: list[Event] = []
        self._asked: _Asked | None = None

    @property
    def open_call(self) -> Call | None:
        """The call that nobody answered yet."""
        return self._asked.call if self._asked is not None else None

    # --- what can happen ----------------------------------------------------------------------------------------------

    def says(self, text: str) -> Step:
        """The person writes."""
        return self.sends(Text(text))

    def taps(self, what: str) -> Step:
        """The person taps: the title of a button, its number on the last message that has any, or the rule it leads to.

        Raises ``LookupError`` with a sentence for a number that is not there. A title that nobody showed is a template's of somebody else.
        """
        shown = [Pressable(each.reply, each.version) for each in reversed(self.on_phone)]
        return self.sends(pressed(what, shown, self.rulebooks.live))

    def sends(self, content: Content) -> Step:
        """The person sends anything that is a message."""
        key = self._key()
        return self.happens(InboundMessage(key, self.conversation.contact, key, content, self.now, self.now))

    def reacts(self, emoji: str) -> Step:
        """The person puts an emoji on the bot's last message."""
        key = self._key()
        return self.happens(Reaction(key, self.conversation.contact, key, emoji, self.now, self.now))

    def event(self, name: str, data: Mapping[str, str]) -> Step:
        """A backend tells of something that happened to this person."""
        return self.happens(BusinessEvent(self._key(), self.conversation.contact, name, data, self.now, self.now))

    def colleague(self, what: Act, team: str = "") -> Step:
        """A colleague takes over for ``team``, writes, gives back or closes; what they write is not shown."""
        key, contact, now = self._key(), self.conversation.contact, self.now
        return self.happens(ColleagueActed(key, contact, what, team, "", None, now, now))

    def answers(self, answered: Answered) -> Step:
        """The open call is answered; what the person wrote meanwhile is decided after it. Raises ``LookupError`` where none is open."""
        step = Step()
        self._answer(answered, step)
        self._settle(step)
        return step

    def later(self, by: timedelta) -> Step:
        """Time passes: timers fire, held-back messages leave and calls time out, each at its moment."""
        step, until = Step(), self.now + by
        while (at := self._next_moment()) is not None and at <= until:
            self.now = max(self.now, at)
            self._tick(step)
        self.now = until
        return step

    def happens(self, event: Event) -> Step:
        """Any event, recorded and decided."""
        step = Step()
        self._record(event)
        self._decide(event, step)
        self._settle(step)
        return step

    # --- recording and deciding ---------------------------------------------------------------------------------------

    def _key(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"

    def _record(self, event: Event) -> None:
        """What the store does in the commit that records: consent words count, the window opens, what waits is woken."""
        known = self.conversation
        change = consent_change(event, None, self.rulebooks.live.consent, known.consent)
        if change is not None:
            known = replace(known, consent=with_change(known.consent, change, event.dedup))
        wrote = isinstance(event, InboundMessage) and not event.injected
        if isinstance(event, InboundMessage) and wrote:
            known = replace(known, window=known.window.renewed(event.written_at))
        self._now_known(known)
        if wrote:
            self._outbox = [replace(each, waits=False) for each in self._outbox]

    def _now_known(self, known: Conversation) -> None:
        """A stop ends everything that waits to leave."""
        if known.consent.stopped and not self.conversation.consent.stopped:
            self._outbox = [each for each in self._outbox if each.send.confirms_stop]
        self.conversation = known

    def _decide(self, event: Event, step: Step) -> None:
        known = self.conversation
        decision = decide(event, known, self.rulebooks, self.now)
        if decision.outcome == "held":
            self._held.append(event)
            return
        step.decided.append(Decided(event, known, decision, self.now, self.rulebooks.live))
        self._now_known(after(known, event, decision))
        for effect in decision.effects:
            self._take(effect, decision.because.pinned or self.rulebooks.live.version)

    def _take(self, effect: Effect, version: int) -> None:
        match effect:
            case Send():
                self._park(effect, version)
            case Call():
                self._asked = _Asked(effect, self.now)
            case SetTimer():
                self._timers[effect.name] = effect
            case DropTimer():
                self._timers.pop(effect.name, None)
            case _:
                pass  # a person, a team, a ledger, a backend: nothing that the phone shows

    def _settle(self, step: Step) -> None:
        """Send what may leave, and let mocked backends answer, until nothing more comes of it."""
        self._deliver(step)
        while self._asked is not None and (answered := self.backends(self._asked.call)) is not None:
            self._answer(answered, step)
            self._deliver(step)
        if self.conversation.state.call is None:
            self._asked = None  # the person left the question meanwhile; what comes back is dropped

    def _answer(self, answered: Answered, step: Step) -> None:
        asked, self._asked = self._asked, None
        if asked is None:
            raise LookupError("No connection is being asked.")
        call = asked.call
        event = CallAnswered(
            f"{call.key}-answer",
            self.conversation.contact,
            call.key,
            call.connection,
            answered.outcome,
            answered.values,
            asked.at,
            self.now,
            answered.why,
        )
        self._decide(event, step)
        self._decide_held(step)

    def _decide_held(self, step: Step) -> None:
        held, self._held = self._held, []
        for position, event in enumerate(held):
            later = (each.written_at for each in held[position + 1 :] if isinstance(each, InboundMessage))
            self.conversation = replace(self.conversation, next_pending_at=next(later, None))
            self._decide(event, step)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _next_moment(self) -> datetime | None:
        moments = [each.send.not_before for each in self._outbox if each.send.not_before is not None and not each.waits]
        if self._asked is not None:
            moments.append(self._asked.until)
        if not self._held:  # a timer waits for what the person wrote before
            moments += [timer.due_at for timer in self._timers.values()]
        return min(moments, default=None)

    def _tick(self, step: Step) -> None:
        if self._asked is not None and self._asked.until <= self.now:
            self._answer(Answered("failed", why=TIMED_OUT), step)
        due = [timer for timer in self._timers.values() if timer.due_at <= self.now and not self._held]
        if due:
            self._fire(min(due, key=lambda timer: (timer.due_at, timer.name)), step)
        self._settle(step)

    def _fire(self, timer: SetTimer, step: Step) -> None:
        del self._timers[timer.name]
        contact = self.conversation.contact
        event = TimerFired(self._key(), contact, timer.name, timer.due_at, timer.values, self.now)
        self._decide(event, step)

    # --- the outbox ---------------------------------------------------------------------------------------------------

    def _park(self, send: Send, version: int) -> None:
        message = Outgoing(
            self._key(),
            send.contact,
            send.reply,
            send.category,
            send.if_closed,
            self.now,
            send.not_after,
            send.confirms_stop,
            send.answers,
            send.not_before,
        )
        self._outbox.append(_Parked(send, message, version, send.waits))

    def _deliver(self, step: Step) -> None:
        """Everything that is due, oldest first; what is held back for later waits aside."""
        parked: list[_Parked] = []
        for each in self._outbox:
            not_before = each.send.not_before
            if each.waits or (not_before is not None and not_before > self.now):
                parked.append(each)
            else:
                parked += self._deliver_one(each, step)
        self._outbox = self._uncrowded(parked, step)

    def _deliver_one(self, parked: _Parked, step: Step) -> list[_Parked]:
        known, words = self.conversation, self.rulebooks.live.consent
        policy = Policy(known.margin, words.after_stop == "answer", words.marketing)
        match gate(parked.message, known.consent, known.window, self.now, policy):
            case Go(reply=reply, note=note):
                shown = Shown(reply, parked.send.rule, self.now, parked.version, note)
                step.shown.append(shown)
                self.on_phone.append(shown)
                return []
            case Drop(reason=reason):
                step.lost.append(Lost(parked.send.reply, parked.send.rule, self.now, reason))
                return []
            case _:
                return [replace(parked, waits=True)]

    def _uncrowded(self, parked: list[_Parked], step: Step) -> list[_Parked]:
        waiting = [each for each in parked if each.waits]
        crowded = waiting[: max(0, len(waiting) - MOST_WAITING)]
        step.lost += [Lost(each.send.reply, each.send.rule, self.now, TOO_MANY) for each in crowded]
        return [each for each in parked if each not in crowded]
