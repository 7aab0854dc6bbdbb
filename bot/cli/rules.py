"""``check`` and ``try``: what is wrong with the rules, and what they would answer."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from bot.cli.output import ERRORS_FOUND, aside, line
from bot.cli.phone import values_of
from bot.cli.preview import preview, sends_of
from bot.cli.trying import Answer, Question, answer_to
from bot.config import read_config
from bot.core.codec import conversation_to_plain, effect_to_plain, effects_digest
from bot.core.reasons import reasons
from bot.core.rulebook import Rulebook
from bot.errors import Refused
from bot.rulebook.load import Reading, load
from bot.work.trace import inputs_of


class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"


class WindowState(StrEnum):
    """Whether WhatsApp's 24-hour window is open."""

    OPEN = "open"
    CLOSED = "closed"


Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[DIR]", exists=True, file_okay=False, help="The rules' folder; RULES_DIR when left out."),
]
RulesOption = Annotated[
    Path | None, typer.Option("--rules", exists=True, file_okay=False, help="The rules' folder instead of RULES_DIR.")
]


def check(
    folder: Folder = None,
    format: Annotated[Format, typer.Option("--format", help="text, one problem a line, or json.")] = Format.TEXT,
) -> None:
    """Look for mistakes in the rules: each with its file, line, column and cure."""
    reading = load(folder_of(folder))
    if format is Format.JSON:
        found = {"ok": reading.rulebook is not None, "problems": [each.as_plain() for each in reading.problems]}
        line(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        for problem in reading.problems:
            line(str(problem))
        aside(_summary(reading))
    if reading.rulebook is None:
        raise typer.Exit(ERRORS_FOUND)


def try_(
    text: Annotated[str, typer.Argument(help="What the person writes; with --tap, the title of the button.")] = "",
    rules: RulesOption = None,
    window: Annotated[
        WindowState, typer.Option(help="The 24-hour window; closed: the message reached us a day late.")
    ] = WindowState.OPEN,
    language: Annotated[str, typer.Option(help="The person's language, where it is known already.")] = "",
    tap: Annotated[
        bool, typer.Option("--tap", help="The text is a tapped button's title, or the rule it leads to.")
    ] = False,
    event: Annotated[str, typer.Option(metavar="NAME", help="A backend's event instead of a text.")] = "",
    data: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A value of the event; repeat it.")
    ] = None,
    now: Annotated[
        str, typer.Option(metavar="TIME", help="The time to try it at, such as 2026-12-24T18:00+01:00.")
    ] = "",
    first_contact: Annotated[bool, typer.Option("--first-contact", help="The person never wrote before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All inputs and effects as JSON.")] = False,
) -> None:
    """Show what the bot would answer, and why, without sending anything."""
    if bool(text.strip()) == bool(event):
        raise typer.BadParameter("give either a text or --event NAME.")
    values = _values(data or [])
    rulebook = _sound(load(folder_of(rules)))
    if language and language not in rulebook.settings.languages:
        raise typer.BadParameter(f"the rules speak {', '.join(rulebook.settings.languages)}.", param_hint="--language")
    question = Question(text, _time(now), tap, event, values, window is WindowState.OPEN, language, first_contact)
    answer = answer_to(question, rulebook)
    if as_json:
        line(orjson.dumps(answer_plain(answer, question.now, rulebook), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(answer, rulebook)


def folder_of(given: Path | None) -> Path:
    """The rules' folder: as given, else RULES_DIR."""
    return given if given is not None else read_config().rules_dir


def _summary(reading: Reading) -> str:
    errors = sum(problem.severity == "error" for problem in reading.problems)
    warnings = len(reading.problems) - errors
    told = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}."
    if reading.rulebook is None:
        return told
    languages = ", ".join(reading.rulebook.settings.languages)
    return (
        f"{_count(len(reading.rulebook.rules), 'rule')} in {_count(len(reading.files), 'file')} ({languages}); {told}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _sound(reading: Reading) -> Rulebook:
    if reading.rulebook is None:
        for problem in reading.problems:
            line(str(problem))
        raise typer.Exit(ERRORS_FOUND)
    return reading.rulebook


def _values(data: list[str]) -> dict[str, str]:
    try:
        return values_of(data)
    except Refused as refused:
        raise typer.BadParameter(f"{refused} {refused.cure}", param_hint="--data") from None


def _time(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a time.', param_hint="--now") from None
    if at.tzinfo is None:
        raise typer.BadParameter("tell the offset as well, such as +01:00.", param_hint="--now")
    return at.astimezone(UTC)


def answer_plain(answer: Answer, now: datetime, rulebook: Rulebook) -> dict[str, object]:
    """The answer as JSON: ``inputs`` and ``digest`` as the server stores them with each decision, effects and reasons."""
    decision = answer.decision
    return {
        "inputs": orjson.loads(inputs_of(conversation_to_plain(answer.conversation), now)),
        "effects": [effect_to_plain(effect) for effect in decision.effects],
        "digest": effects_digest(decision),
        "layer": decision.because.layer,
        "path": list(decision.because.path),
        "why": reasons(decision, rulebook),
    }


def _print(answer: Answer, rulebook: Rulebook) -> None:
    sends = sends_of(answer.decision)
    if not sends:
        line("(no reply)")
    for send in sends:
        for each in preview(send.reply):
            line(each)
        line("")
    for reason in reasons(answer.decision, rulebook):
        line(f"  {reason}")
