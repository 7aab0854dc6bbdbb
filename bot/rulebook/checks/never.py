"""Rules that can never answer, and phrases of which earlier rules take everything or a part: who takes it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core.rule import Matches, Rule
from bot.core.rulebook import Hit, Matcher
from bot.rulebook.checks.expansions import expander
from bot.rulebook.checks.precedence import Fate, Precedence, Taken, Verdict, way_of
from bot.rulebook.problem import listed, seen_from
from bot.rulebook.shape.book import Draft
from bot.rulebook.traps import quote

_QUESTION = "only in the middle of a question"


def check_never(draft: Draft, matcher: Matcher) -> None:
    """Tell rules that can never answer as errors, and phrases that are taken, in all or in part, as warnings.

    What an open question does to the order is left aside, but for rules that are meant to interrupt one (``anytime``).
    """
    precedence = Precedence(draft.rules, matcher, expander(draft.rules))
    led_to = {each.name for each in draft.notes.mentions if each.kind == "rule" and each.how != "after_rule"}
    for fate in precedence.fates(led_to):
        told = _Told(precedence, fate)
        if fate.dead:
            tell = draft.notes.problems.error if told.often(fate.verdicts) == "never" else draft.notes.problems.warning
            tell(told.rule.place, told.of_the_rule())
        else:
            for group in _grouped(fate.verdicts):
                draft.notes.problems.warning(group[0].phrase.place, told.of_phrases(group))


def _grouped(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """Phrases that one phrase takes alike stand together; what is taken in part is told by itself."""
    groups: dict[object, list[Verdict]] = {}
    for at, verdict in enumerate(verdicts):
        if verdict.taken:
            hit = verdict.taken[0][0].hit
            key = (hit.rule, hit.phrase, _is_same(verdict)) if verdict.dead else at
            groups.setdefault(key, []).append(verdict)
    return list(groups.values())


def _is_same(verdict: Verdict) -> bool:
    """Whether the very phrase stands in the rule that takes it."""
    return verdict.taken[0][0].hit.phrase.pattern.casefold() == verdict.phrase.pattern.casefold()


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said about one rule."""

    precedence: Precedence
    fate: Fate

    @property
    def rule(self) -> Rule:
        """The rule that is told about."""
        return self.precedence.rules[self.fate.position]

    def of_the_rule(self) -> str:
        """It can never answer: by whom, for example what, and what helps."""
        verdicts, name = self.fate.verdicts, self.rule.name
        often = self.often(verdicts)
        answers = f"can answer {often}" if often == _QUESTION else f"can {often} answer"
        judged = ", judged by its examples," if all(isinstance(each, Matches) for each in self.rule.triggers) else ""
        takers = {taken.hit.rule for taken in _all(verdicts)}
        return f"Rule {name}{judged} {answers}: {self._takers(verdicts)}. {self._cure(takers)}{_tried(verdicts)}"

    def of_phrases(self, verdicts: Sequence[Verdict]) -> str:
        """Phrases of a rule that can answer otherwise are taken by one phrase of another, all alike."""
        first = verdicts[0].taken[0][0]
        taker = self.precedence.rules[first.hit.rule]
        where = seen_from(verdicts[0].phrase.place, taker.place)
        if not verdicts[0].dead:
            told = (
                f"{quote(verdicts[0].phrase.pattern)} in rule {self.rule.name} is heard only in part: rule {taker.name} ({where}) takes "
                f"{self._reach(first.hit)}, and so {quote(first.shown)}. If that is not meant, {self._move({first.hit.rule})}."
            )
            return told + _tried(verdicts)
        several = len(verdicts) > 1
        if _is_same(verdicts[0]):
            return (
                f"{_phrases(verdicts)} {'stand' if several else 'stands'} in rule {taker.name} ({where}) too, which comes first and "
                f"answers. Keep {'them' if several else 'it'} in one of the two rules."
            )
        often = self.often(verdicts)
        heard = (
            f"{'are' if several else 'is'} heard {often}"
            if often == _QUESTION
            else f"{'are' if several else 'is'} {often} heard"
        )
        delete = "delete the phrases" if several else "delete the phrase"
        takers = {taken.hit.rule for taken in _all(verdicts)}
        cure = f"{self._move(takers)}, or {delete}."
        told = f"{_phrases(verdicts)} in rule {self.rule.name} {heard} there: {self._takers(verdicts)}. {cure[0].upper()}{cure[1:]}"
        return told + _tried(verdicts)

    def often(self, verdicts: Iterable[Verdict]) -> str:
        """How often messages get past the takers. Expressions see letters that phrases ignore, so that some may slip through."""
        rules = self.precedence.rules
        hits = [taken.hit for taken in _all(verdicts)]
        judged_alike = all(isinstance(trigger, Matches) for trigger in self.rule.triggers)
        if not judged_alike and any(way_of(rules[hit.rule], hit.phrase) is None for hit in hits):
            return "hardly ever"
        interrupts = self.rule.anytime and any(rule.ask for rule in rules)
        return _QUESTION if interrupts and not all(rules[hit.rule].anytime for hit in hits) else "never"

    def _takers(self, verdicts: Iterable[Verdict]) -> str:
        """``rule orders (line 12) takes every message with "return", for example "return it"``: two rules, and how many more."""
        examples: dict[int, Taken] = {}
        for taken in _all(verdicts):
            known = examples.get(taken.hit.rule)
            if known is None or (_says_no_more(known) and not _says_no_more(taken)):
                examples[taken.hit.rule] = taken
        told = [self._taker(taken) for taken in list(examples.values())[:2]]
        more = len(examples) - len(told)
        rest = f", and {more} more {'rules take' if more > 1 else 'rule takes'} the rest" if more else ""
        return ", and ".join(told) + rest

    def _taker(self, taken: Taken) -> str:
        taker = self.precedence.rules[taken.hit.rule]
        where = seen_from(self.rule.place, taker.place)
        reach = self._reach(taken.hit)
        example = "" if reach == quote(taken.shown) else f", for example {quote(taken.shown)}"
        return f"rule {taker.name} ({where}) takes {reach}{example}"

    def _reach(self, hit: Hit) -> str:
        phrase = quote(hit.phrase.pattern)
        match way_of(self.precedence.rules[hit.rule], hit.phrase):
            case "says":
                return f"every message with {phrase}"
            case "starts_with":
                return f"every message that starts with {phrase}"
            case "says_exactly":
                return phrase
            case None:
                return f"every message that fits {phrase}"

    def _cure(self, takers: set[int]) -> str:
        move = self._move(takers)
        return f"{move[0].upper()}{move[1:]}{', or delete it' if move.startswith('give') else ''}."

    def _move(self, takers: set[int]) -> str:
        """Above the first of the takers, unless that would leave one of these nothing in turn."""
        if any(self.precedence.leaves_nothing(self.fate.position, taker) for taker in takers):
            return f"give {self.rule.name} other phrases"
        top = self.precedence.rules[min(takers)]
        into = "" if top.place.file == self.rule.place.file else f", into {top.place.file}"
        return f"move {self.rule.name} above {top.name}{into}"


def _all(verdicts: Iterable[Verdict]) -> list[Taken]:
    return [taken for verdict in verdicts for sentence in verdict.taken for taken in sentence]


def _says_no_more(taken: Taken) -> bool:
    """Whether the message is but the phrase that takes it, which makes a poor example."""
    return taken.shown.casefold() == taken.hit.phrase.pattern.casefold()


def _phrases(verdicts: Sequence[Verdict]) -> str:
    shown = [quote(verdict.phrase.pattern) for verdict in verdicts]
    return listed(shown if len(shown) < 4 else [*shown[:2], f"{len(shown) - 2} more phrases"])


def _tried(verdicts: Iterable[Verdict]) -> str:
    sampled = next((each for each in verdicts if each.tried < each.total), None)
    return f" (Of its {sampled.total} sentences {sampled.tried} were tried.)" if sampled else ""
