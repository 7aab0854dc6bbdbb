"""Deciding what was recorded: lanes are claimed, decided by the pure core, and settled by the store in one transaction.

An event that makes ``decide`` fail is tried again twice, later, and then becomes a dead letter; it holds back its own person only.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.core.button import read_button_id
from bot.core.conversation import MARGIN, Conversation
from bot.core.decide import after, decide
from bot.core.decision import Decision
from bot.core.event import DeliveryReceipt, Event, InboundMessage, Media, MediaKind, OwnTap, Tap
from bot.core.rulebook import Rulebooks
from bot.crash import reach
from bot.errors import Retry
from bot.store.port import Store
from bot.store.units import Claimed, InboxKind, Lane, Progress, Settled
from bot.work.clock import Clock
from bot.work.loop import Loop
from bot.work.receipts import decide_receipt
from bot.work.trace import settled

MOST_TRIES = 3
LANES_AT_ONCE = 64
LOOK_EVERY = timedelta(seconds=30)

log = structlog.get_logger()

Read = Callable[[InboxKind, bytes, datetime], Event]


@dataclass(frozen=True, slots=True)
class Deciding:
    """What deciding needs besides the lane. ``read`` turns stored bytes back into an event."""

    read: Read
    rulebooks: Callable[[], Rulebooks]
    button_key: bytes
    margin: timedelta = MARGIN


class Inbox:
    """The task that decides. ``on_decided`` is called after each commit that may have put something into the outbox, ``on_call`` after
    one that queued a call, ``on_timer`` after one that set timers, with the time of the first."""

    def __init__(
        self,
        store: Store,
        deciding: Deciding,
        clock: Clock,
        on_decided: Callable[[], None],
        on_call: Callable[[], None] = lambda: None,
        on_timer: Callable[[datetime], None] = lambda due_at: None,
    ) -> None:
        self._store = store
        self._deciding = deciding
        self._clock = clock
        self._on_decided = on_decided
        self._on_call = on_call
        self._on_timer = on_timer
        self._loop = Loop(self._decide_all, clock, _store_unavailable)

    def wake(self) -> None:
        """Something was recorded, or is being recorded right now."""
        self._loop.wake()

    def stop(self) -> None:
        """Claim no more; ``run`` returns once the claim under way is settled."""
        self._loop.stop()

    async def run(self) -> None:
        """Decide whatever is ready, until stopped."""
        await self._loop.run()

    async def _decide_all(self) -> datetime:
        """Until nothing is ready; returns when to look again."""
        while True:
            now = self._clock.now()
            progress = await self._store.decide_ready(LANES_AT_ONCE, now, partial(decide_lane, self._deciding, now))
            if progress.settled:
                reach("settle.committed")
                self._tell(progress)
            if self._loop.is_stopping or progress.next_at is None or progress.next_at > now:
                return progress.next_at or now + LOOK_EVERY

    def _tell(self, progress: Progress) -> None:
        self._on_decided()
        if progress.calls:
            self._on_call()
        if progress.timer_at is not None:
            self._on_timer(progress.timer_at)


def _store_unavailable(trouble: Retry) -> None:
    log.error("inbox_store_unavailable", reason=str(trouble))


async def recover(store: Store, now: datetime) -> None:
    """At start: what the last server died of loses a try, and what waits by a clock that was wrong waits no more."""
    struck = await store.recover_events(now, MOST_TRIES)
    if struck is not None:
        log.error("decide_ended_server", inbox_id=struck.inbox_id, try_number=struck.tries, dead=struck.dead)
    await store.set_back(now)


def decide_lane(deciding: Deciding, now: datetime, lane: Lane) -> Sequence[Settled]:
    """Decide a lane's pending events one after another, each on the conversation the one before it left."""
    conversation = lane.conversation
    if conversation.margin != deciding.margin:
        conversation = replace(conversation, margin=deciding.margin)
    events = [_begun(deciding, lane, claimed) for claimed in lane.pending]
    if len(events) == 1:  # as nearly always
        return (_decide_one(lane.pending[0], events[0], conversation, deciding.rulebooks(), now),)
    return _decide_several(lane, events, conversation, deciding.rulebooks(), now)


