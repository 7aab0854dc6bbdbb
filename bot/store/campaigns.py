"""One template to many people."""

from __future__ import annotations

from typing import Protocol


class Campaigns(Protocol):
    """One template to many people. See ``bot.store.port`` for what every method promises."""
