"""Named places where a test may kill the process; nothing at all in production.

``PARLEY_CRASH=name:n`` in the environment at start makes the n-th visit of ``name`` end the process with SIGKILL, as a power switch would.
Without it ``reach`` compares two words.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "receive.body",
    "record.in_transaction",
    "record.committed",
    "webhook.answered",
    "decide.inside",
    "settle.in_transaction",
    "settle.committed",
    "question.asked",
    "held.released",
    "start.in_transaction",
    "start.committed",
    "send.written",
    "send.answered",
    "finish.in_transaction",
    "finish.committed",
    "receipt.in_transaction",
    "reconcile.in_transaction",
    "timers.in_transaction",
    "timers.committed",
    "call.claimed",
    "call.started",
    "call.answered",
    "call.in_transaction",
    "call.finished",
    "call.recovered",
    "reload.approved",
    "reload.stored",
    "reload.swapped",
    "place.in_transaction",
    "campaign.placed",
    "campaign.committed",
    "news.published",
    "callback.started",
    "callback.answered",
    "migrate.in_transaction",
)

# On the way of those who are erased or forgotten, and of commands that work on the file alone.
OF_DATA = (
    "erase.noted",
    "erase.in_transaction",
    "erase.committed",
    "erase.sweeping",
    "forget.in_transaction",
    "forget.committed",
    "backup.copied",
    "backup.checked",
    "restore.copied",
    "restore.prepared",
    "restore.kept",
    "restore.replaced",
)


class _Armed:
    """Where this process dies, and how many visits from now; nowhere while ``point`` is empty."""

    __slots__ = ("left", "point")

    def __init__(self) -> None:
        self.point = ""
        self.left = 0


_armed = _Armed()


def arm(order: str) -> None:
    """Die at the n-th visit of ``name`` from now on, ``order`` being ``name:n`` or ``name``; an empty one is no order.

    Raises ``ValueError`` for a name that is no crash point.
    """
    name, _, count = order.partition(":")
    known = (*POINTS, *OF_DATA)
    if order and name not in known:
        raise ValueError(f"PARLEY_CRASH names no crash point: {name!r}; known are {', '.join(known)}")
    _armed.point, _armed.left = name, int(count or "1")


def waits_for(point: str) -> bool:
    """Whether this process is to die at ``point``, for places that cost something to watch."""
    return point == _armed.point


def reach(point: str) -> None:
    """Call with one of ``POINTS`` or ``OF_DATA`` right at that place."""
    if point != _armed.point:
        return
    _armed.left -= 1
    if _armed.left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("PARLEY_CRASH", ""))
