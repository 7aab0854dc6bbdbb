"""A template as it stands at WhatsApp, whatever staff declared about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ApprovedTemplate:
    """One language of a template. ``language`` is WhatsApp's (``en_US``), ``category`` in small letters.

    ``state`` is an open list: only ``APPROVED`` ones leave; ``PAUSED`` and ``DISABLED`` come from bad feedback, ``REJECTED`` from
    a review, whose ``reason`` may be told. ``parameters`` counts the holes of the body, ``other_keys`` names values that it needs in its
    header or in the address of a button. ``quick_replies`` are the titles of its quick reply buttons, in order.
    """

    name: str
    language: str
    category: str
    state: str
    parameters: int
    other_keys: tuple[str, ...] = ()
    quick_replies: tuple[str, ...] = ()
    reason: str = ""
