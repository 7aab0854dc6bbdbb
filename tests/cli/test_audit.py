"""``doctor --audit``: it looks through the whole database beside a server, and tells what is broken and who has no answer."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli.audit import answers_after_stop
from bot.store.sqlite import audit, open_store
from bot.store.sqlite.audit.look import ONE_STATE_S, _States
from bot.store.units import Accepted, StoredRulebook
from tests.cli.conftest import GOOD, Command
from tests.store.making import POLICY, answers, wrote

NOW = datetime.now(UTC)
MARGIN = timedelta(minutes=2)


@pytest.fixture
def database(folder: Path) -> Path:
    """Anna wrote an hour ago and was answered; the live rulebook is that of the folder."""
    asyncio.run(_lived(folder / "parley.db"))
    return folder / "parley.db"


async def _lived(path: Path) -> None:
    store = await open_store(path, app="app")
    await store.save_rulebook("d", {"rules/shop.yaml": GOOD.encode()}, NOW - timedelta(hours=2))
    when = NOW - timedelta(hours=1)
    await store.record([wrote("hello", when=when)], when)
    await store.decide_ready(10, when, answers("Hi"))
    (started,) = await store.start(10, when, POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], when)
    await store.close()


def tamper(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def sound(database: Path) -> None:
    """The digest that the files of the rulebook have."""
    from bot.rulebook.load import load_stored

    rulebook = load_stored({"rules/shop.yaml": GOOD.encode()})
    assert rulebook is not None
    tamper(database, f"UPDATE rulebook SET digest = '{rulebook.digest}'")


def test_a_sound_database_keeps_every_promise(command: Command, database: Path) -> None:
    sound(database)
    ended = command("doctor", "--audit")
    assert (ended.code, ended.err) == (0, "")
    assert "1 people, 1 events, 1 decisions, 1 messages, calls and callbacks, 1 attempts" in ended.out
    assert f"Asked {len(audit.QUESTIONS)} questions" in ended.out
    assert "Every promise is kept" in ended.out
    assert "Nobody who wrote in the last 30 days was left without an answer." in ended.out


def test_each_finding_is_a_sentence_with_what_to_do(command: Command, database: Path) -> None:
    sound(database)
    tamper(database, "UPDATE outbox SET at_most_once = 1, submissions = 2")
    ended = command("doctor", "--audit")
    assert ended.code == 1
    assert "✗ I9: Message " in ended.out
    assert "may be submitted once only, and was 2 times." in ended.out
    assert "    This must never be. Make a backup" in ended.out


def test_as_json_it_tells_the_same(command: Command, database: Path) -> None:
    tamper(database, "UPDATE outbox SET state = 'failed', delivery = 0")
    ended = command("doctor", "--audit", "--format", "json")
    told = json.loads(ended.out)
    assert ended.code == 1
    assert told["looked_at"]["events"] == 1
    assert told["states"] == 1
    sentences = {each["sentence"] for each in told["findings"]}
    assert "The live rulebook 1 is not the one that was checked." in sentences
    assert [(each["event"], each["why"]) for each in told["unanswered"]] == [(1, "lost")]


def test_without_a_database_it_says_so(command: Command, folder: Path) -> None:
    ended = command("doctor", "--audit")
    assert (ended.code, ended.out) == (1, "")
    assert "There is no database" in ended.err


def test_it_reads_beside_a_writer_and_sees_one_state(database: Path) -> None:
    """Questions of one look agree with each other, though somebody writes in between."""
    promises: list[str] = []

    def meddle(asked: int, of: int, promise: str) -> None:
        promises.append(promise)
        if asked == 1:
            tamper(database, "UPDATE outbox SET at_most_once = 1, submissions = 2")

    looked = audit.look(database, audit.QUESTIONS, NOW, False, MARGIN, meddle)
    assert (looked.findings, looked.states) == ((), 1)
    assert len(promises) == len(audit.QUESTIONS) + 1
    assert audit.look(database, audit.QUESTIONS, NOW, False, MARGIN, lambda *_: None).findings


def test_no_state_is_looked_at_for_long(database: Path) -> None:
    times = iter([0.0, ONE_STATE_S, ONE_STATE_S + 1, ONE_STATE_S + 1, ONE_STATE_S + 2])
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        states = _States(connection, lambda: next(times))
        states.next()
        assert states.count == 1
        states.next()
        states.next()
        assert states.count == 2


def test_what_finds_much_is_cut(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany("INSERT INTO lane (person) VALUES (?)", [(n,) for n in range(100, 130)])
    looked = audit.look(database, audit.QUESTIONS, NOW, False, MARGIN, lambda *_: None)
    assert len(looked.findings) == audit.SHOWN_MOST
    assert looked.cut == ("I5",)


def test_a_rulebook_that_is_live_no_more_is_looked_at_too(command: Command, database: Path) -> None:
    sound(database)
    tamper(
        database, "INSERT INTO rulebook (digest, files, checked_at) VALUES ('e', '{\"rules/a.yaml\":\"rules: []\"}', 0)"
    )
    ended = command("doctor", "--audit")
    assert ended.code == 1
    assert "✗ I11: Rulebook 2 is not the one that was checked." in ended.out


# --- the pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(database: Path) -> Path:
    """With many pages of a table that no question reads."""
    sound(database)
    with closing(sqlite3.connect(database)) as connection:
        refused = "INSERT INTO refused (raw, why, received_at) VALUES (zeroblob(500), 'stale', 0)"
        connection.executemany(refused, [()] * 2000)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database


def _last_page_of(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        question = "SELECT max(pageno) FROM dbstat WHERE name = ? AND pagetype = 'leaf'"
        number: int = connection.execute(question, (table,)).fetchone()[0]
    return number


def test_a_damaged_page_that_no_question_reads_is_told_first(command: Command, full: Path) -> None:
    assert command("doctor", "--audit").code == 0
    with full.open("r+b") as file:
        file.seek((_last_page_of(full, "refused") - 1) * 4096)
        file.write(b"\xff" * 4096)
    looked = audit.look(full, audit.QUESTIONS, NOW, False, MARGIN, lambda *_: None)
    assert looked.findings == ()
    ended = command("doctor", "--audit")
    assert (ended.code, ended.out) == (1, "")
    told = " ".join(ended.err.split())
    assert f"{full.name} is damaged (table refused: " in told
    assert told.endswith("and restore the newest backup.")


class _Over:
    """A timer whose time is over as soon as SQLite has done ten thousand steps: for one large table, and for no small one."""

    def __init__(self, seconds: float, interrupt: Callable[[], None]) -> None:
        assert seconds == ONE_STATE_S
        connection = interrupt.__self__  # type: ignore[attr-defined]
        connection.set_progress_handler(interrupt, 10_000)

    def start(self) -> None: ...
    def cancel(self) -> None: ...
    def join(self) -> None: ...


def test_a_table_too_large_for_its_time_is_named(command: Command, full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.sqlite.audit.pages.Timer", _Over)
    ended = command("doctor", "--audit")
    assert ended.code == 0
    assert "Not all pages of refused were looked at" in " ".join(ended.out.split())
    assert json.loads(command("doctor", "--audit", "--format", "json").out)["unread"] == ["refused"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD, False),
        (f"{GOOD}\nconsent: {{after_stop: answer}}", True),
        (f"{GOOD}\nconsent: {{after_stop: silent}}", False),
        ("# after_stop\nrules: 3", True),
    ],
)  # fmt: skip
def test_stored_rulebooks_tell_whether_a_stop_was_ever_answered(text: str, said: bool) -> None:
    assert answers_after_stop(StoredRulebook(1, "d", {"rules/shop.yaml": text.encode()}, NOW, NOW)) is said
