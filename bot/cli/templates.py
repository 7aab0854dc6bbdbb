"""``templates``: those that the rules declare, beside those that WhatsApp has."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.account import sinch_client
from bot.cli.looking_back import FormatOption
from bot.cli.output import ERRORS_FOUND, aside, json_out, line, run
from bot.cli.rules import Folder, Format, folder_of, sound
from bot.config import ACCOUNT, Config, read_config
from bot.core.approved import ApprovedTemplate
from bot.rulebook.at_whatsapp import compared
from bot.rulebook.load import load
from bot.rulebook.problem import counted
from bot.sinch.admin import SinchAdmin

templates = typer.Typer(no_args_is_help=True, help="Templates at WhatsApp, and those that the rules declare.")


@templates.callback()
def group() -> None:
    """Templates at WhatsApp, and those that the rules declare."""


@templates.command("list")
def list_(format: FormatOption = Format.TEXT) -> None:
    """List the templates that WhatsApp has of this account, with their state."""
    approved = run(lambda: at_whatsapp(read_config(needs=ACCOUNT)))
    if format is Format.JSON:
        json_out([_plain(each) for each in approved])
        return
    for each in approved:
        values = counted(each.parameters, "value")
        line(f"{each.name}  {each.language}  {each.category}  {each.state.lower()}  {values}")
    if not approved:
        line("WhatsApp has no template of this account yet.")


@templates.command()
def sync(
    folder: Folder = None,
    format: Annotated[Format, typer.Option("--format", help="text, one problem a line, or json.")] = Format.TEXT,
) -> None:
    """Compare the templates that the rules declare with those that WhatsApp has; what would not leave names its rules."""
    rulebook = sound(load(folder_of(folder)))
    approved = run(lambda: at_whatsapp(read_config(needs=ACCOUNT)))
    problems = compared(rulebook, approved)
    errors = sum(problem.severity == "error" for problem in problems)
    if format is Format.JSON:
        json_out({"ok": not errors, "problems": [each.as_plain() for each in problems]})
    else:
        for problem in problems:
            line(str(problem))
        declared = sum(not each.omni for each in rulebook.templates.values())
        aside(
            f"{counted(declared, 'template')} declared, {len(approved)} at WhatsApp; {counted(len(problems), 'problem')}."
        )
    if errors:
        raise typer.Exit(ERRORS_FOUND)


async def at_whatsapp(config: Config) -> tuple[ApprovedTemplate, ...]:
    """What Sinch lists."""
    async with sinch_client(config) as client:
        return await SinchAdmin(client, config.template_url).whatsapp_templates(config.provisioning_url)


def _plain(each: ApprovedTemplate) -> dict[str, object]:
    return {
        "name": each.name,
        "language": each.language,
        "category": each.category,
        "state": each.state,
        "parameters": each.parameters,
        "other_keys": list(each.other_keys),
        "quick_replies": list(each.quick_replies),
        "reason": each.reason,
    }
