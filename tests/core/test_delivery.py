"""Receipts only climb, the gate lets through what may leave now, and refusals are waited out."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.conversation import MARGIN, Consent, Window
from bot.core.delivery import FAILED_RANK, RECEIPT_RANK, Drop, Go, OutboxState, Outgoing, Policy, back_off, climbs, gate
from bot.core.event import ContactKey
from bot.core.reply import (
    ContactReply,
    FlowReply,
    LinkReply,
    LocationReply,
    MediaReply,
    Reply,
    TemplateReply,
    TextReply,
)

READ, DELIVERED, ON_CHANNEL = RECEIPT_RANK["READ"], RECEIPT_RANK["DELIVERED"], RECEIPT_RANK["QUEUED_ON_CHANNEL"]


@pytest.mark.parametrize(
    ("before", "status", "after"),
    [
        (0, "QUEUED_ON_CHANNEL", ON_CHANNEL),
        (0, "READ", READ),
        (ON_CHANNEL, "DELIVERED", DELIVERED),
        (READ, "DELIVERED", None),
        (DELIVERED, "DELIVERED", None),
        (DELIVERED, "QUEUED_ON_CHANNEL", None),
        (ON_CHANNEL, "FAILED", FAILED_RANK),
        (DELIVERED, "FAILED", None),
        (READ, "FAILED", None),
        (FAILED_RANK, "READ", None),
        (FAILED_RANK, "FAILED", None),
        (0, "SOMETHING_NEW", None),
    ],
)
def test_a_receipt_climbs_or_changes_nothing(before: int, status: str, after: int | None) -> None:
    assert climbs(before, status) == after


# --- the gate -----------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
FREE_FORM = (
    TextReply("Hello."),
    MediaReply("image", "https://shop.example/1.jpg"),
    LocationReply(59.3, 18.1, "The shop"),
    ContactReply("Anna", "+46700000001"),
    LinkReply("Here.", "Open", "https://shop.example"),
    FlowReply("Fill in.", "F1", "Open"),
)


def leaving(reply: Reply, category: str = "service", answers: bool = False) -> Outgoing:
    contact = ContactKey("APP", "WHATSAPP", "46700000001")
    return Outgoing("1", contact, reply, category, "fail", NOW - timedelta(minutes=1), answers=answers)


@pytest.mark.parametrize("reply", FREE_FORM)
def test_nothing_free_form_starts_from_the_margin_on(reply: Reply) -> None:
    closes_at = NOW + MARGIN
    last = gate(leaving(reply), Consent(), Window(closes_at + INSTANT), NOW, Policy())
    assert last == Go(reply, int(MARGIN.total_seconds()))
    refused = gate(leaving(reply), Consent(), Window(closes_at), NOW, Policy())
    assert isinstance(refused, Drop)
    assert refused.state is OutboxState.FAILED


def test_an_answer_is_no_way_around_consent_to_marketing() -> None:
    sale = leaving(TemplateReply("sale", "en_US", {}, "marketing"), "marketing", answers=True)
    for marketing, leaves in (("opted_in", True), ("unknown", False), ("stopped", False)):
        verdict = gate(sale, Consent(marketing=marketing), Window(NOW + timedelta(hours=1)), NOW, Policy())
        assert isinstance(verdict, Go) == leaves


# --- refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusals", "jitter", "seconds"),
    [(1, 0.0, 0.5), (1, 1.0, 1.0), (2, 1.0, 2.0), (9, 1.0, 256.0), (10, 1.0, 300.0), (10, 0.0, 150.0), (10**6, 1.0, 300.0)],
)  # fmt: skip
def test_refusals_are_waited_out_longer_and_longer_and_not_for_ever(
    refusals: int, jitter: float, seconds: float
) -> None:
    assert back_off(refusals, jitter) == timedelta(seconds=seconds)
