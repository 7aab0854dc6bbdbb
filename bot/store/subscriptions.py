"""Backends that listen, and what they are told."""

from __future__ import annotations

from typing import Protocol


class Subscriptions(Protocol):
    """Backends that listen, and what they are told. See ``bot.store.port`` for what every method promises."""
