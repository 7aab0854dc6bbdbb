"""The sections of a file that are not rules."""

from __future__ import annotations

from bot.rulebook.json_schema.build import Schema, choice, either, key, listing, mapping, named, ref
from bot.rulebook.json_schema.values import DURATION, LANGUAGES, NAME, RULE_NAME, TEXT, VARIED, WORD, WORDS
from bot.rulebook.shape.templates import CATEGORIES


def sections() -> dict[str, Schema]:
    """What a file may hold, in the order in which one tells of it."""
    return {
        "settings": key("What holds for all rules.", ref("settings")),
        "hours": key("Opening hours by name.", _hours(), {"shop": {"mon-fri": "09:00-18:00", "sat": "10:00-14:00"}}),
        "holidays": key("Days with other hours, by date.", _holidays(), {"2026-12-25": "closed"}),
        "teams": key("Teams that conversations are handed to.", listing(NAME), ["support"]),
        "templates": key("Templates approved at WhatsApp.", named("Templates by their name.", ref("template"))),
        "connections": key(
            "Backends that rules may ask; written by an administrator.",
            named("Connections by name.", ref("connection")),
        ),
        "consent": key("STOP and START are always there; here you add words and change the answers.", ref("consent")),
        "canned": key("Texts that colleagues send with one click.", named("Texts by name.", key("The text.", TEXT))),
        "rules": key("The rules, tried from top to bottom.", listing(ref("rule"))),
        "tests": key("Conversations that are played whenever the rules are read.", listing(ref("test"))),
    }


def definitions() -> dict[str, Schema]:
    """The definitions that the sections refer to."""
    return {
        "settings": mapping("What holds for all rules.", _settings()),
        "template": mapping("A template as approved at WhatsApp.", _template(), "languages"),
        "template_button": mapping(
            "A quick reply of the template.",
            {
                "quick_reply": key("Its title at WhatsApp.", WORD, "Track"),
                "goes_to": key("The rule that a tap leads to.", RULE_NAME, "track_order"),
            },
            "quick_reply",
        ),
        "connection": mapping("A backend that rules may ask.", _connection(), "url"),
        "consent": mapping("Words that stop and start, and what is answered to them.", _consent()),
        "words_of_consent": either(WORDS, named("Words for each language.", WORDS, LANGUAGES)),
    }


def _settings() -> dict[str, Schema]:
    return {
        "time_zone": key("Where the opening hours are.", WORD, "Europe/Stockholm"),
        "languages": key("The languages that the rules speak; the first is the default.", WORDS, ["en", "sv"]),
        "answer_within": key("An answer that could not leave by then is dropped.", DURATION, "10 minutes"),
        "language_of_prefix": key(
            "The language of phone numbers that start so.",
            named("Prefixes with their language.", WORD, r"^\+?[1-9][0-9]{0,6}$"),
            {"46": "sv"},
        ),
        "option_gone": key("What is said to a tap on a button whose rule is gone.", TEXT),
        "contact_fields": key("Names of values that only the API sets about a person.", WORDS, ["first_name"]),
        "forget_answers_after": key(
            "An open question and its answers are forgotten after so long.", DURATION, "4 hours"
        ),
        "cancel_words": key("Further words that leave a question.", ref("words_of_consent"), ["cancel", "never mind"]),
        "cancel_text": key("What is said to somebody who leaves a question.", VARIED),
        "date_order": key(
            "Whether 5/6 is the fifth of June or the sixth of May.", choice("day_first", "month_first"), "day_first"
        ),
    }


def _hours() -> Schema:
    day = "([mM][oO][nN]|[tT][uU][eE]|[wW][eE][dD]|[tT][hH][uU]|[fF][rR][iI]|[sS][aA][tT]|[sS][uU][nN])[a-zA-Z]*"
    span = rf"{day}(\s*(-|–|to)\s*{day})?"
    days = rf"^\s*({span}(\s*,\s*{span})*|[eE][vV][eE][rR][yY][ _-][dD][aA][yY]|[dD]aily|[aA]ll[ _-]days)\s*$"
    week = named("Days with their hours.", ref("open_times"), days)
    return named("Opening hours by name.", key("A day, or days such as mon-fri, with their hours.", week))


def _holidays() -> Schema:
    return named("Dates with the hours of that day.", ref("open_times"), r"^\d{4}-\d{2}-\d{2}$")


def _template() -> dict[str, Schema]:
    return {
        "languages": key(
            "Your languages, each with WhatsApp's word for it.",
            named("Languages.", WORD, LANGUAGES),
            {"en": "en_US", "sv": "sv_SE"},
        ),
        "category": key("What WhatsApp calls it; marketing needs consent.", choice(*CATEGORIES), "utility"),
        "parameters": key(
            "Names for its values, in WhatsApp's order.",
            {"type": "array", "items": WORD},
            ["first_name", "order_number"],
        ),
        "buttons": key("Its quick replies.", listing(ref("template_button")), [{"quick_reply": "Track"}]),
        "body": key("Its words, so that pages and terminals can show them.", TEXT),
        "omni": key("The id of a template that lives at Sinch; its parameters go by name.", WORD),
    }


def _connection() -> dict[str, Schema]:
    return {
        "url": key("Where to ask; placeholders may stand in it.", TEXT, "https://erp.example/orders/{{order_number}}"),
        "method": key("How to ask; GET where nothing is said.", choice("GET", "POST"), "POST"),
        "send": key("Values that go along in the body.", WORDS, ["order_number"]),
        "results": key("Values that the answer must bring; then the outcome is found.", WORDS, ["status"]),
        "may_give": key("Values that it may bring; as placeholders they need a default.", WORDS, ["eta"]),
        "timeout": key("How long to wait, at most 10 s.", DURATION, "4 s"),
        "secret": key("The environment variable that holds the bearer token.", WORD, "ERP_TOKEN"),
    }


def _consent() -> dict[str, Schema]:
    words = ref("words_of_consent")
    return {
        "stop_words": key("Further words that stop, as whole messages.", words, {"sv": ["sluta"]}),
        "start_words": key("Further words that start again, as whole messages.", words, {"sv": ["starta"]}),
        "stop_reply": key("What is said to STOP.", TEXT, "You get no more messages from us. Write START to come back."),
        "start_reply": key("What is said to START.", TEXT, "Welcome back!"),
        "near_misses": key('Whether to ask back at "stpo" or "please stop".', choice("ask", "ignore"), "ask"),
        "near_miss_text": key("How to ask back.", TEXT),
        "after_stop": key(
            "After STOP: keep silent, or still answer what the person writes.", choice("silent", "answer"), "silent"
        ),
        "marketing": key("Who gets marketing.", choice("opted_in", "not_stopped"), "opted_in"),
    }
