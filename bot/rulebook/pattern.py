"""One pattern of ``says``: words with ``[optional words]``, ``(this|that)`` and ``{slot}`` or ``{slot: 8 digits}``.

A pattern is a short way to write several sentences; its ``readings`` are these sentences, each a plain row of words and slots.
Everything else about patterns (hearing, proving that a rule can never answer) works on readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product

from bot.core.text import Words, is_character, is_held, normalise
from bot.errors import Misconfigured
from bot.rulebook.slot import TEXT, Slot, SlotKind, read_kind

Reading = tuple[str | Slot, ...]

MOST_READINGS = 2_000
MOST_WORDS = 100
_MOST_NESTED = 10
_MOST_HELD = 4
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_SYNTAX = re.compile(r"[\[\](){}|]")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HELD = re.compile(r"(([^\W\d_])\2\2)")


class PatternError(Misconfigured):
    """A pattern that cannot be read. ``offset`` is the character, from 0, at which the fault stands."""

    def __init__(self, sentence: str, offset: int) -> None:
        super().__init__(sentence)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern taken apart.

    ``readings`` come in order of preference: an optional part is rather there than not, choices come as written. A word with a
    letter held down is spelled out in them, as is a character held down; ``whole`` is the readings with these as they are, three
    of a letter or character standing for any number (``spellings``, ``runs``). ``kinds`` has the slots in the order of their
    first mention; ``always`` those that every reading fills. ``emoji``: its words are emoji and nothing else.
    """

    source: str
    readings: tuple[Reading, ...]
    whole: tuple[Reading, ...]
    kinds: dict[str, SlotKind]
    always: frozenset[str]
    emoji: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots, in the order of their first mention."""
        return tuple(self.kinds)


def parse(source: str) -> Pattern:
    """The pattern that ``source`` writes; raises PatternError with a sentence that names the cure."""
    if _SYNTAX.search(source) is None:  # as most phrases
        words = normalise(source)
        if words.keys and not words.held and len(words.keys) <= MOST_WORDS:
            return Pattern(source, (words.keys,), (words.keys,), {}, frozenset(), words.emoji)
    return _parsed(source)


def _parsed(source: str) -> Pattern:
    parser = _Parser(source)
    sequence = parser.whole()
    spelled = _spelled(sequence)
    readings = _readings(spelled, source)
    kinds: dict[str, SlotKind] = {}
    for slot in (each for reading in readings for each in reading if isinstance(each, Slot)):
        if kinds.setdefault(slot.name, slot.kind) != slot.kind:
            raise PatternError(
                f"Slot {slot.name} is {kinds[slot.name].name} in one place and {slot.kind.name} in another. "
                "Write the same kind in both, or use two names.",
                source.find("{"),
            )
    filled = [frozenset(each.name for each in reading if isinstance(each, Slot)) for reading in readings]
    whole = readings if spelled == sequence else tuple(dict.fromkeys(_expanded(sequence)))
    return Pattern(source, readings, whole, _in_order(kinds, source), frozenset.intersection(*filled), parser.is_emoji)


def spellings(word: str) -> Iterator[str]:
    """The word with one and with two of each letter that is held down in it; else the word itself."""
    pieces = _HELD.split(word)
    plain, letters = pieces[::3], pieces[2::3]
    for counts in product((1, 2), repeat=len(letters)):
        runs = [letter * count for letter, count in zip(letters, counts, strict=True)]
        yield "".join(map("".join, zip(plain, [*runs, ""], strict=True)))


def runs(sequence: Sequence[object]) -> dict[int, int]:
    """Where characters of a script without spaces are held down: the first of three or more equal ones, and how many there are."""
    found: dict[int, int] = {}
    if len(sequence) < 3:
        return found
    at = 0
    for element, run in groupby(sequence):
        length = sum(1 for _ in run)
        if length > 2 and isinstance(element, str) and is_character(element):
            found[at] = length
        at += length
    return found


def _in_order(kinds: dict[str, SlotKind], source: str) -> dict[str, SlotKind]:
    named = [_slot_name(each) for each in re.findall(r"\{([^:{}]*)", source)]
    return {name: kinds[name] for name in sorted(kinds, key=named.index)}


def _slot_name(written: str) -> str:
    return re.sub(r"[\s-]+", "_", written.strip().lower())


def _is_emoji(source: str) -> bool:
    return "{" not in source and normalise(_SYNTAX.sub(" ", source)).emoji


# --- parsing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several sequences; the empty one, where allowed, comes last."""

    options: tuple[_Sequence, ...]


