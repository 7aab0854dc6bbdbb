"""The bucket of tokens and the circuit."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.work.rate import FAILURES_TO_OPEN, PROBE_EVERY, UNLIMITED, Circuit, Rate

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_burst_is_one_seconds_worth_and_then_the_rate_holds() -> None:
    rate = Rate(20)
    assert rate.available(NOON) == 20
    rate.take(20)
    assert rate.available(NOON) == 0
    assert rate.next_at(NOON) == at(0.05) + timedelta(microseconds=1)
    assert rate.available(at(0.5)) == 10
    assert rate.available(at(3600)) == 20, "what was not used in an hour is no burst"


def test_none_means_no_limit() -> None:
    rate = Rate(0)
    rate.take(1_000_000)
    assert rate.available(NOON) == UNLIMITED
    assert rate.next_at(NOON) == NOON


def test_a_slow_rate_lets_one_at_a_time_through() -> None:
    rate = Rate(0.5)
    assert rate.available(NOON) == 1
    rate.take(1)
    assert (rate.available(at(1.9)), rate.available(rate.next_at(at(1.9)))) == (0, 1)


def test_a_clock_set_back_neither_gives_nor_takes() -> None:
    rate = Rate(10)
    rate.available(NOON)
    rate.take(10)
    assert rate.available(at(-3600)) == 0
    assert rate.available(at(-3599)) == 10


@given(
    per_s=st.floats(0.1, 500), steps=st.lists(st.tuples(st.floats(0, 3), st.integers(0, 1000)), min_size=1, max_size=60)
)
def test_over_any_time_no_more_leave_than_the_rate_and_one_burst(per_s: float, steps: list[tuple[float, int]]) -> None:
    rate, now, taken = Rate(per_s), NOON, 0
    for pause_s, wanted in steps:
        now += timedelta(seconds=pause_s)
        some = min(wanted, rate.available(now))
        rate.take(some)
        taken += some
    assert taken <= (now - NOON).total_seconds() * per_s + max(1.0, per_s) + 1e-6


@given(per_s=st.floats(0.1, 500), used=st.integers(1, 600), later_s=st.floats(0, 1))
def test_at_the_promised_moment_one_is_there(per_s: float, used: int, later_s: float) -> None:
    rate = Rate(per_s)
    rate.take(min(used, rate.available(NOON)))
    assert rate.available(rate.next_at(at(later_s))) >= 1


def test_the_circuit_opens_after_failures_in_a_row_and_probes() -> None:
    circuit = Circuit()
    for _ in range(FAILURES_TO_OPEN - 1):
        circuit.failed(NOON)
    circuit.answered()
    for _ in range(FAILURES_TO_OPEN - 1):
        circuit.failed(NOON)
    assert (circuit.is_open, circuit.most(NOON)) == (False, UNLIMITED)
    circuit.failed(NOON)
    assert (circuit.is_open, circuit.most(NOON), circuit.next_at(NOON)) == (True, 0, NOON + PROBE_EVERY)
    later = NOON + PROBE_EVERY
    assert circuit.most(later) == 1
    circuit.let_through(later)
    assert (circuit.most(later), circuit.next_at(later)) == (0, later + PROBE_EVERY)
    circuit.failed(later)
    assert circuit.next_at(later) == later + PROBE_EVERY
    circuit.answered()
    assert (circuit.is_open, circuit.most(later)) == (False, UNLIMITED)


@pytest.mark.parametrize("failures", [0, FAILURES_TO_OPEN])
def test_a_clock_set_back_makes_no_probe_wait_longer(failures: int) -> None:
    circuit = Circuit()
    for _ in range(failures):
        circuit.failed(NOON)
    circuit.set_back(at(-3600))
    assert circuit.next_at(at(-3600)) == at(-3600)
