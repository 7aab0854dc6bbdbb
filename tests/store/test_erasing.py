"""Erasing a person: afterwards no byte of the files holds them, a redelivery brings nothing back, and a STOP is still one."""

import asyncio
import inspect
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.conversation import OpenQuestion, State
from bot.core.decision import ChangeConsent, SetPerson, SetTimer
from bot.core.delivery import Policy
from bot.core.event import BusinessEvent, ContactKey, InboundMessage
from bot.core.reply import TextReply
from bot.errors import Refused
from bot.store.privacy import Erased
from bot.store.sqlite import SqliteStore, audit, erasing, open_store, privacy
from bot.store.sqlite.erasing import erased_path, noted
from bot.store.units import Accepted, InboxKind, Incoming, Unknown
from tests.store.making import (
    ANNA,
    BO,
    CALL,
    NOON,
    POLICY,
    TEMPLATE,
    answers,
    at,
    calling,
    order,
    receipt,
    settled,
    wrote,
)

CANARY = ContactKey("APP", "WHATSAPP", "46709876543")
WORDS = (
    "the-word-written",
    "the-word-said",
    "the-word-kept",
    "the-tag",
    "the-word-asked",
    "the-word-of-a-timer",
    "the-event-value",
)
SOUGHT = (CANARY.identity, *WORDS, "the-reference", "the-contact-id")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


def bytes_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.iterdir():
        if path.is_file():
            yield path.name, path.read_bytes()


def found_in(folder: Path) -> set[tuple[str, str]]:
    return {(name, word) for name, content in bytes_of(folder) for word in SOUGHT if word.encode() in content}


async def live(store: SqliteStore, who: ContactKey = CANARY) -> None:
    """Somebody leaves a trace in every table that keeps people."""
    incoming = wrote("the-word-written", who, id_=f"01{who.identity[-4:]}")
    assert isinstance(incoming.event, InboundMessage)
    event = replace(incoming.event, contact_id="the-contact-id")
    await store.record(
        [replace(incoming, event=event, raw=f'{{"id":"{who.identity}","text":"the-word-written"}}'.encode())], NOON
    )
    question = OpenQuestion("rule", "slot", 1, NOON, None, 0, {"a": "the-word-asked"})
    await store.decide_ready(
        10,
        NOON,
        lambda lane: [
            settled(
                claimed.inbox_id,
                SetPerson(fields={"address": "the-word-kept"}, tags_added=("the-tag",)),
                SetTimer("remind:rule", at(3600), {"x": "the-word-of-a-timer"}),
                *answers("the-word-said")(lane)[0].decision.effects,  # type: ignore[union-attr]
                state=State(question=question),
            )
            for claimed in lane.pending
        ],
    )
    started = {each.contact: each for each in await store.start(10, NOON, POLICY)}
    await store.finish([Accepted(each.attempt_id, f"M{who.identity[-1]}") for who, each in started.items()], NOON)
    await store.record([receipt("DELIVERED", started[who].outbox_id, f"M{who.identity[-1]}", who=who)], NOON)
    dedup = f"event:order.shipped:1:WHATSAPP:{who.identity}"
    shipped = BusinessEvent(dedup, who, "order.shipped", {"v": "the-event-value"}, NOON, NOON)
    await store.record([Incoming(shipped, InboxKind.API, b'{"v":"the-event-value"}')], NOON)
    await store.decide_ready(10, NOON, answers())
    await store.place([replace(order("the-word-said", who), reference="the-reference", idempotency=None)], NOON)


def rows(path: Path, question: str, *values: object) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(question, values).fetchall()
    finally:
        connection.close()


async def test_no_byte_of_the_person_is_left_in_any_file(store: SqliteStore, tmp_path: Path) -> None:
    await live(store)
    await store.refuse(b'{"channel_identity":"46709876543"}', "stale", NOON)
    assert {word for _, word in found_in(tmp_path)} == set(SOUGHT)
    erased = await store.privacy.erase(CANARY, at(60))
    assert erased == Erased((CANARY,), True, False, ("the-contact-id",), ("016543", "M3"))
    assert found_in(tmp_path) == set()
    assert not await store.privacy.export(CANARY)


