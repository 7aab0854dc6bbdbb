"""``reply`` in words, shortly: each case with when it holds, what is said, and where it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from bot.core.rule import (
    ButtonSpec,
    IfClosed,
    LocalText,
    ReplyItem,
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
from bot.rulebook.problem import listed
from bot.rulebook.readback.conditions import case
from bot.rulebook.readback.words import quoted, span, title


def reply_words(items: Sequence[ReplyItem], language: str) -> str:
    """``it replies "We are open." during shop, or "Closed now." outside shop``; empty where there is no reply."""
    cases = [_case(item, last=at == len(items) - 1 > 0, language=language) for at, item in enumerate(items)]
    return ", or ".join(cases)


def closed_words(closed: IfClosed, language: str) -> str:
    """What happens with the 24-hour window closed."""
    match closed.how:
        case "skip":
            return "with the window closed it sends nothing"
        case "wait":
            most = f", for {span(closed.not_after)} at most" if closed.not_after is not None else ""
            return f"with the window closed it waits until the person writes{most}"
        case "template":
            told = _template(closed.template, language) if closed.template is not None else "a template"
            return f"with the window closed it sends {told}"
        case _:
            assert_never(closed.how)


def _case(item: ReplyItem, last: bool, language: str) -> str:
    when = case(item.condition) or ("in all other cases" if last else "")
    closed = f" ({closed_words(item.if_closed, language)})" if item.if_closed is not None else ""
    return f"{when + ' ' if when else ''}it {_action(item, language)}{closed}"


def _action(item: ReplyItem, language: str) -> str:
    if item.goes_to:
        return f"goes on with rule {item.goes_to}"
    if not item.says:
        return "says nothing"
    verb = "replies" if isinstance(item.says[0], SayText | SayButtons | SayList | SayLink | SayFlow) else "sends"
    return f"{verb} {', then '.join(said_words(say, language) for say in item.says)}"


def said_words(say: Say, language: str) -> str:
    """One message, shortly."""
    match say:
        case SayText(text=text):
            return quoted(text, language)
        case SayButtons():
            picture = " under a picture" if say.image is not None else ""
            return (
                f"{quoted(say.text, language)}{picture} with {_options(say.buttons, language)}{_frame(say, language)}"
            )
        case SayList():
            return _list(say, language)
        case SayMedia():
            return _media(say, language)
        case SayLocation():
            where = f", {title(say.label, language)}" if say.label is not None else ""
            return f"the place “{title(say.title, language)}”{where} ({say.latitude:g}, {say.longitude:g})"
        case SayContact():
            known = ", ".join(each for each in (say.phone, say.email, say.company) if each)
            return f"the contact card of {title(say.name, language)} ({known})"
        case SayLink():
            return f"{quoted(say.text, language)} with the link “{title(say.title, language)}” to {title(say.url, language)}"
        case SayFlow():
            return _flow(say, language)
        case SayTemplate():
            return _template(say, language)
        case _:
            assert_never(say)


def _options(buttons: Sequence[ButtonSpec], language: str) -> str:
    word = "button" if len(buttons) == 1 else "buttons"
    return f"the {word} {listed([_option(each, language) for each in buttons])}"


def _option(button: ButtonSpec, language: str) -> str:
    more = f", {quoted(button.description, language)}" if button.description is not None else ""
    return f"“{title(button.label, language)}” (to {button.goes_to}{more})"


def _list(say: SayList, language: str) -> str:
    groups = [
        (f"{title(section.title, language)}: " if section.title is not None else "")
        + listed([_option(row, language) for row in section.rows])
        for section in say.sections
    ]
    opener = f"the list “{title(say.menu, language)}”"
    return f"{quoted(say.text, language)} with {opener} of {'; '.join(groups)}{_frame(say, language)}"


def _frame(say: SayButtons | SayList | SayFlow, language: str) -> str:
    named = (("header", say.header), ("footer", say.footer))
    parts = [f"the {name} {quoted(text, language)}" for name, text in named if text is not None]
    return f", and {listed(parts)}" if parts else ""


def _media(say: SayMedia, language: str) -> str:
    article = "an" if say.kind[0] in "aeiou" else "a"
    called = f" called “{title(say.filename, language)}”" if say.filename is not None else ""
    words = f" with the words {quoted(say.caption, language)}" if say.caption is not None else ""
    return f"{article} {say.kind} ({title(say.url, language)}){called}{words}"


def _flow(say: SayFlow, language: str) -> str:
    screen = f", screen {say.screen}" if say.screen else ""
    gives = f", which gives {listed(say.results)}" if say.results else ""
    opener = f"“{title(say.cta, language)}”"
    return (
        f"{quoted(say.text, language)} with {opener} to open flow {say.flow_id}{screen}{gives}{_frame(say, language)}"
    )


def _template(say: SayTemplate, language: str) -> str:
    return f"the template {say.template}{_values(say.values, language)}"


def _values(values: Mapping[str, LocalText], language: str) -> str:
    found: Iterator[str] = (f"{name} = {quoted(value, language)}" for name, value in values.items())
    told = listed(list(found))
    return f" with {told}" if told else ""