def _begun(deciding: Deciding, lane: Lane, claimed: Claimed) -> Event | Exception:
    lane.begins(claimed)
    return read_event(deciding, claimed)


def _decide_several(
    lane: Lane,
    events: Sequence[Event | Exception],
    conversation: Conversation,
    rulebooks: Rulebooks,
    now: datetime,
) -> list[Settled]:
    outcomes: list[Settled] = []
    for position, (claimed, event) in enumerate(zip(lane.pending, events, strict=True)):
        following = next((e.written_at for e in events[position + 1 :] if isinstance(e, InboundMessage)), None)
        if conversation.next_pending_at != following:
            conversation = replace(conversation, next_pending_at=following)
        lane.begins(claimed)
        outcome = _decide_one(claimed, event, conversation, rulebooks, now)
        outcomes.append(outcome)
        if outcome.decision is not None and not isinstance(event, Exception):
            waited = conversation.state.call is not None
            conversation = after(conversation, event, outcome.decision)
            if waited and conversation.state.call is None:
                break  # what was held for the call is free now, and may be older than what follows here
        elif not outcome.dead:
            break  # tried again later; what came after it waits its turn
    return outcomes


def read_event(deciding: Deciding, claimed: Claimed) -> Event | Exception:
    """The event, read again from its bytes where it is no longer at hand; bytes that cannot be read fail like the deciding would.

    A file of unknown kind is what its server told, else a mere ``file``: decide always sees a kind.
    """
    try:
        event = claimed.event or deciding.read(claimed.kind, claimed.raw, claimed.received_at)
    except Exception as error:
        return error
    match event:
        case InboundMessage(content=Tap() as tap):
            return _with_own_tap(event, tap, deciding.button_key)
        case InboundMessage(content=Media(kind=None) as media):
            return replace(event, content=replace(media, kind=claimed.media_kind or MediaKind.FILE))
        case _:
            return event


def _with_own_tap(event: InboundMessage, tap: Tap, key: bytes) -> InboundMessage:
    read = read_button_id(key, tap.postback)
    if read is None:
        return event
    rule, version, option = read
    return replace(event, content=OwnTap(rule, version, option, tap.postback, tap.message_id))


def _decide_one(
    claimed: Claimed, event: Event | Exception, conversation: Conversation, rulebooks: Rulebooks, now: datetime
) -> Settled:
    if isinstance(event, Exception):
        return _failed(claimed, event, now)
    try:
        if isinstance(event, DeliveryReceipt):
            return decide_receipt(claimed, event, conversation, rulebooks, now)
        decision = decide(event, conversation, rulebooks, now)
        _check_held(decision, now)
    except Exception as error:  # whatever a poison event does, it must not stop the others
        return _failed(claimed, error, now)
    return settled(claimed, decision, conversation, rulebooks, now)


def _check_held(decision: Decision, now: datetime) -> None:
    """What is held for nothing would be handed over again for ever."""
    call = decision.state.call
    if decision.outcome == "held" and (call is None or call.until <= now):
        raise RuntimeError("An event is held, and no call is under way.")


def _failed(claimed: Claimed, error: Exception, now: datetime) -> Settled:
    where = traceback.extract_tb(error.__traceback__)[-1]
    log.error(
        "decide_failed",
        inbox_id=claimed.inbox_id,
        try_number=claimed.try_number,
        error=type(error).__name__,
        where=f"{where.name}:{where.lineno}",
    )
    if claimed.try_number >= MOST_TRIES:
        return Settled(claimed.inbox_id, dead=f"Deciding it failed {MOST_TRIES} times: {type(error).__name__}.")
    return Settled(claimed.inbox_id, again_at=now + timedelta(seconds=2**claimed.try_number))
