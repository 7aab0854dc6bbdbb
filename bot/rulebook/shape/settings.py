"""``settings``: time zone, languages, and how answers behave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.core.cancel import builtin_cancel_words
from bot.core.rulebook import Settings
from bot.rulebook.node import Entry, Fields, Items, Node, Scalar, canonical
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.other_words import language_meant
from bot.rulebook.shape.own_words import own_words
from bot.rulebook.shape.text import language_code, local_text
from bot.rulebook.shape.value import choice, duration, fields, items, word, words

DATE_ORDERS: Final = ("day_first", "month_first")


def languages_of(sections: Sequence[Node], scope: Scope) -> tuple[str, ...]:
    """The languages of the rulebook, which every other text depends on; English where nothing says."""
    for section in sections:
        entry = section.entry("languages") if isinstance(section, Fields) else None
        if entry is not None:
            return tuple(dict.fromkeys(_languages(entry.value, scope))) or ("en",)
    return ("en",)


def _languages(node: Node, scope: Scope) -> list[str]:
    found: list[str] = []
    if isinstance(node, Fields):
        scope.error(node.place, "languages must be a list. For example: languages: [en, sv].")
        return found
    if isinstance(node, Scalar) and len(parts := re.split(r"[\s,;/]+", node.text.strip())) > 1:
        scope.error(node.place, f"languages must be a list. Write languages: [{', '.join(parts)}].")
        node = Items(tuple(Scalar(part, node.place) for part in parts), node.place)
    for item in items(node):
        text = word(item, "A language", scope)
        if text is None:
            continue
        meant = language_meant(text)
        if meant and text.lower() != "uk":
            what = "is Northern Sami" if text.lower() == "se" else "is not a language code"
            scope.error(item.place, f'"{text}" {what}. Did you mean "{meant}"?')
            found.append(meant)
        elif re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", language_code(text)):
            found.append(language_code(text))
        else:
            scope.error(
                item.place,
                f'"{text}" is not a language code. Write two letters, such as en for English or sv for Swedish.',
            )
    return found


def settings(sections: Sequence[Node], scope: Scope) -> Settings:
    """The settings of all files together; ``languages`` are those found before."""
    found = Settings("UTC", scope.notes.languages, cancel_words=builtin_cancel_words(scope.notes.languages))
    for section in sections:
        node = fields(section, "settings", "settings: {time_zone: Europe/Stockholm, languages: [en]}", scope)
        if node is None:
            continue
        keys = Keys(node, "settings", scope)
        keys.also("languages")
        found = _with(found, keys, scope)
        scope.notes.contact_fields |= {
            canonical(text) for text in words(keys.take("contact_fields"), "A contact field", scope)
        }
        keys.finish()
    return found


def _with(before: Settings, keys: Keys, scope: Scope) -> Settings:
    """The settings of one section on top of those before; in which order the keys stand makes no difference."""
    forget = duration(keys.take("forget_answers_after"), "forget_answers_after", scope)
    return replace(
        before,
        time_zone=_time_zone(keys.take("time_zone"), scope) or before.time_zone,
        answer_within=duration(keys.take("answer_within"), "answer_within", scope) or before.answer_within,
        language_of_prefix={**before.language_of_prefix, **_prefixes(keys.take("language_of_prefix"), scope)},
        option_gone=local_text(keys.take("option_gone"), "option_gone", scope) or before.option_gone,
        forget_answers_after=forget or before.forget_answers_after,
        cancel_words=before.cancel_words | own_words(keys.take("cancel_words"), "cancel_words", scope),
        cancel_text=local_text(keys.take("cancel_text"), "cancel_text", scope, varied=True) or before.cancel_text,
        date_order=choice(keys.take("date_order"), "date_order", DATE_ORDERS, scope) or before.date_order,
    )


def _time_zone(node: Node | None, scope: Scope) -> str | None:
    text = word(node, "time_zone", scope)
    if text is None or node is None:
        return None
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        guess = "" if re.search(r"\d", text) else closest(text, available_timezones()) or _city(text)
        cure = (
            f'Did you mean "{guess}"?' if guess else "Write a place such as Europe/Stockholm, which knows summer time."
        )
        scope.error(node.place, f'There is no time zone "{text}". {cure}')
        return None
    return text


def _city(text: str) -> str:
    words = [canonical(text), *text.lower().split()]
    zones = sorted(available_timezones())
    return next((zone for word in words for zone in zones if zone.lower().endswith("/" + word)), "")


def _prefixes(node: Node | None, scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    mapping = fields(node, "language_of_prefix", 'language_of_prefix: {"46": sv}', scope)
    for entry in mapping.entries if mapping else ():
        prefix = entry.written.strip().lstrip("+")
        language = language_code(word(entry.value, "The language of a prefix", scope) or "")
        if not re.fullmatch(r"[1-9]\d{0,6}", prefix):
            scope.error(
                entry.place, f'"{entry.written}" is not the start of a phone number. Write digits, such as "46".'
            )
        elif language and language not in scope.notes.languages:
            known = listed(scope.notes.languages, "or")
            scope.error(entry.value.place, f'"{language}" is not one of the languages in settings. Write {known}.')
        elif language:
            found[prefix] = language
    return found


def refuse_seconds(sections: Sequence[Node], what: str, scope: Scope, lists: Sequence[str] = ()) -> None:
    """The same key in two files is told, with both places; ``lists`` may be spread over several."""
    first: dict[str, Entry] = {}
    for section in sections:
        for entry in section.entries if isinstance(section, Fields) else ():
            known = first.setdefault(entry.key, entry)
            if known is not entry and entry.key not in lists:
                scope.error(
                    entry.place, f'"{entry.key}" of {what} is already written at {known.place}. Keep one of the two.'
                )
