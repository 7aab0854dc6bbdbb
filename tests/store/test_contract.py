"""What ``bot.store.port`` promises, asked of a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.conversation import WINDOW
from bot.core.decision import Send
from bot.core.delivery import OutboxState
from bot.core.event import ContactKey, InboundMessage, MediaKind
from bot.core.reply import TextReply
from bot.store.port import Store
from bot.store.units import (
    Accepted,
    Decide,
    Lane,
    NotAccepted,
    OtherBody,
    Placed,
    Rejected,
    Settled,
    Started,
    Unknown,
    Verdict,
)
from tests.store.making import ANNA, BO, NOON, POLICY, TEMPLATE, answers, at, order, receipt, settled, wrote

HOUR = 3600


async def start(store: Store, seconds: float = 1, limit: int = 10) -> list[Started]:
    return list(await store.start(limit, at(seconds), POLICY))


async def answered(store: Store, *texts: str) -> list[Started]:
    """Anna wrote, was answered, and the first answer has started."""
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers(*texts))
    return await start(store)


# --- the inbox ----------------------------------------------------------------------------------------------------------


async def test_an_event_counts_once(store: Store) -> None:
    assert list(await store.record([wrote("hi"), wrote("hi")], NOON)) == [True, False]
    assert list(await store.record([wrote("hi")], NOON)) == [False]
    assert (await store.counts()).inbox_pending == 1


async def test_a_lane_is_decided_in_the_persons_order_whatever_order_it_arrived_in(store: Store) -> None:
    await store.record([wrote("second", when=at(5)), wrote("first", when=at(1))], at(6))
    seen: list[bytes] = []

    def decide(lane: Lane) -> list[object]:
        seen.extend(claimed.raw for claimed in lane.pending)
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    progress = await store.decide_ready(10, at(6), decide)  # type: ignore[arg-type]
    assert (seen, progress.settled, progress.next_at) == ([b"first", b"second"], 2, None)


async def test_a_retry_holds_back_its_own_person_only(store: Store) -> None:
    await store.record([wrote("bad"), wrote("after", when=at(1)), wrote("hello", BO)], at(2))

    def first_fails(lane: Lane) -> list[object]:
        first = lane.pending[0]
        if first.raw == b"bad":
            return [replace(settled(first.inbox_id), decision=None, again_at=at(10))]
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    progress = await store.decide_ready(10, at(2), first_fails)  # type: ignore[arg-type]
    assert (progress.settled, progress.next_at) == (2, at(10))
    assert (await store.counts()).inbox_pending == 2
    tries: list[int] = []

    def decide(lane: Lane) -> list[object]:
        tries.extend(claimed.try_number for claimed in lane.pending)
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    await store.decide_ready(10, at(11), decide)  # type: ignore[arg-type]
    assert tries == [2, 1]


async def test_an_event_waits_for_its_kind_of_file_and_what_came_after_it_waits_too(store: Store) -> None:
    file = replace(wrote("file"), ready_at=at(2.5))
    await store.record([file, wrote("after", when=at(1)), wrote("hello", BO)], at(1))
    progress = await store.decide_ready(10, at(1), answers())
    assert (progress.settled, progress.next_at) == (1, at(2.5))
    assert await store.tell_media("APP", file.event.dedup, MediaKind.VOICE, at(2))
    seen: list[tuple[bytes, MediaKind | None]] = []
    progress = await store.decide_ready(10, at(2), seeing(seen))
    assert (progress.settled, progress.next_at) == (2, None)
    assert seen == [(b"file", MediaKind.VOICE), (b"after", None)]


async def test_an_event_whose_kind_nobody_tells_is_decided_when_its_time_has_come(store: Store) -> None:
    file = replace(wrote("file"), ready_at=at(2.5))
    await store.record([file], at(1))
    assert (await store.decide_ready(10, at(2.4), answers())).settled == 0
    seen: list[tuple[bytes, MediaKind | None]] = []
    await store.decide_ready(10, at(2.5), seeing(seen))
    assert seen == [(b"file", None)]
    assert not await store.tell_media("APP", file.event.dedup, MediaKind.VOICE, at(3))
    trace = await store.last_trace(ANNA)
    assert trace is not None
    assert trace.media_kind is None


async def test_a_kind_is_told_once_to_the_right_event_and_kept(store: Store) -> None:
    file, other = replace(wrote("file"), ready_at=at(2.5)), replace(wrote("other", BO), ready_at=at(2.5))
    await store.record([file, other], NOON)
    told = [
        await store.tell_media(app, dedup, kind, at(1))
        for app, dedup, kind in (
            ("ANOTHER", file.event.dedup, MediaKind.AUDIO),
            ("APP", "in:nobody", MediaKind.AUDIO),
            ("APP", file.event.dedup, MediaKind.IMAGE),
            ("APP", file.event.dedup, MediaKind.AUDIO),
        )
    ]
    assert told == [False, False, True, False]
    progress = await store.decide_ready(10, at(1), answers())
    assert (progress.settled, progress.next_at) == (1, at(2.5))
    trace = await store.last_trace(ANNA)
    assert trace is not None
    assert trace.media_kind is MediaKind.IMAGE


async def test_a_kind_told_late_does_not_shorten_the_wait_for_another_try(store: Store) -> None:
    file = replace(wrote("file"), ready_at=at(2.5))
    await store.record([file], NOON)
    fails: Decide = lambda lane: [Settled(lane.pending[0].inbox_id, again_at=at(10))]  # noqa: E731 short
    await store.decide_ready(10, at(3), fails)
    assert not await store.tell_media("APP", file.event.dedup, MediaKind.IMAGE, at(4))
    assert (await store.decide_ready(10, at(4), answers())).next_at == at(10)


async def test_a_kind_told_of_an_event_behind_another_wakes_nobody_too_early(store: Store) -> None:
    first, second = replace(wrote("first"), ready_at=at(2.5)), replace(wrote("second", when=at(1)), ready_at=at(3.5))
    await store.record([first, second], at(1))
    assert await store.tell_media("APP", second.event.dedup, MediaKind.IMAGE, at(2))
    progress = await store.decide_ready(10, at(2), answers())
    assert (progress.settled, progress.next_at) == (0, at(2.5))
    assert (await store.decide_ready(10, at(2.5), answers())).settled == 2


def seeing(seen: list[tuple[bytes, MediaKind | None]]) -> Decide:
    """A decide that notes what it is handed and answers nothing."""

    def decide(lane: Lane) -> list[Settled]:
        seen.extend((claimed.raw, claimed.media_kind) for claimed in lane.pending)
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    return decide


def number(n: int) -> ContactKey:
    """One of many people."""
    return ContactKey("APP", "WHATSAPP", f"4670{n:07}")


async def test_people_of_whom_much_is_to_be_decided_take_turns_with_the_others(store: Store) -> None:
    loud = [wrote(f"{n}", number(who), at(n / 100)) for who in range(4) for n in range(40)]
    await store.record(loud, at(1))
    await store.record([wrote("hi", number(9), at(2))], at(2))
    turns: list[list[ContactKey]] = []

    def decide(lane: Lane) -> list[Settled]:
        turns[-1].append(lane.conversation.contact)
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    for _ in range(3):
        turns.append([])
        await store.decide_ready(2, at(3), decide)
    assert [sorted(each) for each in turns[:2]] == [[number(0), number(1)], [number(2), number(3)]]
    assert number(9) in turns[2]


async def test_people_to_whom_much_is_to_leave_take_turns_with_the_others(store: Store) -> None:
    await store.record([wrote("hi", who) for who in (ANNA, BO)], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.place([order(f"{n}") for n in range(3)], at(1))
    await store.place([order("hello", BO)], at(2))
    left = []
    for second in (3, 4, 5):
        (started,) = await store.start(1, at(second), POLICY)
        await store.record([wrote(f"more {second}")], at(second))  # meanwhile she writes on
        await store.decide_ready(10, at(second), answers("yes"))
        await store.finish([Accepted(started.attempt_id, f"M{second}")], at(second))
        left.append(started.contact)
    assert left == [ANNA, BO, ANNA]


async def test_state_and_effects_are_there_for_the_next_decision(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers("hello"))
    await store.record([wrote("again", when=at(9))], at(9))
    lanes: list[Lane] = []

    def decide(lane: Lane) -> list[object]:
        lanes.append(lane)
        return [settled(claimed.inbox_id) for claimed in lane.pending]

    await store.decide_ready(10, at(9), decide)  # type: ignore[arg-type]
    conversation = lanes[0].conversation
    assert conversation.state.last_rule == "rule"
    assert conversation.window.closes_at == at(9) + WINDOW
    assert not conversation.first_contact


# --- the outbox ---------------------------------------------------------------------------------------------------------


async def test_one_message_a_person_is_in_flight_and_order_is_kept(store: Store) -> None:
    first = await answered(store, "one", "two")
    assert [started.reply for started in first] == [TextReply("one")]
    assert await start(store, 2) == []
    await store.finish([Accepted(first[0].attempt_id, "M1")], at(2))
    assert [started.reply for started in await start(store, 3)] == [TextReply("two")]


async def test_a_refused_attempt_comes_first_again_and_not_before_its_time(store: Store) -> None:
    first = await answered(store, "one", "two")
    await store.finish([NotAccepted(first[0].attempt_id, at(30), 429, "rate", "Too fast.")], at(2))
    assert await start(store, 29) == []
    assert await store.next_send(at(2)) == at(30)
    again = await start(store, 30)
    assert [(started.reply, started.number) for started in again] == [(TextReply("one"), 2)]


async def test_orders_and_answers_start_side_by_side(store: Store) -> None:
    await store.record([wrote("hi"), wrote("hello", BO)], NOON)
    await store.decide_ready(1, NOON, answers("one"))
    await store.place([order("asked for", BO)], NOON)
    assert {started.reply for started in await start(store)} == {TextReply("one"), TextReply("asked for")}


async def test_a_rejected_message_ends_and_the_next_one_goes(store: Store) -> None:
    first = await answered(store, "one", "two")
    await store.finish([Rejected(first[0].attempt_id, 400, "bad", "Sinch refuses it.")], at(2))
    view = await store.message(first[0].outbox_id)
    assert view is not None
    assert (view.status, view.reason) == ("failed", "Sinch refuses it.")
    assert [started.reply for started in await start(store, 3)] == [TextReply("two")]


async def test_a_stop_between_decision_and_start_keeps_everything_back(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers("hello", "more"))
    await store.record([wrote("STOP", when=at(1))], at(1))
    assert await start(store, 2) == []
    assert (await store.standing(ANNA)).consent.stopped


async def test_a_stop_between_a_refusal_and_its_retry_keeps_it_back(store: Store) -> None:
    first = await answered(store, "one")
    await store.finish([NotAccepted(first[0].attempt_id, at(5), 429, "rate", "Too fast.")], at(2))
    await store.record([wrote("STOP", when=at(3))], at(3))
    assert await start(store, 10) == []
    view = await store.message(first[0].outbox_id)
    assert view is not None
    assert view.state is OutboxState.CANCELLED


async def test_what_is_asked_for_after_a_stop_never_starts(store: Store) -> None:
    await store.record([wrote("hi"), wrote("STOP", when=at(1))], at(1))
    (placed,) = await store.place([order()], at(2))
    assert isinstance(placed, Placed)
    assert await start(store, 3) == []
    view = await store.message(placed.outbox_id)
    assert view is not None
    assert (view.state, view.reason) == (OutboxState.CANCELLED, "The person said STOP.")


async def test_a_stop_ends_at_once_what_waits_for_the_person(store: Store) -> None:
    (placed,) = await store.place([replace(order("kept"), if_closed="wait")], NOON)
    assert await start(store) == []
    await store.record([wrote("STOP", when=at(5))], at(5))
    assert isinstance(placed, Placed)
    view = await store.message(placed.outbox_id)
    assert view is not None
    assert view.state is OutboxState.CANCELLED


async def test_a_second_stop_leaves_the_confirmation_of_the_first(store: Store) -> None:
    await store.record([wrote("STOP", when=at(1))], at(1))
    confirmation = Send(TextReply("You are out."), ANNA, "rule", 0, confirms_stop=True)
    await store.decide_ready(10, at(1), lambda lane: [settled(each.inbox_id, confirmation) for each in lane.pending])
    await store.record([wrote("STOP", when=at(2))], at(2))
    assert [started.reply for started in await start(store, 3)] == [confirmation.reply]


async def test_stop_and_start_count_by_the_persons_own_time(store: Store) -> None:
    await store.record([wrote("START", when=at(50)), wrote("STOP", when=at(40))], at(60))
    assert not (await store.standing(ANNA)).consent.stopped
    await store.record([wrote("STOP", when=at(51))], at(61))
    assert (await store.standing(ANNA)).consent.stopped


async def test_free_form_does_not_start_outside_the_window(store: Store) -> None:
    await store.place([order()], NOON)
    assert await start(store) == []
    await store.place([replace(order(), if_closed=TEMPLATE)], NOON)
    assert [started.reply for started in await start(store, 2)] == [TEMPLATE]


async def test_a_window_counts_from_when_the_person_wrote_not_from_when_we_heard_of_it(store: Store) -> None:
    late = wrote("hi", when=at(0))
    assert isinstance(late.event, InboundMessage)
    await store.record([replace(late, event=replace(late.event, received_at=at(23 * HOUR)))], at(23 * HOUR))
    await store.place([order()], at(23.5 * HOUR))
    [started] = await start(store, 23.5 * HOUR)
    assert started.ttl_s == HOUR / 2
    await store.finish([Accepted(started.attempt_id, "M1")], at(23.5 * HOUR))
    await store.place([order()], at(24 * HOUR))
    assert await start(store, 24 * HOUR) == []


async def test_what_somebody_copied_in_neither_opens_a_window_nor_wakes_what_waits_for_the_person(store: Store) -> None:
    await store.place([replace(order("kept"), if_closed="wait")], NOON)
    assert await start(store) == []
    copied = wrote("hi", when=at(5))
    assert isinstance(copied.event, InboundMessage)
    await store.record([replace(copied, event=replace(copied.event, injected=True))], at(5))
    assert (await store.standing(ANNA)).window.closes_at is None
    assert await store.next_send(at(6)) is None
    assert await start(store, 6) == []


async def test_what_comes_late_makes_no_window_shorter(store: Store) -> None:
    await store.record([wrote("later", when=at(HOUR))], at(HOUR))
    await store.record([wrote("earlier", when=at(0))], at(HOUR + 1))
    assert (await store.standing(ANNA)).window.closes_at == at(HOUR) + WINDOW


async def test_what_waits_for_the_person_leaves_before_the_answer(store: Store) -> None:
    await store.place([replace(order("kept"), if_closed="wait")], NOON)
    assert await start(store) == []
    await store.record([wrote("hi", when=at(5))], at(5))
    await store.decide_ready(10, at(5), answers("answer"))
    kept = await start(store, 6)
    assert [started.reply for started in kept] == [TextReply("kept")]
    await store.finish([Accepted(kept[0].attempt_id, "M1")], at(7))
    assert [started.reply for started in await start(store, 8)] == [TextReply("answer")]


async def test_what_waits_for_the_person_waits_seven_days(store: Store) -> None:
    (placed,) = await store.place([replace(order("kept"), if_closed="wait")], NOON)
    assert isinstance(placed, Placed)
    await start(store)
    week = 7 * 24 * 3600
    assert await store.expire(at(week - 1)) == 0
    await store.record([wrote("hi", when=at(week - 1))], at(week - 1))
    assert [one.reply for one in await start(store, week - 1)] == [TextReply("kept")]


async def test_at_most_three_wait_for_a_person(store: Store) -> None:
    await store.place([replace(order(str(n)), if_closed="wait") for n in range(5)], NOON)
    for second in range(1, 6):
        assert await start(store, second) == []
    await store.record([wrote("hi", when=at(9))], at(9))
    left = []
    for n in range(5):
        for started in await start(store, 10 + n):
            left.append(started.reply)
            await store.finish([Accepted(started.attempt_id, f"M{n}")], at(10 + n))
    assert left == [TextReply("2"), TextReply("3"), TextReply("4")]


async def test_what_waited_too_long_expires_visibly(store: Store) -> None:
    (placed,) = await store.place([replace(order("kept"), if_closed="wait")], NOON)
    assert isinstance(placed, Placed)
    await start(store)
    assert await store.expire(at(7 * 24 * 3600)) == 1
    view = await store.message(placed.outbox_id)
    assert view is not None
    assert (view.status, view.reason) == ("expired", "The person did not write in time.")


async def test_a_template_in_place_of_words_needs_its_own_consent(store: Store) -> None:
    await store.place([replace(order(), if_closed=replace(TEMPLATE, category="marketing"))], NOON)
    assert await start(store) == []
    assert (await store.counts()).outbox_open == 0


async def test_a_message_for_later_does_not_hold_up_an_answer(store: Store) -> None:
    await store.place([replace(order("later"), not_before=at(3600), if_closed="wait")], NOON)
    started = await answered(store, "now")
    assert [one.reply for one in started] == [TextReply("now")]
    await store.finish([Accepted(started[0].attempt_id, "M1")], at(2))
    assert await store.next_send(at(3)) == at(3600)
    assert [one.reply for one in await start(store, 3600)] == [TextReply("later")]


async def test_what_a_rule_says_later_is_held_back_and_overtaken(store: Store) -> None:
    def decide(lane: Lane) -> list[Settled]:
        later = Send(TextReply("later"), ANNA, "rule", 0, not_before=at(3600))
        return [
            settled(
                lane.pending[0].inbox_id, later, replace(later, reply=TextReply("now"), position=1, not_before=None)
            )
        ]

    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, decide)
    (now,) = await start(store)
    assert now.reply == TextReply("now")
    await store.finish([Accepted(now.attempt_id, "M1")], at(2))
    assert await start(store, 3599) == []
    assert await store.next_send(at(3)) == at(3600)
    assert [one.reply for one in await start(store, 3600)] == [TextReply("later")]


async def test_what_a_rule_says_in_the_past_leaves_at_once(store: Store) -> None:
    await store.record([wrote("hi", when=at(9))], at(9))
    said = Send(TextReply("now"), ANNA, "rule", 0, not_before=at(5))
    await store.decide_ready(10, at(9), lambda lane: [settled(lane.pending[0].inbox_id, said)])
    assert await store.next_send(at(9)) == at(9)


# --- outcomes in doubt --------------------------------------------------------------------------------------------------


async def test_doubt_ends_by_a_receipt(store: Store) -> None:
    first = await answered(store, "one", "two")
    await store.finish([Unknown(first[0].attempt_id, at(30), 0, "No answer came.")], at(2))
    assert await start(store, 3) == []
    await store.record([receipt("DELIVERED", first[0].outbox_id)], at(4))
    await store.decide_ready(10, at(4), answers())
    view = await store.message(first[0].outbox_id)
    assert view is not None
    assert (view.state, view.status) == (OutboxState.SENT, "delivered")
    assert [started.reply for started in await start(store, 5)] == [TextReply("two")]
    assert await store.doubtful(10, at(60)) == []


async def test_doubt_ends_by_a_second_submission_and_never_a_third(store: Store) -> None:
    first = await answered(store, "one")
    await store.finish([Unknown(first[0].attempt_id, at(30), 0, "No answer came.")], at(2))
    assert await store.doubtful(10, at(29)) == []
    assert [d.outbox_id for d in await store.doubtful(10, at(30))] == [first[0].outbox_id]
    await store.reconcile([Verdict(first[0].outbox_id, resend=True)], at(31))
    second = await start(store, 32)
    await store.finish([Unknown(second[0].attempt_id, at(60), 0, "No answer came.")], at(33))
    await store.reconcile([Verdict(first[0].outbox_id, resend=True)], at(61))
    assert await start(store, 62) == []
    assert (await store.counts()).outbox_held == 1


async def test_a_receipt_that_is_recorded_but_not_decided_settles_the_doubt(store: Store) -> None:
    first = await answered(store, "one")
    await store.finish([Unknown(first[0].attempt_id, at(30), 0, "No answer came.")], at(2))
    await store.record([receipt("DELIVERED", first[0].outbox_id)], at(3))
    await store.reconcile([Verdict(first[0].outbox_id, resend=True)], at(31))
    assert await start(store, 32) == []
    view = await store.message(first[0].outbox_id)
    assert view is not None
    assert view.state is OutboxState.SENT


async def test_at_most_once_is_held_rather_than_sent_again(store: Store) -> None:
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.place([replace(order(), at_most_once=True)], NOON)
    first = await start(store)
    await store.finish([Unknown(first[0].attempt_id, at(30), 0, "No answer came.")], at(2))
    await store.reconcile([Verdict(first[0].outbox_id, resend=True)], at(31))
    assert (await store.counts()).outbox_held == 1


async def test_after_a_crash_open_attempts_are_in_doubt(store: Store) -> None:
    first = await answered(store, "one")
    assert await store.recover(at(10), at(40)) == 1
    assert await start(store, 11) == []
    assert [d.attempt_id for d in await store.doubtful(10, at(40))] == [first[0].attempt_id]


# --- receipts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carries_our_id", [True, False])
async def test_a_receipt_may_come_before_the_sends_own_answer(store: Store, carries_our_id: bool) -> None:
    first = await answered(store, "one")
    await store.record([receipt("DELIVERED", first[0].outbox_id if carries_our_id else "")], at(2))
    await store.decide_ready(10, at(2), answers())
    await store.finish([Accepted(first[0].attempt_id, "M1")], at(3))
    view = await store.message(first[0].outbox_id)
    assert view is not None
    assert (view.state, view.status) == (OutboxState.SENT, "delivered")
    assert [r.status for r in view.receipts] == ["DELIVERED"]


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        (["READ", "DELIVERED"], "read"),
        (["DELIVERED", "FAILED"], "delivered"),
        (["FAILED", "DELIVERED"], "failed"),
        (["QUEUED_ON_CHANNEL", "SOMETHING_NEW"], "sent"),
    ],
)
async def test_receipts_only_climb(store: Store, statuses: list[str], shown: str) -> None:
    first = await answered(store, "one")
    await store.finish([Accepted(first[0].attempt_id, "M1")], at(2))
    await store.record([receipt(status, first[0].outbox_id) for status in statuses], at(3))
    await store.decide_ready(10, at(3), answers())
    view = await store.message(first[0].outbox_id)
    assert view is not None
    assert (view.status, len(view.receipts)) == (shown, len(statuses))


# --- orders, keys, rulebooks --------------------------------------------------------------------------------------------


async def test_an_idempotency_key_gives_one_message(store: Store) -> None:
    key = await store.keys.create("shop", frozenset({"send"}), b"h" * 32, NOON)
    asked = replace(order(), idempotency=(key.id, "order-1", "body"))
    first, second = await store.place([asked, asked], NOON)
    (third,) = await store.place([asked], at(5))
    (other,) = await store.place([replace(asked, idempotency=(key.id, "order-1", "another"))], at(6))
    assert isinstance(first, Placed)
    assert second == third == replace(first, replayed=True)
    assert isinstance(other, OtherBody)


async def test_an_idempotency_key_of_seven_days_ago_is_a_new_one(store: Store) -> None:
    key = await store.keys.create("shop", frozenset({"send"}), b"h" * 32, NOON)
    asked = replace(order(), idempotency=(key.id, "order-1", "body"))
    (first,) = await store.place([asked], NOON)
    week = 7 * 24 * HOUR
    (known,) = await store.place([asked], at(week - 1))
    (new,) = await store.place([asked], at(week))
    assert isinstance(first, Placed)
    assert isinstance(new, Placed)
    assert known == replace(first, replayed=True)
    assert (new.replayed, new.outbox_id == first.outbox_id) == (False, False)


async def test_a_key_is_found_by_its_hash_alone(store: Store) -> None:
    made = await store.keys.create("shop", frozenset({"send", "read"}), b"h" * 32, NOON)
    assert await store.keys.find(b"h" * 32) == made
    assert await store.keys.find(b"x" * 32) is None


async def test_the_last_good_rulebook_is_the_one_that_went_live_last(store: Store) -> None:
    one = await store.save_rulebook("a", {"rules/a.yaml": b"a"}, NOON)
    two = await store.save_rulebook("b", {"rules/a.yaml": "å".encode()}, at(1))
    assert await store.save_rulebook("b", {"rules/a.yaml": "å".encode()}, at(2)) == two
    last = await store.last_good_rulebook()
    assert last is not None
    assert (last.number, last.files["rules/a.yaml"].decode(), last.live_from) == (two, "å", at(1))
    assert await store.save_rulebook("a", {"rules/a.yaml": b"a"}, at(3)) == one
    back = await store.last_good_rulebook()
    assert back is not None
    assert back.number == one


async def test_an_unknown_address_has_no_window(store: Store) -> None:
    standing = await store.standing(BO)
    assert not standing.known
    assert not standing.window.is_open(NOON, timedelta())
