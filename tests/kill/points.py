"""Crash points of what backends, campaigns and subscribers do."""

BUSINESS = (
    "place.in_transaction",
    "campaign.placed",
    "campaign.committed",
    "news.published",
    "callback.started",
    "callback.answered",
)
