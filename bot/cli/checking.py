"""``check``: what is wrong with the rules, in which order they are asked, and which words stop and start."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from bot.cli.output import ERRORS_FOUND, aside, json_out, line
from bot.cli.rules import Folder, Format, folder_of, sound
from bot.core.rulebook import Rulebook
from bot.rulebook.approval import approved
from bot.rulebook.load import Reading, load
from bot.rulebook.problem import Problem, counted
from bot.rulebook.problem import in_order as in_order_of_place

# How a message is looked at; the layers are those of ``bot.core.layers``.
ORDER: Final = (
    "STOP and START as the whole message, and Yes or No to the question whether somebody means STOP",
    "a colleague who has the conversation",
    "a call under way: what is written meanwhile waits for its answer",
    (
        "an open question: its own options, other taps, cancel words, an anytime rule that is the whole message, a valid answer, "
        "an anytime rule by ordinary match, what is nearly a STOP, another rule's phrase or example as the whole message, if_wrong"
    ),
    "taps on buttons, and their titles or numbers typed",
    "what is nearly a STOP",
)


def check(
    folder: Folder = None,
    format: Annotated[Format, typer.Option("--format", help="text, one problem a line, or json.")] = Format.TEXT,
    order: Annotated[bool, typer.Option("--order", help="Print in which order a message is looked at.")] = False,
    consent: Annotated[bool, typer.Option("--consent", help="Print the words that stop and start.")] = False,
) -> None:
    """Look for mistakes in the rules: each with its file, line, column and cure."""
    reading = load(folder_of(folder))
    if order or consent:
        _tell_looked_at(sound(reading), order, consent, format)
        return
    _, problems = approved(reading)
    problems = in_order_of_place(problems)
    errors = sum(problem.severity == "error" for problem in problems)
    if format is Format.JSON:
        json_out({"ok": not errors, "problems": [each.as_plain() for each in problems]})
    else:
        for problem in problems:
            line(str(problem))
        aside(_summary(reading, problems))
    if errors:
        raise typer.Exit(ERRORS_FOUND)


def _tell_looked_at(rulebook: Rulebook, order: bool, consent: bool, format: Format) -> None:
    shown = {"order": in_order(rulebook)} if order else {}
    if consent:
        shown["consent"] = consent_words(rulebook)
    if format is Format.JSON:
        json_out(shown)
        return
    for each in shown.values():
        for text in each:
            line(text)


def _summary(reading: Reading, problems: tuple[Problem, ...]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    told = f"{counted(errors, 'error')}, {counted(len(problems) - errors, 'warning')}."
    if reading.rulebook is None:
        return told
    languages = ", ".join(reading.rulebook.settings.languages)
    what = [counted(len(reading.rulebook.rules), "rule"), counted(len(reading.tests), "test")]
    shown = ", ".join(each for each in what if not each.startswith("0 "))
    return f"{shown} in {counted(len(reading.files), 'file')} ({languages}); {told}"


def in_order(rulebook: Rulebook) -> list[str]:
    """The layers, and within them the rules from top to bottom."""
    shown = [*ORDER, "the rules, top to bottom:"]
    lines: list[str] = []
    for number, layer in enumerate(shown, 1):
        lines.append(f"{number}. {layer}")
    heard = [rule for rule in rulebook.rules if rule.triggers]
    last = {*rulebook.on_first_contact, *rulebook.on_nothing_matched}
    lines += [
        f"     {rule.name}{' (anytime)' if rule.anytime else ''}{'' if rule.enabled else ' (switched off)'}"
        for rule in heard
        if rulebook.by_name[rule.name] not in last
    ]
    lines.append(f"{len(shown) + 1}. first_contact: {_names(rulebook, rulebook.on_first_contact)}")
    lines.append(f"{len(shown) + 2}. nothing_matched: {_names(rulebook, rulebook.on_nothing_matched)}")
    return lines


def _names(rulebook: Rulebook, positions: tuple[int, ...]) -> str:
    return ", ".join(rulebook.rules[position].name for position in positions) or "no rule"


def consent_words(rulebook: Rulebook) -> list[str]:
    """What counts, normalised, as the whole message alone."""
    words = rulebook.consent
    return [f"stop: {', '.join(sorted(words.stop))}", f"start: {', '.join(sorted(words.start))}"]
