"""What hearing a message costs: ``python -m tests.bench.matching`` prints microseconds at 100 and at 10,000 keywords.

Both rulebooks hold the same small shop, whose rules hear most of the messages, so that both find the same hits; the rest of
the keywords are words, phrases and sentence patterns in rules of ten that share words with the messages but hear none of them.
Normalising is part of the cost. Best of several rounds in turn, so that a busy machine counts less.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from bot.core.rule import Heard, Phrase, Place, Rule
from bot.core.text import normalise
from bot.rulebook.matcher import PhraseMatcher, build_matcher

PLACE = Place("rules/bench.yaml", 1, 1)
MESSAGES = (
    "hi",
    "HEJ!!",
    "Where is my order? I ordered it on Monday and it is still not here",
    "Hej! Vad har ni för öppettider i dag, och på lördag?",
    "can you please track 12345678 for me",
    "thanks 👍",
    "my name is Anna and I would like to return the blue shoes that I bought last week",
    "Är ni öppna på söndag?",
)
SHOP = (
    "opening hours",
    "[when] (are|r) you open",
    "öppettider",
    "track [order] {number: 8 digits}",
    "where is my order",
    "(return|send back) [the|my] {what}",
    "hi",
    "hello",
    "hej",
    "my name is {name}",
)
ROUNDS = 15
TIMES = 150


def keywords(count: int, seed: int = 7) -> list[str]:
    """The shop's patterns, and others up to that many: half words, the rest phrases, some with parts and slots."""
    rng = random.Random(seed)
    common = "order my is the track return open name where öppet ni på i dag".split()
    made = list(SHOP)
    while len(made) < count:
        word = "".join(rng.choices("abcdefghijklmnoprstuvåäö", k=rng.randint(6, 11)))
        beside = rng.choice(common)
        shapes = (word, word, word, f"{beside} {word}", f"[{beside}] ({word}|{word}s)", f"{word} {beside} {{value}}")
        made.append(rng.choice(shapes))
    return made


def matcher_of(patterns: Sequence[str]) -> PhraseMatcher:
    """Rules of ten patterns each."""
    rules = [
        Rule(
            f"rule_{at}", PLACE, (Heard("says", tuple(Phrase(each, "", PLACE) for each in patterns[at : at + 10])),), ()
        )
        for at in range(0, len(patterns), 10)
    ]
    return build_matcher(rules)


def costs(*matchers: PhraseMatcher) -> list[float]:
    """Microseconds for a message, normalised and matched, with each matcher: the best round of each."""
    rounds = [[_seconds(each) for each in matchers] for _ in range(ROUNDS)]
    return [1e6 * min(taken) / (TIMES * len(MESSAGES)) for taken in zip(*rounds, strict=True)]


def _seconds(matcher: PhraseMatcher) -> float:
    start = time.perf_counter()
    for _ in range(TIMES):
        for text in MESSAGES:
            matcher.hits(normalise(text))
    return time.perf_counter() - start


def main() -> None:
    """Prints the figures."""
    few, many = costs(*(matcher_of(keywords(count)) for count in (100, 10_000)))
    print(f"   100 keywords: {few:5.1f} µs a message")
    print(f"10,000 keywords: {many:5.1f} µs a message")
    print(f"ratio: {many / few:.2f}")


if __name__ == "__main__":
    main()
