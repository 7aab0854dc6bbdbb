"""Events, decisions and orders for the store's tests, made short."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.core.conversation import OpenCall, State
from bot.core.decision import Because, Call, ChangeConsent, Decision, Effect, Send
from bot.core.delivery import Policy
from bot.core.event import CallAnswered, ContactKey, DeliveryReceipt, Event, InboundMessage, Reason, Text
from bot.core.reply import TemplateReply, TextReply
from bot.store.units import CallDone, Claimed, InboxKind, Incoming, Lane, Order, Origin, Settled, StartedCall

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ANNA = ContactKey("APP", "WHATSAPP", "46700000001")
BO = ContactKey("APP", "WHATSAPP", "46700000002")
POLICY = Policy()
TEMPLATE = TemplateReply("order_shipped", "en_US", {"body[1]text": "Anna"})


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def wrote(text: str, who: ContactKey = ANNA, when: datetime = NOON, id_: str = "") -> Incoming:
    """A message of a person, with what a consent word asks for."""
    dedup = f"in:{id_ or f'{who.identity}:{text}:{when.isoformat()}'}"
    event = InboundMessage(dedup, who, dedup, Text(text), when, when)
    asked = {"STOP": "stopped", "START": "opted_in"}.get(text)
    consent = ChangeConsent("all", asked, "the person wrote it", when) if asked in ("stopped", "opted_in") else None  # type: ignore[arg-type]
    return Incoming(event, InboxKind.INBOUND, text.encode(), consent)


def receipt(
    status: str, outbox_id: str, message_id: str = "M1", when: datetime = NOON, reason: str = "", who: ContactKey = ANNA
) -> Incoming:
    """A delivery receipt for one of our messages."""
    why = Reason(reason) if reason else None
    event = DeliveryReceipt(
        f"rcpt:{message_id}:{status}:{outbox_id}", who, message_id, outbox_id, status, when, when, why
    )
    return Incoming(event, InboxKind.RECEIPT, b"{}")


def answers(*texts: str) -> Callable[[Lane], Sequence[Settled]]:
    """A decide that answers every inbound message with ``texts`` and lets everything else pass."""
    return lambda lane: [
        settled(claimed.inbox_id, *_sends(lane, texts if claimed.kind is InboxKind.INBOUND else ()))
        for claimed in lane.pending
    ]


def _sends(lane: Lane, texts: Sequence[str]) -> list[Send]:
    return [Send(TextReply(text), lane.conversation.contact, "rule", n) for n, text in enumerate(texts)]


def settled(inbox_id: int, *effects: Effect, state: State | None = None) -> Settled:
    """A decision with these effects."""
    decision = Decision(state or State(last_rule="rule"), tuple(effects), Because("rules", path=("rule",)))
    return Settled(inbox_id, decision, version=1, inputs=b"{}", digest="d")


def order(text: str = "hello", who: ContactKey = ANNA) -> Order:
    """A message asked for by a backend; ``dataclasses.replace`` gives it more."""
    return Order(who, TextReply(text), "fail", Origin.API, "utility")


# --- questions, calls and timers ------------------------------------------------------------------------------------------

CALL = Call("k1", "orders", "track", "GET", "https://erp.example/1", {}, 4.0, results=("status",))
WAIT_S = 6.0  # how long a conversation waits for a call


def calling(call: Call = CALL, seconds: float = 0, version: int = 1) -> State:
    """The state while ``call`` of that moment is under way."""
    waits = OpenCall(call.key, call.rule, version, call.connection, at(seconds + WAIT_S), replying=True)
    return State(last_rule=call.rule, call=waits)


def asks(call: Call = CALL, seconds: float = 0) -> Callable[[Lane], Sequence[Settled]]:
    """A decide that calls for the first pending event and holds the others."""

    def decide(lane: Lane) -> Sequence[Settled]:
        state = calling(call, seconds)
        first, *others = lane.pending
        return [settled(first.inbox_id, call, state=state), *(held(one.inbox_id, state) for one in others)]

    return decide


def held(inbox_id: int, state: State) -> Settled:
    """An event that waits for the call of ``state``."""
    return Settled(inbox_id, Decision(state, (), Because("call"), "held"), version=1, inputs=b"{}", digest="d")


def told(started: StartedCall, outcome: Literal["found", "not_found", "failed"] = "found", **values: str) -> CallDone:
    """What a connection answered."""
    call = started.call
    why = f"{call.connection} answered 500." if outcome == "failed" else ""
    event = CallAnswered(
        started.answer_dedup, started.contact, call.key, call.connection, outcome, values, NOON, NOON, why
    )
    return CallDone(started.attempt_id, event, 200 if outcome == "found" else 500)


class Seen:
    """A decide that notes the raw bytes and the events it is handed, and answers nothing."""

    def __init__(self) -> None:
        self.raws: list[bytes] = []
        self.events: list[Event | None] = []
        self.kinds: list[InboxKind] = []
        self.claimed: list[Claimed] = []

    def __call__(self, lane: Lane) -> Sequence[Settled]:
        self.claimed.extend(lane.pending)
        self.raws.extend(one.raw for one in lane.pending)
        self.events.extend(one.event for one in lane.pending)
        self.kinds.extend(one.kind for one in lane.pending)
        return [settled(one.inbox_id) for one in lane.pending]
