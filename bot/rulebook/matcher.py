"""Which rules hear a message: all patterns of a rulebook in one tree of words, so that cost follows the message.

Every reading of every pattern is a path through the tree, from the longest row of fixed words in it; where a letter is held
down in one of these, a path for each of its spellings. A reading without slots
is heard where its path ends; one with slots is then searched for in full. Readings that are slots only are tried always.
Emoji phrases have a tree of their own, because there emoji count as words; so have rules that forgive a slip (``typos``),
because there a token is any word that is one slip away. Expressions (``matches``) see the text as typed, whatever its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, product

from bot.core.rule import Heard, Matches, Phrase, Rule
from bot.core.rulebook import Hit
from bot.core.text import Words, alike, has_emoji, held_positions, is_held, skeleton, with_emoji
from bot.rulebook.expression import Expression, Together, compile_expression, encoded, together
from bot.rulebook.pattern import PatternError, Reading, runs, spellings
from bot.rulebook.phrases import parsed
from bot.rulebook.reading import How, Message, Straight, catch, message, straight
from bot.rulebook.typos import Slips, slips_of

_NO_SLIPS: Mapping[str, tuple[str, ...]] = {}
_NO_SLOTS: Mapping[str, str] = {}
_Found = dict[int, tuple[int, Mapping[str, str]]]  # number of a phrase: the reading that is heard, and its slots


@dataclass(frozen=True, slots=True)
class _Listed:
    """A phrase of a rule; phrases are numbered in the order of rules and, in a rule, as written. Expressions have no readings."""

    rule: int
    phrase: Phrase
    how: How
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class _End:
    """A reading whose fixed words end at a node: heard there, or (``holed``) to be searched for in full.

    ``anywhere``: it makes no difference where in the message the node was reached. ``slips``: a slip in its words is forgiven.
    ``straight``: the quick way to search.
    """

    number: int
    order: int
    how: How
    holed: bool
    anywhere: bool
    slips: bool
    straight: Straight | None


@dataclass(slots=True)
class _Node:
    """A word in the tree: what ends here, and the words that may follow."""

    ends: list[_End] = field(default_factory=list)
    after: dict[str, _Node] = field(default_factory=dict)

    def step(self, word: str) -> _Node:
        return self.after.setdefault(word, _Node())


@dataclass(frozen=True, slots=True)
class _Trees:
    """Where readings are planted: of words, of words in which a slip is forgiven, of emoji; and those without a word to stand on."""

    words: _Node = field(default_factory=_Node)
    loose: _Node = field(default_factory=_Node)
    emoji: _Node = field(default_factory=_Node)
    always: list[_End] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PhraseMatcher:
    """``Matcher`` of ``bot.core.rulebook``; made by ``build_matcher``."""

    _phrases: tuple[_Listed, ...]
    _words: _Node
    _loose: _Node
    _emoji: _Node
    _always: tuple[_End, ...]
    _spellings: Mapping[str, tuple[str, ...]]
    _slips: Slips
    _expressions: tuple[tuple[Together, tuple[int, ...]], ...]  # with the numbers that they have as phrases

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

    def parts(self) -> list[object]:
        """What it is made of, in some thousand parts for a large rulebook: who holds them can let go of it bit by bit."""
        roots = (self._words, self._loose, self._emoji)
        return [
            *self._phrases,
            *self._always,
            *self._expressions,
            *(node for root in roots for node in root.after.values()),
        ]

    def _heard(self, words: Words, as_how: How | None = None) -> _Found:
        found = self._said(words, as_how) if words.keys else {}
        if self._expressions:
            found.update(self._found(words.text.strip(), as_how is not None))
        return found

    def _found(self, text: str, as_whole: bool) -> Iterator[tuple[int, tuple[int, Mapping[str, str]]]]:
        """The expressions that are found in a text, or take it whole."""
        if not text:
            return
        data = encoded(text)
        for group, numbers in self._expressions:
            for position in group.found(data):
                expression = group.expressions[position]
                slots = expression.find(text) if not as_whole or expression.fits(text) else None
                if slots is not None:
                    yield numbers[position], (0, slots)

    def _said(self, words: Words, as_how: How | None) -> _Found:
        ends = self._ends(self._words, words, _NO_SLIPS, as_how)
        near = _NO_SLIPS
        if self._loose.after:
            near = self._slips.of(words.keys)
            ends.extend(self._ends(self._loose, words, near, as_how))
        if self._always:
            ends.extend(self._always)
        if self._emoji.after and (words.emoji or has_emoji(words.text)):
            ends.extend(_ends(self._emoji, with_emoji(words.text).keys, as_how))
        if not ends:
            return {}
        if len(ends) == 1 and not ends[0].holed:  # most messages that are heard at all
            return {ends[0].number: (ends[0].order, _NO_SLOTS)}
        return self._settled(_Sought(words, near, as_how), ends)

    def _ends(self, root: _Node, words: Words, near: Mapping[str, tuple[str, ...]], as_how: How | None) -> list[_End]:
        if words.held or near:
            return list(self._loose_ends(root, words, near, as_how))
        return _ends(root, words.keys, as_how)

    def _settled(self, sought: _Sought, ends: list[_End]) -> _Found:
        """For each phrase its first reading that is heard; those with slots are searched for now."""
        if len(ends) == 1:  # most messages that are heard at all
            (end,) = ends
            slots = self._slots(end, sought)
            return {} if slots is None else {end.number: (end.order, slots)}
        found: _Found = {}
        for (number, order), end in sorted({(end.number, end.order): end for end in ends}.items()):
            if number in found:
                continue
            slots = self._slots(end, sought)
            if slots is not None:
                found[number] = (order, slots)
        return found

    def _slots(self, end: _End, sought: _Sought) -> Mapping[str, str] | None:
        """What the slots of a reading catch; None where it is not heard after all."""
        if not end.holed:
            return _NO_SLOTS
        how, near = sought.as_how or end.how, sought.near if end.slips else _NO_SLIPS
        if end.straight is not None and not sought.words.held and not near:
            return end.straight.catch(sought.words, how)
        return catch(self._phrases[end.number].readings[end.order], sought.message(near), how)

    def _loose_ends(
        self, root: _Node, words: Words, near: Mapping[str, tuple[str, ...]], as_how: How | None
    ) -> Iterator[_End]:
        """Like ``_ends`` for a message with slips, or with letters held down: a token is any word it may stand for, or missing."""
        keys = words.keys
        missing = held_positions(keys)
        choices = {key: self._choices(key, words.held, near) for key in set(keys)}
        last = next(at for at in range(len(keys), -1, -1) if at - 1 not in missing)  # what follows may be missing
        for start in range(len(keys)):
            seen: set[tuple[int, int]] = set()
            ahead = [(root, start)]
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

    def _choices(self, key: str, held: bool, near: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        if not held:
            return (key, *near.get(key, ()))
        known = self._spellings.get(skeleton(key), ())
        return (*(word for word in known if alike((key,), (word,))), *near.get(key, ()))


@dataclass(slots=True)
class _Sought:
    """What is listened to: the words, what they may stand for by a slip, and whether only whole messages count."""

    words: Words
    near: Mapping[str, tuple[str, ...]]
    as_how: How | None
    made: dict[bool, Message] = field(default_factory=dict)

    def message(self, near: Mapping[str, tuple[str, ...]]) -> Message:
        """The words ready to be searched, with or without slips; made once."""
        if bool(near) not in self.made:
            self.made[bool(near)] = message(self.words, near)
        return self.made[bool(near)]


def build_matcher(rules: Sequence[Rule]) -> PhraseMatcher:
    """The matcher of these rules' ``says``, ``says_exactly``, ``starts_with`` and ``matches``.

    Raises PatternError for a bad pattern or expression.
    """
    phrases: list[_Listed] = []
    trees = _Trees()
    expressions: dict[int, Expression] = {}
    for position, rule in enumerate(rules):
        for trigger in rule.triggers:
            if isinstance(trigger, Heard):
                for phrase in trigger.phrases:
                    phrases.append(_planted(trees, rule, _Listed(position, phrase, trigger.how, ()), len(phrases)))
            elif isinstance(trigger, Matches):
                for phrase in trigger.expressions:
                    expressions[len(phrases)] = _compiled(phrase)
                    phrases.append(_Listed(position, phrase, "says", ()))
    return PhraseMatcher(
        tuple(phrases),
        trees.words,
        trees.loose,
        trees.emoji,
        tuple(trees.always),
        _by_skeleton(_words_of(each.readings for each in phrases)),
        slips_of(_spelled_out(_words_of(each.readings for each in phrases if rules[each.rule].typos))),
        tuple(_numbered(expressions, _samples(rules))),
    )


def _numbered(
    expressions: Mapping[int, Expression], samples: Sequence[str]
) -> Iterator[tuple[Together, tuple[int, ...]]]:
    numbers = iter(expressions)
    for group in together(tuple(expressions.values()), samples):
        yield group, tuple(islice(numbers, len(group.expressions)))


def _compiled(phrase: Phrase) -> Expression:
    expression = compile_expression(phrase.pattern)
    if isinstance(expression, str):
        raise PatternError(expression, 0)
    return expression


def _samples(rules: Sequence[Rule]) -> list[str]:
    """What ``matches`` rules say they hear: texts to try their expressions on."""
    heard = (rule for rule in rules if any(isinstance(trigger, Matches) for trigger in rule.triggers))
    return [example.pattern for rule in heard for example in rule.examples_match]


def _words_of(readings: Iterable[Iterable[Reading]]) -> set[str]:
    return {word for each in readings for reading in each for word in reading if isinstance(word, str)}


def _spelled_out(words: Iterable[str]) -> Iterator[str]:
    return (spelling for word in words for spelling in (spellings(word) if is_held(word) else (word,)))


def _by_skeleton(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The spellings of all words, by what those that can be alike have in common."""
    found: dict[str, set[str]] = {}
    for word in words:
        found.setdefault(skeleton(word), set()).update(spellings(word) if is_held(word) else (word,))
    return {key: tuple(sorted(each)) for key, each in found.items()}


