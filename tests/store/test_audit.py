"""The audit: silent about a sound database, and every one of its questions finds what it asks for."""

import asyncio
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.decision import ChangeConsent, SetTimer
from bot.core.event import ContactKey
from bot.store.port import Store
from bot.store.sqlite import audit, open_store
from bot.store.units import Accepted, Decide, NotAccepted, Unknown
from tests.store.making import (
    ANNA,
    BO,
    CALL,
    POLICY,
    TEMPLATE,
    answers,
    asks,
    at,
    order,
    receipt,
    settled,
    told,
    wrote,
)

CY = ContactKey("APP", "WHATSAPP", "46700000003")
POST = replace(CALL, method="POST")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with something of everything."""
    path = tmp_path_factory.mktemp("sound") / "parley.db"
    asyncio.run(_lived(path))
    return path


async def _lived(path: Path) -> None:
    store = await open_store(path, app="APP")
    await _anna_was_answered(store)
    await _bo_stopped(store)
    await _cy_was_asked_and_told(store)
    await _words_came_in_any_order(store)
    await store.record([wrote("STOP", ANNA, at(80), "stop")], at(80))  # pending
    await store.close()


async def _anna_was_answered(store: Store) -> None:
    """Two answers: the first read, the second in doubt once and then sent again."""
    await store.record([wrote("hi")], at(0))
    await store.decide_ready(10, at(1), answers("one", "two"))
    (first,) = await store.start(10, at(2), POLICY)
    await store.finish([Accepted(first.attempt_id, "M1")], at(3))
    (second,) = await store.start(10, at(4), POLICY)
    await store.finish([NotAccepted(second.attempt_id, at(6), 429, "rate", "Too fast.")], at(5))
    (second,) = await store.start(10, at(7), POLICY)
    await store.finish([Unknown(second.attempt_id, at(40), 0, "No answer came.")], at(8))
    await store.record([receipt("READ", first.outbox_id, "M1"), receipt("FAILED", second.outbox_id, "M2")], at(9))
    await store.decide_ready(10, at(10), answers())


async def _bo_stopped(store: Store) -> None:
    """A backend's template left before Bo's STOP."""
    await store.place([replace(order(who=BO), reply=TEMPLATE)], at(20))
    (started,) = await store.start(10, at(21), POLICY)
    await store.finish([Accepted(started.attempt_id, "M3")], at(22))
    await store.record([wrote("STOP", BO, at(30))], at(30))
    await store.decide_ready(10, at(31), answers())
    await store.record([wrote("hello?", BO, at(32))], at(32))
    await store.decide_ready(10, at(33), answers("never"))


async def _cy_was_asked_and_told(store: Store) -> None:
    """A call went out while Cy wrote on; then a timer fired."""
    number = await store.save_rulebook("a", {"rules/a.yaml": b"a"}, at(50))
    await store.record([wrote("track", CY, at(50)), wrote("hello?", CY, at(51))], at(51))
    await store.decide_ready(10, at(51), asks(POST, 51))
    (started,) = await store.start_calls(10, at(52))
    await store.finish_call(told(started), at(53))
    goes_on = settled(0, SetTimer("question", at(60)))
    pinned = replace(goes_on, pinned=number)
    for _ in range(2):
        await store.decide_ready(1, at(53), lambda lane: [replace(pinned, inbox_id=lane.pending[0].inbox_id)])
    await store.fire_timers(10, at(60))
    await store.decide_ready(10, at(60), answers())


def deciding(change: ChangeConsent) -> Decide:
    """Whatever was written, ``change`` follows."""
    return lambda lane: [settled(claimed.inbox_id, change) for claimed in lane.pending]


async def _words_came_in_any_order(store: Store) -> None:
    """Anna agreed to marketing after she had refused it, which we learnt later; Bo was opted in with a proof."""
    for purpose, state, when in (("marketing", "opted_in", 70), ("marketing", "stopped", 65)):
        change = ChangeConsent(purpose, state, "form", at(when))  # type: ignore[arg-type]
        await store.record([wrote(state, ANNA, at(70))], at(72))
        await store.decide_ready(10, at(72), deciding(change))
    opted_in = ChangeConsent("all", "opted_in", "form", at(71))
    assert await store.contacts.set_consent(BO, opted_in, "form 7", "api:shop", at(72)) == "counts"


@pytest.fixture
def database(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path))


def asked(database: Path, seconds: float = 100) -> list[str]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return list(audit.broken(connection, now=at(seconds)))


def test_a_sound_database_answers_nothing(database: Path) -> None:
    assert asked(database) == []


FIRST, SECOND = 1, 2  # outbox rows: Anna's two answers

TWO_OF_A_KEY = (
    "CREATE TABLE loose AS SELECT * FROM inbox; DROP TABLE inbox; ALTER TABLE loose RENAME TO inbox;"
    "CREATE UNIQUE INDEX loose_id ON inbox (id);"
    "INSERT INTO inbox SELECT id + 100, app, dedup, kind, person, 'ignored', tries, written_at, received_at, ready_at,"
    " settled_at, why, raw, media_kind, held FROM inbox WHERE id = 1"
)
FIRED_AND_SET = (
    "INSERT INTO timer (person, name, due_at) SELECT person, 'question', written_at FROM inbox WHERE kind = 'timer'"
)
AT_THE_SAME_TIME = (
    f"UPDATE attempt SET started_at = (SELECT started_at + 1 FROM attempt WHERE outbox = {FIRST})"
    f" WHERE outbox = {SECOND} AND number = 1"
)
EARLIER = "UPDATE inbox SET received_at = received_at - 60000000 WHERE state = 'pending'; UPDATE lane SET ready_at = ready_at - 60000000"
LEFT_OPEN = (
    f"UPDATE outbox SET state = 'sending' WHERE seq = {FIRST}; UPDATE attempt SET outcome = '', ended_at = NULL,"
    f" started_at = started_at - 200000000 WHERE outbox = {FIRST}"
)
OF_BO = "origin = 'api' AND person = 2"
NOT_BEFORE_LONG = (
    f"UPDATE outbox SET state = 'queued', attempts = 0, due_at = created_at + 86430000000 WHERE {OF_BO};"
    " UPDATE lane SET send_at = (SELECT due_at FROM outbox WHERE person = 2 AND state = 'queued') WHERE person = 2"
)
OF_CAMPAIGN = f"UPDATE outbox SET origin = 'campaign', origin_id = '7' WHERE {OF_BO}"
LINE = "INSERT INTO recipient (campaign, line, channel, identity, state) VALUES (7, 0, 'WHATSAPP', '1', '{}')"
CAMPAIGN = (
    "INSERT INTO campaign (id, app, name, template, declared, category, state, api_key, key, starts_at, created_at) VALUES"
    " ({}, 'APP', 'May', 't', 'd', 'marketing', 'done', 1, 'one', 0, {})"
)
ERASED = (
    "INSERT INTO erased (identity_hmac, erased_at, stopped) SELECT parley_hmac(app, channel, identity), 1 << 51, 1"
    " FROM identity WHERE person = 3"
)
KEY = "INSERT INTO idempotency (api_key, key, body_hash, outbox, created_at) VALUES (0, '{}', '{}', 1, 0)"
LATE_RETRY = (
    f"DELETE FROM attempt WHERE outbox = {SECOND} AND number = 2;"
    f" UPDATE outbox SET state = 'queued', attempts = 1, due_at = due_at + 2000000000 WHERE seq = {SECOND}"
)
NO_MARKETING = (
    f"UPDATE outbox SET category = 'marketing' WHERE seq = {FIRST};"
    " INSERT INTO consent (person, purpose, state, source, at, recorded_at) VALUES (1, 'marketing', 'stopped', 'x', 0, 0)"
)
TAMPERED = [
    (TWO_OF_A_KEY, "I2: inbox rows 1,101 share the key in:46700000001:hi:2026-01-05T12:00:00+00:00."),
    ("UPDATE inbox SET state = 'ignored' WHERE id = 1", "I3: inbox row 1 is ignored, yet outbox row "),
    ("UPDATE inbox SET state = 'dead' WHERE id = 1", "I3: inbox row 1 is dead and has a trace as if it were decided."),
    ("DELETE FROM trace WHERE inbox = 1", "I3: inbox row 1 is decided and nothing says why."),
    (
        "UPDATE trace SET person = 3 WHERE inbox = 1",
        "I3: inbox row 1 was settled for person 1 at 2026-01-05 12:00:01 UTC, and its trace is of person 3 and of 2026-01-05 12:00:01 UTC.",
    ),
    (FIRED_AND_SET, "I3: timer question of person 3 has fired and is still set."),
    ("UPDATE inbox SET dedup = 'lost' WHERE kind = 'call_result'", "is sent, and its answer never became an event."),
    (
        "UPDATE tally SET count = count + 1 WHERE kind = 'sent'",
        "4 are counted as sent  at 2026-01-05 12:00:00 UTC, and the rows of that time are 3.",
    ),
    ("INSERT INTO tally (kind, at, count) VALUES ('unmatched', 0, 1)", "I3: 1 are counted as unmatched "),
    ("UPDATE tally SET count = 0 WHERE kind = 'matched'", "I3: 0 are counted as matched rule at "),
    ("INSERT INTO tally (kind, at, name, count) VALUES ('campaign_sent', 0, '7', 2)", "I3: 2 are counted as campaign_sent 7 "),
    (AT_THE_SAME_TIME, "I4: messages 1 and 2 to person 1 overlapped."),
    ("DELETE FROM trace WHERE inbox = 1; DELETE FROM inbox WHERE id = 1", "names inbox row 1, which is not there."),
    (f"UPDATE outbox SET identity = '46700000002' WHERE seq = {FIRST}", "is for person 1, and goes to an address that is not theirs."),
    ("DELETE FROM identity WHERE person = 3", "I5: person 3 has no address."),
    (OF_CAMPAIGN, "is of campaign 7, which does not have line 0."),
    (f"{OF_CAMPAIGN}; {LINE.format('skipped')}", "I5: line 0 of campaign 7 is skipped, and message "),
    (LINE.format("placed"), "I5: line 0 of campaign 7 is placed, and no message came of it."),
    (f"{CAMPAIGN.format(7, 0)}; {LINE.format('pending')}", "I5: campaign 7 is done, and line 0 of it never had its turn."),
    (f"UPDATE outbox SET origin_id = 'other' WHERE {OF_BO}", "is said to come of a request, and names another one."),
    (f"UPDATE outbox SET kind = 'callback', subscription = 9 WHERE {OF_BO}", "is for subscription 9, which is not there."),
    ("UPDATE identity SET person = 99", "I5: row ? of identity names a row of person that is not there."),
    ("INSERT INTO lane (person) VALUES (99)", "I5: row 99 of lane names a row of person"),
    ("UPDATE inbox SET person = 99 WHERE id = 1", "I5: row 1 of inbox names a row of person"),
    ("UPDATE trace SET person = 99 WHERE inbox = 1", "I5: row 1 of trace names a row of person"),
    ("UPDATE outbox SET person = 99 WHERE seq = 1", "I5: row 1 of outbox names a row of person"),
    ("UPDATE attempt SET outbox = 99 WHERE id = 1", "I5: row 1 of attempt names a row of outbox"),
    ("UPDATE receipt SET outbox = 99", "of receipt names a row of outbox"),
    ("UPDATE consent SET person = 99 WHERE id = 1", "I5: row 1 of consent names a row of person"),
    ("INSERT INTO timer (person, name, due_at) VALUES (99, 'x', 1 << 60)", "of timer names a row of person"),
    ("UPDATE rulebook_live SET number = 9", "of rulebook_live names a row of rulebook"),
    (KEY.format("k", "h").replace("(0,", "(99,"), "of idempotency names a row of api_key"),
    ("INSERT INTO news (kind, person) VALUES ('x', 99)", "I5: row 1 of news names a row of person"),
    (LINE.format("skipped"), "of recipient names a row of campaign"),
    (
        f"UPDATE attempt SET started_at = started_at + 90000000000 WHERE outbox = {FIRST}",
        "to person 1 was tried at 2026-01-06 13:00:02 UTC, outside the window.",
    ),
    (
        "UPDATE identity SET closes_at = closes_at + 20000000 WHERE person = 1",
        "I6: the window of person 1 is open until 2026-01-06 12:01:40 UTC, and nothing they wrote opened it for so long.",
    ),
    (
        "UPDATE consent SET recorded_at = recorded_at - 20000000 WHERE person = 2",
        "to person 2 started after their STOP was committed.",
    ),
    (NO_MARKETING, "with marketing to person 1 started after they had stopped marketing."),
    ("UPDATE outbox SET confirms_stop = 1 WHERE person = 1", "I7: person 1 was sent 2 confirmations of 1 STOPs."),
    (
        "UPDATE person SET marketing = 'stopped' WHERE id = 1",
        "I7: person 1 is stopped 1, opted_in 0, marketing stopped, and the ledger says stopped 1, opted_in 0, marketing opted_in.",
    ),
    ("UPDATE consent SET proof = '' WHERE person = 2", "opts person 2 in (all) after a STOP, and neither an event nor a proof says why."),
    (ERASED, "I7: person 3 was erased as stopped at 2041-05-10 11:56:53 UTC and came back, and the ledger does not say so."),
    (f"{KEY.format('k', 'h')}; {KEY.format('l', 'h')}", "I8: idempotency keys k,l all led to message "),
    (KEY.format("k", ""), "I8: idempotency key k of API key 0 is kept without what the request said."),
    (f"{CAMPAIGN.format(7, 0)}; {CAMPAIGN.format(8, 1000)}", "I8: campaigns 7 and 8 came of one idempotency key, one."),
    (f"UPDATE outbox SET submissions = 2 WHERE seq = {FIRST}", "was submitted 2 times, and its attempts say 1."),
    (f"UPDATE attempt SET number = 5 WHERE outbox = {FIRST}", "had 1 attempts, and they are numbered 5."),
    ("UPDATE outbox SET submissions = 2 WHERE kind = 'call'", "may be made once only, and was made 2 times."),
    (
        f"UPDATE outbox SET at_most_once = 1, submissions = 2 WHERE seq = {FIRST}",
        "may be submitted once only, and was 2 times.",
    ),
    (f"UPDATE outbox SET state = 'sending' WHERE seq = {FIRST}", "is sending with 0 open attempts."),
    (
        f"UPDATE attempt SET outcome = 'failed' WHERE outbox = {SECOND} AND number = 1",
        "was tried again after attempt 1 had ended failed.",
    ),
    (f"UPDATE attempt SET outcome = 'retry' WHERE outbox = {FIRST}", "is sent, and its attempts ended retry."),
    (f"UPDATE outbox SET state = 'held' WHERE seq = {FIRST}", "is held, and its attempt 1 ended sent."),
    (
        f"UPDATE attempt SET started_at = started_at - 2900000 WHERE outbox = {SECOND} AND number = 2",
        "started 100 ms after one that was refused started.",
    ),
    (LATE_RETRY, "was refused at 2026-01-05 12:00:05 UTC and is only tried again at 2026-01-05 12:33:26 UTC."),
    (
        f"UPDATE attempt SET outcome = 'unknown', code = '' WHERE outbox = {SECOND} AND number = 1",
        "was in doubt from 2026-01-05 12:00:04 UTC on, and it was sent again before 30 s had passed.",
    ),
    (f"UPDATE outbox SET not_after = created_at WHERE seq = {FIRST}", "was tried at 2026-01-05 12:00:02 UTC, when its time was over."),
    (f"UPDATE outbox SET delivery = 2 WHERE seq = {FIRST}", "shows delivery 2, and its submissions reached 3."),
    ("UPDATE receipt SET outbox = NULL", "tells of Sinch's message M1, which is "),
    (f"UPDATE attempt SET delivery = 1 WHERE outbox = {FIRST}", "whose submission shows 1."),
    (f"DELETE FROM receipt WHERE outbox = {FIRST}", "shows delivery 3 by its attempt 1, and no receipt told that."),
    ("UPDATE trace SET version = 9 WHERE inbox = 1", "I11: inbox row 1 was decided with rulebook 9, which is not stored."),
    (
        "UPDATE trace SET pinned = 9 WHERE inbox = 1",
        "I11: inbox row 1 was decided by the pinned rulebook 9, which is not stored.",
    ),
    ("UPDATE lane SET pinned = 9 WHERE person = 3", "I11: person 3 is in the middle of a question of rulebook 9, which is not stored."),
    ("UPDATE lane SET pinned = 1 WHERE person = 3", "I11: person 3 is pinned to rulebook 1, and what is open with them is of none."),
    (
        "INSERT INTO timer (person, name, due_at, version) VALUES (1, 'x', 1 << 60, 9)",
        "I11: timer x of person 1 was set by rulebook 9, which is not stored.",
    ),
    ("UPDATE inbox SET tries = 4 WHERE id = 1", "I12: inbox row 1 was tried 4 times; 3 is the most."),
    ("UPDATE inbox SET held = 1 WHERE state = 'pending'", "is held, and no call of person 1 is under way."),
    (
        "UPDATE inbox SET ready_at = ready_at + 86400000001 WHERE state = 'pending'; UPDATE lane SET ready_at = ready_at + 86400000001",
        "of person 1 came at 2026-01-05 12:01:20 UTC and is only to be decided at 2026-01-06 12:01:20 UTC.",
    ),
    ("UPDATE lane SET ready_at = NULL", "is pending and its lane will never be looked at."),
    ("UPDATE lane SET ready_at = ready_at + 1000000", "I12: person 1 has events that could be decided at 2026-01-05 12:01:20 UTC"),
    (f"UPDATE outbox SET state = 'queued' WHERE seq = {FIRST}", "is queued and its lane will never be looked at."),
    (
        f"UPDATE outbox SET state = 'queued' WHERE seq = {FIRST}; UPDATE lane SET send_at = 1 << 51 WHERE person = 1",
        "I12: person 1 has a message that may leave at 2026-01-05 12:00:08 UTC, and their lane is looked at from ",
    ),
    (NOT_BEFORE_LONG, "was to leave at 2026-01-05 12:00:20 UTC at the earliest, and is only tried at 2026-01-06 12:00:50 UTC."),
    (
        "UPDATE lane SET state = '{\"waiting\":true}' WHERE person = 2",
        "I12: person 2 waits for a colleague: yes; their lane waits since never.",
    ),
    (EARLIER, "(inbound) of person 1 is not decided, though it could be since 2026-01-05 12:00:20 UTC."),
    (
        "INSERT INTO timer (person, name, due_at) VALUES (3, 'x', 0)",
        "I12: timer x of person 3 was due at 1970-01-01 00:00:00 UTC and has not fired.",
    ),
    (
        "UPDATE outbox SET state = 'queued', created_at = created_at - 20000000 WHERE kind = 'call'",
        "for person 3 was asked for at 2026-01-05 12:00:31 UTC and never made.",
    ),
    (LEFT_OPEN, "left at 2026-01-05 11:56:42 UTC, and how that ended was never recorded."),
    (f"UPDATE outbox SET state = 'unknown', look_at = 0 WHERE seq = {FIRST}", "since 1970-01-01 00:00:00 UTC, and nobody looks it up."),
    (
        f"UPDATE outbox SET state = 'unknown', look_at = NULL WHERE seq = {FIRST}",
        "is in doubt, and nothing says when it is to be looked up.",
    ),
    (
        f"UPDATE outbox SET state = 'waiting', not_after = 0 WHERE seq = {FIRST}",
        "still waits for person 1 to write, though its time was over at 1970-01-01 00:00:00 UTC.",
    ),
]  # fmt: skip


def tamper(database: Path, statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        audit.prepare(connection)
        connection.executescript(f"PRAGMA ignore_check_constraints = ON; {statements};")


@pytest.mark.parametrize(("statements", "found"), TAMPERED)
def test_each_question_finds_what_it_asks_for(database: Path, statements: str, found: str) -> None:
    tamper(database, statements)
    sentences = asked(database)
    assert any(found in sentence for sentence in sentences), sentences


def test_no_question_is_left_out() -> None:
    for question in audit.QUESTIONS:
        told = max(re.split(r"\{\d\}", question.sentence), key=len).strip(" (),")
        assert any(told in found for _, found in TAMPERED), question
    assert len(TAMPERED) == len(audit.QUESTIONS)


def test_what_is_younger_than_a_minute_is_under_way(database: Path) -> None:
    assert asked(database, 139) == []
    assert [each for each in asked(database, 141) if "is not decided" in each] == asked(database, 141) != []


# --- who was left without an answer -------------------------------------------------------------------------------------


def waiting(database: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return [(each.inbox_id, each.why) for each in audit.unanswered(connection, at(0), at(1000))]


A_COLLEAGUE = (
    "INSERT INTO inbox (app, dedup, kind, person, state, written_at, received_at, ready_at, settled_at) VALUES"
    " ('APP', 'op', 'operator', 1, 'decided', 0, 0, 0, 0)"
)
ANNA_AGAIN = "UPDATE person SET stopped = 0 WHERE id = 1"
UNSENT = "UPDATE outbox SET state = 'failed', delivery = 0, lost = 1 WHERE origin = 'rule' AND origin_id = '1'"


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (f"{ANNA_AGAIN}; {UNSENT}", "lost"),
        (f"{ANNA_AGAIN}; DELETE FROM outbox WHERE person = 1; UPDATE inbox SET state = 'dead' WHERE id = 1", "dead"),
        (f"{ANNA_AGAIN}; DELETE FROM outbox WHERE person = 1; UPDATE trace SET rule = '' WHERE inbox = 1", "nothing"),
    ],
)
def test_who_got_nothing_is_listed_unless_somebody_saw_to_them(database: Path, statements: str, why: str) -> None:
    assert waiting(database) == []
    tamper(database, statements)
    assert waiting(database) == [(1, why)]
    for seen_to in (
        "UPDATE person SET stopped = 1 WHERE id = 1",
        "UPDATE lane SET waiting_since = 1 WHERE person = 1",
        A_COLLEAGUE,
        "UPDATE outbox SET person = 1, ended_at = 1 << 60 WHERE origin = 'api' AND person = 2",
    ):
        other = Path(shutil.copy(database, database.with_name("other.db")))
        tamper(other, seen_to)
        assert waiting(other) == [], seen_to


async def test_an_answer_in_the_very_moment_of_a_start_breaks_no_stop(store: Store, tmp_path: Path) -> None:
    await store.record([wrote("STOP", when=at(0))], at(0))
    await store.record([wrote("START", when=at(1))], at(1))
    await store.decide_ready(10, at(1), answers("Welcome back!"))
    assert [each.number for each in await store.start(10, at(1), POLICY)] == [1]
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert list(audit.broken(connection)) == []
