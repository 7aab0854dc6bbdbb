"""Campaigns in the database: each recipient is in the list or in the outbox, never in both and never in neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.event import ChannelNotice, ContactKey, DeliveryReceipt, Reason
from bot.store.campaigns import (
    BAD_ROW,
    DUPLICATE,
    RED_WHY,
    Created,
    DueRecipient,
    Later,
    NewCampaign,
    NewRecipient,
    Say,
    Skip,
    Turn,
)
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, InboxKind, Incoming, NotAccepted, OtherBody, Rejected, Unknown, Verdict
from tests.store.making import ANNA, NOON, POLICY, TEMPLATE, answers, at, order, wrote


def campaign(**changes: object) -> NewCampaign:
    given = {
        "name": "spring", "template": "order_shipped", "declared": "d1", "category": "utility", "language": "", "values": {},
        "rate": 0.0, "quiet": "", "starts_at": NOON, "author": "webshop", **changes,
    }  # fmt: skip
    return NewCampaign(**given)  # type: ignore[arg-type]


def who(line: int) -> ContactKey:
    return ContactKey("APP", "WHATSAPP", f"4670{line:07d}")


def people(count: int) -> list[NewRecipient]:
    return [NewRecipient(line, who(line), values={"first_name": f"P{line}"}) for line in range(2, count + 2)]


def say_all(due: Sequence[DueRecipient]) -> Sequence[Turn]:
    return [Say(TEMPLATE, 3) for _ in due]


async def started(store: Store, count: int = 3, **changes: object) -> int:
    created = await store.campaigns.create(campaign(**changes), people(count), NOON)
    assert isinstance(created, Created)
    return created.id


async def counts(store: Store, id_: int) -> dict[str, int]:
    view = await store.campaigns.view(id_)
    assert view is not None
    assert sum(view.counts.values()) == view.total
    return {status: count for status, count in view.counts.items() if count}


async def statuses(store: Store, id_: int) -> list[str]:
    return [each.status for each in await store.campaigns.recipients(id_, None, 0, 100)]


# --- creating -----------------------------------------------------------------------------------------------------------


async def test_a_list_of_several_pieces_is_stored_whole(store: Store) -> None:
    id_ = await started(store, 4500)
    view = await store.campaigns.view(id_)
    assert view is not None
    assert (view.state, view.total, view.counts["pending"], view.author) == ("running", 4500, 4500, "webshop")
    lines = [each.line for each in await store.campaigns.recipients(id_, "pending", 4400, 200)]
    assert lines == list(range(4401, 4502))


async def test_nobody_sees_a_list_that_was_being_stored_when_the_process_died(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")
    key = (1, "k", "digest")
    whole = await started(store, idempotency=key)
    await store.close()
    with closing(sqlite3.connect(path)) as file:
        columns = "app, name, template, declared, category, starts_at, created_at, api_key, key, body_hash"
        file.execute(f"INSERT INTO campaign ({columns}, state) SELECT {columns}, 'storing' FROM campaign")
        file.execute(
            "INSERT INTO recipient (campaign, line, channel, identity, state) VALUES (2, 2, 'W', '1', 'pending')"
        )
        file.commit()
    store = await open_store(path, app="APP")
    try:
        assert [each.id for each in await store.campaigns.listed(None, 10)] == [whole]
        assert await store.campaigns.view(2) is None
        assert await store.campaigns.seen(key, NOON) == Created(whole, replayed=True)
        assert await store.campaigns.recover() == 1
        assert await store.campaigns.recover() == 0
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("SELECT count(*) FROM recipient WHERE campaign = 2").fetchone() == (0,)
    finally:
        await store.close()


async def test_an_idempotency_key_makes_one_campaign_for_seven_days(store: Store) -> None:
    key = (1, "k", "digest")
    first = await store.campaigns.create(campaign(idempotency=key), people(1), NOON)
    again = await store.campaigns.create(campaign(idempotency=key), people(1), at(5))
    assert isinstance(first, Created)
    assert again == Created(first.id, replayed=True)
    other = await store.campaigns.create(campaign(idempotency=(1, "k", "other")), people(1), at(6))
    assert isinstance(other, OtherBody)
    later = await store.campaigns.create(campaign(idempotency=key), people(1), NOON + timedelta(days=7, seconds=1))
    assert isinstance(later, Created)
    assert later.id != first.id
    assert len(await store.campaigns.listed(None, 10)) == 2


async def test_those_we_know_are_told_with_what_they_said(store: Store) -> None:
    await store.record([wrote("hello"), wrote("STOP", who(2))], NOON)
    known = await store.campaigns.known([ANNA, who(2), who(3)])
    assert {contact: each.stopped for contact, each in known.items()} == {ANNA: False, who(2): True}
    assert known[ANNA].marketing == "unknown"


# --- turns --------------------------------------------------------------------------------------------------------------


async def test_each_recipient_is_placed_once_and_leaves_at_most_once(store: Store) -> None:
    id_ = await started(store, 5)
    first = await store.campaigns.take_turns(id_, 2, say_all, NOON)
    second = await store.campaigns.take_turns(id_, 10, say_all, NOON)
    third = await store.campaigns.take_turns(id_, 10, say_all, NOON)
    assert [each.placed for each in (first, second, third)] == [2, 3, 0]
    attempts = await store.start(100, NOON, POLICY)
    assert sorted(each.contact.identity for each in attempts) == [who(line).identity for line in range(2, 7)]
    assert all(each.at_most_once and each.version == 3 and each.reply == TEMPLATE for each in attempts)
    message = await store.message(attempts[0].outbox_id)
    assert message is not None
    assert (message.origin, message.author, message.category) == ("campaign", "webshop", "utility")


async def test_what_is_skipped_or_quiet_stays_out_of_the_outbox(store: Store) -> None:
    id_ = await started(store, 3)
    seen: list[DueRecipient] = []

    def take(due: Sequence[DueRecipient]) -> Sequence[Turn]:
        seen.extend(due)
        turns: list[Turn] = [Say(TEMPLATE, 1), Skip("The person said STOP."), Later(at(60))]
        return turns[: len(due)]

    taken = await store.campaigns.take_turns(id_, 10, take, NOON)
    assert (taken.placed, taken.skipped, taken.delayed) == (1, 1, 1)
    assert [(each.line, each.values["first_name"]) for each in seen] == [(2, "P2"), (3, "P3"), (4, "P4")]
    assert await statuses(store, id_) == ["queued", "skipped", "pending"]
    assert (await store.campaigns.take_turns(id_, 10, say_all, at(59))).all == 0
    assert (await store.campaigns.take_turns(id_, 10, say_all, at(60))).placed == 1
    (skipped,) = await store.campaigns.recipients(id_, "skipped", 0, 10)
    assert (skipped.line, skipped.reason) == (3, "The person said STOP.")


async def test_how_the_person_stands_is_known_within_the_transaction(store: Store) -> None:
    id_ = await started(store, 2)
    await store.record([wrote("STOP", who(2))], NOON)
    standings: list[tuple[bool, bool]] = []

    def take(due: Sequence[DueRecipient]) -> Sequence[Turn]:
        standings.extend((each.standing.known, each.standing.consent.stopped) for each in due)
        return [Skip("no") for _ in due]

    await store.campaigns.take_turns(id_, 10, take, NOON)
    assert standings == [(True, True), (False, False)]


async def test_nothing_is_placed_before_it_begins_nor_while_it_is_paused(store: Store) -> None:
    id_ = await started(store, 2, starts_at=at(60))
    assert (await store.campaigns.take_turns(id_, 10, say_all, at(59))).all == 0
    await store.campaigns.pause(id_, "Paused by Bo.", at(60))
    assert (await store.campaigns.take_turns(id_, 10, say_all, at(61))).all == 0
    waiting = await store.campaigns.create(campaign(paused=RED_WHY), people(1), NOON)
    assert isinstance(waiting, Created)
    assert (await store.campaigns.take_turns(waiting.id, 10, say_all, NOON)).all == 0


# --- pausing and ending -------------------------------------------------------------------------------------------------


async def test_pausing_takes_back_what_was_never_attempted_and_resuming_places_it_again(store: Store) -> None:
    id_ = await started(store, 4)
    await store.campaigns.take_turns(id_, 3, say_all, NOON)
    (attempt,) = await store.start(1, NOON, POLICY)
    assert await store.campaigns.pause(id_, "Paused by Bo.", NOON) == "paused"
    assert await counts(store, id_) == {"pending": 3, "queued": 1}
    assert await store.start(100, NOON, POLICY) == []
    await store.finish([Accepted(attempt.attempt_id, "M1")], NOON)
    assert await store.campaigns.resume(id_, "d2", NOON) == "running"
    assert (await store.campaigns.take_turns(id_, 10, say_all, NOON)).placed == 3
    assert len(await store.start(100, NOON, POLICY)) == 3
    view = await store.campaigns.view(id_)
    assert view is not None
    assert (view.declared, view.why) == ("d2", "")


async def test_what_was_attempted_is_never_taken_back(store: Store) -> None:
    id_ = await started(store, 1)
    await store.campaigns.take_turns(id_, 1, say_all, NOON)
    (attempt,) = await store.start(1, NOON, POLICY)
    await store.finish([NotAccepted(attempt.attempt_id, at(5), 429, "busy", "Later.")], NOON)
    await store.campaigns.pause(id_, "Paused by Bo.", NOON)
    assert await counts(store, id_) == {"queued": 1}
    (again,) = await store.start(1, at(5), POLICY)
    assert (again.outbox_id, again.number) == (attempt.outbox_id, 2)


async def test_cancelling_ends_it_for_all_who_have_not_got_it(store: Store) -> None:
    id_ = await started(store, 3)
    await store.campaigns.take_turns(id_, 2, say_all, NOON)
    (attempt,) = await store.start(1, NOON, POLICY)
    await store.finish([Accepted(attempt.attempt_id, "M1")], NOON)
    assert await store.campaigns.cancel(id_, "The campaign was cancelled by Bo.", at(1)) == "cancelled"
    assert await counts(store, id_) == {"sent": 1, "cancelled": 2}
    assert await store.start(100, at(1), POLICY) == []
    listed = await store.campaigns.recipients(id_, "cancelled", 0, 10)
    assert {each.reason for each in listed} == {"The campaign was cancelled by Bo."}
    assert await store.campaigns.cancel(id_, "again", at(2)) == "cancelled"
    assert await store.campaigns.resume(id_, "d1", at(2)) == "cancelled"
    assert await store.campaigns.pause(id_, "x", at(2)) == "cancelled"


async def test_it_is_done_when_nobody_waits_and_nothing_is_open(store: Store) -> None:
    id_ = await started(store, 1)
    assert not await store.campaigns.end(id_, NOON)
    await store.campaigns.take_turns(id_, 10, say_all, NOON)
    (attempt,) = await store.start(1, NOON, POLICY)
    assert not await store.campaigns.end(id_, NOON)
    await store.finish([Unknown(attempt.attempt_id, at(1), 0, "No answer came.")], NOON)
    assert not await store.campaigns.end(id_, NOON)
    await store.reconcile(
        [Verdict(attempt.outbox_id, resend=True)], at(2)
    )  # once only, so it is held and not sent again
    assert await counts(store, id_) == {"held": 1}
    assert await store.campaigns.end(id_, at(3))
    assert not await store.campaigns.end(id_, at(4))
    view = await store.campaigns.view(id_)
    assert view is not None
    assert (view.state, view.ended_at) == ("done", at(3))


# --- the report ---------------------------------------------------------------------------------------------------------


async def test_the_report_counts_by_status_and_by_reason(store: Store) -> None:
    listed = [
        *people(4),
        NewRecipient(6, who(6), skipped=f"{DUPLICATE}: 2."),
        NewRecipient(7, who(7), skipped=f"{DUPLICATE}: 3."),
        NewRecipient(8, who(8), skipped=f"{BAD_ROW}: The value of first_name is missing."),
    ]
    created = await store.campaigns.create(campaign(), listed, NOON)
    assert isinstance(created, Created)
    await store.campaigns.take_turns(created.id, 10, say_all, NOON)
    first, second, third, _ = await store.start(100, NOON, POLICY)
    outcomes = [Accepted(first.attempt_id, "M1"), Accepted(second.attempt_id, "M2")]
    await store.finish([*outcomes, Rejected(third.attempt_id, 400, "bad", "Sinch refused it.")], NOON)
    await failed(store, first.outbox_id, "M1", Reason("RECIPIENT_NOT_REACHABLE", "Nobody there", "", "131026"))
    assert await counts(store, created.id) == {"failed": 2, "sent": 1, "queued": 1, "skipped": 3}
    view = await store.campaigns.view(created.id)
    assert view is not None
    told = {(each.status, each.sentence): each for each in view.failures}
    assert told["skipped", DUPLICATE].count == 2
    assert told["skipped", BAD_ROW].count == 1
    assert told["failed", "Sinch refused it."].http_status == 400
    assert told["failed", "Nobody there"].reason == Reason("RECIPIENT_NOT_REACHABLE", "Nobody there", "", "131026")
    by_status = {
        status: [each.line for each in await store.campaigns.recipients(created.id, status, 0, 10)]
        for status in ("failed", "sent", "queued", "skipped", "pending")
    }
    assert by_status == {"failed": [2, 4], "sent": [3], "queued": [5], "skipped": [6, 7, 8], "pending": []}
    (line2, _) = await store.campaigns.recipients(created.id, "failed", 0, 10)
    assert (line2.reason, line2.message_id) == ("RECIPIENT_NOT_REACHABLE (131026): Nobody there", first.outbox_id)


async def failed(store: Store, outbox_id: str, message_id: str, reason: Reason) -> None:
    event = DeliveryReceipt(f"r:{message_id}", who(2), message_id, outbox_id, "FAILED", NOON, NOON, reason)
    await store.record([Incoming(event, InboxKind.RECEIPT, b"{}")], NOON)
    await store.decide_ready(10, NOON, answers())


# --- quality ------------------------------------------------------------------------------------------------------------


def rated(rating: str, seconds: float = 0, raw: bytes = b'{"app_id": "APP"}', **detail: str) -> Incoming:
    event = ChannelNotice(
        f"chan:{rating}:{seconds}:{raw!r}", "WHATSAPP", "WHATS_APP_QUALITY_RATING_CHANGED",
        detail or {"quality_rating": rating}, at(seconds), at(seconds),
    )  # fmt: skip
    return Incoming(event, InboxKind.INBOUND, raw)


async def test_red_pauses_marketing_in_the_commit_that_records_it(store: Store) -> None:
    marketing = await started(store, 2, category="marketing")
    other = await started(store, 2)
    await store.campaigns.take_turns(marketing, 1, say_all, NOON)
    await store.record([rated("RED")], NOON)
    assert await store.start(10, NOON, POLICY) == []
    view = await store.campaigns.view(marketing)
    assert view is not None
    assert (view.state, view.why) == ("paused", RED_WHY)
    assert await counts(store, marketing) == {"pending": 2}
    assert [each.id for each in (await store.campaigns.at_work()).campaigns] == [other]
    assert await store.campaigns.rating() == "RED"
    await store.record([rated("GREEN", 60)], at(60))
    assert await store.campaigns.rating() == "GREEN"
    again = await store.campaigns.view(marketing)
    assert again is not None
    assert again.state == "paused"


@pytest.mark.parametrize(
    ("notices", "rating"),
    [
        ([rated("YELLOW", 10), rated("RED", 5)], "YELLOW"),  # the newer one counts, whichever came first
        ([rated("yellow", raw=b"not json")], "YELLOW"),
        ([rated("RED", raw=b'{"app_id": "OTHER"}')], ""),
        ([rated("x", previous_quality_rating="RED", new_quality_rating="YELLOW")], "YELLOW"),
        ([rated("x", quality_rating="BLUE")], ""),
    ],
)
async def test_the_rating_that_counts(store: Store, notices: list[Incoming], rating: str) -> None:
    id_ = await started(store, 1, category="marketing")
    for notice in notices:
        await store.record([notice], at(20))
    assert await store.campaigns.rating() == rating
    view = await store.campaigns.view(id_)
    assert view is not None
    assert view.state == "running"


async def test_a_restricted_number_is_seen_once_and_only_from_the_first_look_on(store: Store) -> None:
    await store.place([replace(order(), reply=TEMPLATE)], NOON)
    (attempt,) = await store.start(1, NOON, POLICY)
    await store.finish([Accepted(attempt.attempt_id, "M1")], NOON)
    first = await store.campaigns.restricted(None)
    await failed(store, attempt.outbox_id, "M1", Reason("SPAM", "restricted", "", "131048"))
    seen = await store.campaigns.restricted(first.upto)
    assert (first.found, seen.found) == (False, True)
    assert not (await store.campaigns.restricted(seen.upto)).found
    assert not (await store.campaigns.restricted(None)).found
    id_ = await started(store, 1)
    assert await store.campaigns.pause_all("why", NOON) == [id_]


# --- dying --------------------------------------------------------------------------------------------------------------


async def test_a_transaction_that_breaks_leaves_the_list_as_it_was(store: Store) -> None:
    id_ = await started(store, 3)

    def broken(due: Sequence[DueRecipient]) -> Sequence[Turn]:
        raise RuntimeError("mistake")

    with pytest.raises(RuntimeError):
        await store.campaigns.take_turns(id_, 10, broken, NOON)
    assert await counts(store, id_) == {"pending": 3}


@pytest.mark.parametrize("placed", [0, 2, 5])
async def test_after_a_restart_each_recipient_is_attempted_once(tmp_path: Path, placed: int) -> None:
    path = tmp_path / "parley.db"
    store = await open_store(path, app="APP")
    id_ = await started(store, 5)
    await store.campaigns.take_turns(id_, placed, say_all, NOON)
    attempted = [each.contact for each in await store.start(1, NOON, POLICY)]
    await store.close()
    store = await open_store(path, app="APP")
    try:
        await store.recover(at(1), at(2))
        await store.campaigns.take_turns(id_, 100, say_all, at(1))
        attempted += [each.contact for each in await store.start(100, at(1), POLICY)]
        assert sorted(attempted) == [who(line) for line in range(2, 7)]
    finally:
        await store.close()
