"""What earlier rules leave of others: against trying every message, and true for slots, slips and conditions."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, reduce
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.rule import AtMost, Condition, Heard, Phrase, Place, Rule
from bot.core.text import normalise
from bot.rulebook.checks.expansions import expander
from bot.rulebook.checks.precedence import Precedence
from bot.rulebook.matcher import build_matcher
from bot.rulebook.pattern import parse
from bot.rulebook.reading import How

PLACE = Place("rules/x.yaml", 1, 1)
HOWS: tuple[How, ...] = ("says", "says", "says", "says_exactly", "starts_with")


def precedence(made: Sequence[Rule]) -> Precedence:
    return Precedence(made, build_matcher(made), expander(made))


# --- against brute force: phrases without slots -------------------------------------------------------------------------

WORDS = ("a", "b", "z")
MESSAGES = [words for length in range(1, 6) for words in product(WORDS, repeat=length)]


@dataclass(frozen=True)
class Written:
    """A pattern together with its sentences, put together without the pattern reader."""

    source: str
    readings: tuple[tuple[str, ...], ...]


def a_pattern(rng: random.Random) -> Written:
    parts: list[tuple[str, list[tuple[str, ...]]]] = []
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        one, two = rng.choice("ab"), rng.choice("ab")
        ways: dict[str, list[tuple[str, ...]]] = {
            one: [(one,)],
            f"[{one}]": [(one,), ()],
            f"({one}|{two})": [(one,), (two,)],
        }
        parts.append(rng.choice(list(ways.items())))
    readings = tuple(dict.fromkeys(sum(chosen, ()) for chosen in product(*(ways for _, ways in parts))))
    source = " ".join(written for written, _ in parts)
    return Written(source, readings) if () not in readings else a_pattern(rng)


def a_rule(rng: random.Random, name: str) -> tuple[Rule, dict[Phrase, Written]]:
    written = {
        Phrase(made.source, "", Place("rules/x.yaml", 1, at + 1)): made
        for at, made in enumerate(a_pattern(rng) for _ in range(rng.choice((1, 1, 2, 3))))
    }
    rule = Rule(name, PLACE, (Heard(rng.choice(HOWS), tuple(written)),), ())
    condition = Condition(tag=rng.choice(("", "", "", "vip", "new")))
    limit = AtMost(1, timedelta(days=1)) if rng.random() < 0.1 else None
    return replace(rule, condition=condition, enabled=rng.random() > 0.1, at_most=limit), written


@cache
def heard(how: How, reading: tuple[str, ...]) -> int:
    """The messages that hold a sentence, one bit for each."""
    bits = 0
    for at, message in enumerate(MESSAGES):
        starts = range(len(message) - len(reading) + 1) if how == "says" else range(1)
        fits = (message[start : start + len(reading)] == reading for start in starts)
        if any(fits) and (how != "says_exactly" or len(message) == len(reading)):
            bits |= 1 << at
    return bits


def by_force(made: Sequence[tuple[Rule, dict[Phrase, Written]]]) -> dict[int, list[tuple[int, bool]]]:
    """For each rule with anything taken, for each phrase: how many sentences are taken, and whether all are."""
    found: dict[int, list[tuple[int, bool]]] = {}
    for at, (rule, phrases) in enumerate(made):
        taken = 0
        for upper, others in made[:at]:
            (trigger,) = upper.triggers
            assert isinstance(trigger, Heard)
            if upper.enabled and upper.at_most is None and upper.condition.tag in ("", rule.condition.tag):
                taken |= reduce(
                    int.__or__, (heard(trigger.how, each) for one in others.values() for each in one.readings)
                )
        (own,) = rule.triggers
        assert isinstance(own, Heard)
        left = [[heard(own.how, each) & ~taken for each in phrase.readings] for phrase in phrases.values()]
        verdicts = [(sum(not each for each in one), not any(one)) for one in left]
        if rule.enabled and any(count for count, _ in verdicts):
            found[at] = verdicts
    return found


def disagreements(seeds: range) -> Iterator[tuple[int, object, object]]:
    for seed in seeds:
        rng = random.Random(seed)
        made = [a_rule(rng, f"r{at}") for at in range(rng.randint(2, 6))]
        fates = {fate.position: fate for fate in precedence([rule for rule, _ in made]).fates(())}
        mine = {at: [(len(each.taken), each.dead) for each in fate.verdicts] for at, fate in fates.items()}
        force = by_force(made)
        if mine != force or any(fate.dead != all(dead for _, dead in force[at]) for at, fate in fates.items()):
            yield seed, mine, force


def test_it_agrees_with_trying_every_message_on_1500_sets_of_rules() -> None:
    assert next(disagreements(range(1_500)), None) is None


def test_random_rules_show_everything_there_is_to_tell() -> None:
    """Otherwise agreeing would say little."""
    found = [by_force([a_rule(rng, "r") for _ in range(4)]) for rng in map(random.Random, range(150))]
    verdicts = [fate for fates in found for fate in fates.values()]
    assert sum(all(dead for _, dead in fate) for fate in verdicts) > 40
    assert sum(any(count and not dead for count, dead in fate) for fate in verdicts) > 20
    assert sum(not fates for fates in found) > 10


# --- slots, slips and conditions ----------------------------------------------------------------------------------------

KINDS = (
    "text",
    "number",
    "number 1-20",
    "number 5-9",
    "2 digits",
    "1-3 digits",
    "8 digits",
    "date",
    "time",
    "phone",
    "email",
)
PARTS = st.one_of(
    st.sampled_from(["order", "return", "my", "track", "orders"]),
    st.sampled_from(["[my]", "(order|return)", "[please]"]),
    st.sampled_from(KINDS).map("{{: {}}}".format),
)
VALUES = st.one_of(
    st.integers(-3, 25).map(str),
    st.integers(0, 10**9).map(str),
    st.integers(0, 9999).map("{:,}".format),
    st.decimals(0, 21, places=1).map(str),
    st.sampled_from(
        [
            "07",
            "1/2",
            "1.2.2026",
            "2026-05-06",
            "12:30",
            "9 pm",
            "+46 70-123 45 67",
            "070-1234567",
            "x@y.example",
            "what ever",
        ]
    ),
)
BESIDE = st.lists(
    st.one_of(st.sampled_from(["order", "my", "hello", "1", "12345678", "orderr"]), VALUES), max_size=2
).map(" ".join)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Up to three parts; a slot's name tells its place, so that none stands twice."""
    parts = draw(st.lists(PARTS, min_size=1, max_size=3))
    source = " ".join(part.replace("{", f"{{{'xyz'[at]}") for at, part in enumerate(parts))
    return source if any(part[0] != "[" for part in parts) else f"{source} order"


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Rule]:
    made = []
    for at in range(draw(st.integers(2, 4))):
        sources = draw(st.lists(patterns(), min_size=1, max_size=2))
        phrases = (Phrase(each, "", Place("rules/x.yaml", at + 1, column)) for column, each in enumerate(sources, 1))
        condition = Condition(
            tag=draw(st.sampled_from(["", "", "vip"])), during=draw(st.sampled_from(["", "", "shop"]))
        )
        rule = Rule(f"r{at}", PLACE, (Heard(draw(st.sampled_from(HOWS)), tuple(phrases)),), (), condition=condition)
        made.append(
            replace(rule, typos=draw(st.sampled_from([0, 0, 1])), anytime=draw(st.sampled_from([False, False, True])))
        )
    return made


