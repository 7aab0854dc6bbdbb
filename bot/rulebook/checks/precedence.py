"""Who answers a message: what earlier rules leave of a rule's phrases, found by putting messages to the real matcher.

A sentence is taken when it goes to earlier rules that hold whenever the lower one does, bare and with a strange word beside it. For
phrases without slots that proves it for every message: a word that nobody knows is heard only by rules that hear any word there.
For slots, values from all over their kind are tried; for rules that allow for typos, slips in each long word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.core.rule import Heard, Matches, Phrase, Rule
from bot.core.rulebook import Hit, Matcher
from bot.core.text import normalise
from bot.rulebook.checks.cases import implies
from bot.rulebook.checks.expansions import Expander, Expansion
from bot.rulebook.reading import How


@dataclass(frozen=True, slots=True)
class Taken:
    """A message made of a sentence that the lower rule listens for, and the hit by which an earlier rule takes it."""

    sentence: Expansion
    message: str
    hit: Hit

    @property
    def shown(self) -> str:
        """The message as staff would write it."""
        return self.sentence.shown(self.message)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What earlier rules leave of one phrase (of a ``matches``, going by the rule's examples).

    ``taken``: the messages of each sentence that is taken, the bare one first. ``dead``: none is left. ``tried`` of ``total``
    sentences were looked at.
    """

    phrase: Phrase
    taken: tuple[tuple[Taken, ...], ...] = ()
    dead: bool = False
    tried: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of the rule at ``position``. ``dead``: all that it listens for is taken, and nothing else leads to it."""

    position: int
    verdicts: tuple[Verdict, ...]
    dead: bool


@dataclass(frozen=True, slots=True)
class Precedence:
    """The rules in their order, with the matcher that they go live with."""

    rules: Sequence[Rule]
    matcher: Matcher
    expander: Expander

    def fates(self, led_to: Collection[str]) -> Iterator[Fate]:
        """The rules of which something is taken. ``led_to``: names of rules that buttons and other rules lead to."""
        for position, rule in enumerate(self.rules):
            verdicts = tuple(self._verdicts(position, rule)) if rule.enabled else ()
            if any(verdict.taken for verdict in verdicts):
                only = (
                    all(isinstance(trigger, Heard | Matches) for trigger in rule.triggers) and rule.name not in led_to
                )
                dead = only and all(verdict.dead for verdict in verdicts)
                yield Fate(position, verdicts, dead)

    def leaves_nothing(self, upper: int, to: int) -> bool:
        """Whether the rule at ``upper``, were it the first of the two, would take all that the other listens for."""
        lower = self.rules[to]
        only_phrases = not any(isinstance(trigger, Matches) for trigger in lower.triggers)
        return (
            only_phrases
            and takes_from(lower, self.rules[upper])
            and all(
                any(hit.rule == upper for hit in self.matcher.hits(normalise(message)))
                for how, phrase in heard_by(lower)
                for sentence in self.expander.of(phrase).tried
                for message in self.expander.messages(sentence, how)
            )
        )

    def taker(self, position: int, message: str) -> Hit | None:
        """The hit of the first rule that takes a message which the rule at ``position`` hears, its own if none does before.

        None where it does not hear the message.
        """
        takers: list[Hit] = []
        for hit in self.matcher.hits(normalise(message)):
            if hit.rule == position:
                return next((taker for taker in takers if self._sees_alike(taker, hit)), hit)
            if hit.rule > position:
                return None
            if takes_from(self.rules[position], self.rules[hit.rule]):
                takers.append(hit)
        return None

    def _sees_alike(self, taker: Hit, own: Hit) -> bool:
        """Whether the values by which a taker's condition is judged are those that the rule itself would be judged by."""
        tests = self.rules[taker.rule].condition.values
        return all(taker.slots.get(test.name) == own.slots.get(test.name) for test in tests if test.source == "slot")

    def _verdicts(self, position: int, rule: Rule) -> Iterator[Verdict]:
        for trigger in rule.triggers:
            if isinstance(trigger, Heard):
                for phrase in trigger.phrases:
                    yield self._verdict(position, phrase, trigger.how)
            elif isinstance(trigger, Matches):
                yield self._by_examples(position, trigger)

    def _verdict(self, position: int, phrase: Phrase, how: How) -> Verdict:
        sentences = self.expander.of(phrase)
        taken: list[tuple[Taken, ...]] = []
        left = False
        for sentence in sentences.tried:
            found = self._taken(position, sentence, how)
            left |= found is None
            if found:
                taken.append(found)
        dead = bool(taken) and not left and self._is_proved(position, phrase, how)
        return Verdict(phrase, tuple(taken), dead, len(sentences.tried), sentences.total)

    def _taken(self, position: int, sentence: Expansion, how: How) -> tuple[Taken, ...] | None:
        """The messages of a sentence with their takers; None where the rule itself answers one, nothing where it hears none."""
        found: list[Taken] = []
        for message in self.expander.messages(sentence, how):
            hit = self.taker(position, message)
            if hit is not None and hit.rule == position:
                return None
            if hit is not None:
                found.append(Taken(sentence, message, hit))
        return tuple(found)

    def _is_proved(self, position: int, phrase: Phrase, how: How) -> bool:
        """Whether the other values of slots, and slips where the rule allows for them, are taken as well."""
        slips = self.expander.with_slips(phrase) if self.rules[position].typos else ()
        others = chain(self.expander.with_witnesses(phrase), slips)
        return all(self._taken(position, sentence, how) is not None for sentence in others)

    def _by_examples(self, position: int, trigger: Matches) -> Verdict:
        """Every example that the expressions hear, alone and in company; expressions that see only some of that are not misjudged."""
        taken: list[tuple[Taken, ...]] = []
        left = False
        for example in self.rules[position].examples_match:
            sentence = Expansion(example, (example.pattern,))
            found = self._taken(position, sentence, "says")
            left |= found is None
            if found:
                taken.append(found)
        return Verdict(trigger.expressions[0], tuple(taken), bool(taken) and not left, len(taken), len(taken))


def takes_from(lower: Rule, upper: Rule) -> bool:
    """Whether ``upper`` answers all messages that both hear, so far as their conditions say."""
    return (
        upper.enabled
        and upper.at_most is None
        and (upper.condition.is_empty or implies(lower.condition, upper.condition))
    )


def heard_by(rule: Rule) -> Iterator[tuple[How, Phrase]]:
    """The rule's phrases, each with its way of listening."""
    for trigger in rule.triggers:
        if isinstance(trigger, Heard):
            for phrase in trigger.phrases:
                yield trigger.how, phrase


def way_of(rule: Rule, phrase: Phrase) -> How | None:
    """How the rule listens for ``phrase``; None where it is one of its expressions."""
    return next((how for how, each in heard_by(rule) if each is phrase or each == phrase), None)
