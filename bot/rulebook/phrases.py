"""Patterns taken apart once: several checks look at the same ones."""

from __future__ import annotations

from functools import lru_cache

from bot.rulebook.pattern import Pattern, parse


@lru_cache(maxsize=30_000)
def parsed(source: str) -> Pattern:
    """The pattern that ``source`` writes; raises ``PatternError``."""
    return parse(source)
