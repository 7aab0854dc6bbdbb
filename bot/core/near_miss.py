"""Messages that nearly say STOP: the person is asked once, by Yes and No, and anything else closes that question silently."""

from __future__ import annotations

from bot.core.consent import nearly_stops
from bot.core.consent_layer import stop
from bot.core.draft import Draft
from bot.core.event import OwnTap, Tap, Text
from bot.core.filling import Unsayable, fill
from bot.core.message import Message
from bot.core.own_words import own_words, says_no, says_yes
from bot.core.reply import BODY_MAX, BUTTON_MAX, Button, ButtonsReply
from bot.core.speaking import place, utter

STOP_RULE = "_stop"  # what the buttons' ids name; no rule of staff's begins with _
YES, NO = 0, 1


def near_miss_answer(draft: Draft, message: Message) -> bool:
    """Yes or No to the question of ``near_miss``; a tap on it counts however old it is."""
    asked, draft.near_miss = draft.near_miss, False
    option = _answer(draft, message, asked)
    if option is None:
        return False
    if option == YES:
        stop(draft, message.event, "the person confirmed it")
    else:
        _nothing_changes(draft)
    return True


def near_miss(draft: Draft, message: Message) -> bool:
    """Ask whether the person means STOP, where that is likely, not asked just now, and no rule's phrase."""
    if not is_near_miss(draft, message):
        return False
    scene = draft.scene
    words = own_words(scene.language)
    written = scene.rulebook.consent.near_miss_text
    try:
        text = words.near_miss if written is None else fill(written, scene, BODY_MAX, "near_miss_text")
    except Unsayable as why:
        draft.note(str(why))
        text = words.near_miss
    buttons = (Button(words.yes, STOP_RULE, YES), Button(words.no, STOP_RULE, NO))
    place(draft, ButtonsReply(text, tuple(_short(each) for each in buttons)), "", "utility", "fail")
    draft.near_miss = True
    draft.understood()
    draft.note("It is nearly a STOP, so the person is asked whether they mean it.")
    return True


def is_near_miss(draft: Draft, message: Message) -> bool:
    """Whether ``near_miss`` would ask."""
    scene = draft.scene
    if not nearly_stops(message.words, scene.rulebook.consent) or not isinstance(message.event.content, Text | Tap):
        return False
    if scene.conversation.consent.stopped or scene.conversation.state.near_miss:
        return False
    return not scene.rulebook.matcher.phrases_of(message.words)


def _short(button: Button) -> Button:
    return Button(button.label[:BUTTON_MAX], button.rule, button.option)


def _answer(draft: Draft, message: Message, asked: bool) -> int | None:
    content, plain, language = message.event.content, message.words.plain, draft.scene.language
    if isinstance(content, OwnTap):
        return content.option if content.rule == STOP_RULE and content.option in (YES, NO) else None
    if not asked or not isinstance(content, Text):
        return None
    if plain == "1" or says_yes(plain, language) or says_yes(plain, "en"):
        return YES
    return NO if plain == "2" or says_no(plain, language) or says_no(plain, "en") else None


def _nothing_changes(draft: Draft) -> None:
    draft.understood()
    utter(draft, own_words(draft.scene.language).stays)
