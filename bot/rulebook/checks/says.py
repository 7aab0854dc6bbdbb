"""Every message of a rule with its texts: the one place that knows where texts are and how long each may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from bot.core.asking import Question
from bot.core.phrasing import Phrasing
from bot.core.reply import (
    BODY_MAX,
    BUTTON_MAX,
    BUTTONS_MAX,
    CAPTION_MAX,
    FOOTER_MAX,
    HEADER_MAX,
    ROW_DESCRIPTION_MAX,
    ROW_TITLE_MAX,
    SECTION_MAX,
    TEMPLATE_BODY_MAX,
    TEXT_MAX,
)
from bot.core.rule import (
    ButtonSpec,
    LocalText,
    Say,
    SayButtons,
    SayContact,
    SayFlow,
    SayLink,
    SayList,
    SayLocation,
    SayMedia,
    SayTemplate,
    SayText,
)
from bot.core.text import normalise

URL_MAX = 2000
NAME_MAX = 1000
FILENAME_MAX = 240


@dataclass(frozen=True, slots=True)
class Part:
    """A text of a message: what it is called, how long it may be, and whether a value in it may be cut to fit."""

    text: LocalText
    what: str
    most: int
    cuttable: bool = True


def buttons_in(say: Say) -> tuple[ButtonSpec, ...]:
    """Its buttons or rows, in order."""
    match say:
        case SayButtons(buttons=buttons):
            return buttons
        case SayList(sections=sections):
            return tuple(row for section in sections for row in section.rows)
        case _:
            return ()


def parts(say: Say) -> Iterator[Part]:
    """The texts of a message with their limits."""
    match say:
        case SayText(text=text):
            yield Part(text, "This text", TEXT_MAX)
        case SayButtons():
            yield from _framed(say.text, say.header, say.footer)
            yield from _maybe(say.image, "The address of the image", URL_MAX, cuttable=False)
            for button in say.buttons:
                yield Part(button.label, "Button", BUTTON_MAX, cuttable=False)
        case SayList():
            yield from _list(say)
        case SayMedia():
            yield Part(say.url, f"The address of the {say.kind}", URL_MAX, cuttable=False)
            yield from _maybe(say.caption, "The caption", CAPTION_MAX)
            yield from _maybe(say.filename, "The file name", FILENAME_MAX)
        case SayLocation():
            yield Part(say.title, "The title of the place", NAME_MAX)
            yield from _maybe(say.label, "The address of the place", NAME_MAX)
        case SayContact():
            yield Part(say.name, "The name of the contact", NAME_MAX)
        case SayLink():
            yield Part(say.text, "The text with a link", BODY_MAX)
            yield Part(say.title, "The title of the link", BUTTON_MAX, cuttable=False)
            yield Part(say.url, "The address of the link", URL_MAX, cuttable=False)
        case SayFlow():
            yield from _framed(say.text, say.header, say.footer)
            yield Part(say.cta, "The button of the flow", BUTTON_MAX, cuttable=False)
        case SayTemplate():
            for name, value in say.values.items():
                yield Part(value, f"The value of {name}", TEMPLATE_BODY_MAX, cuttable=False)
        case _:
            assert_never(say)


def question_parts(question: Question) -> Iterator[Part]:
    """The texts of a question with their limits: its choices are buttons, or rows of a list where they are many."""
    must_be = question.must_be
    most = BODY_MAX if must_be.kind in ("one_of", "yes_or_no") else TEXT_MAX
    yield Part(question.text, "The question", most)
    yield from _maybe(question.if_wrong, "The text of if_wrong", most)
    yield from _maybe(must_be.menu, "The button of the list", BUTTON_MAX, cuttable=False)
    few = len(must_be.choices) <= BUTTONS_MAX
    for choice in must_be.choices:
        yield Part(choice.label, "Choice", BUTTON_MAX if few else ROW_TITLE_MAX, cuttable=False)


def spoken(text: LocalText) -> Iterator[tuple[LocalText, str, Phrasing]]:
    """Everything that may be said for ``text``: each wording in each language."""
    for wording in text.wordings():
        for language, phrasing in wording.by_language.items():
            yield wording, language, phrasing


def plain_words(phrasing: Phrasing) -> str:
    """The fixed words of a text, normalised."""
    return normalise("".join(part for part in phrasing if isinstance(part, str))).plain


def _framed(text: LocalText, header: LocalText | None, footer: LocalText | None) -> Iterator[Part]:
    yield Part(text, "The text with buttons", BODY_MAX)
    yield from _maybe(header, "The header", HEADER_MAX)
    yield from _maybe(footer, "The footer", FOOTER_MAX)


def _list(say: SayList) -> Iterator[Part]:
    yield from _framed(say.text, say.header, say.footer)
    yield Part(say.menu, "The button of the list", BUTTON_MAX, cuttable=False)
    for section in say.sections:
        yield from _maybe(section.title, "The title of the section", SECTION_MAX)
        for row in section.rows:
            yield Part(row.label, "Row", ROW_TITLE_MAX, cuttable=False)
            yield from _maybe(row.description, "The description of the row", ROW_DESCRIPTION_MAX)


def _maybe(text: LocalText | None, what: str, most: int, *, cuttable: bool = True) -> Iterator[Part]:
    if text is not None:
        yield Part(text, what, most, cuttable)
