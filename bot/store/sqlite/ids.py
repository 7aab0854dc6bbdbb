"""Outside ids of outbox rows."""

from __future__ import annotations

import os


def new_id(at_us: int) -> str:
    """32 lower-case hexadecimal digits, sortable by time and impossible to guess: 48 bits of milliseconds, then 80 random bits."""
    return f"{at_us // 1000:012x}{os.urandom(10).hex()}"


def first_id(at_us: int) -> str:
    """What every id made at ``at_us`` or later is not less than; of any time that a calendar knows."""
    return f"{max(0, at_us) // 1000:012x}"
