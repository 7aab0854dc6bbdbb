"""Names: each given once, across all files, and each that is used exists."""

from __future__ import annotations

from typing import Final

from bot.rulebook.problem import closest, did_you_mean, listed
from bot.rulebook.shape.book import Draft
from bot.rulebook.shape.notes import Definition, Kind, Mention

_WORDS: Final[dict[Kind, str]] = {
    "rule": "Rule", "hours": "Hours", "template": "Template", "team": "Team", "holiday": "Holiday", "connection": "Connection",
    "canned": "Canned text", "slot": "Slot", "answer": "Answer", "result": "Result",
}  # fmt: skip
_DECLARE: Final[dict[Kind, str]] = {
    "rule": "Write that rule, or the name of another",
    "hours": 'Add it under hours, for example {name}: {{mon-fri: "09:00-18:00"}}',
    "template": "Declare it under templates with its languages and parameters",
    "team": "Add it to teams: [{name}]",
    "connection": "An administrator declares it under connections, with its url and results",
}


def check_duplicates(draft: Draft) -> None:
    """A name given twice is told at its second place, with the first."""
    first: dict[tuple[Kind, str], Definition] = {}
    for definition in draft.notes.definitions:
        known = first.setdefault((definition.kind, definition.name), definition)
        if known is not definition:
            if definition.kind == "rule":  # which of the two is meant by the name is not known
                draft.notes.broken.add(definition.name)
            draft.notes.problems.error(
                definition.place,
                f"{_WORDS[definition.kind]} {definition.name} is already written at {known.place}. "
                + ("Keep one of the two." if definition.kind == "holiday" else "Give one of the two another name."),
            )


def check_references(draft: Draft) -> None:
    """A name that is used but given nowhere is told, with the one it may be a slip of."""
    names = {kind: dict.fromkeys(draft.notes.names(kind)) for kind in _DECLARE}
    for mention in draft.notes.mentions:
        if mention.kind not in names:  # slots, answers and results are known by their rule
            continue
        known = names[mention.kind]
        if mention.name not in known:
            draft.notes.problems.error(mention.place, _unknown(mention, list(known)))


def check_lonely_rules(draft: Draft) -> None:
    """A rule without ``when`` lives from others that lead to it."""
    led_to = draft.notes.led_to()
    for rule in draft.rules:
        if not rule.triggers and rule.name not in led_to and rule.name not in draft.notes.broken:
            draft.notes.problems.error(
                rule.place,
                f"Rule {rule.name} has no when, and no button or goes_to leads to it. Add when: {{says: ...}}.",
            )


def _unknown(mention: Mention, known: list[str]) -> str:
    what = f'There {"are" if mention.kind == "hours" else "is"} no {_WORDS[mention.kind].lower()} "{mention.name}".'
    if closest(mention.name, known):
        return what + did_you_mean(mention.name, known)
    cure = _DECLARE[mention.kind].format(name=mention.name)
    return f"{what} {cure}{f'; there are {listed(known)}' if 0 < len(known) < 9 else ''}."
