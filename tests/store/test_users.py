"""Who may open the pages is true from the commit on, and what they did there is kept for a while."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Refused
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.sqlite.backing_up import back_up
from bot.store.sqlite.restoring import restore
from bot.store.users import Deed, User
from tests.store.making import NOON, at

IDA = User("ida", "answer", "$argon2id$1", NOON)


async def test_a_user_is_found_as_created(store: Store) -> None:
    assert await store.users.create("ida", "answer", "$argon2id$1", NOON) == IDA
    assert await store.users.find("ida") == IDA
    assert await store.users.find("Ida") is None
    with pytest.raises(Refused, match='"ida" exists already'):
        await store.users.create("ida", "operate", "$argon2id$2", at(1))
    assert await store.users.find("ida") == IDA


async def test_a_role_or_a_password_changes_alone(store: Store) -> None:
    await store.users.create("ida", "answer", "$argon2id$1", NOON)
    assert await store.users.change("ida", at(1), role="operate") == replace(IDA, role="operate")
    changed = replace(IDA, role="operate", password="$argon2id$2")
    assert await store.users.change("ida", at(2), password="$argon2id$2") == changed
    assert await store.users.find("ida") == changed
    with pytest.raises(Refused, match='no user "bo" in use'):
        await store.users.change("bo", at(1), role="view")


async def test_who_is_revoked_is_found_no_more_and_may_come_back(store: Store) -> None:
    await store.users.create("ida", "answer", "$argon2id$1", NOON)
    await store.users.logged_in("ida", at(1))
    gone = replace(IDA, revoked_at=at(2), last_login_at=at(1))
    assert await store.users.revoke("ida", at(2)) == gone
    assert await store.users.find("ida") is None
    assert await store.users.listed() == [gone]
    await store.users.logged_in("ida", at(3))
    assert await store.users.listed() == [gone]
    for change in (store.users.revoke("ida", at(4)), store.users.change("ida", at(4), role="operate")):
        with pytest.raises(Refused, match='no user "ida" in use'):
            await change
    again = User("ida", "view", "$argon2id$3", at(5))
    assert await store.users.create("ida", "view", "$argon2id$3", at(5)) == again
    assert await store.users.find("ida") == again


async def test_when_somebody_logged_in_is_remembered(store: Store) -> None:
    await store.users.create("ida", "answer", "$argon2id$1", NOON)
    await store.users.logged_in("ida", at(1))
    await store.users.logged_in("nobody", at(1))
    assert await store.users.find("ida") == replace(IDA, last_login_at=at(1))


async def test_users_are_listed_by_name(store: Store) -> None:
    for name in ("ida", "bo", "cleo"):
        await store.users.create(name, "view", "$argon2id$1", NOON)
    assert [user.name for user in await store.users.listed()] == ["bo", "cleo", "ida"]


# --- the journal ----------------------------------------------------------------------------------------------------------------------


async def test_deeds_are_listed_newest_first_page_by_page(store: Store) -> None:
    done = [Deed(at(n // 2), "ida", "took_over", f"person {n}") for n in range(5)]
    for each in done:
        await store.users.did(each)
    first = await store.users.deeds(2)
    rest = await store.users.deeds(9, first[-1].id)
    found = [*first, *rest]
    assert [replace(each, id=0) for each in found] == done[::-1]
    assert len({each.id for each in found}) == 5


async def test_old_deeds_are_forgotten_a_slice_at_a_time(store: Store) -> None:
    for n in range(5):
        await store.users.did(Deed(at(n), "ida", "logged_in"))
    assert await store.privacy.forget_deeds(at(3), 2) == 2
    assert await store.privacy.forget_deeds(at(3), 2) == 1
    assert [each.at for each in await store.users.deeds(9)] == [at(4), at(3)]


# --- restoring --------------------------------------------------------------------------------------------------------------------------


async def test_nobody_gets_in_again_by_a_backup(tmp_path: Path) -> None:
    """With a password, a role or a name that counts no longer."""
    store = await open_store(tmp_path / "parley.db", app="APP")
    for name in ("ida", "bo", "cleo", "dora"):
        await store.users.create(name, "operate", f"$argon2id${name}", NOON)
    backup = tmp_path / "backup.db"
    back_up(tmp_path / "parley.db", backup)
    await store.users.change("ida", at(1), role="view", password="$argon2id$new")
    for name in ("bo", "cleo"):
        await store.users.revoke(name, at(2))
    await store.users.create("cleo", "view", "$argon2id$new", at(3))
    expected = await store.users.listed()
    await store.close()
    restore(backup, tmp_path / "parley.db", at(4))
    opened = await open_store(tmp_path / "parley.db", app="APP")
    assert await opened.users.listed() == expected
    await opened.close()
