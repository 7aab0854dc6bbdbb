"""People and what is known of them."""

from __future__ import annotations

from typing import Protocol


class Contacts(Protocol):
    """People and what is known of them. See ``bot.store.port`` for what every method promises."""
