"""Why a message to somebody was allowed at some time, or refused: a sentence from the rows of the consent ledger.

The gate (``bot.core.delivery``) decides by what the ledger adds up to; this tells the row that made it so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

from bot.core.decision import Purpose
from bot.core.delivery import Policy
from bot.core.ledger import (
    CHANNEL_TOLD,
    ERASED_AS_STOPPED,
    ERASED_WITHOUT_MARKETING,
    MARKETING_STOPPED,
    PERSON_WROTE,
)

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of the ledger. ``at`` is the person's own time, ``recorded_at`` when we learnt it; ``proof`` is whatever shows it."""

    purpose: Purpose
    state: Literal["stopped", "opted_in"]
    source: str
    at: datetime
    recorded_at: datetime
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """``sentence`` begins with "allowed: " or "refused: "."""

    allowed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows that count: the newest of each purpose by the person's own time."""

    all: LedgerRow | None = None
    marketing: LedgerRow | None = None


def counted(rows: Iterable[LedgerRow], at: datetime | None = None) -> Counted:
    """What ``rows``, in the order they were recorded, added up to at ``at`` (None: now). Of rows of the same time a stop counts."""
    newest: dict[str, LedgerRow] = {}
    for row in rows:
        if at is not None and row.recorded_at > at:
            continue
        known = newest.get(row.purpose)
        if known is None or _rank(row) >= _rank(known):
            newest[row.purpose] = row
    return Counted(newest.get("all"), newest.get("marketing"))


def _rank(row: LedgerRow) -> tuple[datetime, bool]:
    return row.at, row.state == "stopped"


def allowed_because(
    rows: Iterable[LedgerRow],
    category: str,
    wrote_at: datetime | None,
    answers: bool,
    at: datetime,
    policy: Policy = Policy(),  # noqa: B008 a value
    zone: tzinfo = UTC,
) -> Explained:
    """Why consent allowed or refused a message of ``category`` at ``at``.

    ``rows`` are the person's, in the order they were recorded; those recorded after ``at`` were not known then. ``wrote_at`` is when the
    person last wrote before ``at`` (None: never), ``answers`` whether the message answers what they wrote. Dates are told as of ``zone``.
    The window is another matter: see ``bot.core.delivery.gate``.
    """
    known = counted(rows, at)
    stop = known.all if known.all is not None and known.all.state == "stopped" else None
    if stop is not None and not (answers and policy.answer_after_stop):
        return Explained(False, f"refused: {_said(stop, zone)}")
    if category == "marketing":
        return _marketing(known.marketing, policy, zone)
    wrote = "" if wrote_at is None else f"the person wrote on {day(wrote_at, zone)}"
    if stop is not None:
        return Explained(
            True, f"allowed: it answers what the person wrote, and the rules answer after {_stop(stop, zone)}"
        )
    if known.all is not None:
        return Explained(True, f"allowed: {_said(known.all, zone)}")
    if wrote:
        return Explained(True, f"allowed: {wrote} and did not say STOP")
    return Explained(True, "allowed: the person did not say STOP; nothing tells how they agreed to be written to")


def _marketing(row: LedgerRow | None, policy: Policy, zone: tzinfo) -> Explained:
    if row is not None:
        allowed = row.state == "opted_in"
        return Explained(allowed, f"{'allowed' if allowed else 'refused'}: {_said(row, zone)}")
    if policy.marketing == "opted_in":
        return Explained(False, "refused: the person never agreed to marketing")
    return Explained(True, "allowed: the person never stopped marketing, which the rules take as enough")


def _said(row: LedgerRow, zone: tzinfo) -> str:
    """The row as what somebody did, and when."""
    on, stopped = day(row.at, zone), row.state == "stopped"
    if row.source == MARKETING_STOPPED:
        return f"the person stopped marketing messages on WhatsApp (131050), {on}"
    if row.source in (PERSON_WROTE, CHANNEL_TOLD) and row.purpose == "all":
        word = "STOP" if stopped else "START"
        where = "wrote" if row.source == PERSON_WROTE else "told the channel"
        return f"the person {where} {word} on {on}"
    if row.source == ERASED_AS_STOPPED:
        return f"the person had said STOP before they were erased, {on}"
    if row.source == ERASED_WITHOUT_MARKETING:
        return f"the person wanted no marketing before they were erased, {on}"
    what = "stopped" if stopped else "opted in"
    return f"{'marketing ' if row.purpose == 'marketing' else ''}{what} by {row.source}, {on}"


def _stop(row: LedgerRow, zone: tzinfo) -> str:
    return f"the STOP of {day(row.at, zone)}"


def day(at: datetime, zone: tzinfo = UTC) -> str:
    """``3 Nov 2026``."""
    try:
        local = at.astimezone(zone)
    except OverflowError:  # the first and last hours that there are
        local = at
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