def is_answered(found: Precedence, position: int, message: str) -> bool:
    """Whether the rule answers, for the person and the hour that fit it and no other condition; also in a question, if it may."""
    lower = found.rules[position]
    hits = [hit.rule for hit in found.matcher.hits(normalise(message))]
    if position not in hits:
        return False
    earlier = [found.rules[at] for at in hits if at < position]
    holding = [each for each in earlier if each.condition.tag in ("", lower.condition.tag)]
    return not any(each.condition.during in ("", lower.condition.during) for each in holding)


@st.composite
def messages(draw: st.DrawFn, rule: Rule) -> str:
    """What the rule may hear: one of its sentences with some values, perhaps a slip, and anything around."""
    (trigger,) = rule.triggers
    assert isinstance(trigger, Heard)
    reading = draw(st.sampled_from(parse(draw(st.sampled_from(trigger.phrases)).pattern).readings))
    parts = [part if isinstance(part, str) else draw(VALUES | st.sampled_from(part.kind.edges)) for part in reading]
    if rule.typos and draw(st.booleans()):
        at = draw(st.integers(0, len(parts) - 1))
        cut = draw(st.integers(0, len(parts[at]) - 1))
        parts[at] = parts[at][:cut] + draw(st.sampled_from(["", "q", "s"])) + parts[at][cut + draw(st.integers(0, 1)) :]
    return " ".join([draw(BESIDE), *parts, draw(BESIDE)])


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_message_reaches_a_rule_that_can_never_answer(data: st.DataObject) -> None:
    found = precedence(data.draw(rule_sets()))
    for fate in found.fates(()):
        if fate.dead:
            for _ in range(10):
                message = data.draw(messages(found.rules[fate.position]))
                assert not is_answered(found, fate.position, message), message


@settings(max_examples=50, deadline=None)
@given(rule_sets())
def test_a_rule_of_which_nothing_is_said_answers_something(made: list[Rule]) -> None:
    found = precedence(made)
    dead = {fate.position for fate in found.fates(()) if fate.dead}
    for position, rule in enumerate(made):
        if position not in dead:
            assert any(is_answered(found, position, message) for message in tries(found, rule)) or not any(
                position in {hit.rule for hit in found.matcher.hits(normalise(message))}
                for message in tries(found, rule)
            )


def tries(found: Precedence, rule: Rule) -> Iterator[str]:
    """The sentences of a rule with all values that are known to matter, in any company; the plain ones first."""
    known, (trigger,) = found.expander, rule.triggers
    assert isinstance(trigger, Heard)
    for sentences in (lambda each: known.of(each).tried, known.with_witnesses, known.with_slips):
        for phrase in trigger.phrases:
            for sentence in sentences(phrase):
                yield from known.messages(sentence, trigger.how)
