"""Messages that nobody understood, grouped; and the phrase that would hear a group."""

from collections import Counter

import pytest

from bot.rulebook.load import load_files
from bot.work.unmatched import Group, phrase_for, rule_for
from tests.rulebook.test_load import HELLO

BOOK = load_files({"rules/a.yaml": HELLO}).rulebook


def group(*texts: str, language: str = "en") -> Group:
    return Group(language, (), texts[0].lower(), texts[0].lower(), Counter(texts))


@pytest.mark.parametrize(
    ("texts", "phrase"),
    [
        (("do you have gift cards?", "gift cards please"), "gift cards"),
        (("Gift cards", "do you sell gift cards", "gift cards?"), "gift cards"),
        (("where can I park my car", "parking?", "where can I park"), "where can i park"),
        (("thanks a lot",), "lot"),
        (("hi", "hi there"), "hi"),
        (("please", "please please"), "please"),
    ],
)
def test_the_phrase_says_most_and_is_held_by_most(texts: tuple[str, ...], phrase: str) -> None:
    assert phrase_for(group(*texts)) == phrase


def test_one_message_gives_the_words_that_mean_something() -> None:
    assert phrase_for(group("can I return my red shoes")) == "return my red shoes"


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert BOOK is not None
    taken = next(iter(BOOK.by_name))
    assert rule_for(group(taken), BOOK).startswith(f"- name: {taken}_2\n")
