"""Hearing one reading of a pattern in one message, and what its slots catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.core.text import Words, alike, held_positions, is_held, spans
from bot.rulebook.pattern import Reading, runs
from bot.rulebook.slot import Slot, SlotKind, values

How = Literal["says", "says_exactly", "starts_with"]
_NONE: Mapping[str, tuple[str, ...]] = {}
_Caught = tuple[tuple[str, str], ...]  # the name of a slot and its value, from left to right


@dataclass(frozen=True, slots=True)
class Message:
    """A message made ready: ``length`` is how many tokens it has, ``held`` are its words with a letter held down, ``missing`` the
    characters that may be skipped, ``near`` the words that a slip turned into a token."""

    words: Words
    length: int
    held: frozenset[str] = frozenset()
    missing: frozenset[int] = frozenset()
    near: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def is_word(self, at: int, word: str) -> bool:
        """Whether the token at that place is ``word``, a letter held down in either or in none, or a slip in it."""
        key = self.words.keys[at]
        if key == word or (key in self.near and any(alike((each,), (word,)) for each in self.near[key])):
            return True
        return key[0] == word[0] and (key in self.held or is_held(word)) and alike((key,), (word,))

    def is_end(self, at: int) -> bool:
        """Whether nothing that must be heard is left: at most the rest of one run of a character."""
        return self.length - at <= 2 and all(place in self.missing for place in range(at, self.length))

    def places(self, at: int) -> Sequence[int]:
        """Where the next token may be taken from: here, or after what may be skipped."""
        if at not in self.missing:
            return (at,)
        after = next(place for place in range(at, self.length + 1) if place not in self.missing)
        return range(at, after + 1)

    def after_run(self, at: int) -> int:
        """The first place whose token differs from the one at ``at``."""
        keys = self.words.keys
        return next((place for place in range(at + 1, self.length) if keys[place] != keys[at]), self.length)

    def starts(self, first: str | Slot) -> Sequence[int]:
        """Where a reading may begin whose first element is ``first``; a word only where it stands."""
        if isinstance(first, Slot):
            return range(1 if first.kind.is_open else self.length)
        if not self.held and not self.near and not is_held(first):
            return [at for at, key in enumerate(self.words.keys) if key == first]
        return [at for at in range(self.length) if self.is_word(at, first)]

    def values(self, first: int, last: int) -> tuple[str, str, str]:
        """The spellings of these tokens, the best one first."""
        return values(self.words.text, spans(self.words), first, last)


def message(words: Words, near: Mapping[str, tuple[str, ...]] = _NONE) -> Message:
    """The words with what letters held down allow, and slips where ``near`` has the words behind them."""
    length = len(words.keys)
    if not words.held:
        return Message(words, length, near=near)
    return Message(words, length, frozenset(filter(is_held, words.keys)), held_positions(words.keys), near)


def catch(reading: Reading, heard: Message, how: How) -> Mapping[str, str] | None:
    """What the slots of ``reading`` catch in a message, as written; None where the message does not hold it.

    It starts as early as it can. Then, from left to right, a slot of a kind takes the longest value that fits; an open slot
    takes as little as the rest allows, and as the last of the reading everything to the end. A character held down in the reading
    takes all that follow of it; one held down in the message is skipped before a slot if that leaves something to catch. Cost is
    bounded by the message's length times the reading's.
    """
    walk = _Walk(reading, heard, how, runs(reading))
    for start in heard.starts(reading[0]) if how == "says" else (0,):
        caught = walk.onward(0, start)
        if caught is not None:
            return dict(caught)
    return None


@dataclass(slots=True)
class _Walk:
    """One search. ``dead`` remembers steps that led nowhere; ``dead_from`` for an open slot the first place of these, because
    a later start only has fewer ends to choose from."""

    reading: Reading
    heard: Message
    how: How
    runs: Mapping[int, int]
    dead: set[tuple[int, int]] = field(default_factory=set)
    dead_from: dict[int, int] = field(default_factory=dict)

    def onward(self, step: int, at: int) -> _Caught | None:
        """What is caught from element ``step`` on when it stands at token ``at`` or after what may be skipped."""
        if step == len(self.reading):
            return () if self.how != "says_exactly" or self.heard.is_end(at) else None
        if (step, at) in self.dead:
            return None
        element, heard = self.reading[step], self.heard
        caught: _Caught | None = None
        for place in self._places(step, at):
            if place == heard.length:
                continue
            if isinstance(element, Slot):
                caught = self._slot(step, place, element)
            elif heard.is_word(place, element):
                run = self.runs.get(step)
                caught = self.onward(step + (run or 1), heard.after_run(place) if run else place + 1)
            if caught is not None:
                return caught
        self.dead.add((step, at))
        return None

    def _places(self, step: int, at: int) -> Sequence[int]:
        """Where the element may begin; a slot behind a word rather after what may be skipped."""
        places = self.heard.places(at)
        is_behind_word = step > 0 and isinstance(self.reading[step - 1], str)
        return places[::-1] if is_behind_word and isinstance(self.reading[step], Slot) else places

    def _slot(self, step: int, at: int, slot: Slot) -> _Caught | None:
        if not slot.kind.is_open:
            return self._kind(step, at, slot)
        if step == len(self.reading) - 1:
            return ((slot.name, self.heard.values(at, self.heard.length)[0]),)
        if at >= self.dead_from.get(step, at + 1):
            return None
        for end in range(at + 1, self.heard.length):
            rest = self.onward(step + 1, end)
            if rest is not None:
                return ((slot.name, self.heard.values(at, end)[0]), *rest)
        self.dead_from[step] = min(at, self.dead_from.get(step, at))
        return None

    def _kind(self, step: int, at: int, slot: Slot) -> _Caught | None:
        heard, kind = self.heard, slot.kind
        if not kind.may_start(heard.words.keys[at]) or kind.holds not in heard.words.text:
            return None
        for end in range(min(heard.length, at + kind.most_words), at, -1):
            value = _fitting(kind, heard.values(at, end))
            if value is not None:
                rest = self.onward(step + 1, end)
                if rest is not None:
                    return ((slot.name, value), *rest)
        return None


# --- one slot -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Straight:
    """A reading of one slot with fixed words before and after it, as most are. An open slot here has nothing after it."""

    before: tuple[str, ...]
    slot: Slot
    after: tuple[str, ...]

    def catch(self, words: Words, how: How) -> Mapping[str, str] | None:
        """What ``catch`` finds for this reading in words with no letter held down; it never goes back."""
        keys, before = words.keys, self.before
        most = len(keys) - len(before)  # the slot wants one more
        for start in range(most if how == "says" else min(most, 1)):
            at = start + len(before)
            if keys[start:at] == before:
                value = self._value(words, at, how == "says_exactly")
                if value is not None:
                    return {self.slot.name: value}
        return None

    def _value(self, words: Words, at: int, to_the_end: bool) -> str | None:
        keys, kind, after = words.keys, self.slot.kind, self.after
        if kind.is_open:
            return values(words.text, spans(words), at, len(keys))[0]
        if not kind.may_start(keys[at]) or kind.holds not in words.text:
            return None
        for end in range(min(len(keys), at + kind.most_words), at, -1):
            behind = end + len(after)
            if keys[end:behind] == after and (behind == len(keys) or not to_the_end):
                value = _digits(words, at, kind) if kind.digits else _written(words, at, end, kind)
                if value is not None:
                    return value
        return None


def straight(reading: Reading) -> Straight | None:
    """``reading`` as a straight one, where it is: also no letter or character of it is held down."""
    slots = [each for each in reading if isinstance(each, Slot)]
    if len(slots) != 1:
        return None
    words = tuple(each for each in reading if isinstance(each, str))
    at = reading.index(slots[0])
    if (slots[0].kind.is_open and at < len(words)) or any(map(is_held, words)) or runs(reading):
        return None
    return Straight(words[:at], slots[0], words[at:])


def _digits(words: Words, at: int, kind: SlotKind) -> str | None:
    """A value of digits. What is joined to a token is no digit, and digits in printable ASCII are their token."""
    if words.text.isascii() and words.text.isprintable():
        value = words.keys[at]
    else:
        start, end = spans(words)[at]
        value = words.text[start:end]
    return value if kind.fits(value) else None


def _written(words: Words, first: int, last: int, kind: SlotKind) -> str | None:
    return _fitting(kind, values(words.text, spans(words), first, last))


def _fitting(kind: SlotKind, spellings: tuple[str, str, str]) -> str | None:
    """The first spelling that fits, a number's sign before all."""
    joined, signed, bare = spellings
    for value in (signed, joined, bare):
        if kind.fits(value):
            return value
    return None
