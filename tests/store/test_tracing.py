"""Traces are found by whatever names a message, and bring all that it takes to decide again."""

from dataclasses import replace

import pytest

from bot.core.reply import TextReply
from bot.store.port import Store
from bot.store.units import Accepted, InboxKind, Lane, Settled, Submission, Unknown, Verdict
from tests.store.making import ANNA, BO, NOON, POLICY, TEMPLATE, answers, at, order, receipt, settled, wrote


async def sent(store: Store, message_id: str = "M1") -> str:
    """Anna wrote "hi" and was answered; the outbox id of the answer."""
    await store.record([wrote("hi", id_="I1"), wrote("hello", BO, id_="I2")], NOON)
    await store.decide_ready(1, NOON, answers("one"))
    (started,) = await store.start(10, at(1), POLICY)
    await store.finish([Accepted(started.attempt_id, message_id)], at(2))
    return started.outbox_id


async def test_a_trace_says_who_where_and_with_which_rulebooks(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, lambda lane: [replace(settled(lane.pending[0].inbox_id), version=5, pinned=3)])
    trace = await store.last_trace(ANNA)
    assert trace is not None
    assert (trace.version, trace.pinned, trace.person, trace.layer) == (5, 3, 1, "rules")
    assert trace.submission is None


async def test_a_trace_is_found_by_any_id_of_its_message(store: Store) -> None:
    outbox_id = await sent(store)
    found = [await store.trace_of(name) for name in ("I1", outbox_id, "M1")]
    assert found[0] is not None
    assert found[0].raw == b"hi"
    assert found == [found[0]] * 3


@pytest.mark.parametrize("name", ["I2", "nobody", "", "in:I1"])
async def test_what_was_not_decided_or_never_came_has_none(store: Store, name: str) -> None:
    await sent(store, "")
    assert await store.trace_of(name) is None


async def test_what_a_backend_asked_for_was_not_decided(store: Store) -> None:
    (placed,) = await store.place([replace(order(), reply=TEMPLATE)], NOON)
    assert await store.trace_of(placed.outbox_id) is None  # type: ignore[union-attr]


async def test_messages_of_several_apps_are_found(store: Store) -> None:
    for app in ("APP", "BEE", "ZED"):
        who = replace(ANNA, app=app)
        await store.record([wrote(f"hi {app}", who, id_=f"of {app}")], NOON)
    await store.decide_ready(10, NOON, answers())
    found = [await store.trace_of(f"of {app}") for app in ("APP", "BEE", "ZED")]
    assert [trace.raw for trace in found if trace is not None] == [b"hi APP", b"hi BEE", b"hi ZED"]


async def test_what_stands_in_for_a_message_is_explained_by_what_led_to_that_message(store: Store) -> None:
    outbox_id = await sent(store)
    await store.record([receipt("FAILED", outbox_id)], at(3))

    def replaced(lane: Lane) -> list[Settled]:
        send = answers("instead")(Lane(lane.conversation, (replace(lane.pending[0], kind=InboxKind.INBOUND),)))[0]
        return [replace(send, replaces=outbox_id, inputs=b"")]

    await store.decide_ready(1, at(60), answers())  # Bo's
    await store.decide_ready(1, at(60), replaced)
    (started,) = await store.start(10, at(61), POLICY)
    trace = await store.trace_of(started.outbox_id)
    assert trace is not None
    assert trace.raw == b"hi"


async def test_a_receipts_trace_brings_the_message_that_failed(store: Store) -> None:
    outbox_id = await sent(store)
    await store.record([receipt("FAILED", outbox_id, reason="UNREACHABLE")], at(3))
    await store.decide_ready(10, at(3), answers())
    trace = await store.last_trace(ANNA)
    assert trace is not None
    expected = Submission(outbox_id, ANNA, "rule", "fail", "", "utility", TextReply("one"))
    assert (trace.kind, trace.submission) == (InboxKind.RECEIPT, expected)


# --- whether a failure is final -----------------------------------------------------------------------------------------


async def told(store: Store, seconds: float) -> list[Submission | None]:
    """What deciding is told of the messages that receipts speak of."""
    found: list[Submission | None] = []

    def decide(lane: Lane) -> list[Settled]:
        found.extend(one.submission for one in lane.pending if one.kind is InboxKind.RECEIPT)
        return [settled(one.inbox_id) for one in lane.pending]

    await store.decide_ready(10, at(seconds), decide)
    return found


async def finals(store: Store, seconds: float) -> list[bool]:
    return [submission.is_final for submission in await told(store, seconds) if submission is not None]


async def test_the_first_failure_is_final_and_told_once(store: Store) -> None:
    outbox_id = await sent(store)
    again = replace(receipt("FAILED", outbox_id, when=at(4)), raw=b"again")
    again = replace(again, event=replace(again.event, dedup="again"))
    await store.record([receipt("FAILED", outbox_id), again], at(5))
    assert await finals(store, 5) == [True, False]


@pytest.mark.parametrize("status", ["DELIVERED", "READ"])
async def test_what_arrived_has_not_failed(store: Store, status: str) -> None:
    outbox_id = await sent(store)
    await store.record([receipt("QUEUED_ON_CHANNEL", outbox_id), receipt(status, outbox_id)], at(3))
    await store.record([receipt("FAILED", outbox_id)], at(4))
    assert await finals(store, 4) == [False]


async def test_what_is_sent_twice_has_failed_when_both_have(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(1, NOON, answers("one"))
    (first,) = await store.start(10, at(1), POLICY)
    await store.finish([Unknown(first.attempt_id, at(30), 0, "No answer came.")], at(2))
    await store.reconcile([Verdict(first.outbox_id, resend=True)], at(31))
    await store.record([receipt("FAILED", first.outbox_id, "M1")], at(32))
    assert await finals(store, 32) == [False]  # another try is to come
    (second,) = await store.start(10, at(33), POLICY)
    await store.finish([Accepted(second.attempt_id, "M2")], at(34))
    await store.record([receipt("FAILED", first.outbox_id, "M2")], at(35))
    assert await finals(store, 35) == [True]


async def test_what_a_failure_led_to_is_known_as_such(store: Store) -> None:
    outbox_id = await sent(store)
    await store.record([receipt("FAILED", outbox_id)], at(3))

    def says_so(lane: Lane) -> list[Settled]:
        inbound = replace(lane.pending[0], kind=InboxKind.INBOUND)
        return list(answers("sorry")(Lane(lane.conversation, (inbound,))))

    await store.decide_ready(1, at(3), answers())  # Bo's
    await store.decide_ready(1, at(3), says_so)
    (started,) = await store.start(10, at(4), POLICY)
    await store.finish([Accepted(started.attempt_id, "M2")], at(5))
    await store.record([receipt("FAILED", started.outbox_id, "M2")], at(6))
    (submission,) = await told(store, 6)
    assert submission is not None
    assert (submission.is_final, submission.after_failure) == (True, True)


async def test_what_a_person_led_to_is_not(store: Store) -> None:
    outbox_id = await sent(store)
    await store.record([receipt("FAILED", outbox_id)], at(3))
    assert [one.after_failure for one in await told(store, 3) if one is not None] == [False]
