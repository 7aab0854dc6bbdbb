"""What conditions and placeholders see while one event is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.conversation import Conversation
from bot.core.rulebook import Rulebook

NO_VALUES: Mapping[str, str] = {}


@dataclass(slots=True)
class Scene:
    """The one thing that changes while an event is decided: a rule's ``tag`` and ``set`` are seen by the rules it goes to.

    ``slots`` are what the rule's pattern caught, ``answers`` those of the rule's questions, ``results`` what its call gave, ``given`` the
    business event's values; all kept as written. ``outcome`` is that of the questions or the call that the rule is at. ``fields`` and
    ``tags`` begin as the person's own, ``uses`` as the state's. ``hours`` are those that ``closing_time`` and ``next_opening`` speak of.
    ``key`` is the event's dedup key, which chooses among several wordings.
    """

    rulebook: Rulebook
    conversation: Conversation
    now: datetime
    language: str
    window_open: bool
    slots: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)
    outcome: str = ""
    uses: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    key: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    hours: str = ""
    notes: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        """The value of ``name`` from results, answers, slots, the event, then the fields, as written; empty when nobody gave one."""
        for source in (self.results, self.answers, self.slots, self.given, self.fields):
            if source and (found := source.get(name)):
                return found
        return ""
