"""The index of words by slips: it finds exactly the words one slip away, however many there are."""

import random
import string
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.consent import one_slip
from bot.rulebook.typos import Slips, may_slip, slips_of

WORDS = st.text("abcå1", min_size=3, max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=30), WORDS)
def test_it_finds_what_comparing_with_each_word_finds(words: list[str], typed: str) -> None:
    expected = {word for word in words if may_slip(word) and may_slip(typed) and one_slip(typed, word)}
    assert slips_of(words).near(typed) == tuple(sorted(expected))


def test_only_long_words_of_letters_may_slip() -> None:
    words = ["hello", "hell", "hello1", "helllo", "доставка", "किताबें", "किताब", "哈哈"]
    assert [word for word in words if may_slip(word)] == ["hello", "доставка"]


def test_tokens_without_a_near_word_are_left_out() -> None:
    slips = slips_of(["order", "orders"])
    assert slips.of(("ordre", "order", "x", "order", "banana")) == {"ordre": ("order",), "order": ("orders",)}


def test_a_look_costs_the_same_among_many_words() -> None:
    rng = random.Random(3)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(6, 11))) for _ in range(10_000)]
    typed = [word[:2] + word[3:] for word in words[:200]]
    few, many = slips_of(words[:200]), slips_of(words)
    rounds = [(cost(few, typed), cost(many, typed)) for _ in range(5)]
    assert min(each[1] for each in rounds) < 3 * min(each[0] for each in rounds) + 0.002


def cost(slips: Slips, typed: list[str]) -> float:
    began = time.process_time()
    for word in typed:
        slips.near(word)
    return time.process_time() - began
