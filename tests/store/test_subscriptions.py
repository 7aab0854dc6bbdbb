"""Subscriptions: news are written while somebody listens, become callbacks once, and are tried until they are taken or given up."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.callbacks import RETRIES, TRY_FOR, probe_in, retry_in
from bot.core.decision import Effect, HandOver, TellBackend
from bot.core.event import ContactKey
from bot.errors import Refused, StoreUnavailable
from bot.store.port import Store
from bot.store.sqlite import audit, open_store
from bot.store.subscriptions import (
    KINDS,
    MOST,
    CallbackDone,
    Change,
    News,
    Published,
    StartedCallback,
    Subscription,
)
from bot.store.units import Accepted, Lane, NotAccepted, Settled
from tests.store.making import ANNA, BO, NOON, POLICY, answers, at, order, receipt, settled, wrote

URL = "https://shop.example/told"


async def listening(store: Store, *events: str, name: str = "") -> Subscription:
    return await store.subscriptions.create(URL, events or ("*",), name, "whsec_AAAA", NOON)


class Composed:
    """Notes the news it is handed."""

    def __init__(self) -> None:
        self.news: list[News] = []

    def __call__(self, news: News) -> str | None:
        self.news.append(news)
        return f"{news.kind} {news.number}"

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.news]


async def published(store: Store, seconds: float = 1) -> Composed:
    composed = Composed()
    await store.subscriptions.publish(100, composed, at(seconds))
    return composed


async def start(store: Store, seconds: float, limit: int = 32) -> tuple[StartedCallback, ...]:
    return (await store.subscriptions.start(limit, at(seconds))).started


async def refuse(store: Store, started: StartedCallback, seconds: float, status: int = 500) -> None:
    await store.subscriptions.finish(
        CallbackDone(started.attempt_id, "refused", status, "It answered 500."), at(seconds)
    )


async def take(store: Store, started: StartedCallback, seconds: float) -> None:
    await store.subscriptions.finish(CallbackDone(started.attempt_id, "taken", 200), at(seconds))


async def found(store: Store, id_: int = 1) -> Subscription:
    subscription = await store.subscriptions.get(id_)
    assert subscription is not None
    return subscription


def count(store: Path, table: str) -> int:
    with closing(sqlite3.connect(store / "parley.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def doing(*effects: Effect) -> "Decide":
    def decide(lane: Lane) -> Sequence[Settled]:
        return [settled(one.inbox_id, *effects) for one in lane.pending]

    return decide


Decide = object


# --- news ---------------------------------------------------------------------------------------------------------------


async def everything_happens(store: Store) -> None:
    """Each kind of news, in the order of ``bot.store.subscriptions.KINDS`` but the first two."""
    await store.record([wrote("hi"), wrote("STOP", BO)], at(1))
    effects = (HandOver("sales"), HandOver(""), TellBackend("order", {"number": "7", "rule": "buy"}))
    await store.decide_ready(10, at(1), doing(*effects))  # type: ignore[arg-type]
    await store.place([order()], at(1))
    (started,) = await store.start(1, at(1), POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], at(2))


async def test_nothing_is_written_while_nobody_listens(store: Store, tmp_path: Path) -> None:
    await everything_happens(store)
    assert count(tmp_path, "news") == 0
    assert await store.subscriptions.publish(10, Composed(), at(2)) == Published(0, 0)


async def test_every_kind_is_told_to_who_wants_everything(store: Store) -> None:
    await listening(store)
    await everything_happens(store)
    told = await published(store)
    assert told.kinds == [
        "message.received", "message.received", "consent.changed",
        *["conversation.handed_over", "conversation.given_back", "rule.told"] * 2,
        "message.status",
    ]  # fmt: skip
    assert set(told.kinds) == set(KINDS) - {"message.unmatched"}
    assert [each.number for each in told.news] == sorted(each.number for each in told.news)
    by_kind = {each.kind: each for each in told.news}
    assert by_kind["conversation.handed_over"].content == {"team": "sales", "rule": "rule"}
    assert by_kind["rule.told"].content == {"name": "order", "rule": "rule", "values": {"number": "7", "rule": "buy"}}
    consent = by_kind["consent.changed"]
    assert (consent.contact, consent.content) == (
        BO,
        {"purpose": "all", "state": "stopped", "source": "the person wrote it"},
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "message.unmatched"])
async def test_only_what_is_wanted_is_written(store: Store, tmp_path: Path, kind: str) -> None:
    await listening(store, kind)
    await everything_happens(store)
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert {row[0] for row in connection.execute("SELECT kind FROM news")} == {kind}


async def test_a_message_that_no_rule_took_is_news(store: Store) -> None:
    await listening(store, "message.unmatched")
    await store.record([wrote("hi")], at(1))

    def unmatched(lane: Lane) -> Sequence[Settled]:
        return [
            replace(one, decision=replace(one.decision, because=replace(one.decision.because, layer="nothing_matched")))
            for one in answers("what?")(lane)
            if one.decision is not None
        ]

    await store.decide_ready(10, at(1), unmatched)
    (news,) = (await published(store)).news
    assert (news.kind, news.contact, news.raw) == ("message.unmatched", ANNA, b"hi")


async def test_what_a_message_tells_comes_with_what_is_stored_of_it(store: Store) -> None:
    await listening(store, "message.received")
    await store.record([wrote("hi", when=at(1))], at(2))
    (news,) = (await published(store)).news
    assert (news.contact, news.raw, news.at, news.received_at) == (ANNA, b"hi", at(1), at(2))
    assert news.closes_at == at(1) + timedelta(hours=24)


async def test_a_status_is_told_when_it_becomes_another(store: Store) -> None:
    await listening(store, "message.status")
    await store.record([wrote("hi")], NOON)
    await store.decide_ready(10, NOON, answers())
    (placed,) = await store.place([replace(order(), reference="order-1")], at(1))
    (started,) = await store.start(1, at(1), POLICY)
    await store.finish([NotAccepted(started.attempt_id, at(2), 503, "", "busy")], at(1.5))
    assert (await published(store)).kinds == []
    (started,) = await store.start(1, at(2), POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], at(3))
    for n, status in enumerate(("QUEUED_ON_CHANNEL", "DELIVERED", "READ", "DELIVERED")):
        await store.record([receipt(status, started.outbox_id, when=at(10 + n))], at(20 + n))
        await store.decide_ready(10, at(20 + n), answers())
    told = (await published(store, 30)).news
    assert [(each.content["state"], each.content["delivery"]) for each in told] == [
        ("sent", 0),
        ("sent", 2),
        ("sent", 3),
    ]
    assert [each.at for each in told] == [at(3), at(11), at(12)]
    assert {(each.message_id, each.reference, each.contact) for each in told} == {(started.outbox_id, "order-1", ANNA)}
    assert placed is not None


async def test_a_status_is_about_the_address_the_message_went_to(store: Store, tmp_path: Path) -> None:
    await listening(store, "message.status")
    await store.record([wrote("hi")], NOON)
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection, connection:
        connection.execute("INSERT INTO identity VALUES ('APP', 'WHATSAPP', '46700000009', 1, '', NULL, 1 << 60)")
    await store.place([order()], at(1))
    (started,) = await store.start(1, at(1), POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], at(2))
    assert [each.contact for each in (await published(store)).news] == [ANNA]


async def test_a_duplicate_beside_a_new_message_is_told_once(store: Store) -> None:
    await listening(store, "message.received")
    one = wrote("hi")
    assert await store.record([one], NOON) == [True]
    assert await store.record([one, wrote("again", when=at(1))], at(1)) == [False, True]
    assert len((await published(store)).news) == 2


async def test_news_becomes_one_callback_for_each_who_wants_it(store: Store, tmp_path: Path) -> None:
    await listening(store)
    await listening(store, "consent.changed")
    await listening(store, "message.received")
    await store.record([wrote("hi")], at(1))
    assert await store.subscriptions.publish(10, Composed(), at(1)) == Published(1, 2)
    assert await store.subscriptions.publish(10, Composed(), at(1)) == Published(0, 0)
    started = await start(store, 2)
    assert [each.target.subscription for each in started] == [1, 3]
    assert len({each.id for each in started}) == 2
    assert {each.body for each in started} == {"message.received 1"}
    assert count(tmp_path, "news") == 0


async def test_what_composes_to_nothing_is_taken_out(store: Store) -> None:
    await listening(store)
    await store.record([wrote("hi")], at(1))
    assert await store.subscriptions.publish(10, lambda news: None, at(1)) == Published(1, 0)
    assert await start(store, 2) == ()


async def test_numbers_never_come_again(tmp_path: Path) -> None:
    for number in (1, 2):
        store = await open_store(tmp_path / "parley.db", app="APP")
        if number == 1:
            await listening(store)
        await store.record([wrote("hi", when=at(number))], at(number))
        assert [each.number for each in (await published(store, number)).news] == [number]
        await store.close()


async def test_who_watches_is_told_of_news_and_of_nothing_else(store: Store) -> None:
    woken = asyncio.Event()
    await store.subscriptions.watch(woken.set)
    await store.record([wrote("hi")], at(1))
    await listening(store)
    await store.probe()
    assert not woken.is_set()
    await store.record([wrote("again", when=at(2))], at(2))
    async with asyncio.timeout(5):
        await woken.wait()


async def test_another_program_may_write_to_a_watched_file(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await store.subscriptions.watch(lambda: None)
    await listening(store)
    await store.record([wrote("hi")], at(1))
    await store.close()
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        connection.execute("INSERT INTO news (kind, person) VALUES ('consent.changed', 1)")


async def test_news_outlives_a_death_before_and_after_it_is_published(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await listening(store)
    await store.record([wrote("hi")], at(1))
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="APP")
    assert (await published(store)).kinds == ["message.received"]
    (first,) = await start(store, 2)
    await store.close()  # while it was being told
    store = await open_store(tmp_path / "parley.db", app="APP")
    assert await start(store, 3) == ()
    assert await store.subscriptions.recover(at(3)) == 1
    (again,) = await start(store, 3)
    assert (again.id, again.body, again.number) == (first.id, first.body, 2)
    await take(store, again, 4)
    await refuse(store, first, 5)  # as an attempt of the dead process would end
    assert await start(store, 1000) == ()
    await store.close()
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert list(audit.broken(connection)) == []


# --- delivering ---------------------------------------------------------------------------------------------------------


async def told_of(store: Store, *texts: str, who: ContactKey = ANNA, seconds: float = 1) -> None:
    """So many messages, published in order."""
    await store.record([wrote(text, who, at(seconds + n / 100)) for n, text in enumerate(texts)], at(seconds))
    await published(store, seconds)


async def test_one_in_flight_for_a_person_and_people_side_by_side(store: Store) -> None:
    await listening(store, "message.received")
    await told_of(store, "one", "two")
    await told_of(store, "other", who=BO)
    first, other = await start(store, 2)
    assert await start(store, 2) == ()
    await take(store, first, 3)
    (second,) = await start(store, 3)
    assert [first.body, second.body, other.body] == [f"message.received {n}" for n in (1, 2, 3)]


async def test_who_is_flooded_by_one_person_still_hears_of_the_others(store: Store) -> None:
    await listening(store, "message.received")
    await store.record([wrote(f"{n}", ANNA, at(n / 1000)) for n in range(300)], at(1))
    await store.subscriptions.publish(1000, Composed(), at(1))
    await told_of(store, "other", who=BO, seconds=2)
    (first,) = await start(store, 3)
    (other,) = await start(store, 3)
    assert [first.body, other.body] == ["message.received 1", "message.received 301"]


async def test_subscriptions_take_turns_and_the_limit_is_kept(store: Store) -> None:
    people = [ContactKey("APP", "WHATSAPP", f"4670000010{n}") for n in range(4)]
    await listening(store, "message.received")
    for who in people:
        await told_of(store, "hi", who=who)
    await listening(store, "message.received")
    await told_of(store, "late", who=people[0], seconds=2)
    assert [each.target.subscription for each in await start(store, 3, limit=3)] == [1, 2, 1]
    assert [each.target.subscription for each in await start(store, 3)] == [1, 1]


async def test_a_refused_event_is_tried_again_as_late_as_standard_webhooks_says(store: Store) -> None:
    await listening(store, "message.received")
    now = 1.0
    await told_of(store, "poison")
    for n, wait in enumerate(RETRIES[:3]):
        await told_of(store, f"fine {n}", who=BO, seconds=now)
        by_body = {each.body: each for each in await start(store, now)}
        poison = by_body["message.received 1"]
        await refuse(store, poison, now)
        (fine,) = [each for each in by_body.values() if each is not poison]
        await take(store, fine, now)  # the backend works, so the event is to blame
        starting = await store.subscriptions.start(32, at(now + 1))
        assert starting.started == ()
        assert starting.next_at == at(now) + wait
        now += wait.total_seconds()
    (poison,) = await start(store, now)
    assert poison.number == 4


async def test_a_failing_backend_is_probed_by_one_at_a_time_and_gets_everything_when_it_answers(store: Store) -> None:
    await listening(store, "message.received")
    people = [ContactKey("APP", "WHATSAPP", f"4670000010{n}") for n in range(5)]
    for who in people:
        await told_of(store, "hi", who=who)
    for each in await start(store, 2):
        await refuse(store, each, 2)
    assert (await found(store)).failures == 1  # they left together
    asked, now = [], 10.0
    for failures in range(2, 12):
        (probe,) = await start(store, now)
        assert await start(store, now) == ()
        asked.append(probe.body)
        await refuse(store, probe, now, status=0)
        subscription = await found(store)
        assert subscription.failures == failures
        assert subscription.resume_at == at(now) + probe_in(failures, 0)
        starting = await store.subscriptions.start(32, at(now))
        assert (starting.started, starting.next_at) == ((), subscription.resume_at)
        now = (subscription.resume_at - NOON).total_seconds()
    assert len(set(asked)) == 5  # they take turns
    (probe,) = await start(store, now)
    await take(store, probe, now + 1)
    assert (await found(store)).failures == 0
    assert len(await start(store, now + 1)) == 4


async def test_what_failed_while_the_backend_did_is_due_when_it_is_let_go_on(store: Store) -> None:
    await listening(store, "message.received")
    await told_of(store, "one")
    await told_of(store, "two", who=BO)
    first, second = await start(store, 2)
    await refuse(store, first, 2)
    await refuse(store, second, 2)
    await store.subscriptions.change(1, Change(paused=False))
    assert [each.id for each in await start(store, 2)] == [second.id]


async def test_retry_after_is_kept_to(store: Store) -> None:
    await listening(store, "message.received")
    await told_of(store, "hi")
    (one,) = await start(store, 2)
    await store.subscriptions.finish(CallbackDone(one.attempt_id, "refused", 429, "busy", after_s=90), at(2))
    assert (await store.subscriptions.start(1, at(3))).next_at == at(92)


async def test_one_that_is_gone_is_paused_and_goes_on_when_it_is_told_to(store: Store) -> None:
    await listening(store, "message.received")
    await told_of(store, "hi")
    (one,) = await start(store, 2)
    await store.subscriptions.finish(CallbackDone(one.attempt_id, "gone", 410, "It answered 410."), at(3))
    subscription = await found(store)
    assert (subscription.paused, subscription.paused_why, subscription.queued) == (True, "It answered 410.", 1)
    assert await store.subscriptions.start(1, at(1000)) == await store.subscriptions.start(1, at(2000))
    await told_of(store, "more", seconds=4)
    await store.subscriptions.change(1, Change(paused=False))
    assert (await found(store)).paused_why == ""
    (again,) = await start(store, 2001)
    assert again.id == one.id


async def test_after_three_days_it_is_a_dead_letter_that_can_be_driven_again(store: Store) -> None:
    await listening(store, "message.received")
    await told_of(store, "one")
    await told_of(store, "two", who=BO)
    late = TRY_FOR.total_seconds() + 2
    one, two = await start(store, 2)
    await refuse(store, one, 2)
    await refuse(store, two, late)
    assert await store.subscriptions.give_up(at(late - 60)) == 0
    assert await store.subscriptions.give_up(at(late)) == 1
    page = await store.subscriptions.dead_letters(1, 1)
    (letter,) = page.letters
    assert (letter.id, letter.body, letter.attempts, letter.reason) == (one.id, one.body, 1, "It answered 500.")
    assert page.cursor is not None
    (other,) = (await store.subscriptions.dead_letters(1, 1, page.cursor)).letters
    assert other.id == two.id
    assert ((await found(store)).queued, (await found(store)).dead) == (0, 2)
    assert await store.subscriptions.redrive(1, [two.id, "unknown"], at(late + 400)) == 1
    assert await store.subscriptions.redrive(2, None, at(late + 400)) == 0
    (again,) = await start(store, late + 400)
    assert (again.id, again.number) == (two.id, 2)
    assert await store.subscriptions.redrive(1, None, at(late + 400)) == 1
    await refuse(store, again, late + 401)
    assert (await found(store)).dead == 0


async def test_what_was_never_tried_since_parley_was_down_is_tried_first(store: Store) -> None:
    await listening(store, "message.received")
    await told_of(store, "hi")
    late = TRY_FOR.total_seconds() + 100
    assert await store.subscriptions.give_up(at(late)) == 0
    (one,) = await start(store, late)
    await refuse(store, one, late)
    assert (await found(store)).dead == 1


# --- subscriptions ------------------------------------------------------------------------------------------------------


async def test_both_secrets_sign_for_a_day(store: Store) -> None:
    await listening(store)
    rotated = await store.subscriptions.rotate(1, "whsec_BBBB", NOON)
    assert rotated is not None
    for hours, secrets in (
        (0, ("whsec_BBBB", "whsec_AAAA")),
        (23, ("whsec_BBBB", "whsec_AAAA")),
        (24, ("whsec_BBBB",)),
    ):
        target = await store.subscriptions.target(1, NOON + timedelta(hours=hours))
        assert target is not None
        assert target.secrets == secrets
    assert await store.subscriptions.rotate(2, "whsec_BBBB", NOON) is None


async def test_a_change_leaves_the_rest(store: Store) -> None:
    made = await listening(store, "consent.changed", name="shop")
    assert await store.subscriptions.listed() == [made]
    changed = await store.subscriptions.change(1, Change(url="https://other.example/"))
    assert changed == replace(made, url="https://other.example/")
    changed = await store.subscriptions.change(1, Change(events=("*",), name="till", paused=True, paused_why="why"))
    assert changed is not None
    assert (changed.events, changed.name, changed.paused, changed.paused_why) == (("*",), "till", True, "why")
    assert await store.subscriptions.change(2, Change(name="x")) is None


async def test_one_that_is_deleted_is_told_nothing_more(store: Store, tmp_path: Path) -> None:
    await listening(store, "message.received")
    await told_of(store, "one")
    await told_of(store, "two", who=BO)
    (under_way,) = await start(store, 2, limit=1)
    assert await store.subscriptions.delete(1, at(3))
    assert not await store.subscriptions.delete(1, at(3))
    assert await store.subscriptions.get(1) is None
    assert await store.subscriptions.target(1, at(3)) is None
    await refuse(store, under_way, 4)
    await told_of(store, "three", seconds=5)
    assert await start(store, 10_000) == ()
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        states = connection.execute("SELECT DISTINCT state, ended_at IS NULL FROM outbox WHERE kind = 'callback'")
        assert states.fetchall() == [("cancelled", 0)]
        assert connection.execute("SELECT secret FROM subscription").fetchall() == [("",)]
    assert (await listening(store)).id == 2


async def test_one_that_is_deleted_while_the_server_dies_is_told_nothing_more(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await listening(store, "message.received")
    await told_of(store, "one")
    await start(store, 2)
    await store.subscriptions.delete(1, at(3))
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="APP")
    await store.subscriptions.recover(at(4))
    await store.close()
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert connection.execute("SELECT state FROM outbox WHERE kind = 'callback'").fetchall() == [("cancelled",)]


async def test_another_apps_subscription_is_not_there(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="OTHER")
    await listening(store)
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="APP")
    assert (await store.subscriptions.get(1), list(await store.subscriptions.listed())) == (None, [])
    await told_of(store, "hi")
    assert await start(store, 2) == ()
    await store.close()


async def test_what_happens_to_another_apps_people_is_not_told(tmp_path: Path) -> None:
    """One file may have served another app before, and what waits there still ends."""
    stranger = ContactKey("OTHER", "WHATSAPP", BO.identity)
    store = await open_store(tmp_path / "parley.db", app="OTHER")
    await listening(store)
    await store.record([wrote("hi", stranger)], NOON)
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="APP")
    await listening(store)
    await store.record([wrote("STOP", stranger, at(1)), wrote("hi")], at(1))
    await published(store)
    (mine,) = await start(store, 2)
    assert (mine.target.subscription, mine.body) == (2, "message.received 3")
    await take(store, mine, 3)
    assert await start(store, 4) == ()
    await store.close()
    store = await open_store(tmp_path / "parley.db", app="OTHER")
    assert (await found(store)).queued == 3  # for its own server
    await store.close()


async def test_there_is_a_most(store: Store) -> None:
    for _ in range(MOST):
        await listening(store, "consent.changed")
    with pytest.raises(Refused) as refused:
        await listening(store)
    assert refused.value.code == "too-many-subscriptions"


async def test_what_is_over_is_tidied_up_in_parts(store: Store, tmp_path: Path) -> None:
    await listening(store, "message.received")
    for n in range(3):
        await told_of(store, "hi", seconds=1 + n)
        (one,) = await start(store, 10 + n)
        await take(store, one, 10 + n)
    await told_of(store, "dead", seconds=20)
    (dead,) = await start(store, 20)
    await refuse(store, dead, 20 + TRY_FOR.total_seconds())
    await told_of(store, "open", who=BO, seconds=30)
    assert await store.subscriptions.tidy(at(10), 10) == 0
    assert await store.subscriptions.tidy(at(1000), 2) == 2
    assert await store.subscriptions.tidy(at(1000), 2) == 1
    assert count(tmp_path, "attempt") == 1
    much_later = at(TRY_FOR.total_seconds()) + timedelta(days=20)
    assert await store.subscriptions.tidy(much_later, 10) == 0
    assert await store.subscriptions.tidy(much_later + timedelta(days=2), 10) == 1
    assert ((await found(store)).queued, count(tmp_path, "outbox")) == (1, 1)


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "parley.db", app="APP")
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.subscriptions.start(1, NOON)


def test_waiting_grows_and_is_bounded() -> None:
    assert [retry_in(n, 0) for n in range(1, 12)] == [*RETRIES, RETRIES[-1], RETRIES[-1]]
    assert sum((retry_in(n, 0) for n in range(1, 10)), timedelta()) < TRY_FOR
    assert retry_in(1, 1) == RETRIES[0] * 1.1
    assert [probe_in(n, 1).total_seconds() for n in (1, 2, 3, 9, 10, 99)] == [1, 2, 4, 256, 300, 300]
    assert probe_in(3, 0) == probe_in(3, 1) / 2
