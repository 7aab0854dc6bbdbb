"""Receipts only climb."""

import pytest

from bot.core.delivery import FAILED_RANK, RECEIPT_RANK, climbs

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
