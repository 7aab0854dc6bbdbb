"""``settings``: time zone, languages, and how answers behave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.core.rulebook import Settings
from bot.rulebook.node import Entry, Fields, Node, canonical
from bot.rulebook.problem import closest, listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import language_code, local_text
from bot.rulebook.shape.value import duration, fields, items, word, words

LATER = ("forget_answers_after", "cancel_words", "cancel_text", "date_order")


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
        scope.error(node.place, "languages must be a list. For example: languages: [en, sv]")
        return found
    for item in items(node):
        text = word(item, "A language", scope)
        if text is None:
            continue
        if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", language_code(text)):
            found.append(language_code(text))
        else:
            scope.error(
                item.place,
                f'"{text}" is not a language code. Write two letters, such as en for English or sv for Swedish.',
            )
    return found


def settings(sections: Sequence[Node], scope: Scope) -> Settings:
    """The settings of all files together; ``languages`` are those found before."""
    time_zone, answer_within = "UTC", timedelta(minutes=10)
    prefixes: dict[str, str] = {}
    option_gone = None
    for section in sections:
        node = fields(section, "settings", "settings: {time_zone: Europe/Stockholm, languages: [en]}", scope)
        if node is None:
            continue
        keys = Keys(node, "settings", scope)
        keys.also("languages")
        keys.later(*LATER)
        time_zone = _time_zone(keys.take("time_zone"), scope) or time_zone
        answer_within = duration(keys.take("answer_within"), "answer_within", scope) or answer_within
        prefixes |= _prefixes(keys.take("language_of_prefix"), scope)
        option_gone = local_text(keys.take("option_gone"), "option_gone", scope) or option_gone
        scope.notes.contact_fields |= {
            canonical(text) for text in words(keys.take("contact_fields"), "A contact field", scope)
        }
        keys.finish()
    return Settings(time_zone, scope.notes.languages, answer_within, prefixes, option_gone)


def _time_zone(node: Node | None, scope: Scope) -> str | None:
    text = word(node, "time_zone", scope)
    if text is None or node is None:
        return None
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        guess = closest(text, available_timezones()) or _city(text)
        cure = f'Did you mean "{guess}"?' if guess else "Write a place such as Europe/Stockholm."
        scope.error(node.place, f'There is no time zone "{text}". {cure}')
        return None
    return text


def _city(text: str) -> str:
    return next((zone for zone in sorted(available_timezones()) if zone.lower().endswith("/" + canonical(text))), "")


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
