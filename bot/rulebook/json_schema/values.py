"""Values that stand in many places: texts, names, durations, addresses of files."""

from __future__ import annotations

from typing import Final

from bot.rulebook.json_schema.build import Schema, choice, either, key, listing, mapping, named, one_or_more, ref

# Every value is text to Parley; an editor sees numbers and true or false where nothing is in quotes.
PLAIN: Final[Schema] = {"type": ["string", "number", "boolean"]}
LANGUAGES: Final = "^(?!any_of$)[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"
_SPAN: Final = r"([01]?\d|2[0-4])([:.][0-5]\d)?\s*(-|–|—|to)\s*([01]?\d|2[0-4])([:.][0-5]\d)?"
_UNITS: Final = ("s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day", "w", "week")
TEXT: Final = ref("text")
VARIED: Final = ref("varied_text")
NAME: Final = ref("name")
WORD: Final = ref("word")
WORDS: Final = one_or_more(WORD)
DURATION: Final = ref("duration")
YES_NO: Final = ref("yes_no")
RULE_NAME: Final = key("The name of a rule.", NAME, "opening_hours")


def values() -> dict[str, Schema]:
    """The definitions that the others refer to."""
    return {
        "word": {"description": "A short text.", **PLAIN},
        "name": _name(),
        "text": _text(PLAIN),
        "varied_text": either(_text(either(PLAIN, ref("any_of"))), ref("any_of")),
        "any_of": _any_of(),
        "phrases": _phrases(),
        "duration": _duration(),
        "yes_no": either({"type": "boolean"}, choice("true", "false", "yes", "no", "on", "off")),
        "true": either({"type": "boolean", "const": True}, choice("true", "yes", "on")),
        "clock_span": key(
            "From one time of the day to another; past midnight where the second is not later.",
            {"type": "string", "pattern": rf"^\s*{_SPAN}\s*$"},
            "21:00-08:00",
        ),
        "open_times": _open_times(),
        "day": key("A day: year-month-day.", {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}, "2026-12-24"),
        "url": key("A web address, or one for each language.", TEXT, "https://shop.example/price-list.pdf"),
        "value_test": _value_test(),
        "file": _file(),
        "document": _document(),
    }


def _name() -> Schema:
    # `check` forgives spaces, hyphens and capitals where a name is used, so the editor does as well.
    return key(
        "A name: small letters a to z, digits and _, at most 64.",
        {"type": ["string", "number"], "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_ -]{0,63}$"},
        "opening_hours",
    )


def _text(in_a_language: Schema) -> Schema:
    return either(
        key("One text for every language.", PLAIN, "We are open until {{closing_time}}."),
        named("The text in each language.", key("The text in this language.", in_a_language), LANGUAGES),
    )


def _any_of() -> Schema:
    return mapping("Several wordings of the same.", {"any_of": wordings()}, "any_of")


def wordings() -> Schema:
    """``any_of`` in place of a text."""
    return key(
        "Several wordings of the same; one is chosen for each message, and always the same one for the same message.",
        listing(TEXT, 2),
        [{"en": "Hi!", "sv": "Hej!"}, {"en": "Hello!", "sv": "Hallå!"}],
    )


def _phrases() -> Schema:
    phrase = key(
        "Words, or a sentence pattern: [optional words], (this|that), {slot} or {order_number: 8 digits}.",
        PLAIN,
        "opening hours",
        "[when] (are|r) you open",
        "order {order_number: 8 digits}",
    )
    return either(one_or_more(phrase), named("Phrases for each language.", one_or_more(phrase), LANGUAGES))


def _duration() -> Schema:
    return key(
        "A number and a unit: seconds, minutes, hours, days, weeks.",
        {
            "type": "string",
            "pattern": rf"^\s*(\d{{1,6}}|[aA]n?)\s*({'|'.join(_any_case(unit) for unit in _UNITS)})[sS]?\s*$",
        },
        "10 minutes",
        "4 hours",
        "2 days",
    )


def _any_case(word: str) -> str:
    """A pattern for ``word`` in capitals or not: editors' patterns know no flag for it."""
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


def _open_times() -> Schema:
    spans: Schema = {"type": "string", "pattern": rf"^\s*([cC][lL][oO][sS][eE][dD]|{_SPAN}(\s*,\s*{_SPAN})*)\s*$"}
    return key('Times of the day in quotes, several with a comma, or "closed".', one_or_more(spans), "09:00-18:00")


def _value_test() -> Schema:
    wanted = key(
        'What the value must be; a list means any of them, "at least 10" and "at most 10" compare numbers.',
        one_or_more(PLAIN),
        "home",
        ["home", "office"],
        "at least 10",
    )
    return named("Names of values, each with what it must be.", wanted, "^.+$")


def _file() -> Schema:
    return either(
        ref("url"),
        mapping(
            "A file by its web address.",
            {"url": key("Where the file is.", ref("url")), "caption": key("Words under the file.", TEXT)},
            "url",
        ),
    )


def _document() -> Schema:
    return either(
        ref("url"),
        mapping(
            "A document by its web address.",
            {
                "url": key("Where the document is.", ref("url")),
                "caption": key("Words under the document.", TEXT),
                "filename": key("The name under which a phone keeps it.", TEXT, "price-list.pdf"),
            },
            "url",
        ),
    )