def _planted(trees: _Trees, rule: Rule, listed: _Listed, number: int) -> _Listed:
    """Puts the readings of a phrase where they are looked for; gives the phrase with them."""
    pattern = parsed(listed.phrase.pattern)
    slips = rule.typos > 0 and not pattern.emoji
    root = trees.emoji if pattern.emoji else trees.loose if slips else trees.words
    for order, reading in enumerate(pattern.whole):
        anchor = _anchor(reading)
        holed = len(anchor) < len(reading)
        end = _End(number, order, listed.how, holed, holed or listed.how == "says", slips, straight(reading))
        if not anchor:
            trees.always.append(end)
        for row in _rows(anchor):
            node = root
            for word in row:
                node = node.step(word)
            node.ends.append(end)
    return _Listed(listed.rule, listed.phrase, listed.how, pattern.whole)


def _rows(anchor: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Every way to spell a row of words; none for an empty one."""
    if not anchor:
        return ()
    held = runs(anchor)
    if not held and not any(map(is_held, anchor)):
        return (anchor,)
    return (tuple(chain(*row)) for row in product(*_choices_of(anchor, held)))


def _choices_of(anchor: tuple[str, ...], held: Mapping[int, int]) -> Iterator[list[tuple[str, ...]]]:
    """For each word of a row its spellings; one or two of a character held down."""
    at = 0
    while at < len(anchor):
        word = anchor[at]
        yield [(word,), (word, word)] if at in held else [(spelling,) for spelling in spellings(word)]
        at += held.get(at, 1)


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
