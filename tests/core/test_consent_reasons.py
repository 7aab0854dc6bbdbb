"""Why a message was allowed or refused, and which row a backend or a file may add."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from bot.core.consent_reasons import LedgerRow, allowed_because, counted
from bot.core.conversation import Consent
from bot.core.decision import ChangeConsent, Purpose
from bot.core.delivery import Policy
from bot.core.event import DeliveryReceipt, Reason
from bot.core.ledger import (
    CHANNEL_TOLD,
    ERASED_AS_STOPPED,
    ERASED_WITHOUT_MARKETING,
    MARKETING_STOPPED,
    PERSON_WROTE,
    Ledger,
    judge,
    told_by_receipt,
)

NOV = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)
LATER = NOV + timedelta(days=30)
State = Literal["stopped", "opted_in"]


def row(
    state: State, source: str = "form", day: float = 0, purpose: Purpose = "all", recorded: float | None = None
) -> LedgerRow:
    recorded_at = NOV + timedelta(days=day if recorded is None else recorded)
    return LedgerRow(purpose, state, source, NOV + timedelta(days=day), recorded_at)


def why(
    *rows: LedgerRow,
    category: str = "utility",
    wrote: bool = False,
    answers: bool = False,
    policy: Policy = Policy(),  # noqa: B008 a value
    zone: ZoneInfo | None = None,
) -> str:
    found = allowed_because(rows, category, NOV if wrote else None, answers, LATER, policy, zone or UTC)
    assert found.sentence.startswith("allowed: " if found.allowed else "refused: ")
    return found.sentence


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row("opted_in")], "allowed: opted in by form, 3 Nov 2026"),
        ([row("stopped")], "refused: stopped by form, 3 Nov 2026"),
        ([row("stopped", PERSON_WROTE)], "refused: the person wrote STOP on 3 Nov 2026"),
        ([row("opted_in", CHANNEL_TOLD)], "allowed: the person told the channel START on 3 Nov 2026"),
        ([row("stopped", day=1), row("opted_in")], "refused: stopped by form, 4 Nov 2026"),
        ([row("stopped"), row("opted_in", PERSON_WROTE, 1)], "allowed: the person wrote START on 4 Nov 2026"),
        ([row("stopped"), row("opted_in")], "refused: stopped by form, 3 Nov 2026"),
        ([row("opted_in", purpose="marketing")], "allowed: the person wrote on 3 Nov 2026 and did not say STOP"),
        ([row("stopped", recorded=31)], "allowed: the person wrote on 3 Nov 2026 and did not say STOP"),
    ],
)
def test_the_row_that_counts_is_told(rows: list[LedgerRow], sentence: str) -> None:
    assert why(*rows, wrote=True) == sentence


def test_somebody_of_whom_nothing_is_known() -> None:
    assert why() == "allowed: the person did not say STOP; nothing tells how they agreed to be written to"


@pytest.mark.parametrize(
    ("rows", "marketing", "sentence"),
    [
        ([], "opted_in", "refused: the person never agreed to marketing"),
        ([], "not_stopped", "allowed: the person never stopped marketing, which the rules take as enough"),
        ([row("opted_in", purpose="marketing")], "opted_in", "allowed: marketing opted in by form, 3 Nov 2026"),
        ([row("stopped", purpose="marketing")], "not_stopped", "refused: marketing stopped by form, 3 Nov 2026"),
        (
            [row("stopped", MARKETING_STOPPED, purpose="marketing")],
            "opted_in",
            "refused: the person stopped marketing messages on WhatsApp (131050), 3 Nov 2026",
        ),
        (
            [row("stopped"), row("opted_in", day=1, purpose="marketing")],
            "opted_in",
            "refused: stopped by form, 3 Nov 2026",
        ),
    ],
)
def test_marketing_needs_a_word_of_its_own(
    rows: list[LedgerRow], marketing: Literal["opted_in", "not_stopped"], sentence: str
) -> None:
    assert why(*rows, category="marketing", wrote=True, policy=Policy(marketing=marketing)) == sentence


def test_an_answer_may_be_allowed_after_stop() -> None:
    policy = Policy(answer_after_stop=True)
    stopped = row("stopped", PERSON_WROTE)
    assert why(stopped, policy=policy) == "refused: the person wrote STOP on 3 Nov 2026"
    assert why(stopped, answers=True) == "refused: the person wrote STOP on 3 Nov 2026"
    told = "allowed: it answers what the person wrote, and the rules answer after the STOP of 3 Nov 2026"
    assert why(stopped, answers=True, policy=policy) == told


def test_days_are_those_of_the_zone() -> None:
    assert why(row("opted_in"), zone=ZoneInfo("Europe/Stockholm")) == "allowed: opted in by form, 4 Nov 2026"
    first = LedgerRow("all", "opted_in", "form", datetime(1, 1, 1, tzinfo=UTC), NOV)
    assert why(first, zone=ZoneInfo("America/New_York")) == "allowed: opted in by form, 1 Jan 1"


def test_what_counts_is_told_by_purpose() -> None:
    rows = [row("opted_in"), row("stopped", purpose="marketing"), row("opted_in", day=-1, purpose="marketing")]
    assert (counted(rows).all, counted(rows).marketing) == (rows[0], rows[1])


# --- rows that backends and files bring ---------------------------------------------------------------------------------


def asked(state: State, day: float, purpose: Purpose = "all") -> ChangeConsent:
    return ChangeConsent(purpose, state, "form", NOV + timedelta(days=day))


STOPPED = Ledger(Consent(stopped=True, changed_at=NOV), None, {("all", "stopped", NOV)})
FREE = Ledger(Consent(opted_in=True, changed_at=NOV), None, {("all", "opted_in", NOV)})
NO_MARKETING = Ledger(Consent(marketing="stopped"), NOV, {("marketing", "stopped", NOV)})
MARKETING = Ledger(Consent(marketing="opted_in"), NOV, {("marketing", "opted_in", NOV)})
NOTHING = Ledger(Consent(), None, ())


@pytest.mark.parametrize(
    ("change", "proof", "ledger", "judgement"),
    [
        (asked("opted_in", 0), "", NOTHING, "counts"),
        (asked("stopped", 0), "", STOPPED, "there_already"),
        (asked("stopped", 1), "", STOPPED, "counts"),
        (asked("stopped", -1), "", STOPPED, "older"),
        (asked("opted_in", -1), "signed", STOPPED, "older"),
        (asked("opted_in", 0), "signed", STOPPED, "older"),
        (asked("opted_in", 1), "signed", STOPPED, "counts"),
        (asked("opted_in", 1), " ", STOPPED, "needs_proof"),
        (asked("stopped", 0), "", FREE, "counts"),
        (asked("stopped", -1), "", FREE, "older"),
        (asked("opted_in", 1), "", FREE, "counts"),
        (asked("opted_in", 1, "marketing"), "", STOPPED, "needs_proof"),
        (asked("opted_in", 1, "marketing"), "signed", STOPPED, "counts"),
        (asked("opted_in", 1, "marketing"), "", NO_MARKETING, "needs_proof"),
        (asked("opted_in", 0, "marketing"), "signed", NO_MARKETING, "older"),
        (asked("stopped", 0, "marketing"), "", MARKETING, "counts"),
        (asked("opted_in", -1), "", MARKETING, "counts"),
    ],
)
def test_a_row_is_judged_by_the_persons_own_time(
    change: ChangeConsent, proof: str, ledger: Ledger, judgement: str
) -> None:
    assert judge(change, proof, ledger) == judgement


def test_a_row_that_counts_is_part_of_what_the_next_is_judged_by() -> None:
    after = NOTHING.with_row(asked("stopped", 1)).with_row(asked("stopped", 1, "marketing"))
    assert after.consent.stopped
    assert judge(asked("stopped", 1), "", after) == "there_already"
    assert judge(asked("opted_in", 1, "marketing"), "signed", after) == "older"


@pytest.mark.parametrize(
    ("status", "number", "is_told"),
    [("FAILED", "131050", True), ("FAILED", "131026", False), ("DELIVERED", "131050", False)],
)
def test_whatsapp_tells_of_a_marketing_stop_by_a_failure(status: str, number: str, is_told: bool) -> None:
    reason = Reason("CHANNEL_FAILURE", "", "", number)
    found = told_by_receipt(DeliveryReceipt("r", None, "m", "o", status, NOV, NOV, reason))
    assert found == (ChangeConsent("marketing", "stopped", MARKETING_STOPPED, NOV) if is_told else None)


def test_what_is_remembered_of_who_was_erased_is_told_as_a_sentence() -> None:
    assert why(row("stopped", ERASED_AS_STOPPED)) == (
        "refused: the person had said STOP before they were erased, 3 Nov 2026"
    )
    unwanted = row("stopped", ERASED_WITHOUT_MARKETING, purpose="marketing")
    assert why(unwanted, category="marketing") == (
        "refused: the person wanted no marketing before they were erased, 3 Nov 2026"
    )
