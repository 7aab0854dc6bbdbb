"""Questions: what is asked is told apart from all else a person may type, and conditions speak of answers that can be given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.core.asking import Choice, Question
from bot.core.rule import Place, Rule
from bot.core.text import normalise
from bot.rulebook.checks.outcomes import shows_flow
from bot.rulebook.checks.says import plain_words, spoken
from bot.rulebook.checks.values import OURS
from bot.rulebook.problem import did_you_mean, listed
from bot.rulebook.shape.book import Draft

YES_OR_NO: Final = ("yes", "no")


def options_of(question: Question) -> tuple[str, ...]:
    """The values of a question that is answered by choosing, as conditions compare them; empty for any other."""
    match question.must_be.kind:
        case "yes_or_no":
            return YES_OR_NO
        case "one_of":
            return tuple(normalise(choice.value).plain for choice in question.must_be.choices)
        case _:
            return ()


def check_questions(draft: Draft) -> None:
    """Names, choices and waiting times of every question."""
    for rule in draft.rules:
        if not rule.goes_on or rule.name in draft.notes.broken:
            continue
        _check_flow(rule, draft)
        for question in rule.ask:
            _check_name(question, draft)
            _check_time(question, draft)
            if question.must_be.kind == "one_of":
                _check_choices(question, draft)


def _check_name(question: Question, draft: Draft) -> None:
    if question.slot in OURS:
        draft.notes.problems.error(
            question.place,
            f"{{{{{question.slot}}}}} is a value of Parley's own, so no question may be called {question.slot}. "
            f"Give it another name, such as {question.slot}_wanted.",
        )


def _check_flow(rule: Rule, draft: Draft) -> None:
    """A flow's answer would be answered once more, and so be shown the flow again."""
    for item in rule.reply:
        if shows_flow(item):
            draft.notes.problems.error(
                item.place,
                f"Rule {rule.name} {'asks' if rule.ask else 'calls'} and then shows a flow with results, so that "
                "answered could mean either. Put the flow into a rule of its own, and go there with goes_to.",
            )


def _check_time(question: Question, draft: Draft) -> None:
    kept = draft.settings.forget_answers_after
    if question.no_answer_after is not None and question.no_answer_after > kept:
        draft.notes.problems.error(
            question.place,
            f"The question for {question.slot} waits longer (no_answer_after) than an unfinished one is kept (forget_answers_after in "
            "settings). Make the first shorter, or the second longer.",
        )


# --- choices ------------------------------------------------------------------------------------------------------------


def _check_choices(question: Question, draft: Draft) -> None:
    first: dict[str, Choice] = {}
    for position, choice in enumerate(question.must_be.choices, 1):
        for said in _said_for(choice):
            known = first.setdefault(said, choice)
            if known is not choice:
                draft.notes.problems.error(
                    choice.label.place,
                    f'Two choices for {question.slot} are called "{said}", and a person who types that means either. '
                    "Give one of them other words.",
                )
                break
        _check_label(question, choice, position, draft)


def _said_for(choice: Choice) -> list[str]:
    """What a person may type for the choice, normalised, each once: its titles in every language, and its key."""
    titles = (plain_words(phrasing) for _, _, phrasing in spoken(choice.label))
    return [said for said in dict.fromkeys((*titles, normalise(choice.value.replace("_", " ")).plain)) if said]


def _check_label(question: Question, choice: Choice, position: int, draft: Draft) -> None:
    for text, language, phrasing in spoken(choice.label):
        plain, place = plain_words(phrasing), draft.notes.place_of(text, language)
        if plain in draft.consent.stop:
            draft.notes.problems.error(
                place,
                f'The choice "{plain}" is a consent word: whoever types it stops all messages. Give it other words.',
            )
        elif plain in draft.settings.cancel_words:
            draft.notes.problems.warning(
                place,
                f'The choice "{plain}" is also a word that leaves a question; here it counts as the choice. '
                "If that is not meant, give it other words.",
            )
        elif plain.isdecimal() and 1 <= int(plain[:9]) <= len(question.must_be.choices) and int(plain[:9]) != position:
            draft.notes.problems.error(
                place,
                f'The choice "{plain}" stands at place {position}, and a person who types {plain} may mean the one at place {plain}. '
                "Order the choices by their numbers, or give it other words.",
            )


# --- what is asked of answers -------------------------------------------------------------------------------------------


def never_given(rule: Rule) -> Iterator[tuple[Place, str]]:
    """Conditions on answers that the rule's questions do not take: where they stand, and what is wrong."""
    choosing = {question.slot: question for question in rule.ask if options_of(question)}
    for condition, place in ((rule.condition, rule.place), *((item.condition, item.place) for item in rule.reply)):
        for test in condition.values:
            question = choosing.get(test.name) if test.source == "answer" else None
            strange = [value for value in test.anyof if question and value not in options_of(question)]
            if question is not None and strange:
                known = _written(question)
                cure = did_you_mean(strange[0], known) or f" Write {listed(known, 'or')}."
                yield place, f'The answer to {test.name} is never "{strange[0]}".{cure}'


def _written(question: Question) -> list[str]:
    if question.must_be.kind == "yes_or_no":
        return list(YES_OR_NO)
    return [choice.value for choice in question.must_be.choices]
