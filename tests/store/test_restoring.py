"""Restoring beside a database of now that knows better: what is planned, revoked, stopped and written to since the backup."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.decision import ChangeConsent
from bot.store.campaigns import Say
from bot.store.messages import Change, Plan
from bot.store.sqlite import audit
from bot.store.sqlite.backing_up import back_up
from bot.store.sqlite.carrying import WRITTEN_SINCE
from bot.store.sqlite.connection import migrations
from bot.store.sqlite.erasing import erased_path, noted
from bot.store.units import Accepted, Placed
from tests.store.making import ANNA, BO, NOON, POLICY, TEMPLATE, answers, at, order, wrote
from tests.store.test_backups import backed_up, backup, content, opened, overwrite, path, put_back, rows

__all__ = ["backup", "path"]  # fixtures


def moved(seconds: float) -> Callable[[Plan], Change]:
    return lambda plan: Change(at(seconds), plan.not_after, plan.reference, moved=True)


async def test_what_is_planned_goes_on_with_what_was_changed_since(path: Path, backup: Path) -> None:
    """Later than now it cannot have left; moved, cancelled and sent since are as they are in the database of now."""
    names = ("as it was", "moved", "cancelled", "brought forward")
    async with opened(path) as store:
        orders = [replace(order(name), reply=TEMPLATE, not_before=at(5000)) for name in names]
        ids = [placed.outbox_id for placed in await store.place(orders, NOON) if isinstance(placed, Placed)]
        back_up(path, backup)
        await store.messages.change("APP", ids[1], moved(9000), at(1))
        await store.messages.cancel("APP", ids[2], "No.", at(1))
        await store.messages.change("APP", ids[3], moved(10), at(1))
        [started] = await store.start(10, at(20), POLICY)
        await store.finish([Accepted(started.attempt_id, "M1")], at(20))
    restored = await put_back(backup, path)
    assert (restored.planned, restored.held) == (2, 1)
    assert rows(path, "SELECT state FROM outbox ORDER BY seq") == [("queued",), ("queued",), ("cancelled",), ("held",)]
    async with opened(path) as store:
        assert await store.start(10, at(4999), POLICY) == []
        assert [each.outbox_id for each in await store.start(10, at(5001), POLICY)] == ids[:1]


async def test_without_the_database_of_now_what_is_planned_goes_on_unless_once_at_most(
    path: Path, backup: Path
) -> None:
    async with opened(path) as store:
        planned = replace(order(), reply=TEMPLATE, not_before=at(5000))
        past = replace(order("past", BO), not_before=at(900))
        await store.place([planned, replace(planned, at_most_once=True), past], NOON)
        back_up(path, backup)
    overwrite(path, b"broken" * 1000)
    restored = await put_back(backup, path)
    assert (restored.planned, restored.held) == (1, 2)
    async with opened(path) as store:
        assert len(await store.start(10, at(5001), POLICY)) == 1


async def test_what_was_revoked_since_stays_revoked(path: Path, backup: Path) -> None:
    async with opened(path) as store:
        await store.keys.create("shop", frozenset({"send"}), b"hash-1", NOON)
        await store.keys.create("till", frozenset({"send"}), b"hash-2", NOON)
        kept = await store.subscriptions.create("https://a.example", ["*"], "kept", "whsec_1", NOON)
        gone = await store.subscriptions.create("https://b.example", ["*"], "gone", "whsec_2", NOON)
        await store.record([wrote("hello")], NOON)
        await store.subscriptions.publish(10, lambda _: "{}", NOON)
        back_up(path, backup)
        await store.keys.revoke("shop", at(5))
        await store.subscriptions.delete(gone.id, at(5))
        await store.subscriptions.rotate(kept.id, "whsec_3", at(5))
        await store.record([wrote("more", BO)], at(6))
    [last] = rows(path, "SELECT seq FROM sqlite_sequence WHERE name = 'news'")
    assert (await put_back(backup, path)).revoked == 2
    async with opened(path) as store:
        assert await store.keys.find(b"hash-1") is None
        assert await store.keys.find(b"hash-2") is not None
        [listed] = await store.subscriptions.listed()
        assert listed.id == kept.id
        target = await store.subscriptions.target(kept.id, at(10))
        assert target is not None
        assert target.secrets == ("whsec_3", "whsec_1")
        assert [each.target.subscription for each in (await store.subscriptions.start(10, at(1001))).started] == [
            kept.id
        ]
    assert rows(path, "SELECT seq FROM sqlite_sequence WHERE name = 'news'") == [last]


async def test_a_stop_counts_for_each_address_that_is_one_person_now(path: Path, backup: Path) -> None:
    """Two in the backup, one in the database of now, with a third address that the backup does not know."""
    third = replace(ANNA, identity="46700000099")
    await backed_up(path, backup)
    async with opened(path) as store:
        await store.record([wrote("hi", third), wrote("STOP", BO, at(10))], at(10))
    rows(path, "UPDATE identity SET person = (SELECT person FROM identity WHERE identity = ?)", BO.identity)
    await put_back(backup, path)
    async with opened(path) as store:
        assert [(await store.standing(who)).consent.stopped for who in (ANNA, BO, third)] == [True] * 3


@pytest.mark.parametrize("cancelled", [False, True])
async def test_nobody_whom_a_campaign_wrote_to_since_gets_it_again(path: Path, backup: Path, cancelled: bool) -> None:
    async with opened(path) as store:
        await store.record([wrote("hello"), wrote("hi", BO)], NOON)
        rows(
            path,
            "INSERT INTO campaign (id, app, name, template, declared, category, state, starts_at, created_at)"
            " VALUES (1, 'APP', 'spring', 't', '{}', 'utility', 'running', 0, 0)",
        )
        for line, who in enumerate([ANNA, BO, replace(BO, identity="46700000003")]):
            rows(
                path,
                "INSERT INTO recipient (campaign, line, channel, identity, state) VALUES (1, ?, 'WHATSAPP', ?, 'pending')",
                line,
                who.identity,
            )
        back_up(path, backup)
        await store.campaigns.take_turns(1, 2, lambda due: [Say(TEMPLATE, 1) for _ in due], at(1))
        first, *_ = await store.start(1, at(1), POLICY)
        await store.finish([Accepted(first.attempt_id, "M1")], at(1))
        if cancelled:
            rows(path, "UPDATE campaign SET state = 'cancelled', why = 'no', ended_at = 5")
    await put_back(backup, path)
    [told] = rows(path, "SELECT state FROM campaign")
    assert told == ("cancelled" if cancelled else "paused",)
    kept = rows(path, "SELECT line, state, why FROM recipient ORDER BY line")
    assert kept == [(0, "skipped", WRITTEN_SINCE), (1, "pending", ""), (2, "pending", "")]


# --- erased, and back -----------------------------------------------------------------------------------------------------------


async def erased_twice_and_back(path: Path, backup: Path, *words: str) -> None:
    """Each erasure has its line beside the database; the backup holds the person's third life, with what they wrote in it."""
    async with opened(path) as store:
        for seconds in (0, 20):
            await store.record([wrote("hi", ANNA, at(seconds))], at(seconds))
            await store.privacy.erase(ANNA, at(seconds + 10))
        for seconds, text in enumerate(words, 40):
            await store.record([wrote(text, ANNA, at(seconds))], at(seconds))
        await store.decide_ready(10, at(50), answers())
        back_up(path, backup)
    assert len(noted(path)) == 2


