"""What is exported, erased, forgotten and backed up."""

from __future__ import annotations

from typing import Protocol


class Privacy(Protocol):
    """What is exported, erased, forgotten and backed up. See ``bot.store.port`` for what every method promises."""
