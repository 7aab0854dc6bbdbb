"""``try``: what the rules would answer; and what commands on rules have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from bot.cli.moments import moment_of
from bot.cli.output import ERRORS_FOUND, json_out, line
from bot.cli.phone import values_of
from bot.cli.preview import preview, sends_of
from bot.cli.trying import Answer, Question, answer_to
from bot.config import read_config
from bot.core.codec import conversation_to_plain, effect_to_plain, effects_digest
from bot.core.reasons import reasons
from bot.core.rulebook import Rulebook
from bot.errors import Refused
from bot.rulebook.load import Reading, load
from bot.rulebook.problem import listed
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
    why: Annotated[bool, typer.Option("--why", help="Also tell of every rule that nothing in it spoke to.")] = False,
    format: Annotated[
        Format, typer.Option("--format", help="text, or json with all inputs and effects.")
    ] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show what the bot would answer, and why, without sending anything."""
    if bool(text.strip()) == bool(event):
        raise typer.BadParameter("give either a text or --event NAME.")
    if data and not event:
        raise typer.BadParameter("these are an event's values; give --event NAME as well.", param_hint="--data")
    values = _values(data or [])
    rulebook = sound(load(folder_of(rules)))
    if language and language not in rulebook.settings.languages:
        raise typer.BadParameter(f"the rules speak {', '.join(rulebook.settings.languages)}.", param_hint="--language")
    if event and event not in rulebook.by_event:
        known = listed(sorted(rulebook.by_event)) or "none"
        raise typer.BadParameter(f'no rule waits for the event "{event}"; there is {known}.', param_hint="--event")
    question = Question(
        text,
        moment_of(now, "--now") if now else datetime.now(UTC),
        tap,
        event,
        values,
        window is WindowState.OPEN,
        language,
        first_contact,
    )
    answer = answer_to(question, rulebook)
    if as_json or format is Format.JSON:
        json_out(answer_plain(answer, question.now, rulebook))
    else:
        _print(answer, rulebook, why)


def folder_of(given: Path | None) -> Path:
    """The rules' folder: as given, else RULES_DIR."""
    return given if given is not None else read_config().rules_dir


def sound(reading: Reading, tell: Callable[[str], None] = line) -> Rulebook:
    """The rulebook; where there is none, its problems are told (``aside`` where stdout is for a file) and the command ends."""
    if reading.rulebook is None:
        for problem in reading.problems:
            tell(str(problem))
        raise typer.Exit(ERRORS_FOUND)
    return reading.rulebook


def _values(data: list[str]) -> dict[str, str]:
    try:
        return values_of(data)
    except Refused as refused:
        raise typer.BadParameter(f"{refused} {refused.cure}", param_hint="--data") from None


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


def _print(answer: Answer, rulebook: Rulebook, every_rule: bool) -> None:
    sends = sends_of(answer.decision)
    if not sends:
        line("(no reply)")
    for send in sends:
        for each in preview(send.reply):
            line(each)
        line("")
    for reason in reasons(answer.decision, rulebook, every_rule):
        line(f"  {reason}")
