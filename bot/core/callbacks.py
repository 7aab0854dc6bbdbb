"""Callbacks to subscribed backends: when one is tried again, for how long, and how a backend that is down is probed.

A failure is blamed on the event while its backend takes others, and on the backend while it takes none: an event that is never taken
holds up nobody, and a backend that is down for a day gets everything as soon as it answers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

# As Standard Webhooks recommends: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
RETRIES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRY_FOR: Final = timedelta(hours=76)  # all of RETRIES, and the time they take; past it a callback is a dead letter
PROBE_FIRST: Final = timedelta(seconds=1)
PROBE_MOST: Final = timedelta(minutes=5)
SECRETS_OVERLAP: Final = timedelta(hours=24)  # how long the secret before a rotation still signs


def retry_in(failures: int, jitter: float) -> timedelta:
    """How long an event waits after its ``failures``-th failure (from 1): by ``RETRIES``, up to a tenth more by ``jitter`` in [0, 1]."""
    return RETRIES[min(failures, len(RETRIES)) - 1] * (1 + 0.1 * jitter)


def probe_in(failures: int, jitter: float) -> timedelta:
    """How long a backend is left alone after its ``failures``-th failure in a row (from 1): doubles from 1 s to 5 min, times 0.5 to 1 by
    ``jitter`` in [0, 1]."""
    doublings: int = 2 ** min(failures - 1, 20)
    return min(PROBE_FIRST * doublings, PROBE_MOST) * (0.5 + 0.5 * jitter)
