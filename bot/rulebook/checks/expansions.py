"""The messages by which a phrase is judged: each sentence it stands for, bare and with a strange word beside it.

Slots are filled with a strange word and with the values at the edges of their kind. A sentence is put together from words as rules
compare them; ``Expansion.shown`` writes it as its writer would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product
from math import prod
from typing import Final

from bot.core.rule import Heard, Phrase, Rule
from bot.core.text import is_character, normalise, spans
from bot.rulebook.pattern import Pattern, Reading
from bot.rulebook.phrases import parsed
from bot.rulebook.reading import How
from bot.rulebook.slot import Slot, SlotKind

MOST: Final = 500
LONG: Final = 5  # letters from which a word may hold a slip, where its rule allows for typos
_STRANGE: Final = ("please", "somehow", "whatever", "perhaps", "meanwhile", "quizzical")
_RARE: Final = "þðŋħæœƿ"
_SIGNS: Final = re.compile(r"\{[^{}]*\}|[\[\]()|]")


@dataclass(frozen=True, slots=True)
class Expansion:
    """One sentence of a phrase: its words, and the values in its slots."""

    phrase: Phrase
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The bare message."""
        return " ".join(self.parts)

    def shown(self, message: str) -> str:
        """``message``, which is made of this sentence, with the letters that staff wrote it in."""
        if message == self.text and _SIGNS.search(self.phrase.pattern) is None:
            return self.phrase.pattern
        written = _as_written(self.phrase.pattern)
        return _joined(written.get(word, word) for word in message.split(" "))


def _as_written(source: str) -> dict[str, str]:
    """The words of a phrase, by what they are compared as."""
    found: dict[str, str] = {}
    for piece in _SIGNS.split(source):
        words = normalise(piece)
        for key, (start, end) in zip(words.keys, spans(words), strict=True):
            found.setdefault(key, piece[start:end])
    return found


def _joined(words: Iterable[str]) -> str:
    """A space between words, none between the characters of a script that is written without."""
    text, close = "", True
    for word in words:
        single = all(map(is_character, normalise(word).keys or ("x",)))
        text += word if close and (single or not text) else f" {word}"
        close = single
    return text


@dataclass(frozen=True, slots=True)
class Expansions:
    """The sentences of a phrase that are tried; ``total`` is how many there are."""

    tried: tuple[Expansion, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Expander:
    """Finds the sentences of phrases. ``strange`` is a word that no rule knows, not even with a slip in it; ``rare`` such a letter."""

    strange: str
    rare: str
    kinds: tuple[SlotKind, ...]
    _witnesses: dict[SlotKind, tuple[str, ...]] = field(default_factory=dict)

    def messages(self, sentence: Expansion, how: How) -> Iterator[str]:
        """The sentence, and it with a strange word after it, before it and on both sides, as the way of listening allows."""
        text, strange = sentence.text, self.strange
        yield text
        if how != "says_exactly":
            yield f"{text} {strange}"
        if how == "says":
            yield f"{strange} {text}"
            yield f"{strange} {text} {strange}"

    def of(self, phrase: Phrase) -> Expansions:
        """At most 500 sentences, spread evenly over all there are."""
        pattern = parsed(phrase.pattern)
        if not pattern.kinds and len(pattern.readings) <= MOST:
            words = (tuple(map(str, reading)) for reading in pattern.readings)
            return Expansions(tuple(Expansion(phrase, each) for each in words), len(pattern.readings))
        total = sum(self._count(reading) for reading in pattern.readings)
        sentences = chain.from_iterable(self._filled(reading) for reading in pattern.readings)
        tried = sentences if total <= MOST else _spread(sentences, total)
        return Expansions(tuple(Expansion(phrase, each) for each in tried), total)

    def with_witnesses(self, phrase: Phrase) -> Iterator[Expansion]:
        """Sentences with values from all over each slot's kind, where the kinds of other rules begin and end too.

        A slot for any words needs none: what takes a strange word there takes every other.
        """
        for reading in _sample(parsed(phrase.pattern)):
            first = [part if isinstance(part, str) else part.kind.edges[0] for part in reading]
            for at, part in enumerate(reading):
                if isinstance(part, Slot) and not part.kind.is_open:
                    for value in self._values_within(part.kind):
                        yield Expansion(phrase, (*first[:at], value, *first[at + 1 :]))

    def with_slips(self, phrase: Phrase) -> Iterator[Expansion]:
        """Sentences with a slip in one of the long words, and in all of them."""
        for reading in _sample(parsed(phrase.pattern)):
            parts = [part if isinstance(part, str) else part.kind.edges[0] for part in reading]
            long = [at for at, part in enumerate(reading) if isinstance(part, str) and len(part) >= LONG]
            for at in long:
                for slip in self._slips(parts[at]):
                    yield Expansion(phrase, (*parts[:at], slip, *parts[at + 1 :]))
            if len(long) > 1:
                slipped = (part[:-1] + self.rare if at in long else part for at, part in enumerate(parts))
                yield Expansion(phrase, tuple(slipped))

    def _slips(self, word: str) -> Iterator[str]:
        middle = len(word) // 2
        yield word[:-1] + self.rare
        yield self.rare + word[1:]
        yield word[:middle] + self.rare + word[middle + 1 :]
        yield word[:middle] + self.rare + word[middle:]
        yield word[:middle] + word[middle + 1 :]
        yield word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]

    def _fills(self, kind: SlotKind) -> tuple[str, ...]:
        return (*kind.edges, self.strange) if kind.is_open else kind.edges

    def _count(self, reading: Reading) -> int:
        return prod(len(self._fills(part.kind)) for part in reading if isinstance(part, Slot))

    def _filled(self, reading: Reading) -> Iterator[tuple[str, ...]]:
        return product(*((part,) if isinstance(part, str) else self._fills(part.kind) for part in reading))

    def _values_within(self, kind: SlotKind) -> tuple[str, ...]:
        if kind not in self._witnesses:
            self._witnesses[kind] = tuple(filter(kind.fits, _candidates((kind, *self.kinds))))
        return self._witnesses[kind]


