"""A number in somebody else's words is not told in our log."""

import pytest

from bot.core.reply import Button, ButtonsReply, Reply, TemplateReply, TextReply
from bot.work.masking import MOST, masked


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("No such recipient +46701740605.", "No such recipient +…0605."),
        ("recipient 46 70-174 06 05 is unknown", "recipient …0605 is unknown"),
        ("(470) 131-0000 blocked", "(…0000 blocked"),
        ("Sinch answered 400 INVALID_ARGUMENT, code 131050", "Sinch answered 400 INVALID_ARGUMENT, code 131050"),
        ("two\nlines\r\n and\ttabs", "two lines and tabs"),
        ("", ""),
    ],
)
def test_numbers_are_masked(said: str, told: str) -> None:
    assert masked(said) == told


def test_a_long_answer_is_cut() -> None:
    assert len(masked("word " * 1000)) <= MOST
    assert "1234567" not in masked("x" * (MOST - 7) + "123456789")


@pytest.mark.parametrize(
    ("said", "reply", "told"),
    [
        ('The text "I am at home" is wrong', TextReply("I am at home"), 'The text "…" is wrong'),
        ("text: ...I am   at\nhome and more", TextReply("Hello, I am at home tonight"), "text: ...…and more"),
        ("title Åsa is wrong", ButtonsReply("Who?", (Button("Åsa Ek", "asa", 0),)), "title Åsa is wrong"),
        ("title Åsa Ek is wrong", ButtonsReply("Who?", (Button("Åsa Ek", "asa", 0),)), "title … is wrong"),
        ("The text is too long", TextReply("the text that I wrote"), "The text is too long"),
        ("Template parameter Åsa Ek", TemplateReply("hello", "sv", {"body[1]text": "Åsa Ek"}), "Template parameter …"),
        ("no", TextReply("no"), "no"),
        ("", TextReply("I am at home"), ""),
    ],
)
def test_what_was_sent_is_not_repeated(said: str, reply: Reply, told: str) -> None:
    assert masked(said, reply) == told