_Sequence = tuple[str | Slot | _Choice, ...]


class _Parser:
    """Reads from left to right; ``at`` is the next character."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.is_emoji = _is_emoji(source)

    def whole(self) -> _Sequence:
        if not self.source.strip():
            raise PatternError("The phrase is empty. Write the words to listen for.", 0)
        sequence = self._sequence(0)
        if self.at < len(self.source):
            raise self._stray(self.source[self.at])
        return sequence

    def _sequence(self, depth: int) -> _Sequence:
        """Up to the end, or to a sign that somebody further out opened."""
        found: list[str | Slot | _Choice] = []
        while self.at < len(self.source):
            match self.source[self.at]:
                case "[" | "(" as opening:
                    found.append(self._group(opening, depth + 1))
                case "{":
                    found.append(self._slot())
                case "]" | ")" | "}" | "|":
                    break
                case _:
                    found.extend(self._words())
        return tuple(found)

    def _words(self) -> _Sequence:
        end = _SYNTAX.search(self.source, self.at)
        start, self.at = self.at, end.start() if end else len(self.source)
        words = normalise(self.source[start : self.at])
        if words.emoji and not self.is_emoji:
            return ()
        if words.held:
            _check_held(words, start)
        return words.keys

    def _group(self, opening: str, depth: int) -> _Choice:
        """``[…]`` or ``(…|…)``; either may hold choices."""
        start = self.at
        if depth > _MOST_NESTED:
            raise PatternError(f"Brackets stand {depth} deep in each other. Write several phrases instead.", start)
        self._apart(start - 1)
        options: list[_Sequence] = []
        while not options or (self.at < len(self.source) and self.source[self.at] == "|"):
            self.at += 1
            before = self.at
            options.append(self._sequence(depth))
            self._filled(options[-1], before, opening)
        self._close(opening, start)
        return _Choice((*options, ()) if opening == "[" else tuple(options))

    def _filled(self, option: _Sequence, before: int, opening: str) -> None:
        if option or self.at >= len(self.source):
            return
        written = self.source[before : self.at].strip()
        if written:
            sentence = f'"{written}" is not heard beside words. Leave it out, or make it a phrase of its own.'
        elif opening == "[":
            sentence = "Nothing stands in [ ]. Write the words that may be left out, or take the brackets away."
        else:
            sentence = "A choice in ( ) is empty. Write words on both sides of |, or use [ ] for what may be left out."
        raise PatternError(sentence, before)

    def _close(self, opening: str, start: int) -> None:
        closing = _CLOSING[opening]
        if self.at >= len(self.source):
            raise PatternError(f'"{opening}" is never closed. Write "{closing}" after the last word of it.', start)
        if self.source[self.at] != closing:
            wrong = self.source[self.at]
            raise PatternError(f'"{opening}" is closed by "{wrong}". Write "{closing}" there.', self.at)
        self.at += 1
        self._apart(self.at)

    def _slot(self) -> Slot:
        start = self.at
        self._apart(start - 1)
        if self.source.startswith("{{", start):
            raise PatternError(
                "{{ }} puts a value into a reply. In a phrase write one pair: {name} listens for a value.", start
            )
        end = _SYNTAX.search(self.source, start + 1)
        if end is None or end.group() != "}":
            raise PatternError('"{" is never closed. Write "}" after the name of the slot.', start)
        name, colon, kind = self.source[start + 1 : end.start()].partition(":")
        self.at = end.start() + 1
        self._apart(self.at)
        return Slot(self._name(name, start), self._kind(kind, start) if colon else TEXT)

    def _name(self, written: str, start: int) -> str:
        name = _slot_name(written)
        if _NAME.fullmatch(name) is None:
            raise PatternError(
                f'"{written.strip()}" cannot name a slot. Write a to z, 0 to 9 and _, a letter first: '
                "{order_number} or {order_number: 8 digits}.",
                start + 1,
            )
        return name

    def _kind(self, written: str, start: int) -> SlotKind:
        kind = read_kind(written)
        if isinstance(kind, str):
            raise PatternError(kind, self.source.index(":", start) + 1)
        return kind

    def _apart(self, beside: int) -> None:
        """A bracket never cuts a word: the character outside of it is no part of one."""
        if not 0 <= beside < len(self.source):
            return
        outside = normalise(self.source[beside])
        if outside.keys and not outside.emoji and not is_character(outside.keys[0]):
            raise PatternError(
                f'A bracket touches "{self.source[beside]}". Brackets stand around whole words: put a space there, '
                "or write both words, for example (order|orders).",
                beside,
            )

    def _stray(self, sign: str) -> PatternError:
        if sign == "|":
            return PatternError('"|" stands outside of ( ). Write the choices in brackets: (this|that).', self.at)
        opening = next(key for key, closing in _CLOSING.items() if closing == sign)
        return PatternError(f'"{sign}" closes nothing. Write "{opening}" before it, or take it away.', self.at)


def _check_held(words: Words, offset: int) -> None:
    for key in words.keys:
        if len(_HELD.findall(key)) > _MOST_HELD:
            raise PatternError(f'"{key}" has too many letters held down. Write the word as usual.', offset)


# --- readings -----------------------------------------------------------------------------------------------------------


def _readings(sequence: _Sequence, source: str) -> tuple[Reading, ...]:
    count = _count(sequence)
    if count > MOST_READINGS:
        raise PatternError(
            f"The phrase can be said in {count} ways, more than {MOST_READINGS}. Split it into several phrases.", 0
        )
    readings = tuple(dict.fromkeys(_expanded(sequence)))
    for reading in readings:
        _check(reading, source)
    return readings


def _check(reading: Reading, source: str) -> None:
    if not reading and all(not normalise(each).keys for each in _SYNTAX.split(source)):
        raise PatternError("The phrase has no word in it. Write the words to listen for.", 0)
    if not reading:
        raise PatternError("Every word may be left out, so any message would do. Keep one word outside of [ ].", 0)
    if len(reading) > MOST_WORDS:
        raise PatternError(f"The phrase has {len(reading)} words, more than {MOST_WORDS}. Keep what matters.", 0)
    names = [each.name for each in reading if isinstance(each, Slot)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PatternError(f"Slot {twice} stands twice in one sentence. Give the second one another name.", 0)


def _spelled(sequence: _Sequence) -> _Sequence:
    """The sequence with each word that has a letter held down as a choice of its spellings, and each character held down as one
    or two of it."""
    missing = runs(sequence)
    found: list[str | Slot | _Choice] = []
    for at, each in enumerate(sequence):
        if isinstance(each, _Choice):
            found.append(_Choice(tuple(map(_spelled, each.options))))
        elif isinstance(each, str) and is_held(each):
            found.append(_Choice(tuple((spelling,) for spelling in spellings(each))))
        elif isinstance(each, str) and any(first < at < first + length for first, length in missing.items()):
            found.extend((_Choice(((each,), ())),) if at - 1 in missing else ())  # a third says no more than a second
        else:
            found.append(each)
    return tuple(found)


def _count(sequence: _Sequence) -> int:
    count = 1
    for each in sequence:
        if isinstance(each, _Choice):
            count *= sum(map(_count, each.options))
    return count


def _expanded(sequence: _Sequence) -> Iterator[Reading]:
    parts = [
        [reading for option in each.options for reading in _expanded(option)]
        if isinstance(each, _Choice)
        else [(each,)]
        for each in sequence
    ]
    for chosen in product(*parts):
        yield tuple(word for part in chosen for word in part)
