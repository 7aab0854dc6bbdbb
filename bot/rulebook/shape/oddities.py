"""What is wrong with a rule as a whole, though each of its keys is well written."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.core.rule import (
    DeliveryFailed,
    Happened,
    Matches,
    NothingMatched,
    OptsIn,
    OptsOut,
    Rule,
    SilentFor,
    Then,
    WindowCloses,
)
from bot.rulebook.node import Entry, Fields, is_missing
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope

_MOVED: Final = {
    "when": (
        "says", "says_exactly", "starts_with", "matches", "taps", "sends", "event", "needs", "first_contact", "nothing_matched",
        "silent_for", "window_closes_in", "opts_in", "opts_out", "delivery_failed",
    ),
    "reply": (
        "text", "any_of", "buttons", "list", "messages", "image", "video", "audio", "document", "template", "say_nothing", "flow", "link",
    ),
    "if": ("during", "outside", "language", "window", "tag", "no_tag", "contact", "from", "until", "after_rule"),
    "then": ("goes_to", "hand_over", "give_back_after", "set", "untag", "after_misses", "forget", "remind", "tell_backend"),
    "ask": ("must_be", "if_wrong", "tries", "no_answer_after"),
}  # fmt: skip
_NO_MESSAGE: Final = (Happened, SilentFor, WindowCloses, OptsIn, OptsOut, DeliveryFailed)


def gathered(mapping: Fields, scope: Scope) -> Fields:
    """The rule with lines that should be indented under ``reply:`` (or ``when:`` …) and stand beside it: told once, and put there."""
    entries: list[Entry] = []
    home: Entry | None = None
    for entry in mapping.entries:
        if home is not None and entry.key in _MOVED[home.key]:
            if is_missing(home.value):
                sentence = f'"{entry.written}" stands beside "{home.written}" and belongs under it. Start this line two spaces further in.'
                scope.error(entry.place, sentence)
            inside = home.value.entries if isinstance(home.value, Fields) else ()
            home = replace(home, value=Fields((*inside, entry), entry.place))
            entries[-1] = home
            continue
        entries.append(entry)
        home = entry if entry.key in _MOVED and is_missing(entry.value) else None
    return replace(mapping, entries=tuple(entries))


def look_for_moved(mapping: Fields, keys: Keys, scope: Scope) -> bool:
    """Tell about keys that belong one step further in; whether there are any."""
    found = False
    for home, moved in _MOVED.items():
        for key in moved:
            if keys.has(key):
                keys.also(key)
                found = True
                inside = f"{{a_name: {{{key}: ...}}}}" if home == "ask" else f"{{{key}: ...}}"
                cure = (
                    "Start it in the same column as the keys there"
                    if home != "ask" and keys.has(home)
                    else f"Write {home}: {inside}"
                )
                scope.error(keys.place_of(key), f'"{key}" belongs under "{home}". {cure}.')
    return found


def refuse_oddities(rule: Rule, keys: Keys, scope: Scope) -> None:
    """Tell what does not fit together in ``rule``."""
    if rule.then.misses_count and not any(isinstance(trigger, NothingMatched) for trigger in rule.triggers):
        scope.error(
            keys.place_of("then"), "after_misses belongs to the rule with nothing_matched: true. Move it there."
        )
    _refuse_odd_examples(rule, keys, scope)
    _refuse_talking_to_the_stopped(rule, keys, scope)


def _refuse_odd_examples(rule: Rule, keys: Keys, scope: Scope) -> None:
    if rule.examples_match and rule.triggers and all(isinstance(trigger, _NO_MESSAGE) for trigger in rule.triggers):
        what = "an event" if isinstance(rule.triggers[0], Happened) else "something else"
        scope.error(
            keys.place_of("examples"),
            f"Examples are messages of a person, and this rule waits for {what}. Delete them.",
        )
    expressions = [trigger for trigger in rule.triggers if isinstance(trigger, Matches)]
    if expressions and len(expressions) == len(rule.triggers) and not rule.examples_match:
        scope.error(
            expressions[0].expressions[0].place,
            f"Rule {rule.name} listens by matches alone, and only examples show what such an expression hears. "
            'Add examples: {match: ["a message it must hear"]}.',
        )


def _refuse_talking_to_the_stopped(rule: Rule, keys: Keys, scope: Scope) -> None:
    """Who just said STOP gets the stop reply and nothing more."""
    if not any(isinstance(trigger, OptsOut) for trigger in rule.triggers):
        return
    if len(rule.triggers) > 1:
        scope.error(
            keys.place_of("when"), "opts_out stands alone, because its rule may not reply. Make two rules of this one."
        )
        return
    talks = [key for key in ("ask", "call") if keys.has(key)]
    talks += ["reply"] if any(item.says or item.goes_to for item in rule.reply) else []
    if talks:
        scope.error(
            keys.place_of(talks[0]),
            f'This person wants no more messages, so a rule with opts_out may tag and tell, and never reply. Delete "{talks[0]}".',
        )
    elif rule.then.goes_to or rule.then.hand_over or rule.then.remind:
        scope.error(
            keys.place_of("then"),
            "This person wants no more messages, so a rule with opts_out may tag, set and tell_backend only. Delete the rest.",
        )


def answers_nothing(rule: Rule, keys: Keys) -> str:
    """The sentence for a rule from which nothing comes; empty where something does, or where silence is natural."""
    if keys.has("reply") or _leads_on(rule.then):
        return ""
    if rule.then != Then() and rule.triggers and all(isinstance(trigger, _NO_MESSAGE) for trigger in rule.triggers):
        return ""
    if rule.goes_on:
        return (
            f"Rule {rule.name} {'asks' if rule.ask else 'calls'} and then answers nothing. Add reply: [{{if: "
            f"{'found' if rule.call else 'answered'}, text: ...}}, ...], or reply: {{say_nothing: true}} if that is meant."
        )
    return (
        f"Rule {rule.name} answers nothing. Add reply: {{text: ...}}, or reply: {{say_nothing: true}} if that is meant."
    )


def _leads_on(after: Then) -> bool:
    return bool(after.goes_to or after.hand_over or after.misses_goes_to)
