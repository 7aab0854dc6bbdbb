"""Which rules hear a message: all patterns of a rulebook in one tree of words, so that cost follows the message.

Every reading of every pattern is a path through the tree, from the longest row of fixed words in it; where a letter is held
down in one of these, a path for each of its spellings. A reading without slots
is heard where its path ends; one with slots is then searched for in full. Readings that are slots only are tried always.
Emoji phrases have a tree of their own, because there emoji count as words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from bot.core.rule import Heard, Phrase, Rule
from bot.core.rulebook import Hit
from bot.core.text import Words, alike, has_emoji, held_positions, is_held, skeleton, with_emoji
from bot.rulebook.pattern import Reading, parse, spellings
from bot.rulebook.reading import How, Message, Straight, catch, message, straight

_NO_SLOTS: Mapping[str, str] = {}
_Found = dict[int, tuple[int, Mapping[str, str]]]  # number of a phrase: the reading that is heard, and its slots


@dataclass(frozen=True, slots=True)
class _Listed:
    """A phrase of a rule; phrases are numbered in the order of rules and, in a rule, as written."""

    rule: int
    phrase: Phrase
    how: How
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """A reading whose fixed words end at a node: heard there, or (``holed``) to be searched for in full.

    ``anywhere``: it makes no difference where in the message the node was reached. ``straight``: the quick way to search.
    """

    number: int
    order: int
    how: How
    holed: bool
    anywhere: bool
    straight: Straight | None


@dataclass(slots=True)
class _Node:
    """A word in the tree: what ends here, and the words that may follow."""

    ends: list[_End] = field(default_factory=list)
    after: dict[str, _Node] = field(default_factory=dict)

    def step(self, word: str) -> _Node:
        return self.after.setdefault(word, _Node())


@dataclass(frozen=True, slots=True)
class PhraseMatcher:
    """``Matcher`` of ``bot.core.rule``; made by ``build_matcher``."""

    _phrases: tuple[_Listed, ...]
    _words: _Node
    _emoji: _Node
    _always: tuple[_End, ...]
    _spellings: Mapping[str, tuple[str, ...]]

    def hits(self, words: Words) -> Sequence[Hit]:
        """The first hit of each rule that hears ``words``, in rule order."""
        found = self._heard(words)
        hits: list[Hit] = []
        for number in sorted(found):
            listed = self._phrases[number]
            if not hits or hits[-1].rule != listed.rule:
                hits.append(Hit(listed.rule, listed.phrase, found[number][1]))
        return hits

    def languages(self, words: Words) -> frozenset[str]:
        """The languages whose keyword lists hear ``words``."""
        return frozenset(self._phrases[number].phrase.language for number in self._heard(words)) - {""}

    def phrases_of(self, words: Words) -> frozenset[int]:
        """The rules (by position) of which the whole message is a phrase, in whatever way they listen for it."""
        heard = self._heard(words, as_how="says_exactly")
        return frozenset(self._phrases[number].rule for number in heard)

    def _heard(self, words: Words, as_how: How | None = None) -> _Found:
        if not words.keys:
            return {}
        ends = list(self._held_ends(words, as_how)) if words.held else _ends(self._words, words.keys, as_how)
        if self._always:
            ends.extend(self._always)
        if self._emoji.after and (words.emoji or has_emoji(words.text)):
            ends.extend(_ends(self._emoji, with_emoji(words.text).keys, as_how))
        return self._settled(words, ends, as_how) if ends else {}

    def _settled(self, words: Words, ends: list[_End], as_how: How | None) -> _Found:
        """For each phrase its first reading that is heard; those with slots are searched for now."""
        if len(ends) == 1:  # most messages that are heard at all
            (end,) = ends
            slots = self._slots(end, words, None, as_how)
            return {} if slots is None else {end.number: (end.order, slots)}
        found: _Found = {}
        heard = message(words)
        for (number, order), end in sorted({(end.number, end.order): end for end in ends}.items()):
            if number in found:
                continue
            slots = self._slots(end, words, heard, as_how)
            if slots is not None:
                found[number] = (order, slots)
        return found

    def _slots(self, end: _End, words: Words, heard: Message | None, as_how: How | None) -> Mapping[str, str] | None:
        """What the slots of a reading catch; None where it is not heard after all."""
        if not end.holed:
            return _NO_SLOTS
        if end.straight is not None and not words.held:
            return end.straight.catch(words, as_how or end.how)
        return catch(self._phrases[end.number].readings[end.order], heard or message(words), as_how or end.how)

    def _held_ends(self, words: Words, as_how: How | None) -> Iterator[_End]:
        """Like ``_ends`` for a message with letters held down: a token is any word it may stand for, or missing."""
        keys = words.keys
        missing = held_positions(keys)
        choices = {key: self._choices(key) for key in set(keys)}
        last = next(at for at in range(len(keys), -1, -1) if at - 1 not in missing)  # what follows may be missing
        for start in range(len(keys)):
            seen: set[tuple[int, int]] = set()
            ahead = [(self._words, start)]
            while ahead:
                node, at = ahead.pop()
                if at == len(keys) or (id(node), at) in seen:
                    continue
                seen.add((id(node), at))
                if at in missing:
                    ahead.append((node, at + 1))
                for word in choices[keys[at]]:
                    if word in node.after:
                        ahead.append((node.after[word], at + 1))
                        for end in node.after[word].ends:
                            if _fits(end, start == 0, at + 1 >= last, as_how):
                                yield end

    def _choices(self, key: str) -> tuple[str, ...]:
        known = self._spellings.get(skeleton(key), ())
        return tuple(word for word in known if alike((key,), (word,)))


def build_matcher(rules: Sequence[Rule]) -> PhraseMatcher:
    """The matcher of these rules' ``says``, ``says_exactly`` and ``starts_with``; raises PatternError for a bad pattern."""
    phrases: list[_Listed] = []
    words, emoji, always = _Node(), _Node(), list[_End]()
    for position, rule in enumerate(rules):
        for trigger in rule.triggers:
            if isinstance(trigger, Heard):
                for phrase in trigger.phrases:
                    pattern = parse(phrase.pattern)
                    listed = _Listed(position, phrase, trigger.how, pattern.whole)
                    always.extend(_planted(emoji if pattern.emoji else words, listed, len(phrases)))
                    phrases.append(listed)
    said = {word for listed in phrases for reading in listed.readings for word in reading if isinstance(word, str)}
    return PhraseMatcher(tuple(phrases), words, emoji, tuple(always), _by_skeleton(said))


