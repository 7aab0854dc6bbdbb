"""What conditions and placeholders see while one event is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.conversation import Conversation
from bot.core.rulebook import Rulebook


@dataclass(slots=True)
class Scene:
    """The one thing that changes while an event is decided: a rule's ``tag`` and ``set`` are seen by the rules it goes to.

    ``slots`` are what the rule's pattern caught, ``given`` the business event's values; all kept as written. ``fields`` and ``tags``
    begin as the person's own. ``hours`` are those that ``closing_time`` and ``next_opening`` speak of.
    """

    rulebook: Rulebook
    conversation: Conversation
    now: datetime
    language: str
    window_open: bool
    slots: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    hours: str = ""
    notes: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        """The value of ``name`` from slots, the event, then the contact's fields, as written; empty when nobody gave one."""
        return self.slots.get(name) or self.given.get(name) or self.fields.get(name) or ""
