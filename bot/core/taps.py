"""Taps on buttons of ours and of templates, and their titles or numbers typed."""

from __future__ import annotations

from bot.core.choosing import first_that_fits
from bot.core.decision import Considered
from bot.core.draft import Draft
from bot.core.event import OwnTap, Tap, Text
from bot.core.filling import Unsayable, fill
from bot.core.following import fall_back, fit, follow
from bot.core.hearing import tapped, typed_option
from bot.core.message import Message
from bot.core.reply import TEXT_MAX
from bot.core.rule import Rule
from bot.core.speaking import utter
from bot.core.text import normalise
from bot.core.wording import MENU_WORDS, option_gone


def taps(draft: Draft, message: Message) -> bool:
    """A tap on a button of ours or of a template, or its title or number typed."""
    match message.event.content:
        case OwnTap(rule=rule):
            lead(draft, rule, "a button")
            return True
        case Tap() as tap:
            return first_that_fits(draft, tapped(tap, message.words, draft.scene.rulebook))
        case Text() if draft.options:
            option = typed_option(message.words, draft.options)
            if option is not None:
                lead(draft, option.rule, "the typed title or number of a button")
            return option is not None
        case _:
            return False


def lead(draft: Draft, name: str, why: str) -> None:
    """Today's rule of that name, whatever its ``when``."""
    draft.understood()
    rule = draft.scene.rulebook.rule(name)
    if rule is None:
        draft.note(f"The button led to rule {name}, which is gone.")
        _option_gone(draft)
        return
    case, refused = fit(rule, draft.scene)
    draft.considered.append(Considered(name, rule.place, why, refused))
    if refused:
        draft.note(f"The button leads to rule {name}, which cannot answer: {refused}.")
        fall_back(draft)
    else:
        follow(draft, rule, case)


def _option_gone(draft: Draft) -> None:
    scene = draft.scene
    own = scene.rulebook.settings.option_gone
    try:
        utter(draft, option_gone(scene.language) if own is None else fill(own, scene, TEXT_MAX, "option_gone text"))
    except Unsayable as why:
        draft.note(str(why))
    found = _menu(draft)
    if found is not None:
        follow(draft, *found)


def _menu(draft: Draft) -> tuple[Rule, int] | None:
    """The first rule that hears what people of this language call the menu, then what English calls it."""
    scene = draft.scene
    for word in dict.fromkeys((MENU_WORDS.get(scene.language, "menu"), "menu")):
        for hit in scene.rulebook.matcher.hits(normalise(word)):
            rule = scene.rulebook.rules[hit.rule]
            case, refused = fit(rule, scene)
            draft.considered.append(Considered(rule.name, hit.phrase.place, f"the menu ({word})", refused))
            if not refused:
                return rule, case
    return None
