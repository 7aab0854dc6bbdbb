"""Back-pressure: what is refused, what passes all the same, and that it ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.core.event import ContactKey
from bot.errors import Overloaded, StoreUnavailable
from bot.store.strain import Most, Strain
from bot.work.pressure import SMALL, Limits, Pressure, tight
from tests.store.making import ANNA, BO, NOON, receipt, wrote
from tests.work.still import StillClock

LIMITS = Limits(undecided=10, of_one=4, queued=20, log_bytes=1000)
PLENTY = Strain(free_bytes=10**12, disk_bytes=10**13)
FULL = replace(PLENTY, free_bytes=199_999_999)
LONG = replace(PLENTY, log_bytes=1001)
BEHIND = replace(PLENTY, undecided=11)
AHEAD = replace(PLENTY, queued=21)


class Told:
    """A store of which only its strain is asked."""

    def __init__(self, strain: Strain) -> None:
        self.strain_now = strain
        self.is_gone = False
        self.asked: list[Most] = []

    async def strain(self, most: Most) -> Strain:
        self.asked.append(most)
        if self.is_gone:
            raise StoreUnavailable("The database could not be read: gone.", after_s=5.0)
        return self.strain_now


async def under(strain: Strain) -> Pressure:
    pressure = Pressure(Told(strain), StillClock(NOON), LIMITS)
    await pressure.look()
    return pressure


def is_refused(check: Callable[[], None]) -> bool:
    try:
        check()
    except Overloaded as overloaded:
        told = overloaded
    else:
        return False
    assert str(told).endswith(".")
    assert (told.after_s or 0) >= 1
    return True


@pytest.mark.parametrize(
    ("strain", "webhook", "event", "message", "campaign"),
    [
        (PLENTY, False, False, False, False),
        (replace(PLENTY, undecided=10, queued=20, log_bytes=1000, free_bytes=200_000_000), False, False, False, False),
        (FULL, True, True, True, True),
        (LONG, True, True, True, True),
        (BEHIND, True, True, False, False),
        (AHEAD, False, True, True, True),
        (Strain(free_bytes=None, disk_bytes=None), False, False, False, False),
    ],
)
async def test_each_limit_refuses_what_would_make_it_worse(
    strain: Strain, webhook: bool, event: bool, message: bool, campaign: bool
) -> None:
    pressure = await under(strain)
    assert is_refused(lambda: pressure.check_incoming(wrote("hi"))) == webhook
    assert is_refused(pressure.check_event) == event
    assert is_refused(pressure.check_message) == message
    assert pressure.may_campaign == (not campaign)


@pytest.mark.parametrize("strain", [FULL, LONG, BEHIND, replace(BEHIND, crowded=frozenset({ANNA}))])
async def test_a_stop_and_a_receipt_pass_whatever_is_refused(strain: Strain) -> None:
    pressure = await under(strain)
    for incoming in (wrote("STOP"), wrote("START"), receipt("DELIVERED", "o1")):
        assert not is_refused(lambda incoming=incoming: pressure.check_incoming(incoming))  # type: ignore[misc]
    large = replace(wrote("STOP"), raw=b"x" * (SMALL + 1))
    assert is_refused(lambda: pressure.check_incoming(large))


async def test_one_who_fills_everything_waits_for_themselves() -> None:
    pressure = await under(replace(PLENTY, undecided=8, crowded=frozenset({ANNA})))
    assert is_refused(lambda: pressure.check_incoming(wrote("hi", ANNA)))
    assert not is_refused(lambda: pressure.check_incoming(wrote("hi", BO)))
    assert not is_refused(lambda: pressure.check_incoming(wrote("hi", ContactKey("APP", "SMS", ANNA.identity))))


async def test_what_the_operator_must_mend_is_a_problem_and_what_passes_is_a_remark() -> None:
    for strain in (FULL, LONG):
        pressure = await under(strain)
        assert (len(pressure.problems()), list(pressure.remarks())) == (1, [])
    for strain in (BEHIND, AHEAD):
        pressure = await under(strain)
        assert (list(pressure.problems()), len(pressure.remarks())) == ([], 1)
    [why] = (await under(FULL)).problems()
    assert why.startswith("The disk of the database has only 200 MB left, and 200 MB are kept")


def test_the_reserve_of_a_small_disk_is_small() -> None:
    assert [one.why for one in tight(Strain(free_bytes=50_000_001, disk_bytes=10**9), LIMITS)] == []
    assert len(tight(Strain(free_bytes=49_999_999, disk_bytes=10**9), LIMITS)) == 1


async def test_it_looks_every_second_and_tells_once_when_it_begins_and_once_when_it_ends() -> None:
    store = Told(FULL)
    clock = StillClock(NOON)
    pressure = Pressure(store, clock, LIMITS)
    with capture_logs() as logs:
        for strain in (FULL, FULL, PLENTY, PLENTY, BEHIND):
            store.strain_now = strain
            await pressure.look()
    assert [(entry["event"], entry["what"]) for entry in logs] == [
        ("work_refused", "room"),
        ("work_taken_again", "room"),
        ("work_refused", "deciding"),
    ]
    assert set(store.asked) == {Most(10, 4, 20, 1000)}


async def test_what_was_seen_last_holds_while_the_database_cannot_be_read() -> None:
    store, clock = Told(FULL), StillClock(NOON)
    pressure = Pressure(store, clock, LIMITS)
    task = asyncio.create_task(pressure.run())
    async with asyncio.timeout(10):
        await clock.until_waiting()
        store.is_gone = True
        clock.advance(1)
        await clock.until_waiting()
        assert is_refused(pressure.check_message)
        store.is_gone, store.strain_now = False, PLENTY
        clock.advance(1)
        await clock.until_waiting()
        assert not is_refused(pressure.check_message)
        pressure.stop()
        await task