async def test_what_other_people_have_is_untouched(store: SqliteStore, tmp_path: Path) -> None:
    await live(store, BO)
    await store.finish([Accepted(each.attempt_id, "M9") for each in await store.start(10, NOON, POLICY)], NOON)
    path = tmp_path / "parley.db"
    tables = [row[0] for row in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    before = {table: rows(path, f"SELECT * FROM {table}") for table in tables}
    await live(store)
    await store.privacy.erase(CANARY, at(60))
    after = {table: rows(path, f"SELECT * FROM {table}") for table in tables}
    changed = {table for table in tables if before[table] != after[table]}
    assert changed == {"erased", "inbox", "tally"}  # what happened goes on counting, and names nobody
    kept = [row for row in after["inbox"] if row not in before["inbox"]]
    assert {row[2] for row in kept} == {"in:016543", *(row[2] for row in kept if str(row[2]).startswith("rcpt:"))}
    assert len(kept) == 2
    assert all(row[4] is None and row[11] == "" and row[12] is None for row in kept), kept


async def test_the_database_is_sound_afterwards(store: SqliteStore, tmp_path: Path) -> None:
    await live(store, BO)
    await live(store)
    await store.privacy.erase(CANARY, at(60))
    path = tmp_path / "parley.db"
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    connection = sqlite3.connect(path)
    assert list(audit.broken(connection)) == []
    connection.close()


async def test_every_table_that_points_to_a_person_is_thought_of(store: SqliteStore, tmp_path: Path) -> None:
    """A table of a later day that keeps people, and that erasing knows nothing of, is told here."""
    path = tmp_path / "parley.db"
    tables = {
        name
        for name, table in rows(path, "SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
        for word in ("person", "identity", "outbox", "inbox")
        if word in str(table).lower()
    }
    source = inspect.getsource(erasing)
    assert {table for table in tables if f'"{table}"' not in source and f" {table} " not in source} == set()


async def test_a_redelivered_webhook_brings_nobody_back(store: SqliteStore, tmp_path: Path) -> None:
    await live(store)
    await store.privacy.erase(CANARY, at(60))
    again = wrote("the-word-written", CANARY, id_="016543")
    fresh = wrote("hi", BO, at(70))
    assert await store.record([again, fresh, again], at(70)) == [False, True, False]
    assert not (await store.standing(CANARY)).known
    assert found_in(tmp_path) == set()


async def test_a_late_receipt_leaves_nothing_of_them(store: SqliteStore, tmp_path: Path) -> None:
    await live(store)
    await store.privacy.erase(CANARY, at(60))
    late = replace(receipt("READ", "gone", "M3", at(70), who=CANARY), raw=b'{"identity":"46709876543"}')
    assert await store.record([late], at(70)) == [True]
    assert not (await store.standing(CANARY)).known
    assert found_in(tmp_path) == set()


async def test_who_had_said_stop_stays_stopped_and_start_reopens(store: SqliteStore) -> None:
    await store.record([wrote("STOP", CANARY)], NOON)
    assert (await store.privacy.erase(CANARY, at(60))).stopped
    standing = await store.standing(CANARY)
    assert (standing.known, standing.consent.stopped) == (False, True)
    await store.record([wrote("hi", CANARY, at(70))], at(71))
    assert (await store.standing(CANARY)).consent.stopped
    await store.privacy.erase(CANARY, at(80))
    await store.record([wrote("START", CANARY, at(90))], at(91))
    standing = await store.standing(CANARY)
    assert (standing.known, standing.consent.stopped) == (True, False)


async def test_who_had_not_said_stop_comes_back_as_anybody(store: SqliteStore) -> None:
    await store.record([wrote("hi", CANARY)], NOON)
    assert not (await store.privacy.erase(CANARY, at(60))).stopped
    await store.record([wrote("hi again", CANARY, at(70))], at(70))
    standing = await store.standing(CANARY)
    assert (standing.known, standing.consent.stopped) == (True, False)
    await store.decide_ready(10, at(70), answers("hello again"))
    [started] = await store.start(10, at(70), POLICY)
    assert started.reply == TextReply("hello again")


async def test_what_is_under_way_ends_first(store: SqliteStore) -> None:
    await store.record([wrote("hi", CANARY)], NOON)
    await store.decide_ready(10, NOON, answers("one", "two"))
    [started] = await store.start(10, NOON, POLICY)
    with pytest.raises(Refused, match="on its way") as refused:
        await store.privacy.erase(CANARY, NOON, patience_s=0)
    assert refused.value.code == "still-leaving"
    assert (await store.standing(CANARY)).known
    await store.finish([Unknown(started.attempt_id, at(30), 0, "no answer")], NOON)
    with pytest.raises(Refused, match="on its way"):
        await store.privacy.erase(CANARY, NOON, patience_s=0)
    await store.record([receipt("DELIVERED", started.outbox_id, "M1", who=CANARY)], NOON)
    await store.decide_ready(10, NOON, answers())
    assert await store.start(10, at(60), POLICY) == []  # the second was cancelled
    assert (await store.privacy.erase(CANARY, at(60), patience_s=0)).known


async def test_an_erasure_that_came_to_nothing_ended_what_waits_for_them_to_write(store: SqliteStore) -> None:
    await store.place([replace(order("kept", CANARY), if_closed="wait")], NOON)
    assert await store.start(10, NOON, POLICY) == []
    await store.place([replace(order(who=CANARY), reply=TEMPLATE)], NOON)
    assert len(await store.start(10, NOON, POLICY)) == 1
    with pytest.raises(Refused, match="on its way"):
        await store.privacy.erase(CANARY, at(2), patience_s=0)
    assert (await store.work_left(at(2))).waiting == 0


async def test_an_erasure_that_came_to_nothing_lost_no_receipt(store: SqliteStore) -> None:
    await store.record([wrote("hello", CANARY)], NOON)
    await store.decide_ready(10, NOON, answers("words"))
    [started] = await store.start(10, NOON, POLICY)
    await store.record([receipt("DELIVERED", started.outbox_id, "M1", who=CANARY)], at(1))
    with pytest.raises(Refused, match="on its way"):
        await store.privacy.erase(CANARY, at(2), patience_s=0)
    assert (await store.decide_ready(10, at(3), answers())).settled == 1
    told = await store.message(started.outbox_id)
    assert told is not None
    assert told.status == "delivered"


async def test_what_comes_while_everything_is_looked_through_goes_as_well(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.record([wrote("hello", CANARY)], NOON)
    loop, newest = asyncio.get_running_loop(), erasing._newest
    recorded: list[object] = []

    def after_one_more(connection: sqlite3.Connection, table: str, column: str) -> int:
        if not recorded:
            more = store.record([wrote("between two looks", CANARY)], at(1))
            recorded.append(asyncio.run_coroutine_threadsafe(more, loop).result(10))
        return newest(connection, table, column)

    monkeypatch.setattr(erasing, "_newest", after_one_more)
    assert (await store.privacy.erase(CANARY, at(2))).known
    assert recorded == [[True]]
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert (
            connection.execute("SELECT raw, person FROM inbox WHERE raw NOT NULL OR person NOT NULL").fetchall() == []
        )
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_a_call_under_way_ends_first(store: SqliteStore) -> None:
    await store.record([wrote("track", CANARY)], NOON)
    await store.decide_ready(10, NOON, lambda lane: [settled(lane.pending[0].inbox_id, CALL, state=calling())])
    await store.start_calls(10, NOON)
    with pytest.raises(Refused, match="on its way"):
        await store.privacy.erase(CANARY, NOON, patience_s=0)


async def test_a_reader_that_stays_is_told_and_the_repetition_finishes(store: SqliteStore, tmp_path: Path) -> None:
    await live(store)
    reader = sqlite3.connect(tmp_path / "parley.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM person").fetchone()
    with pytest.raises(Refused, match="another program") as refused:
        await store.privacy.erase(CANARY, at(60), patience_s=0)
    assert refused.value.code == "still-read"
    reader.close()
    assert (await store.privacy.erase(CANARY, at(61))).known
    assert found_in(tmp_path) == set()
    assert not (await store.privacy.erase(CANARY, at(62))).known


async def test_nobody_is_nobody(store: SqliteStore, tmp_path: Path) -> None:
    assert not (await store.privacy.erase(CANARY, NOON)).known
    assert not erased_path(tmp_path / "parley.db").exists()


async def test_a_second_erasure_finds_nothing_and_says_so(store: SqliteStore, tmp_path: Path) -> None:
    """The mark stays as it is, with what it remembers; nothing is listed again."""
    await store.record([wrote("STOP", CANARY)], NOON)
    assert not (await store.privacy.erase(CANARY, at(60))).before
    marked = list(noted(tmp_path / "parley.db"))
    repeated = await store.privacy.erase(CANARY, at(70))
    assert (repeated.known, repeated.before, repeated.stopped) == (False, True, True)
    assert noted(tmp_path / "parley.db") == marked
    with closing(sqlite3.connect(tmp_path / "parley.db")) as connection:
        assert connection.execute("SELECT erased_at FROM erased").fetchall() == [(marked[0].at,)]
    assert (await store.standing(CANARY)).consent.stopped


async def test_each_erasure_is_listed_beside_the_database(store: SqliteStore, tmp_path: Path) -> None:
    await store.record([wrote("STOP", CANARY), wrote("hi", ANNA)], NOON)
    await store.privacy.erase(CANARY, at(60))
    await store.privacy.erase(ANNA, at(61))
    path = erased_path(tmp_path / "parley.db")
    assert [(mark.stopped, mark.at % 10**8) for mark in noted(tmp_path / "parley.db")] == [
        (True, 60 * 10**6),
        (False, 61 * 10**6),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(path.read_text() + "cut off by a cra")
    assert len(noted(tmp_path / "parley.db")) == 2


async def test_a_line_of_a_campaign_goes_too(store: SqliteStore, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "parley.db")
    connection.execute(
        "INSERT INTO campaign (id, app, name, template, declared, category, state, starts_at, created_at)"
        " VALUES (1, 'APP', 'spring', 't', '{}', 'marketing', 'paused', 0, 0)"
    )
    connection.executemany(
        "INSERT INTO recipient (campaign, line, channel, identity, content, state) VALUES (1, ?, 'WHATSAPP', ?, ?, 'pending')",
        [(2, CANARY.identity, '{"a":"the-word-kept"}'), (3, BO.identity, "{}")],
    )
    connection.commit()
    connection.close()
    assert (await store.privacy.erase(CANARY, NOON)).known
    kept = rows(tmp_path / "parley.db", "SELECT line, identity, content, state, why FROM recipient ORDER BY line")
    assert kept == [(2, "", "{}", "skipped", "The person was erased."), (3, BO.identity, "{}", "pending", "")]
    assert found_in(tmp_path) == set()


async def test_traffic_and_a_large_file_do_not_keep_it_from_ending(store: SqliteStore, tmp_path: Path) -> None:
    """While the file is looked through, others write all the time; what moved meanwhile is swept as well."""
    await live(store)
    for start in range(0, 6000, 500):
        await store.record([wrote("w" * 900, BO, id_=f"{start + n}") for n in range(500)], NOON)
    written = 0

    async def traffic() -> None:
        nonlocal written
        while True:
            await store.record([wrote("hi", BO, at(written))], NOON)
            written += 1

    writing = asyncio.create_task(traffic())
    try:
        await store.privacy.erase(CANARY, at(60), patience_s=2)
    finally:
        writing.cancel()
    assert written >= 2  # the file was looked through beside them
    assert found_in(tmp_path) == set()
    assert rows(tmp_path / "parley.db", "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("another", [False, True])
async def test_what_comes_while_everything_is_looked_through_goes_too(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another: bool
) -> None:
    """A stale webhook, one about nobody, and another address of theirs, of after the look."""
    await live(store)
    look, path = privacy._found, tmp_path / "parley.db"
    looks: list[erasing.Found] = []

    def slowly(*asked: object) -> erasing.Found:
        found = look(*asked)  # type: ignore[arg-type]
        if not looks:
            with closing(sqlite3.connect(path)) as other:
                body = f'{{"id":"{CANARY.identity}"}}'.encode()
                other.execute("INSERT INTO refused (received_at, why, raw) VALUES (0, 'stale', ?)", (body,))
                other.execute(
                    "INSERT INTO inbox (app, dedup, kind, state, written_at, received_at, ready_at, settled_at, raw)"
                    " VALUES ('APP', 'in:x', 'inbound', 'ignored', 0, 0, 0, 0, ?)",
                    (body,),
                )
                if another:
                    other.execute(
                        "INSERT INTO identity (app, channel, identity, person) SELECT app, 'MESSENGER', 'the-word-written-2', person"
                        " FROM identity WHERE identity = ?",
                        (CANARY.identity,),
                    )
                other.commit()
        looks.append(found)
        return found

    monkeypatch.setattr(privacy, "_found", slowly)
    erased = await store.privacy.erase(CANARY, at(60))
    channels = {"WHATSAPP", "MESSENGER"} if another else {"WHATSAPP"}
    assert {each.channel for each in erased.contacts} == channels
    assert len(noted(path)) == len(channels)
    assert found_in(tmp_path) == set()


async def test_what_a_killed_restore_left_is_gone_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"parley.db.restoring{suffix}").write_bytes(CANARY.identity.encode())
    await (await open_store(path, app="APP")).close()
    assert found_in(tmp_path) == set()


async def test_who_wanted_no_marketing_gets_none_when_they_come_back(store: SqliteStore, tmp_path: Path) -> None:
    """Also where the rules take silence as enough; everything else is as for anybody."""
    await store.record([wrote("hello", CANARY)], NOON)
    asked = ChangeConsent("marketing", "stopped", "form", NOON)
    await store.contacts.set_consent(CANARY, asked, "", "shop", NOON)
    assert not (await store.privacy.erase(CANARY, at(60))).stopped
    assert not (await store.privacy.erase(CANARY, at(61))).stopped  # repeated: the mark stays
    consent = (await store.standing(CANARY)).consent
    assert (consent.stopped, consent.marketing) == (False, "stopped")
    await store.record([wrote("hi", CANARY, at(70))], at(71))
    consent = (await store.standing(CANARY)).consent
    assert (consent.stopped, consent.marketing, consent.changed_at) == (False, "stopped", None)
    await store.place([replace(order("sale", CANARY), category="marketing"), order("ready", CANARY)], at(72))
    policy = Policy(marketing="not_stopped")
    started = [*await store.start(10, at(72), policy), *await store.start(10, at(72), policy)]
    assert [each.reply for each in started] == [TextReply("ready")]
    assert [mark.stopped for mark in noted(tmp_path / "parley.db")] == [2]
