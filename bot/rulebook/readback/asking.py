"""``ask`` and ``must_be`` in words."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.asking import MustBe, Question
from bot.rulebook.readback.words import one_of, quoted, span, title


def ask_words(questions: Sequence[Question], language: str) -> str:
    """``it asks for order_number ("Your order number?", 8 digits, 3 tries)``; empty where nothing is asked."""
    return ", then for ".join(_question(each, language) for each in questions)


def _question(question: Question, language: str) -> str:
    tries = "1 try" if question.tries == 1 else f"{question.tries} tries"
    parts = [quoted(question.text, language), must_be_words(question.must_be, language), tries]
    if question.if_wrong is not None:
        parts.append(f"if wrong {quoted(question.if_wrong, language)}")
    if question.no_answer_after is not None:
        parts.append(f"waiting {span(question.no_answer_after)}")
    return f"{question.slot} ({', '.join(parts)})"


def must_be_words(must_be: MustBe, language: str) -> str:
    """``8 digits``, ``one of At home or The shop``."""
    if must_be.choices:
        menu = f", in the list “{title(must_be.menu, language)}”" if must_be.menu is not None else ""
        shown = (_choice(title(each.label, language), each.value) for each in must_be.choices)
        return f"one of {one_of(shown)}{menu}"
    return "yes or no" if must_be.kind == "yes_or_no" else must_be.written


def _choice(label: str, value: str) -> str:
    return label if label.casefold() == value.casefold() else f"{label} ({value})"
