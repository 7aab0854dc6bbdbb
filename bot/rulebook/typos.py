"""Words that a slip of the finger turns into words that rules listen for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.core.consent import gaps, one_slip
from bot.core.text import is_held

FEWEST_LETTERS = 5
_MOST_REMEMBERED = 2_000  # tokens: people write the same words, and mostly such as no slip leads to
_NONE: Mapping[str, tuple[str, ...]] = {}


def may_slip(word: str) -> bool:
    """Whether a slip is forgiven in a word: five letters or more, no digit (another number is another thing), none held down."""
    if not word.isalpha():  # signs that are no letters, such as vowel signs, do not count
        return sum(map(str.isalpha, word)) >= FEWEST_LETTERS and not any(map(str.isdigit, word)) and not is_held(word)
    return len(word) >= FEWEST_LETTERS and not is_held(word)


@dataclass(frozen=True, slots=True)
class Slips:
    """Words by each of their forms with one letter missing: two words that are one slip apart share such a form.

    So what a look costs follows the word that was typed, however many words there are. The forms are apart by their length, as one
    mapping of all would take milliseconds to grow.
    """

    _by_gap: Mapping[int, Mapping[str, tuple[str, ...]]]
    _remembered: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    def near(self, key: str) -> tuple[str, ...]:
        """The words one slip away from a token, in alphabetical order; the token itself is none of them."""
        if len(key) < FEWEST_LETTERS:
            return ()
        found = self._remembered.get(key)
        if found is None:
            found = self._near(key) if may_slip(key) else ()
            if len(self._remembered) < _MOST_REMEMBERED:
                self._remembered[key] = found
        return found

    def _near(self, key: str) -> tuple[str, ...]:
        close: set[str] = set()
        for gap in gaps(key):
            close.update(self._by_gap.get(len(gap), _NONE).get(gap, ()))
        return tuple(sorted(word for word in close if one_slip(key, word))) if close else ()

    def __reduce__(self) -> tuple[object, tuple[object]]:
        """Without what it remembers."""
        return Slips, (self._by_gap,)

    def of(self, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """``near`` for each token that has such words."""
        return {key: words for key in set(keys) if (words := self.near(key))}


def slips_of(words: Iterable[str]) -> Slips:
    """The index of those ``words`` in which a slip is forgiven."""
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    for word in sorted(set(filter(may_slip, words))):
        for gap in set(gaps(word)):
            among = found.setdefault(len(gap), {})
            among[gap] = (*among.get(gap, ()), word)
    return Slips(found)
