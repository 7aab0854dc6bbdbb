"""Stored rulebooks, built again when somebody looks back at what they decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.core.conversation import State
from bot.core.rulebook import Rulebook, Rulebooks
from bot.errors import Failed
from bot.rulebook.load import load_stored
from bot.store.units import StoredRulebook


class Shelf:
    """Rulebooks by their number, each built once. ``find`` reads one from the store."""

    def __init__(self, find: Callable[[int], StoredRulebook | None]) -> None:
        self._find = find
        self._built: dict[int, Rulebook] = {}

    def rulebook(self, number: int) -> Rulebook:
        """The rulebook of that number. Raises ``Failed`` where it is not stored, or this program can no longer read it."""
        known = self._built.get(number)
        if known is None:
            stored = self._find(number)
            found = None if stored is None else load_stored(stored.files)
            if found is None:
                raise Failed(
                    f"Rulebook {number} cannot be read any more, so what it decided cannot be looked at.", "gone"
                )
            known = self._built[number] = replace(found, version=number)
        return known

    def rulebooks(self, number: int, state: State) -> Rulebooks:
        """Those that took part in a decision of rulebook ``number`` about a conversation in that state."""
        older = {version: self.rulebook(version) for version in pinned_by(state) if version not in (0, number)}
        return Rulebooks(self.rulebook(number), older)


def pinned_by(state: State) -> set[int]:
    """The rulebooks that what is open in this state goes on with."""
    return {each.version for each in (state.question, state.call) if each is not None}
