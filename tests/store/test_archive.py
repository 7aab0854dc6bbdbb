"""The archive reads what is committed, beside a server that goes on writing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.conversation import WINDOW, State
from bot.core.event import ContactKey
from bot.errors import Misconfigured
from bot.store.port import Archive, Store
from bot.store.sqlite import open_archive, open_store, tracing
from bot.store.sqlite.connection import migrations
from bot.store.units import Accepted
from tests.store.making import ANNA, BO, NOON, POLICY, answers, at, settled, wrote

DAY = timedelta(days=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


@pytest.fixture
async def archive(store: Store, tmp_path: Path) -> AsyncIterator[Archive]:
    with closing(open_archive(tmp_path / "parley.db")) as opened:
        yield opened


def person(n: int) -> ContactKey:
    return ContactKey("APP", "WHATSAPP", str(46700000000 + n))


async def wrote_all(store: Store, people: int, rounds: int) -> None:
    """So many people, each so often, all in turn: a second a round."""
    for second in range(rounds):
        await store.record([wrote(f"{n} {second}", person(n), at(second)) for n in range(people)], at(second))
        while (await store.decide_ready(64, at(second), answers("hello"))).settled:
            pass


def texts(traces: object) -> list[str]:
    return [trace.raw.decode() for trace in traces]  # type: ignore[attr-defined]


async def test_traces_come_person_by_person_in_the_order_of_the_inbox(store: Store, archive: Archive) -> None:
    await wrote_all(store, 3, 2)
    assert texts(archive.traces(NOON, at(10))) == ["0 0", "0 1", "1 0", "1 1", "2 0", "2 1"]
    assert [trace.person for trace in archive.traces(NOON, at(10))] == [1, 1, 2, 2, 3, 3]


async def test_a_trace_in_bulk_is_the_trace_looked_up(store: Store, archive: Archive) -> None:
    await wrote_all(store, 2, 2)
    for trace in archive.traces(NOON, at(10)):
        assert trace == await store.trace(trace.inbox_id)


async def test_from_since_on_and_before_until(store: Store, archive: Archive) -> None:
    await wrote_all(store, 2, 4)
    assert texts(archive.traces(at(1), at(3))) == ["0 1", "0 2", "1 1", "1 2"]
    await store.record([wrote("late", person(1), at(9))], at(9))
    await store.decide_ready(10, at(9), answers())
    assert archive.people(NOON, at(10)) == [1, 2]
    assert archive.people(at(9), at(10)) == [2]
    assert archive.people(at(10), at(11)) == []


@pytest.mark.parametrize("page", [1, 2, 3, 5, 100])
async def test_buckets_share_the_people_and_pages_lose_nobody(
    store: Store, archive: Archive, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "PAGE", page)
    await wrote_all(store, 5, 3)
    everything = texts(archive.traces(NOON, at(10)))
    assert len(everything) == 15
    parts = [texts(archive.traces(NOON, at(10), (index, 3))) for index in range(3)]
    assert sorted(text for part in parts for text in part) == sorted(everything)
    assert [len({text[0] for text in part}) for part in parts] == [1, 2, 2]
    assert texts(archive.traces(NOON, at(10), limit=4)) == everything[:4]
    assert texts(archive.traces(NOON, at(10), limit=0)) == []


async def test_it_sees_what_is_committed_while_it_is_open_and_keeps_nobody_from_tidying_up(
    store: Store, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "PAGE", 2)
    await wrote_all(store, 3, 2)
    traces = archive.traces(NOON, at(10))
    next(traces)  # in the middle of a long look
    await wrote_all(store, 4, 4)
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
    assert len(texts(traces)) > 4


async def test_it_cannot_write(archive: Archive) -> None:
    with pytest.raises(sqlite3.OperationalError, match="attempt to write a readonly database"):
        archive._connection.execute("UPDATE setting SET value = value")  # type: ignore[attr-defined]


async def test_it_knows_what_the_store_knows(store: Store, archive: Archive) -> None:
    assert archive.installation_key == store.installation_key
    one = await store.save_rulebook("a", {"rules/a.yaml": b"a"}, NOON, "Anna")
    two = await store.save_rulebook("b", {"rules/a.yaml": b"b"}, at(1))
    await store.go_back(one, "Bo", at(2))
    assert [each.number for each in archive.rulebooks()] == [one, two]
    assert archive.rulebook(two) == await store.rulebook(two)
    assert archive.rulebook(9) is None
    assert list(archive.releases()) == list(await store.releases(10))


async def test_it_finds_the_trace_of_a_message(store: Store, archive: Archive) -> None:
    await store.record([wrote("hi", id_="I1")], NOON)
    await store.decide_ready(1, NOON, answers("one"))
    (started,) = await store.start(10, at(1), POLICY)
    await store.finish([Accepted(started.attempt_id, "M1")], at(2))
    found = archive.trace_of("M1")
    assert found is not None
    assert found == archive.last_trace(ANNA) == archive.trace_of("I1") == archive.trace_of(started.outbox_id)
    assert archive.trace_of("M2") is None


async def test_a_conversation_as_it_stands(store: Store, archive: Archive) -> None:
    await store.record([wrote("hi"), wrote("STOP", BO)], NOON)
    state = State(last_rule="x", misses=2)
    await store.decide_ready(10, NOON, lambda lane: [settled(lane.pending[0].inbox_id, state=state)])
    anna = archive.conversation_of(ANNA)
    assert anna is not None
    assert (anna.contact, anna.state, anna.window.closes_at) == (ANNA, state, NOON + WINDOW)
    assert anna == archive.conversation_of(anna.person.id)
    stopped = archive.conversation_of(BO)
    assert stopped is not None
    assert stopped.consent.stopped
    assert archive.conversation_of(person(9)) is None
    assert archive.conversation_of(99) is None


async def test_a_person_of_two_addresses_is_met_where_they_wrote_last(
    store: Store, archive: Archive, tmp_path: Path
) -> None:
    await store.record([wrote("hi"), wrote("hello", BO, at(5))], at(5))
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection, connection:
        connection.execute("UPDATE identity SET person = 1")
    found = [archive.conversation_of(who) for who in (1, ANNA, BO)]
    assert [each.contact for each in found if each is not None] == [BO, ANNA, BO]


def old_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{migrations()[0][1]} PRAGMA user_version = 1;")


def newer_schema(path: Path) -> None:
    asyncio.run(_made(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


async def _made(path: Path) -> None:
    await (await open_store(path)).close()


def cut_off(path: Path) -> None:
    asyncio.run(_made(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def held(path: Path) -> None:
    asyncio.run(_made(path))
    _HELD.append(holder := sqlite3.connect(path, isolation_level=None))
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")


_HELD: list[sqlite3.Connection] = []  # each to the end of its test


@pytest.fixture(autouse=True)
def _lets_go() -> Iterator[None]:
    yield
    while _HELD:
        _HELD.pop().close()


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda path: None, "There is no database .* yet; start the server once"),
        (lambda path: path.mkdir(), "There is no database"),
        (cut_off, "keep the file and its log"),
        (held, "has it to itself"),
        (lambda path: path.write_text("no database at all, but a text of some length" * 50), "cannot be read"),
        (old_schema, "was written by an older Parley"),
        (newer_schema, "run the newer Parley"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, prepare: Callable[[Path], None], sentence: str) -> None:
    prepare(tmp_path / "parley.db")
    with pytest.raises(Misconfigured, match=sentence):
        open_archive(tmp_path / "parley.db")


def test_it_reads_where_no_server_runs(tmp_path: Path) -> None:
    asyncio.run(_made(tmp_path / "parley.db"))
    with closing(open_archive(tmp_path / "parley.db")) as archive:
        assert list(archive.traces(NOON, NOON + DAY)) == []
