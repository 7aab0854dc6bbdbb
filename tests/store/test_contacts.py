"""What ``bot.store.contacts`` promises, asked of a real database."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.core.conversation import WINDOW, State
from bot.core.decision import ChangeConsent, SetPerson
from bot.core.event import ColleagueActed, ContactKey
from bot.core.own_events import raw_of
from bot.core.reply import TextReply
from bot.errors import Refused
from bot.store.contacts import FIELDS_MOST, TAGS_MOST, BroughtRow, Came, Left, PersonChange
from bot.store.port import Store
from bot.store.units import InboxKind, Incoming, Placed
from tests.store.making import ANNA, BO, NOON, POLICY, TEMPLATE, answers, at, order, settled, wrote

CY = ContactKey("APP", "WHATSAPP", "US.13491208655302741918")


def asked(state: str, when: datetime, purpose: str = "all") -> ChangeConsent:
    return ChangeConsent(purpose, state, "form", when)  # type: ignore[arg-type]


# --- a person -----------------------------------------------------------------------------------------------------------


async def test_nobody_is_told_as_such(store: Store) -> None:
    assert await store.contacts.contact(ANNA) is None
    assert await store.contacts.ledger(ANNA, 10) is None
    assert await store.contacts.ledger_rows(ANNA) == ()
    assert await store.contacts.exchange(ANNA, 10) is None


async def test_a_person_is_told_with_window_state_and_consent(store: Store) -> None:
    await store.record([wrote("hi")], at(3))
    await store.decide_ready(
        10, at(4), lambda lane: [settled(lane.pending[0].inbox_id, state=State(in_charge="support"))]
    )
    await store.contacts.set_consent(ANNA, asked("opted_in", at(5)), "", "api:shop", at(6))
    view = await store.contacts.contact(ANNA)
    assert view is not None
    assert [(each.contact, each.window.closes_at, each.wrote_at) for each in view.identities] == [
        (ANNA, NOON + WINDOW, NOON)
    ]
    assert (view.first_seen, view.last_wrote, view.state.in_charge) == (at(3), NOON, "support")
    assert view.consent.opted_in
    assert [(row.state, row.source, row.at) for row in view.counting] == [("opted_in", "form", at(5))]


async def test_a_change_makes_the_person_and_leaves_what_it_does_not_name(store: Store) -> None:
    await store.contacts.change(
        BO, PersonChange("sv", "Europe/Stockholm", {"a": "1", "b": "2"}, frozenset({"vip", "x"})), NOON
    )
    added = PersonChange(fields={"a": None, "c": "3"}, tags_added=frozenset({"new"}), tags_removed=frozenset({"x"}))
    view = await store.contacts.change(BO, added, at(1))
    assert (view.person.language, view.person.time_zone) == ("sv", "Europe/Stockholm")
    assert view.person.fields == {"b": "2", "c": "3"}
    assert set(view.person.tags) == {"vip", "new"}
    view = await store.contacts.change(BO, PersonChange("", tags=frozenset({"only"})), at(2))
    assert (view.person.language, set(view.person.tags), view.first_seen) == ("", {"only"}, NOON)
    assert view == await store.contacts.contact(BO)


async def test_changes_of_the_same_moment_are_all_kept(store: Store) -> None:
    await store.record([wrote("hi", BO)], NOON)
    rule = SetPerson(fields={"rule": "1"}, tags_added=("of_rule",))
    changes = (PersonChange(fields={f"n{n}": "1"}, tags_added=frozenset({f"t{n}"})) for n in range(20))
    await asyncio.gather(
        store.decide_ready(10, NOON, lambda lane: [settled(lane.pending[0].inbox_id, rule)]),
        *(store.contacts.change(BO, change, NOON) for change in changes),
    )
    view = await store.contacts.contact(BO)
    assert view is not None
    assert set(view.person.fields) == {"rule", *(f"n{n}" for n in range(20))}
    assert view.person.tags == {"of_rule", *(f"t{n}" for n in range(20))}


@pytest.mark.parametrize(("what", "most"), [("fields", FIELDS_MOST), ("tags", TAGS_MOST)])
async def test_a_person_has_so_many_fields_and_tags_at_most(store: Store, what: str, most: int) -> None:
    names = [f"n{n}" for n in range(most)]
    full = PersonChange(fields=dict.fromkeys(names, "x")) if what == "fields" else PersonChange(tags=frozenset(names))
    more = PersonChange(fields={"more": "x"}) if what == "fields" else PersonChange(tags_added=frozenset({"more"}))
    before = await store.contacts.change(BO, full, NOON)
    with pytest.raises(Refused, match=f"{most + 1} {what}"):
        await store.contacts.change(BO, more, NOON)
    assert await store.contacts.contact(BO) == before


# --- consent ------------------------------------------------------------------------------------------------------------


async def test_a_stop_ends_what_waits_and_an_opt_in_brings_nothing_back(store: Store) -> None:
    [placed] = await store.place([order(who=BO)], NOON)
    assert isinstance(placed, Placed)
    assert await store.contacts.set_consent(BO, asked("stopped", at(1)), "", "api:shop", at(1)) == "counts"
    assert await store.contacts.set_consent(BO, asked("opted_in", at(2)), "", "api:shop", at(2)) == "needs_proof"
    assert await store.contacts.set_consent(BO, asked("opted_in", at(2)), "form 7", "api:shop", at(2)) == "counts"
    message = await store.message(placed.outbox_id)
    assert message is not None
    assert (message.status, message.reason) == ("cancelled", "The person said STOP.")
    assert await store.start(10, at(3), POLICY) == []
    standing = await store.standing(BO)
    assert (standing.consent.stopped, standing.consent.opted_in) == (False, True)
    rows = await store.contacts.ledger(BO, 10)
    assert rows is not None
    assert [(each.row.state, each.row.proof, each.row.at) for each in rows] == [
        ("opted_in", "form 7", at(2)),
        ("stopped", "", at(1)),
    ]


async def test_a_row_counts_by_the_persons_own_time(store: Store) -> None:
    await store.record([wrote("STOP", BO, at(10))], at(10))
    for change, expected in (
        (asked("opted_in", at(9)), "older"),
        (asked("stopped", at(10)), "there_already"),
        (asked("stopped", at(9)), "older"),
    ):
        assert await store.contacts.set_consent(BO, change, "proof", "api:shop", at(20)) == expected
    assert len(await store.contacts.ledger_rows(BO)) == 1


@pytest.mark.parametrize(("later", "stops"), [(15, True), (3600, True), (3601, False)])
async def test_a_stop_wins_over_an_opt_in_of_others_whose_clock_may_be_fast(
    store: Store, later: int, stops: bool
) -> None:
    await store.record([wrote("hi")], at(0))
    await store.contacts.set_consent(ANNA, asked("opted_in", at(20 + later)), "form 7", "api:shop", at(20 + later))
    await store.record([wrote("STOP", ANNA, at(20))], at(21 + later))
    await store.place([replace(order("still here?"), reply=TEMPLATE)], at(22 + later))
    assert bool(await store.start(10, at(23 + later), POLICY)) is not stops
    contact = await store.contacts.contact(ANNA)
    assert contact is not None
    assert contact.consent.stopped is stops


async def test_a_stop_loses_to_a_start_that_the_person_wrote_later(store: Store) -> None:
    await store.record([wrote("START", ANNA, at(20))], at(21))
    await store.contacts.set_consent(ANNA, asked("opted_in", at(20)), "form 7", "api:shop", at(22))
    await store.record([wrote("STOP", ANNA, at(10))], at(23))
    contact = await store.contacts.contact(ANNA)
    assert contact is not None
    assert not contact.consent.stopped


async def test_marketing_goes_by_time_however_its_rows_come_in(store: Store) -> None:
    """A failed message tells of a stop that is older than what the person agreed to since."""
    await store.record([wrote("hi", BO), wrote("ho", BO)], NOON)
    changes = [asked("opted_in", at(10), "marketing"), asked("stopped", at(5), "marketing")]
    await store.decide_ready(
        10,
        at(20),
        lambda lane: [settled(one.inbox_id, change) for one, change in zip(lane.pending, changes, strict=True)],
    )
    view = await store.contacts.contact(BO)
    assert view is not None
    assert view.consent.marketing == "opted_in"
    assert [row.at for row in view.counting] == [at(10)]
    assert len(await store.contacts.ledger_rows(BO)) == 2
    assert await store.contacts.set_consent(BO, asked("stopped", at(9), "marketing"), "", "x", at(21)) == "older"
    assert await store.contacts.set_consent(BO, asked("stopped", at(10), "marketing"), "", "x", at(21)) == "counts"
    assert (await store.standing(BO)).consent.marketing == "stopped"
    assert not (await store.standing(BO)).consent.stopped


async def test_what_an_event_said_is_proved_by_it_and_pages_follow_each_other(store: Store) -> None:
    await store.record([wrote("STOP", BO, at(1), "m1"), wrote("START", BO, at(2), "m2")], at(3))
    first = await store.contacts.ledger(BO, 1)
    assert first is not None
    assert [(each.row.state, each.row.proof, each.row.recorded_at) for each in first] == [("opted_in", "in:m2", at(3))]
    second = await store.contacts.ledger(BO, 5, first[-1].id)
    assert second is not None
    assert [each.row.proof for each in second] == ["in:m1"]
    assert [row.proof for row in await store.contacts.ledger_rows(BO)] == ["in:m1", "in:m2"]


# --- files --------------------------------------------------------------------------------------------------------------


def brought(state: str, when: datetime, who: ContactKey = BO, proof: str = "", known_only: bool = False) -> BroughtRow:
    return BroughtRow(who, asked(state, when), proof, known_only)


async def test_a_file_is_brought_in_once_and_told_beforehand(store: Store) -> None:
    rows = [
        brought("stopped", at(1)),
        brought("opted_in", at(2)),
        brought("opted_in", at(3), proof="form 7"),
        brought("stopped", at(2.5)),
        brought("stopped", at(1), CY, known_only=True),
        brought("opted_in", at(1), ANNA),
    ]
    expected = ["counts", "needs_proof", "counts", "older", "unknown", "counts"]
    assert await store.contacts.bring_in(rows, at(9), dry_run=True) == expected
    assert await store.contacts.contact(BO) is None
    assert await store.contacts.bring_in(rows, at(9), dry_run=False) == expected
    assert await store.contacts.contact(CY) is None
    assert [row.state for row in await store.contacts.ledger_rows(BO)] == ["stopped", "opted_in"]
    again = ["there_already", "older", "there_already", "older", "unknown", "there_already"]
    assert await store.contacts.bring_in(rows, at(10), dry_run=False) == again


async def test_what_is_told_beforehand_of_somebody_who_was_erased_is_what_becomes(store: Store) -> None:
    await store.record([wrote("STOP", BO)], at(1))
    await store.privacy.erase(BO, at(5))
    rows = [
        brought("opted_in", at(4), proof="form 7"),
        brought("stopped", at(5)),
        brought("opted_in", at(6), known_only=True),
        brought("opted_in", at(6), proof="form 7"),
    ]
    expected = ["older", "there_already", "needs_proof", "counts"]
    assert await store.contacts.bring_in(rows, at(9), dry_run=True) == expected
    assert await store.contacts.bring_in(rows, at(9), dry_run=False) == expected


async def test_a_stop_of_a_file_ends_what_waits(store: Store) -> None:
    [placed] = await store.place([order(who=BO)], NOON)
    assert isinstance(placed, Placed)
    assert await store.contacts.bring_in([brought("stopped", at(1))], at(2), dry_run=False) == ["counts"]
    message = await store.message(placed.outbox_id)
    assert message is not None
    assert message.status == "cancelled"


# --- what was said ------------------------------------------------------------------------------------------------------


def says(entry: Came | Left) -> str:
    if isinstance(entry, Left):
        assert isinstance(entry.message.reply, TextReply)
        return f"bot: {entry.message.reply.text}"
    return f"{entry.kind.value}: {entry.raw.decode()[:9]} {entry.layer} {entry.rule}"


async def test_what_was_said_comes_newest_first_page_by_page(store: Store) -> None:
    await store.record([wrote("one", BO, at(1)), wrote("other", ANNA, at(1))], at(1))
    await store.decide_ready(10, at(1), answers("answer"))
    await store.place([replace(order("asked for", BO), author="shop")], at(2))
    acted = ColleagueActed("took:1", BO, "took_over", "support", "Eva", timedelta(hours=1), at(3), at(3))
    await store.record([Incoming(acted, InboxKind.OPERATOR, raw_of(acted))], at(3))
    await store.record([wrote("two", BO, at(4))], at(4))
    whole = await store.contacts.exchange(BO, 10)
    assert whole is not None
    told = [says(each) for each in whole.entries]
    assert told == [
        "inbound: two  ",
        'operator: {"v":1,"d  ',
        "bot: asked for",
        "bot: answer",
        "inbound: one rules rule",
    ]
    assert whole.next is None
    for size in (1, 2, 3, 5):
        place, pages = whole.next, []
        first = await store.contacts.exchange(BO, size)
        while first is not None:
            pages += [says(each) for each in first.entries]
            place = first.next
            first = None if place is None else await store.contacts.exchange(BO, size, place)
        assert pages == told


async def test_a_page_of_one_sides_words_alone_leads_to_the_next(store: Store) -> None:
    await store.record([wrote("one", BO, at(1)), wrote("two", BO, at(2))], at(2))
    page = await store.contacts.exchange(BO, 1)
    assert page is not None
    assert page.next is not None
    rest = await store.contacts.exchange(BO, 1, page.next)
    assert rest is not None
    assert ([says(each) for each in rest.entries], rest.next) == (["inbound: one  "], None)