def expander(rules: Sequence[Rule]) -> Expander:
    """The expander for phrases of these rules."""
    patterns = [parsed(phrase.pattern) for rule in rules for phrase in phrases_of(rule)]
    known = " ".join(
        {part for each in patterns for reading in each.readings for part in reading if isinstance(part, str)}
    )
    kinds = dict.fromkeys(kind for pattern in patterns for kind in pattern.kinds.values())
    return Expander(_strange(known), next((letter for letter in _RARE if letter not in known), "ʘ"), tuple(kinds))


def phrases_of(rule: Rule) -> Iterator[Phrase]:
    """Everything the rule listens for."""
    for trigger in rule.triggers:
        if isinstance(trigger, Heard):
            yield from trigger.phrases


def _strange(known: str) -> str:
    """A word that is two slips or more away from all known ones: none of them holds either of its halves."""
    made = (
        "".join(letters) for length in (6, 8, 10, 12) for letters in islice(product("zqxjvkw", repeat=length), 9_999)
    )
    return next(word for word in chain(_STRANGE, made) if not any(part in known for part in _halves(word)))


def _halves(word: str) -> tuple[str, str, str]:
    """One of these is left whole by any slip, a swap in the middle included."""
    middle = len(word) // 2
    return word[:middle], word[middle:], word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]


def _spread(sentences: Iterable[tuple[str, ...]], total: int) -> Iterator[tuple[str, ...]]:
    wanted = {at * (total - 1) // (MOST - 1) for at in range(MOST)}
    return (sentence for at, sentence in enumerate(sentences) if at in wanted)


def _sample(pattern: Pattern) -> Sequence[Reading]:
    """Up to about twenty readings, spread evenly."""
    return pattern.readings[:: max(1, len(pattern.readings) // 20)]


# --- values -------------------------------------------------------------------------------------------------------------

_WRITTEN: Final = (
    "0701234567", "070-123 45 67", "+46 70 123 45 67", "(070) 1234567", "1000000", "1.000", "1,5", "0,5", "007", "-5", "+5", "10 000",
    "2026-02-28", "1/2", "1.2", "28-02-2026", "3.4.26", "12:30", "7.30", "18 h", "9 am", "11:15 p.m.", "24:00",
    "anna@shop.example", "a.b+c@mail.shop.example",
)  # fmt: skip
_SPELLINGS: Final[tuple[Callable[[int], str], ...]] = (
    str, "{}.0".format, "{},5".format, "0{}".format, "+{}".format, "{:,}".format,
    lambda number: f"{number:,}".replace(",", " "),
)  # fmt: skip


def _candidates(kinds: Sequence[SlotKind]) -> Iterator[str]:
    """Values of many forms, among them those at and beside the edges of ``kinds``; each once."""
    edges = [edge for kind in kinds for edge in kind.edges]
    numbers = {int(edge) + step for edge in edges if re.fullmatch(r"-?\d+", edge) for step in (-1, 0, 1)}
    middles = {(low + high) // 2 for low, high in zip(sorted(numbers), sorted(numbers)[1:], strict=False)}
    spelled = (spelling(number) for number in sorted(numbers | middles) for spelling in _SPELLINGS)
    rows = (digit * length for length in range(1, 21) for digit in "15")
    return iter(dict.fromkeys(chain(edges, _WRITTEN, rows, spelled)))
