"""Which rulebook went live when, by whom, and going back."""

import pytest

from bot.errors import Refused
from bot.store.port import Store
from bot.store.units import Release
from tests.store.making import NOON, at

A, B = {"rules/a.yaml": b"a"}, {"rules/a.yaml": b"b"}


async def test_releases_are_listed_newest_first_with_who_and_when(store: Store) -> None:
    one = await store.save_rulebook("a", A, NOON, "Anna")
    two = await store.save_rulebook("b", B, at(1))
    expected = [Release(two, "b", at(1), "", ""), Release(one, "a", NOON, "Anna", "")]
    assert list(await store.releases(10)) == expected
    assert list(await store.releases(1)) == expected[:1]


async def test_going_back_makes_a_stored_rulebook_live_again(store: Store) -> None:
    one = await store.save_rulebook("a", A, NOON)
    two = await store.save_rulebook("b", B, at(1))
    await store.go_back(one, "Bo", at(2))
    last = await store.last_good_rulebook()
    assert last is not None
    assert (last.number, last.live_from) == (one, at(2))
    assert (await store.releases(1))[0] == Release(one, "a", at(2), "Bo", f"rollback from {two}", two)


async def test_going_back_to_what_is_live_changes_nothing(store: Store) -> None:
    one = await store.save_rulebook("a", A, NOON)
    await store.go_back(one, "Bo", at(2))
    assert len(await store.releases(10)) == 1


async def test_going_back_to_what_is_not_there_is_refused(store: Store) -> None:
    await store.save_rulebook("a", A, NOON)
    with pytest.raises(Refused) as refused:
        await store.go_back(99, "Bo", at(2))
    assert (refused.value.code, refused.value.status) == ("no_such_rulebook", 404)
    assert len(await store.releases(10)) == 1
