"""The audit: silent about a sound database, and every one of its questions finds what it asks for."""

import asyncio
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


def asked(database: Path) -> list[str]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return list(audit.broken(connection))


def test_a_sound_database_answers_nothing(database: Path) -> None:
    assert asked(database) == []


FIRST, SECOND = 1, 2  # outbox rows: Anna's two answers

TWO_OF_A_KEY = (
    "CREATE TABLE loose AS SELECT * FROM inbox; DROP TABLE inbox; ALTER TABLE loose RENAME TO inbox;"
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
TAMPERED = [
    (
        TWO_OF_A_KEY,
        "I2: inbox rows 1,101 share the key in:46700000001:hi:2026-01-05T12:00:00+00:00.",
    ),
    ("UPDATE inbox SET state = 'ignored' WHERE id = 1", "I3: inbox row 1 is ignored, yet outbox row "),
    ("UPDATE inbox SET state = 'dead' WHERE id = 1", "I3: inbox row 1 is dead and has a trace as if it were decided."),
    ("DELETE FROM trace WHERE inbox = 1", "I3: inbox row 1 is decided and nothing says why."),
    (FIRED_AND_SET, "I3: timer question of person 3 has fired and is still set."),
    (
        AT_THE_SAME_TIME,
        "I4: messages 1 and 2 to person 1 overlapped.",
    ),
    ("DELETE FROM trace WHERE inbox = 1; DELETE FROM inbox WHERE id = 1", "names inbox row 1, which is not there."),
    (
        "UPDATE consent SET recorded_at = recorded_at - 20000000 WHERE person = 2",
        "to person 2 started after their STOP was committed.",
    ),
    (
        "UPDATE person SET marketing = 'stopped' WHERE id = 1",
        "I7: person 1 is stopped 1, opted_in 0, marketing stopped, and the ledger says stopped 1, opted_in 0, marketing opted_in.",
    ),
    (f"UPDATE outbox SET submissions = 2 WHERE seq = {FIRST}", "was submitted 2 times, and its attempts say 1."),
    ("UPDATE outbox SET submissions = 2 WHERE kind = 'call'", "may be made once only, and was made 2 times."),
    (
        "UPDATE trace SET pinned = 9 WHERE inbox = 1",
        "I11: inbox row 1 was decided with rulebook 9, which is not stored.",
    ),
    ("UPDATE inbox SET held = 1 WHERE state = 'pending'", "is held, and no call of person 1 is under way."),
    (f"UPDATE outbox SET state = 'sending' WHERE seq = {FIRST}", "is sending with 0 open attempts."),
    (f"UPDATE outbox SET delivery = 2 WHERE seq = {FIRST}", "shows delivery 2, and its submissions reached 3."),
    ("UPDATE lane SET ready_at = NULL", "is pending and its lane will never be looked at."),
    (f"UPDATE outbox SET state = 'queued' WHERE seq = {FIRST}", "is queued and its lane will never be looked at."),
]


@pytest.mark.parametrize(("statements", "found"), TAMPERED)
def test_each_question_finds_what_it_asks_for(database: Path, statements: str, found: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(f"PRAGMA ignore_check_constraints = ON; {statements};")
    sentences = asked(database)
    assert any(found in sentence for sentence in sentences), sentences


async def test_an_answer_in_the_very_moment_of_a_start_breaks_no_stop(store: Store, tmp_path: Path) -> None:
    await store.record([wrote("STOP", when=at(0))], at(0))
    await store.record([wrote("START", when=at(1))], at(1))
    await store.decide_ready(10, at(1), answers("Welcome back!"))
    assert [each.number for each in await store.start(10, at(1), POLICY)] == [1]
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert list(audit.broken(connection)) == []


def test_no_question_is_left_out() -> None:
    assert len(TAMPERED) == len(audit._QUESTIONS)
