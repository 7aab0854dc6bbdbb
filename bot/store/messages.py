"""Messages that leave, as whoever asked for them sees them."""

from __future__ import annotations

from typing import Protocol


class Messages(Protocol):
    """Messages that leave, as whoever asked for them sees them. See ``bot.store.port`` for what every method promises."""
