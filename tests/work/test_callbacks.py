"""The deliverer signs, posts and tells the store what came of it; the publisher publishes as soon as there is news."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks.webhooks
from standardwebhooks import Webhook, WebhookVerificationError

from bot.core.button import button_id
from bot.core.event import ColleagueActed, ContactKey
from bot.core.own_events import raw_of
from bot.core.reply import Button, ButtonsReply, ListReply, Reply, Section
from bot.errors import Failed, OutcomeUnknown, Retry, StoreUnavailable
from bot.store.subscriptions import CallbackDone, Compose, News, Published, StartedCallback, Starting, Target
from bot.store.units import InboxKind
from bot.web.api.subscriptions import new_secret
from bot.work.callbacks import TIMEOUT_S, Deliverer, NoDeliverer, Pinged
from bot.work.inbox import Deciding
from bot.work.news import AT_ONCE, Publisher
from bot.work.payloads import Composer, body_of
from bot.work.stored_events import reader
from tests.sinch import payloads
from tests.store.making import NOON, at
from tests.work.still import StillClock

SECRET, OLD_SECRET = new_secret(), new_secret()
URL = "https://shop.example/told"
KEY = b"k" * 32


# --- delivering ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Posted:
    method: str
    url: str
    limit_s: float
    headers: Mapping[str, str]
    body: bytes


class Backend:
    """Answers each request with the next of ``says``, the last one again and again, once ``gate`` is open."""

    def __init__(self, *says: Answer | Exception) -> None:
        self.says = list(says or (Answer(),))
        self.posted: list[Posted] = []
        self.came = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()

    async def request(
        self, method: str, url: str, limit_s: float, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        self.posted.append(Posted(method, url, limit_s, headers, body))
        self.came.release()
        await self.gate.wait()
        says = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(says, Exception):
            raise says
        return says

    def refusal_of(self, url: str) -> str:
        return "" if url == URL else "no"


class Store:
    """Hands out what it is given, ``limit`` at a time, and notes what ended."""

    def __init__(self, *started: StartedCallback) -> None:
        self.waiting = list(started)
        self.next_at: datetime | None = None
        self.done: list[CallbackDone] = []
        self.ended = asyncio.Semaphore(0)
        self.limits: list[int] = []
        self.gave_up: list[datetime] = []
        self.troubles: list[Exception] = []
        self.troubled = asyncio.Event()

    async def start(self, limit: int, now: datetime) -> Starting:
        self._trouble()
        self.limits.append(limit)
        started, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return Starting(tuple(started), self.next_at)

    async def finish(self, done: CallbackDone, now: datetime) -> None:
        self._trouble()
        self.done.append(done)
        self.ended.release()

    async def give_up(self, now: datetime) -> int:
        self.gave_up.append(now)
        return 0

    def _trouble(self) -> None:
        if self.troubles:
            self.troubled.set()
            raise self.troubles.pop()


def started(n: int = 1, secrets: Sequence[str] = (SECRET,), body: str = '{"type":"x","å":1}') -> StartedCallback:
    return StartedCallback(n, f"id{n}", Target(7, URL, tuple(secrets)), body, 1)


@asynccontextmanager
async def delivering(
    store: Store, backend: Backend, clock: StillClock | None = None, at_once: int = 32
) -> AsyncIterator[Deliverer]:
    deliverer = Deliverer(store, backend, clock or StillClock(NOON), lambda: 0.5, at_once)
    task = asyncio.create_task(deliverer.run())
    try:
        async with asyncio.timeout(5):
            yield deliverer
    finally:
        await deliverer.drain(5)
        await task


async def ended(store: Store, backend: Backend, times: int = 1) -> list[CallbackDone]:
    async with delivering(store, backend):
        for _ in range(times):
            await store.ended.acquire()
    return store.done


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever verifies believes that it is noon."""

    class Noon(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Noon:
            return cls.fromtimestamp(NOON.timestamp(), tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Noon)


@pytest.mark.usefixtures("at_noon")
async def test_a_callback_is_signed_as_standard_webhooks_says() -> None:
    backend = Backend(Answer(204))
    assert await ended(Store(started()), backend) == [CallbackDone(1, "taken", 204)]
    (posted,) = backend.posted
    assert (posted.method, posted.url, posted.limit_s) == ("POST", URL, TIMEOUT_S)
    assert posted.headers["webhook-id"] == "id1"
    assert posted.headers["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert Webhook(SECRET).verify(posted.body, dict(posted.headers)) == {"type": "x", "å": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET).verify(posted.body, dict(posted.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(posted.body + b" ", dict(posted.headers))


@pytest.mark.usefixtures("at_noon")
async def test_both_secrets_sign_while_they_rotate() -> None:
    backend = Backend()
    await ended(Store(started(secrets=(SECRET, OLD_SECRET))), backend)
    (posted,) = backend.posted
    for secret in (SECRET, OLD_SECRET):
        assert Webhook(secret).verify(posted.body, dict(posted.headers))


@pytest.mark.parametrize(
    ("says", "outcome", "status", "after_s", "words"),
    [
        (Answer(200), "taken", 200, None, ""),
        (Answer(299), "taken", 299, None, ""),
        (Answer(302), "refused", 302, None, "It answered 302."),
        (Answer(400), "refused", 400, None, "It answered 400."),
        (Answer(500), "refused", 500, None, "It answered 500."),
        (Answer(503, {"Retry-After": "120"}), "refused", 503, 120.0, "It answered 503."),
        (Answer(429, {"Retry-After": "99999"}), "refused", 429, 900.0, "It answered 429."),
        (Answer(410), "gone", 410, None, "It answered 410: it wants to be told nothing more."),
        (OutcomeUnknown("It did not answer."), "refused", 0, None, "It did not answer."),
        (Retry("It cannot be reached."), "refused", 0, None, "It cannot be reached."),
        (Failed("It is not public."), "refused", 0, None, "It is not public."),
        (RuntimeError("a mistake"), "refused", 0, None, "Telling it broke off: RuntimeError."),
    ],
)
async def test_what_an_answer_counts_as(
    says: Answer | Exception, outcome: str, status: int, after_s: float | None, words: str
) -> None:
    (done,) = await ended(Store(started()), Backend(says))
    assert (done.outcome, done.status, done.after_s, done.sentence) == (outcome, status, after_s, words)
    assert done.jitter == (0.0 if outcome == "taken" else 0.5)


async def test_no_more_are_in_flight_than_there_are_slots() -> None:
    store, backend = Store(*(started(n) for n in range(5))), Backend()
    backend.gate.clear()
    async with delivering(store, backend, at_once=2):
        for _ in range(2):
            await backend.came.acquire()
        assert len(store.waiting) == 3
        backend.gate.set()
        for _ in range(5):
            await store.ended.acquire()
    assert store.limits[0] == 2
    assert {done.attempt_id for done in store.done} == set(range(5))


async def test_it_looks_again_when_the_next_is_due_or_it_is_woken() -> None:
    store, clock = Store(), StillClock(NOON)
    store.next_at = at(7)
    async with delivering(store, Backend(), clock) as deliverer:
        assert await clock.until_waiting() == at(7)
        store.next_at = at(100)
        clock.advance(7)
        assert await clock.until_waiting() == at(37)
        store.waiting = [started()]
        deliverer.wake()
        await store.ended.acquire()
    assert store.gave_up == [NOON]


async def test_what_is_over_is_given_up_every_half_minute() -> None:
    store, clock = Store(), StillClock(NOON)
    async with delivering(store, Backend(), clock):
        await clock.until_waiting()
        clock.advance(30)
        await clock.until_waiting()
    assert store.gave_up == [NOON, at(30)]


async def test_trouble_of_the_database_keeps_nothing_from_being_stored() -> None:
    store, clock = Store(started()), StillClock(NOON)
    store.troubles = [StoreUnavailable("locked")]
    async with delivering(store, Backend(), clock):
        assert await clock.until_waiting() == at(1)
        store.troubles = []
        clock.advance(1)
        await store.ended.acquire()
    assert [done.outcome for done in store.done] == ["taken"]


async def test_what_came_of_it_is_stored_once_the_database_can_write() -> None:
    store, backend, clock = Store(started()), Backend(), StillClock(NOON)
    backend.gate.clear()
    async with delivering(store, backend, clock):
        await backend.came.acquire()
        await clock.until_waiting()
        store.troubles = [StoreUnavailable("locked")]
        backend.gate.set()
        await store.troubled.wait()
        clock.jump(1)
        await store.ended.acquire()
    assert [done.outcome for done in store.done] == ["taken"]


async def test_a_drain_waits_for_what_is_under_way_and_starts_no_more() -> None:
    store, backend = Store(started(1), started(2)), Backend()
    backend.gate.clear()
    deliverer = Deliverer(store, backend, StillClock(NOON), at_once=1)
    task = asyncio.create_task(deliverer.run())
    await backend.came.acquire()
    draining = asyncio.create_task(deliverer.drain(5))
    backend.gate.set()
    await draining
    await task
    assert ([done.attempt_id for done in store.done], len(store.waiting)) == ([1], 1)


@pytest.mark.usefixtures("at_noon")
async def test_a_ping_tells_what_came_of_it() -> None:
    backend = Backend(Answer(200), Answer(500), OutcomeUnknown("It did not answer."))
    deliverer = Deliverer(Store(), backend, StillClock(NOON))
    target = Target(7, URL, (SECRET,))
    pinged = [await deliverer.ping(target, f"p{n}") for n in range(3)]
    assert pinged == [Pinged(200), Pinged(500), Pinged(0, "It did not answer.")]
    assert [each.taken for each in pinged] == [True, False, False]
    body = Webhook(SECRET).verify(backend.posted[0].body, dict(backend.posted[0].headers))
    assert (body["type"], body["data"]) == ("ping", {"subscription": "7"})
    assert (deliverer.refusal_of(URL), deliverer.refusal_of("http://x")) == ("", "no")


async def test_where_no_server_runs_nothing_is_posted() -> None:
    with pytest.raises(Retry, match="No server"):
        await NoDeliverer().ping(Target(1, URL, (SECRET,)), "p")


# --- publishing ---------------------------------------------------------------------------------------------------------


class Newsroom:
    """Holds news, and publishes as the store does."""

    def __init__(self, how_many: int = 0) -> None:
        self.news = how_many
        self.composed: list[str | None] = []
        self.on_news: Callable[[], None] | None = None
        self.trouble: Exception | None = None
        self.published = asyncio.Semaphore(0)

    async def watch(self, on_news: Callable[[], None]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.on_news = on_news

    async def publish(self, limit: int, compose: Compose, now: datetime) -> Published:
        count, self.news = min(limit, self.news), max(0, self.news - limit)
        self.composed += [compose(news_of(b"", number=n)) for n in range(count)]
        self.published.release()
        return Published(count, count)


@asynccontextmanager
async def publishing(newsroom: Newsroom, clock: StillClock, compose: Compose, queued: list[int]) -> AsyncIterator[None]:
    publisher = Publisher(newsroom, compose, clock, lambda: queued.append(newsroom.news))
    task = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        publisher.stop()
        await task


async def test_what_is_there_at_start_is_published_to_the_end_and_then_what_comes() -> None:
    newsroom, clock, queued = Newsroom(AT_ONCE + 1), StillClock(NOON), list[int]()
    async with publishing(newsroom, clock, lambda news: "x", queued):
        await clock.until_waiting()
        assert (newsroom.news, queued) == (0, [1, 0])
        newsroom.news = 1
        assert newsroom.on_news is not None
        newsroom.on_news()
        for _ in range(3):
            await newsroom.published.acquire()
    assert queued == [1, 0, 0]


async def test_a_database_that_cannot_write_is_asked_again() -> None:
    newsroom, clock, queued = Newsroom(1), StillClock(NOON), list[int]()
    newsroom.trouble = StoreUnavailable("locked")
    async with publishing(newsroom, clock, lambda news: "x", queued):
        assert await clock.until_waiting() == at(1)
        newsroom.trouble = None
        clock.advance(1)
        await newsroom.published.acquire()
        await clock.until_waiting()
    assert queued == [0]


async def test_news_that_cannot_be_composed_keep_no_other_from_being_told() -> None:
    newsroom, clock = Newsroom(3), StillClock(NOON)

    def compose(news: News) -> str:
        return ["a", "b", "c"][news.number // (news.number != 1)]

    async with publishing(newsroom, clock, compose, []):
        await newsroom.published.acquire()
    assert newsroom.composed == ["a", None, "c"]


# --- what is told -------------------------------------------------------------------------------------------------------

COMPOSE = Composer(Deciding(reader(payloads.APP), lambda: pytest.fail("nothing is decided here"), KEY))
ANNA = ContactKey(payloads.APP, "WHATSAPP", payloads.PHONE)
PERSON = {"id": 5, "channel": "WHATSAPP", "identity": f"+{payloads.PHONE}"}
WROTE_AT = "2026-11-20T10:15:29+00:00"


def news_of(raw: bytes, kind: str = "message.received", number: int = 3, **more: Any) -> News:
    given: dict[str, Any] = {
        "content": {},
        "contact": ANNA,
        "inbox_kind": InboxKind.INBOUND,
        "received_at": datetime(2026, 11, 20, 10, 16, tzinfo=UTC),
        "closes_at": datetime(2026, 11, 21, 10, 15, 29, tzinfo=UTC),
        **more,
    }
    return News(number, kind, 5, NOON, raw=raw, **given)


def told(news: News) -> Any:
    body = COMPOSE(news)
    return None if body is None else json.loads(body)


def wrote(content: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps(payloads.inbound("M7", content, **fields)).encode()


def test_a_message_is_told_with_its_person_and_window() -> None:
    news = news_of(wrote({"text_message": {"text": "hej å"}}))
    assert COMPOSE(news) == COMPOSE(news)
    document = told(news)
    assert {name: document[name] for name in ("type", "timestamp", "sequence")} == {
        "type": "message.received",
        "timestamp": NOON.isoformat(),
        "sequence": 3,
    }
    data = document["data"]
    assert data["person"] == PERSON
    assert data["content"] == {"kind": "text", "text": "hej å"}
    assert (data["message_id"], data["at"], data["window_closes_at"]) == ("M7", WROTE_AT, "2026-11-21T10:15:29+00:00")


BUTTONS = ButtonsReply("Which?", (Button("Track order", "track", 0), Button("Talk to us", "person", 1)))
ROWS = ListReply("Which?", "Choose", (Section("All", (Button("Returns", "returns", 4),)),))


def tapped(rule: str, option: int) -> dict[str, Any]:
    return {"choice_response_message": {"message_id": "S1", "postback_data": button_id(KEY, rule, 3, option)}}


@pytest.mark.parametrize(
    ("reply", "rule", "option", "title"),
    [(BUTTONS, "person", 1, "Talk to us"), (ROWS, "returns", 4, "Returns"), (None, "track", 0, None)],
)
def test_a_tap_is_told_with_the_title_that_our_message_showed(
    reply: Reply | None, rule: str, option: int, title: str | None
) -> None:
    news = news_of(wrote(tapped(rule, option)), sent=lambda message_id: reply if message_id == "S1" else None)
    assert told(news)["data"]["content"] == {"kind": "tap", "title": title, "rule": rule, "postback": None}


@pytest.mark.parametrize(
    ("content", "plain"),
    [
        (
            {"media_message": {"url": "https://x.example/a.jpg"}, "text_message": None},
            {"kind": "image", "url": "https://x.example/a.jpg", "caption": None, "filename": None},
        ),
        (
            {"location_message": {"coordinates": {"latitude": 59.5, "longitude": 18.25}, "title": "Till"}},
            {"kind": "location", "latitude": 59.5, "longitude": 18.25, "title": "Till", "label": None},
        ),
        (
            {"choice_response_message": {"message_id": "S1", "postback_data": "pb1.forged"}},
            {"kind": "tap", "title": "pb1.forged", "rule": None, "postback": "pb1.forged"},
        ),
        ({"text_message": {"text": "half \ud83d"}}, {"kind": "text", "text": "half \ufffd"}),
        ({"text_message": {"text": "whole 😀"}}, {"kind": "text", "text": "whole 😀"}),
    ],
)
def test_what_people_send_is_told_plainly(content: dict[str, Any], plain: dict[str, Any]) -> None:
    document = told(news_of(wrote({name: value for name, value in content.items() if value is not None})))
    assert document["data"]["content"] == plain


@pytest.mark.parametrize("kind", ["message.received", "message.unmatched"])
def test_what_is_no_message_is_not_told(kind: str) -> None:
    assert told(news_of(json.dumps(payloads.reaction("E1", "👍", "REACTION_ACTION_REACT")).encode(), kind)) is None
    assert told(news_of(b"no JSON", kind)) is None


def test_what_nobody_understood_is_told_with_its_words() -> None:
    data = told(news_of(wrote({"text_message": {"text": "gift cards?"}}), "message.unmatched"))["data"]
    assert (data["text"], data["message_id"], data["person"]) == ("gift cards?", "M7", PERSON)


@pytest.mark.parametrize(
    ("state", "delivery", "reason", "status", "why"),
    [
        ("sent", 0, "", "sent", (None, None, None)),
        ("sent", 2, "old trouble", "delivered", (None, None, None)),
        ("sent", 3, "", "read", (None, None, None)),
        (
            "sent", 9, '["RECIPIENT_NOT_REACHABLE", "Nobody is there", "", "131026"]', "failed",
            ("Nobody is there", "RECIPIENT_NOT_REACHABLE", "131026"),
        ),
        ("sent", 9, '["UNKNOWN", "", "", ""]', "failed", ("UNKNOWN", "UNKNOWN", None)),
        ("expired", 0, "The person did not write in time.", "expired", ("The person did not write in time.", None, None)),
        ("queued", 0, "Once more.", "queued", ("Once more.", None, None)),
        ("held", 0, "", "held", (None, None, None)),
    ],
)  # fmt: skip
def test_a_status_is_told_with_its_reason(
    state: str, delivery: int, reason: str, status: str, why: tuple[str | None, ...]
) -> None:
    content = {"state": state, "delivery": delivery, "reason": reason}
    news = news_of(b"", "message.status", content=content, message_id="O1", reference="order-1")
    data = told(news)["data"]
    assert (data["id"], data["reference"], data["status"], data["at"]) == ("O1", "order-1", status, NOON.isoformat())
    assert (data["reason"], data["reason_code"], data["channel_code"]) == why


def test_a_rule_tells_its_values_without_its_own_name_among_them() -> None:
    content = {"name": "order", "rule": "buy", "values": {"number": "7", "rule": "buy"}}
    data = told(news_of(b"", "rule.told", content=content))["data"]
    assert data == {"name": "order", "rule": "buy", "values": {"number": "7"}, "person": PERSON}


def test_consent_is_told_as_it_stands_in_the_ledger() -> None:
    content = {"purpose": "all", "state": "stopped", "source": "STOP"}
    assert told(news_of(b"", "consent.changed", content=content))["data"] == {
        "person": PERSON,
        **content,
        "at": NOON.isoformat(),
    }


def test_a_hand_over_tells_the_colleague_or_the_rule() -> None:
    content = {"team": "sales", "rule": ""}
    event = ColleagueActed("d", ANNA, "took_over", "sales", "Åsa", timedelta(days=1), NOON, NOON)
    news = news_of(raw_of(event), "conversation.handed_over", content=content, inbox_kind=InboxKind.OPERATOR)
    assert told(news)["data"] == {
        "person": PERSON, "team": "sales", "who": "Åsa", "rule": None, "at": NOON.isoformat()
    }  # fmt: skip
    by_rule = news_of(wrote({"text_message": {"text": "person"}}), "conversation.handed_over")
    data = told(news_of(by_rule.raw, "conversation.handed_over", content={"team": "sales", "rule": "person"}))["data"]
    assert (data["who"], data["rule"]) == (None, "person")
    given_back = told(news_of(b"", "conversation.given_back", content={"team": "", "rule": ""}))["data"]
    assert (given_back["team"], given_back["who"]) == (None, None)


def test_somebody_without_an_address_is_told_by_number() -> None:
    content = {"purpose": "all", "state": "stopped", "source": "STOP"}
    document = told(news_of(b"", "consent.changed", content=content, contact=None))
    assert document["data"]["person"] == {"id": 5, "channel": None, "identity": None}
    scoped = ContactKey(payloads.APP, "WHATSAPP", payloads.BUSINESS_SCOPED)
    document = told(news_of(b"", "consent.changed", content=content, contact=scoped))
    assert document["data"]["person"]["identity"] == payloads.BUSINESS_SCOPED


def test_a_body_is_compact_and_in_utf_8() -> None:
    text = body_of("x", NOON, 1, {"å": None})
    assert text == '{"type":"x","timestamp":"2026-01-05T12:00:00+00:00","sequence":1,"data":{"å":null}}'
    assert body_of("x", NOON, 1, {"a": "half \ud83d, whole 😀"}).encode().decode() == text.replace(
        '{"å":null}', '{"a":"half \ufffd, whole 😀"}'
    )
