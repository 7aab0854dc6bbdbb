"""How far this machine's clock is from Sinch's, by the ``Date`` of its answers (RFC 9110)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

TOLERANCE_S = 60.0  # beyond it WhatsApp's window cannot be told from our clock


class ClockSkew:
    """The last measurement. ``seconds`` is positive where this machine is ahead, and 0 where the clocks may agree."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.is_known = False  # whether it was ever measured

    @property
    def is_too_large(self) -> bool:
        """Whether the difference is over a minute."""
        return abs(self.seconds) > TOLERANCE_S

    def measure(self, date: str, asked_at: float, answered_at: float) -> bool:
        """Compare a ``Date`` (whole seconds) with our POSIX times around the exchange; False where the header is no date.

        The answer was dated somewhere between the two, so a slow answer alone is no difference.
        """
        try:
            told = parsedate_to_datetime(date)
            theirs = told.replace(tzinfo=told.tzinfo or UTC).timestamp()
        except (ValueError, TypeError, OverflowError):
            return False
        self.is_known = True
        self.seconds = max(0.0, asked_at - (theirs + 1.0)) + min(0.0, answered_at - theirs)
        return True
