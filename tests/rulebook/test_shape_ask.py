"""Questions, and what counts as an answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.asking import Question
from bot.core.rule import LocalText, Place
from tests.rulebook.shaping import fault, rule, shaped

REPLY = '    reply: {text: "ok"}'


def ask(must_be: str, more: str = "") -> str:
    return f'    ask: {{n: {{text: "Number?", must_be: {must_be}{more}}}}}\n{REPLY}'


def asked(must_be: str, more: str = "") -> Question:
    (question,) = rule(ask(must_be, more)).ask
    return question


def said(text: LocalText | None) -> object:
    return text and "".join(map(str, text.by_language[""]))


def test_a_question_with_everything() -> None:
    questions = rule(
        "    ask:\n      Order Number:\n        text: Your number?\n        must_be: 8 digits\n        if_wrong: Eight digits please\n"
        f"        tries: 2\n        no_answer_after: 20 minutes\n      why: {{text: Why?, must_be: text}}\n{REPLY}"
    ).ask
    assert [question.slot for question in questions] == ["order_number", "why"]
    first, second = questions
    assert (said(first.text), said(first.if_wrong)) == ("Your number?", "Eight digits please")
    assert (first.tries, first.no_answer_after) == (2, timedelta(minutes=20))
    assert first.place == Place("rules/x.yaml", 5, 7)
    assert (second.tries, second.no_answer_after, second.if_wrong) == (3, None, None)


@pytest.mark.parametrize(
    ("written", "kind", "least", "most"),
    [
        ("8 digits", "digits", 8, 8),
        ("1 digit", "digits", 1, 1),
        ("6-8 digits", "digits", 6, 8),
        ("6 to 8 Digits", "digits", 6, 8),
        ("number", "number", None, None),
        ("number 1-10", "number", 1, 10),
        ("number -5 - 2.5", "number", -5, 2.5),
        ("date", "date", None, None),
        ("future date", "future_date", None, None),
        ("Future-Date", "future_date", None, None),
        ("time", "time", None, None),
        ("email", "email", None, None),
        ("phone", "phone", None, None),
        ("yes or no", "yes_or_no", None, None),
        ("text", "text", None, None),
        ("image", "image", None, None),
        ("document", "document", None, None),
        ("location", "location", None, None),
    ],
)
def test_kinds_of_answers(written: str, kind: str, least: float | None, most: float | None) -> None:
    found = asked(written).must_be
    assert (found.kind, found.least, found.most, found.written) == (kind, least, most, written)
    assert (found.reads is not None) == (kind == "phone")


def test_a_phone_number_is_read_by_the_persons_country() -> None:
    reads = asked("phone").must_be.reads
    assert reads is not None
    assert reads.read("070-123 45 67", "46709999999") == "+46701234567"
    assert reads.read("no number", "46709999999") is None


def test_a_pattern_takes_the_whole_answer() -> None:
    found = asked('{pattern: "[A-Z]{2}[0-9]{4}"}').must_be
    assert (found.kind, found.written) == ("pattern", "[A-Z]{2}[0-9]{4}")
    assert found.reads is not None
    assert found.reads.read("ab1234", "") == "ab1234"
    assert found.reads.read("ab12345", "") is None


@pytest.mark.parametrize(
    "written",
    [
        "{one_of: [At home, {shop: In the shop}]}",
        "{one_of: [{At home: At home}, {shop: In the shop}]}",
        "{one_of: {At home: At home, shop: In the shop}}",
    ],
)
def test_choices_have_a_value_and_words(written: str) -> None:
    choices = asked(written).must_be.choices
    assert [(choice.value, said(choice.label)) for choice in choices] == [
        ("At home", "At home"),
        ("shop", "In the shop"),
    ]


@pytest.mark.parametrize("more", ["{one_of: [a, b, c, d], menu: Choose}", "{one_of: [a, b, c, d]}, menu: Choose"])
def test_more_than_three_choices_become_a_list_that_menu_names(more: str) -> None:
    found = asked(more).must_be
    assert len(found.choices) == 4
    assert said(found.menu) == "Choose"


def test_wordings_of_a_question_and_of_what_is_wrong() -> None:
    (question,) = rule(
        f'    ask: {{n: {{any_of: ["Number?", "Which one?"], must_be: text, if_wrong: {{any_of: ["No", "Hm"]}}}}}}\n{REPLY}'
    ).ask
    assert [said(text) for text in question.text.wordings()] == ["Number?", "Which one?"]
    assert question.if_wrong is not None
    assert [said(text) for text in question.if_wrong.wordings()] == ["No", "Hm"]


@pytest.mark.parametrize(
    ("written", "cure"),
    [
        ("8 digit", 'Did you mean "8 digits"?'),
        ("8digits", 'Did you mean "8 digits"?'),
        ("8", 'Did you mean "8 digits"?'),
        ("eight digits", 'Did you mean "8 digits"?'),
        ("8 siffror", 'Did you mean "8 digits"?'),
        ("digits", 'Write how many, for example "8 digits" or "6-8 digits".'),
        ("number between 1 and 10", 'Did you mean "number 1-10"?'),
        ("phone number", 'Did you mean "phone"?'),
        ("E-Mail", 'Did you mean "email"?'),
        ("yes/no", 'Did you mean "yes_or_no"?'),
        ("ja/nej", 'Did you mean "yes_or_no"?'),
        ("nummer", 'Did you mean "number"?'),
        ("datum", 'Did you mean "date"?'),
        ("picture", 'Did you mean "image"?'),
        ("max 20 characters", 'How long a text is, a pattern says: must_be: {pattern: ".{1,20}"}.'),
        ("at least 6 letters", 'How long a text is, a pattern says: must_be: {pattern: ".{6,}"}.'),
        ("pattern", 'A pattern is written beside its name: must_be: {pattern: "[A-Z]{2}[0-9]{4}"}.'),
        ("one_of", "Choices stand in a list of their own: must_be: {one_of: [Small, Large]}."),
    ],
)
def test_a_kind_that_there_is_not_is_told_with_the_one_that_was_meant(written: str, cure: str) -> None:
    assert fault(ask(written)) == f'must_be cannot be "{written}". {cure}'


@pytest.mark.parametrize(
    ("must_be", "sentence"),
    [
        ("8-6 digits", 'No answer has "8-6 digits".'),
        ("number 10-1", "Write the smaller first: number 1-10."),
        ("[Small, Large]", "To offer choices, write must_be: {one_of: [Small, Large]}."),
        ("{one_of: [Small]}", "one_of needs at least two choices."),
        ('{one_of: "Small, Large"}', "one_of is a list of choices. Write one_of: [Small, Large]."),
        ("{one_of: [a, b, c, d]}", "There are 4 choices; WhatsApp shows at most 3 as buttons."),
        ("{one_of: [{en: At home}, shop]}", "This choice needs a value before its words. Write {home: {en: At home}}."),
        ("{one_of: [a, b], pattern: x}", "must_be has one_of and pattern. Keep one of the two."),
        ("{patern: x}", 'Did you mean "pattern"?'),
        ("{8 digits}", "Write must_be: 8 digits."),
        ('{pattern: "[A-Z"}', 'The pattern of must_be cannot be read. A "[" is never closed.'),
        ("text, menu: Choose", "menu names the button of a list of choices, and there is no one_of."),
        ("{one_of: [a, b], menu: X}, menu: Y", '"menu" is written twice for this question.'),
        ("text, tries: 0", "With 0 tries nobody could answer. Write from 1 to 10"),
        ("text, tries: three", 'tries must be a whole number, not "three".'),
        ("text, tries: 50", "Nobody wants to be asked 50 times."),
        ("text, no_answer_after: 20", '"20" has no unit. Write "20 minutes", "20 hours" or "20 days".'),
        ("text, no_answer_after: 20 minuter", 'Did you mean "20 minutes"?'),
        ("text, no_answer_after: 0 hours", "no_answer_after must be longer than nothing."),
        ("text, no_answer_after: half an hour", 'Did you mean "30 minutes"?'),
        ("text, no_answer_after: 1.5 hours", 'Did you mean "90 minutes"?'),
        ("text, timeout: 20 minutes", "Write no_answer_after: 20 minutes."),
        ("text, if_worng: no", 'Did you mean "if_wrong"?'),
        ("text, any_of: [a, b]", "any_of stands for the text, and here are both."),
    ],
)
def test_mistakes_in_a_question(must_be: str, sentence: str) -> None:
    assert sentence in fault(ask(must_be))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('ask: {text: "Number?", must_be: text}', "This question has no name, and its answer is kept under it."),
        ('ask: [{n: {text: "Number?", must_be: text}}]', "are keys with their names, not a list."),
        ('ask: {n: "Number?"}', 'Write n: {text: "Number?", must_be: text}.'),
        ('ask: {8n: {text: "Number?", must_be: text}}', 'The question "8n" must begin with a letter'),
        ('ask: {_n: {text: "Number?", must_be: text}}', 'The question "_n" must begin with a letter'),
        ('ask: {n: {text: "Number?"}}', 'Question n has no "must_be". Add: must_be: text'),
        ("ask: {n: {must_be: text}}", 'Question n has no "text".'),
        ('ask: {n: {text: "Number?", one_of: [a, b]}}', "Write must_be: {one_of: [...]}."),
        ("must_be: text", '"must_be" belongs under "ask". Write ask: {a_name: {must_be: ...}}.'),
    ],
)
def test_mistakes_around_questions(body: str, sentence: str) -> None:
    assert sentence in fault(f"    {body}\n{REPLY}")


def test_signs_of_a_pattern_that_know_ascii_only_are_doubted() -> None:
    assert fault(ask('{pattern: "\\\\w+\\\\d"}')) == (
        "Warning: In the pattern of must_be \\w and \\d know the letters a to z and digits 0 to 9 only, not å, ü or я. "
        "Write [\\pL\\pN_] for \\w and \\pN for \\d to hear every script."
    )


def test_a_pattern_without_quotes_is_told_with_its_quotes() -> None:
    _, problems = shaped(
        "rules:\n  - name: a\n    ask:\n      n:\n        must_be:\n          pattern: [A-Z]{2}[0-9]\n"
    )
    assert problems == [
        'rules/x.yaml:6:20: "[" means something else to YAML, so this pattern needs quotes: "[A-Z]{2}[0-9]".'
    ]


def test_a_rule_that_asks_and_says_nothing_then_is_told() -> None:
    assert fault('    ask: {n: {text: "Number?", must_be: text}}') == (
        "Rule a asks and then answers nothing. Add reply: [{if: answered, text: ...}, ...], or reply: {say_nothing: true} if that is meant."
    )
