"""WhatsApp's limits, on every language and with the longest value a placeholder may bring, where that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.core.rule import LocalText, Phrasing, Placeholder, Rule, Say
from bot.core.text import normalise
from bot.rulebook.checks.says import Part, buttons_in, spoken
from bot.rulebook.checks.texts import texts_of, texts_of_no_rule
from bot.rulebook.checks.values import Known, Values, longest_opening
from bot.rulebook.shape.book import Draft
from bot.rulebook.traps import quote

_SHORT: Final = 72  # longer texts are not worth suggesting anew
_WORDS_OF_AN_END: Final = 6
_DANGLING: Final = frozenset(
    "a an and or the my your our of to for with in on at by och eller din ditt min mitt en ett för till med i på und oder der die das "
    "mein ihr et ou le la les de du mon y o el los mi".split()
)


def check_limits(draft: Draft, known: Mapping[str, Known]) -> None:
    """Texts that are too long, values that may make a title too long, and equal labels in one message."""
    for rule in draft.rules:
        if rule.name in draft.notes.broken:
            continue
        for part, values in texts_of(rule, known[rule.name]):
            _check_part(part, values, draft)
        for item in rule.reply:
            for say in item.says:
                _check_labels(say, rule, draft)
    for part, values in texts_of_no_rule(draft):
        _check_part(part, values, draft)


def _check_part(part: Part, values: Values, draft: Draft) -> None:
    for text, language, phrasing in spoken(part.text):
        if len(phrasing) == 1 and isinstance(phrasing[0], str) and len(phrasing[0]) <= part.most:
            continue
        place = draft.notes.place_of(text, language)
        longest, unknown = measure(phrasing, language or draft.settings.languages[0], values)
        if longest > part.most:
            draft.notes.problems.error(place, too_long(part.what, phrasing, longest, part.most))
        elif unknown and not part.cuttable and part.most <= _SHORT:
            draft.notes.problems.warning(
                place,
                f"{part.what} {quote(shown(phrasing))} holds {{{{{unknown}}}}}, of which nobody knows how long it is; WhatsApp shows at "
                f"most {part.most} characters, and a longer one makes the message fail. Write fixed words here.",
            )


def measure(phrasing: Phrasing, language: str, values: Values) -> tuple[int, str]:
    """The most characters a text is known to reach, and the name of a placeholder whose length is not known (or empty)."""
    total, unknown = 0, ""
    for part in phrasing:
        if isinstance(part, str):
            total += len(part)
            continue
        length = longest_opening(language) if part.name == "next_opening" else values.length(part.name)
        total += max(length or 0, len(part.default or ""))
        unknown = unknown if length is not None else part.name
    return total, unknown


def shown(phrasing: Phrasing) -> str:
    """A text as it was written."""
    return "".join(part if isinstance(part, str) else _hole(part) for part in phrasing)


def _hole(hole: Placeholder) -> str:
    return f"{{{{{hole.name}}}}}" if hole.default is None else f"{{{{{hole.name}|{hole.default}}}}}"


def too_long(what: str, phrasing: Phrasing, length: int, most: int) -> str:
    """How many characters too many, and a shorter wording where one can be offered."""
    text = shown(phrasing)
    fixed = all(isinstance(part, str) for part in phrasing)
    named = f"{what} {quote(text)}" if len(text) <= _SHORT * 2 else what
    counted = f"has {length} characters" if fixed else f"can have {length} characters with its values filled in"
    offer = shorter(text, most) if fixed else ""
    cure = f"Shorten it by {length - most}."
    if offer and most <= _SHORT:
        cure = f'Shorten it by {length - most}, for example "{offer}".'
    elif offer:
        cure = f'Shorten it by {length - most}: it may end with "{_end_of(offer)}", or go on in a second message.'
    return f"{named} {counted}; WhatsApp shows at most {most}. {cure}"


def _end_of(text: str) -> str:
    """Its last whole words, where there are spaces to tell them by."""
    words = text.split(" ")[-_WORDS_OF_AN_END:]
    return " ".join(words)[-_SHORT:].strip()


def shorter(text: str, most: int) -> str:
    """The whole words at the start of ``text`` that fit into ``most`` characters, without a word left hanging; empty if none do."""
    words = text[: most + 1].split(" ")
    kept = words[:-1] if len(text) > most else words
    while kept and normalise(kept[-1]).plain in _DANGLING | {""}:
        kept.pop()
    return re.sub(r"[\s,;:–-]+$", "", " ".join(kept))


def _check_labels(say: Say, rule: Rule, draft: Draft) -> None:
    buttons = buttons_in(say)
    for language in draft.settings.languages:
        seen: dict[str, LocalText] = {}
        for button in buttons:
            words = button.label.by_language.get(language) or button.label.by_language.get("")
            plain = normalise(shown(words)).plain if words else ""
            first = seen.setdefault(plain, button.label) if plain else button.label
            if first is not button.label:
                draft.notes.problems.error(
                    draft.notes.place_of(button.label, language),
                    f"Two buttons of rule {rule.name} are called {quote(shown(words or ()))}, and a person who types that means either. "
                    "Give one of them other words.",
                )
                return
