"""Asking: a question is said, and stays open for its answer."""

from __future__ import annotations

from datetime import datetime

from bot.core.asking import Question
from bot.core.conversation import OpenQuestion
from bot.core.draft import Draft
from bot.core.own_words import own_words
from bot.core.phrasing import LocalText
from bot.core.reply import BUTTONS_MAX
from bot.core.rule import ALWAYS, ButtonSpec, ReplyItem, Rule, Say, SayButtons, SayList, SayText, SectionSpec
from bot.core.speaking import speak

OPTIONS_A_QUESTION = 100  # a question's options are numbered from 100 times its place in ``ask``, counted from 1


def pose(draft: Draft, rule: Rule, position: int, text: LocalText, tries: int = 0) -> None:
    """Ask question ``position`` of ``rule`` in the words of ``text``; ``scene.answers`` are those it has already.

    It is open only where the person can see it: with the window closed what ``if_closed`` says leaves, and nothing is asked.
    """
    scene, question = draft.scene, rule.ask[position]
    before = len(draft.sends)
    scene.hours = rule.condition.during or rule.condition.outside or next(iter(scene.rulebook.hours), "")
    item = ReplyItem(ALWAYS, (_spoken(question, rule, text, scene.rulebook.settings.languages),), question.place)
    speak(draft, rule, item, first_option(position))
    seen_at = _seen_at(draft, before)
    if seen_at is None:
        draft.note(f"The question for {question.slot} of rule {rule.name} is not open: the person cannot see it.")
        if draft.question is not None and draft.question.rule == rule.name:
            draft.question = None
        return
    if draft.question is not None and draft.question.rule != rule.name:
        draft.note(
            f"The question for {draft.question.slot} of rule {draft.question.rule} is dropped: a new one takes its place."
        )
    draft.note(f"Rule {rule.name} asks for {question.slot} ({question.must_be.written}).")
    draft.question = OpenQuestion(
        rule.name,
        question.slot,
        scene.rulebook.version,
        seen_at,
        deadline_of(question, seen_at),
        tries,
        scene.answers,
        scene.slots,
        scene.given,
    )


def _seen_at(draft: Draft, before: int) -> datetime | None:
    """When the question that was put on the books after ``before`` others leaves; None where the person never sees it."""
    scene = draft.scene
    if len(draft.sends) == before or not scene.window_open:
        return None
    held_until = draft.sends[-1].not_before
    if held_until is None:
        return scene.now
    conversation = scene.conversation
    return held_until if conversation.window.is_open(held_until, conversation.margin) else None


def deadline_of(question: Question, now: datetime) -> datetime | None:
    """When nobody waits for the answer any longer."""
    return None if question.no_answer_after is None else now + question.no_answer_after


def first_option(position: int) -> int:
    """The number of the first option of the question at that place of ``ask``."""
    return OPTIONS_A_QUESTION * (1 + position)


def _spoken(question: Question, rule: Rule, text: LocalText, languages: tuple[str, ...]) -> Say:
    labels = _labels(question, languages)
    if not labels:
        return SayText(text)
    buttons = tuple(ButtonSpec(label, rule.name, question.place) for label in labels)
    if len(buttons) <= BUTTONS_MAX:
        return SayButtons(text, buttons)
    menu = question.must_be.menu or _own("choose", question, languages)
    return SayList(text, menu, (SectionSpec(None, buttons),))


def _labels(question: Question, languages: tuple[str, ...]) -> tuple[LocalText, ...]:
    match question.must_be.kind:
        case "one_of":
            return tuple(choice.label for choice in question.must_be.choices)
        case "yes_or_no":
            return _own("yes", question, languages), _own("no", question, languages)
        case _:
            return ()


def _own(word: str, question: Question, languages: tuple[str, ...]) -> LocalText:
    return LocalText({language: (str(getattr(own_words(language), word)),) for language in languages}, question.place)