def lose(path: Path, lost: str) -> None:
    if lost in ("database", "both"):
        os.unlink(path)
    if lost in ("list", "both"):
        os.unlink(erased_path(path))


@pytest.mark.parametrize("lost", ["nothing", "database", "list", "both"])
async def test_an_erasure_takes_no_life_that_began_after_it(path: Path, backup: Path, lost: str) -> None:
    await erased_twice_and_back(path, backup, "hi", "STOP")
    lose(path, lost)
    assert (await put_back(backup, path)).erased == 0
    async with opened(path) as store:
        standing = await store.standing(ANNA)
        assert (standing.known, standing.consent.stopped) == (True, True)
        await store.place([order("sale", ANNA)], at(1001))
        assert await store.start(10, at(1001), POLICY) == []
    assert rows(path, "SELECT count(*) FROM inbox WHERE person IS NOT NULL") == [(2,)]


async def test_an_erasure_that_the_backups_own_table_lacks_takes_no_newer_life_either(path: Path, backup: Path) -> None:
    """As where the list was lost with the database, an old backup was put back, and the list was found later."""
    await erased_twice_and_back(path, backup, "hi", "STOP")
    rows(backup, "DELETE FROM erased")
    assert (await put_back(backup, path)).erased == 0
    async with opened(path) as store:
        standing = await store.standing(ANNA)
        assert (standing.known, standing.consent.stopped) == (True, True)


