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
    "migrate.in_transaction",
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
    if order and name not in POINTS:
        raise ValueError(f"PARLEY_CRASH names no crash point: {name!r}; known are {', '.join(POINTS)}")
    _armed.point, _armed.left = name, int(count or "1")


def waits_for(point: str) -> bool:
    """Whether this process is to die at ``point``, for places that cost something to watch."""
    return point == _armed.point


def reach(point: str) -> None:
    """Call with one of ``POINTS`` right at that place."""
    if point != _armed.point:
        return
    _armed.left -= 1
    if _armed.left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("PARLEY_CRASH", ""))
