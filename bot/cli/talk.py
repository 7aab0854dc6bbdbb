"""``chat``: a phone in the terminal for whoever writes rules."""

from __future__ import annotations

from pathlib import Path

from bot.cli.chat import HELP
from bot.cli.logs import start_logging
from bot.cli.output import line, run
from bot.cli.rules import RulesOption, folder_of, sound
from bot.cli.running import Running, database_or_none
from bot.cli.talking import TOLD_IN_CHAT, Talk, in_terminal, talk
from bot.core.rulebook import Rulebook
from bot.rulebook.load import load
from bot.rulebook.problem import counted, listed


def chat(rules: RulesOption = None) -> None:
    """Try the rules on a phone in this terminal; nothing leaves this machine, and nothing is kept."""
    start_logging("error", told_otherwise=TOLD_IN_CHAT)
    folder = folder_of(rules)
    rulebook = sound(load(folder))

    async def greet(here: Running) -> None:
        line(_greeting(folder, rulebook))

    with database_or_none(None) as database:
        run(lambda: talk(Talk(folder, database, 0, 0, greet, goes_on=False)))


def _greeting(folder: Path, rulebook: Rulebook) -> str:
    read = f"{counted(len(rulebook.rules), 'rule')} from {folder} ({listed(rulebook.settings.languages)})"
    told = f"This phone talks to {read}.\nSave a file there, and the next message meets the new rules."
    return f"{told}\n\n{HELP}\n" if in_terminal() else told