def _by_skeleton(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The spellings of all words, by what those that can be alike have in common."""
    found: dict[str, set[str]] = {}
    for word in words:
        found.setdefault(skeleton(word), set()).update(spellings(word) if is_held(word) else (word,))
    return {key: tuple(sorted(each)) for key, each in found.items()}


def _planted(root: _Node, listed: _Listed, number: int) -> Iterator[_End]:
    """Puts the readings of a phrase into the tree; gives back those that have no word to stand on."""
    for order, reading in enumerate(listed.readings):
        anchor = _anchor(reading)
        holed = len(anchor) < len(reading)
        end = _End(number, order, listed.how, holed, holed or listed.how == "says", straight(reading))
        if not anchor:
            yield end
            continue
        for row in product(*map(spellings, anchor)) if any(map(is_held, anchor)) else (anchor,):
            node = root
            for word in row:
                node = node.step(word)
            node.ends.append(end)


def _anchor(reading: Reading) -> tuple[str, ...]:
    """The longest row of fixed words; the first of several."""
    best: tuple[str, ...] = ()
    row: tuple[str, ...] = ()
    for each in reading:
        row = (*row, each) if isinstance(each, str) else ()
        best = max(best, row, key=len)
    return best


def _ends(root: _Node, keys: tuple[str, ...], as_how: How | None) -> list[_End]:
    """What ends somewhere on a path that the tokens walk, from each of them on."""
    found: list[_End] = []
    nodes, length = root.after, len(keys)
    for start, key in enumerate(keys):
        if key not in nodes:  # as most words
            continue
        node: _Node | None = nodes[key]
        at = start + 1
        while node is not None:
            for end in node.ends:
                if not (end.anywhere and as_how is None) and not _fits(end, start == 0, at == length, as_how):
                    continue
                found.append(end)
            node = node.after.get(keys[at]) if at < length else None
            at += 1
    return found


def _fits(end: _End, is_first: bool, is_last: bool, as_how: How | None) -> bool:
    """Whether its way of listening allows where it stands; readings with slots are looked at as a whole later."""
    how = as_how or end.how
    if how == "says" or end.holed:
        return True
    return is_first and (is_last or how == "starts_with")
