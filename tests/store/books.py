"""The books that a story is held against: what must be so, from what was asked and answered alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.store.units import Started


@dataclass
class Placed:
    """A message of the API, as it was asked for. ``upto``: its not_after."""

    who: str
    at: datetime | None
    upto: datetime | None
    gone: bool = False


@dataclass
class Books:
    """What must be so, from what was answered alone."""

    words: dict[str, list[tuple[str, str, datetime]]] = field(default_factory=dict)
    closes: dict[str, datetime] = field(default_factory=dict)
    placed: dict[str, Placed] = field(default_factory=dict)
    keys: dict[str, tuple[object, str, datetime]] = field(default_factory=dict)
    flying: dict[str, Started] = field(default_factory=dict)  # by identity
    taken: list[tuple[Started, str]] = field(default_factory=list)  # with Sinch's id
    status: dict[int, str] = field(default_factory=dict)
    told: int = 0

    def says(self, who: str, purpose: str, state: str, at: datetime) -> None:
        self.words.setdefault(who, []).append((purpose, state, at))

    def counts(self, who: str, purpose: str) -> str:
        """The newest word by the person's own time; of the same time a stop."""
        rows = [(at, state == "stopped") for kind, state, at in self.words.get(who, ()) if kind == purpose]
        return "" if not rows else "stopped" if max(rows)[1] else "opted_in"

    def forget(self, who: str, at: datetime) -> None:
        stopped = [purpose for purpose in ("all", "marketing") if self.counts(who, purpose) == "stopped"]
        self.words[who] = [(purpose, "stopped", at) for purpose in stopped]
        self.closes.pop(who, None)
        self.placed = {id_: each for id_, each in self.placed.items() if each.who != who}
        self.taken = [(started, id_) for started, id_ in self.taken if started.contact.identity != who]
        self.keys = {key: kept for key, kept in self.keys.items() if kept[1] in self.placed}
