"""How fast to send, and when to stop trying: a bucket of tokens, and a circuit that opens while Sinch is down."""

from __future__ import annotations

from datetime import datetime, timedelta

UNLIMITED = 1 << 30
FAILURES_TO_OPEN = 5  # in a row
PROBE_EVERY = timedelta(seconds=30)


class Rate:
    """At most ``per_s`` messages a second over any longer time, with bursts of one second's worth; 0 means no limit."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._tokens = self._most
        self._filled_at: datetime | None = None

    def available(self, now: datetime) -> int:
        """How many may leave now."""
        if not self._per_s:
            return UNLIMITED
        if self._filled_at is not None:
            passed_s = max(0.0, (now - self._filled_at).total_seconds())  # a clock set back takes nothing away
            self._tokens = min(self._most, self._tokens + passed_s * self._per_s)
        self._filled_at = now
        return int(self._tokens)

    def take(self, count: int) -> None:
        """``count`` leave, of those that were available."""
        if self._per_s:
            self._tokens -= count

    def next_at(self, now: datetime) -> datetime:
        """When at least one may leave."""
        if self.available(now):
            return now
        # Rounded up: a moment too early would find no token and be asked for again and again.
        return now + timedelta(seconds=(1.0 - self._tokens) / self._per_s, microseconds=1)


class Circuit:
    """Closed while Sinch answers. Five failures in a row open it; then one message is let through every 30 seconds, to see."""

    def __init__(self) -> None:
        self._failures = 0
        self._probe_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether Sinch counts as down."""
        return self._probe_at is not None

    def most(self, now: datetime) -> int:
        """How many may leave now."""
        if self._probe_at is None:
            return UNLIMITED
        return 1 if now >= self._probe_at else 0

    def next_at(self, now: datetime) -> datetime:
        """When at least one may leave."""
        return now if self._probe_at is None else max(now, self._probe_at)

    def let_through(self, now: datetime) -> None:
        """Something leaves; while open, the next may in 30 seconds."""
        if self._probe_at is not None:
            self._probe_at = now + PROBE_EVERY

    def set_back(self, now: datetime) -> None:
        """The clock was set back: do not wait longer for it."""
        if self._probe_at is not None:
            self._probe_at = now

    def answered(self) -> None:
        """Sinch is there, whatever it said."""
        self._failures = 0
        self._probe_at = None

    def failed(self, now: datetime) -> None:
        """No answer, or one that says it is down."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN and self._probe_at is None:
            self._probe_at = now + PROBE_EVERY
