"""``if``: what must also hold."""

from __future__ import annotations

from typing import Final

from bot.rulebook.json_schema.build import Schema, choice, key, mapping, one_or_more, ref
from bot.rulebook.json_schema.values import NAME, WORD, YES_NO

OUTCOMES: Final = ("answered", "given_up", "no_answer", "found", "not_found", "failed")


def conditions() -> dict[str, Schema]:
    """The definition of ``if``."""
    return {"if": mapping("All of these must hold.", condition_keys() | {"contact": _contact()})}


def outcome() -> Schema:
    """The bare word of a reply's ``if``."""
    return key(
        "How it came out. Of a question: answered, given_up, no_answer; of a call: found, not_found, failed.",
        choice(*OUTCOMES),
    )


def condition_keys() -> dict[str, Schema]:
    """The keys of ``if`` that may also stand bare in a reply's case."""
    return {
        "during": key("Only while these opening hours are open.", NAME, "shop"),
        "outside": key("Only while these opening hours are closed.", NAME, "shop"),
        "language": key("Only for people of this language.", one_or_more(WORD), "sv", ["en", "sv"]),
        "window": key("Only while WhatsApp's 24-hour window is open, or closed.", choice("open", "closed")),
        "tag": key("Only for people with this tag.", WORD, "vip"),
        "no_tag": key("Only for people without this tag.", WORD, "vip"),
        "consent": key("Only where this is known of the person's consent.", choice("opted_in", "stopped", "unknown")),
        "first_contact": key("Only if the person never wrote before; false: only if they did.", YES_NO, True),
        "after_rule": key("Only if this rule was the last that answered the person.", NAME, "track_order"),
        "from": key("From this day on.", ref("day")),
        "until": key("Up to this day, included.", ref("day")),
        "slot": key("Only if a slot of the sentence caught this.", ref("value_test"), {"size": ["l", "xl"]}),
        "event": key("Only if the event brought this value.", ref("value_test"), {"carrier": "postnord"}),
        "answer": key("Only if a question was answered so.", ref("value_test"), {"delivery": "home"}),
        "result": key("Only if the call brought this value.", ref("value_test"), {"status": "delayed"}),
    }


def _contact() -> Schema:
    return key("Only if this is known of the person.", ref("value_test"), {"level": "gold"})
