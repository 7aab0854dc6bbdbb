"""Ids in the shape Sinch gives its messages, apps and contacts: 26 characters of Crockford's base 32, time first."""

from __future__ import annotations

import random
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_RANDOM_BITS = 80
_random = random.SystemRandom()


def new_id(now: datetime) -> str:
    """A fresh id; ids of different milliseconds sort by time."""
    number = (int(now.timestamp() * 1000) << _RANDOM_BITS) | _random.getrandbits(_RANDOM_BITS)
    return "".join(_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10))
