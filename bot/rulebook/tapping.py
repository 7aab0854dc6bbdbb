"""A tap named as people name it, by the button's title, number or rule, as the content that WhatsApp would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.core.event import OwnTap, Tap
from bot.core.reply import Button, Reply, buttons_of
from bot.core.rule import ButtonSpec, LocalText
from bot.core.rulebook import Rulebook
from bot.core.text import normalise
from bot.rulebook.checks.says import buttons_in


@dataclass(frozen=True, slots=True)
class Pressable:
    """A message that was shown, and the version of the rulebook that its buttons carry."""

    reply: Reply
    version: int


def pressed(what: str, shown: Sequence[Pressable], rulebook: Rulebook) -> OwnTap | Tap:
    """A tap on the button that ``what`` names: its title, the rule it leads to, or its number on the newest message that has buttons.

    ``shown`` is newest first. A button that nobody showed is looked up in the rules, in any language; one that is not there either is a
    button on somebody else's template. Raises ``LookupError`` with a sentence for a number that is not there.
    """
    wanted = normalise(what).plain
    for message in shown:
        for button in buttons_of(message.reply):
            if what == button.rule or wanted == normalise(button.label).plain:
                return _tap(button, message.version)
    if what.isdecimal() and len(what) <= 2:
        return _numbered(int(what), shown)
    for spec, option in _written(rulebook):
        if what == spec.goes_to or wanted in _titles(spec.label):
            return OwnTap(spec.goes_to, rulebook.version, option, postback="")
    return Tap(what)


def _numbered(number: int, shown: Sequence[Pressable]) -> OwnTap | Tap:
    for message in shown:
        buttons = buttons_of(message.reply)
        if buttons and not 1 <= number <= len(buttons):
            raise LookupError(f"There is no button {number}; the last message with buttons has {len(buttons)}.")
        if buttons:
            return _tap(buttons[number - 1], message.version)
    raise LookupError(f"There is no button {number}: no message with buttons was shown.")


def _tap(button: Button, version: int) -> OwnTap | Tap:
    """A template's quick reply that leads nowhere comes back as its title."""
    return OwnTap(button.rule, version, button.option, postback="") if button.rule else Tap(button.label)


def _titles(label: LocalText) -> Iterator[str]:
    for wording in label.wordings():
        for phrasing in wording.by_language.values():
            yield normalise("".join(part for part in phrasing if isinstance(part, str))).plain


def _written(rulebook: Rulebook) -> Iterator[tuple[ButtonSpec, int]]:
    for rule in rulebook.rules:
        for item in rule.reply:
            for said in item.says:
                yield from ((button, option) for option, button in enumerate(buttons_in(said)))