@pytest.mark.parametrize("lost", ["nothing", "database", "list"])
async def test_a_stop_in_the_backup_outlives_an_erasure_that_did_not_know_it(
    path: Path, backup: Path, lost: str
) -> None:
    """The erasure's mark says nothing of a STOP: that of another installation, or of a line that a crash left."""
    await erased_twice_and_back(path, backup, "hi", "STOP")
    async with opened(path) as store:
        await store.record([wrote("START", ANNA, at(60))], at(60))
        await store.privacy.erase(ANNA, at(70))
    lose(path, lost)
    assert (await put_back(backup, path)).erased == 1
    async with opened(path) as store:
        standing = await store.standing(ANNA)
        assert (standing.known, standing.consent.stopped) == (False, True)


async def test_each_address_of_who_is_erased_again_has_the_stops_of_all(path: Path, backup: Path) -> None:
    """One person in the backup, two when they were erased; one of the two had said STOP."""
    await backed_up(path, backup)
    rows(backup, "UPDATE identity SET person = (SELECT min(person) FROM identity)")
    async with opened(path) as store:
        await store.record([wrote("STOP", BO, at(10))], at(10))
        await store.privacy.erase(BO, at(20))
        await store.privacy.erase(ANNA, at(30))
    assert (await put_back(backup, path)).erased == 1
    async with opened(path) as store:
        assert [(await store.standing(who)).consent.stopped for who in (ANNA, BO)] == [True, True]


async def test_a_stop_of_marketing_since_takes_no_stop_from_the_mark(path: Path, backup: Path) -> None:
    """Stopped in the backup, erased again by an installation that never heard of it, and back there."""
    async with opened(path.with_name("other.db")) as store:
        await store.record([wrote("STOP", ANNA)], NOON)
        await store.decide_ready(10, NOON, answers())
        back_up(path.with_name("other.db"), backup)
    async with opened(path) as store:
        await store.record([wrote("hi", ANNA)], NOON)
        await store.privacy.erase(ANNA, at(20))
        await store.record([wrote("START", ANNA, at(30))], at(30))
        change = ChangeConsent("marketing", "stopped", "form", at(40))
        await store.contacts.set_consent(ANNA, change, "", "shop", at(40))
        opted_in = ChangeConsent("all", "opted_in", "form", at(41))
        await store.contacts.set_consent(ANNA, opted_in, "signed", "shop", at(41))
    restored = await put_back(backup, path)
    assert (restored.other_key, restored.erased) == (True, 1)
    async with opened(path) as store:
        consent = (await store.standing(ANNA)).consent
        assert (consent.stopped, consent.marketing) == (True, "stopped")


async def test_a_backup_of_an_older_schema_is_brought_up(path: Path, backup: Path) -> None:
    with closing(sqlite3.connect(backup, isolation_level=None)) as old:
        for number, text in migrations()[:2]:
            old.executescript(f"BEGIN;\n{text}\nPRAGMA user_version={number};\nCOMMIT;")
        old.execute("INSERT INTO setting VALUES ('installation_key', ?)", (b"k" * 32,))
        for id_, who in enumerate([ANNA, BO], 1):
            old.execute("INSERT INTO person (id, app, created_at) VALUES (?, 'APP', 0)", (id_,))
            old.execute(
                "INSERT INTO identity (app, channel, identity, person) VALUES ('APP', 'WHATSAPP', ?, ?)",
                (who.identity, id_),
            )
            old.execute("INSERT INTO lane (person) VALUES (?)", (id_,))
    async with opened(path) as store:
        rows(path, "UPDATE setting SET value = ? WHERE name = 'installation_key'", b"k" * 32)
    async with opened(path) as store:
        await store.record([wrote("STOP", ANNA, at(10)), wrote("hi", BO)], at(10))
        await store.privacy.erase(BO, at(20))
    restored = await put_back(backup, path)
    assert (restored.checked.schema, restored.stops, restored.erased) == (2, 1, 1)
    async with opened(path) as store:
        assert (await store.standing(ANNA)).consent.stopped
        assert not (await store.standing(BO)).known
    with closing(sqlite3.connect(path)) as connection:
        assert list(audit.broken(connection)) == []
    assert BO.identity.encode() not in content(path)
