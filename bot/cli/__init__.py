"""The commands: the only place that prints or exits.

Exit codes: 0 fine, 1 something is wrong and a sentence on stderr says what, 2 wrong use.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from bot.cli.backup import backup, restore
from bot.cli.broadcast import broadcast
from bot.cli.checking import check
from bot.cli.consent import consent
from bot.cli.contact import contact
from bot.cli.demo import demo
from bot.cli.doctor import doctor
from bot.cli.events import events
from bot.cli.keys import keys
from bot.cli.logs import start_logging
from bot.cli.looking_back import explain, replay
from bot.cli.messages import messages
from bot.cli.not_understood import unmatched
from bot.cli.output import ERRORS_FOUND, INTERRUPTED, aside, sentence_of, speak_utf8
from bot.cli.reading import explain_rules, graph, schema
from bot.cli.releases import rules
from bot.cli.rules import try_
from bot.cli.serving import emulate, migrate, serve
from bot.cli.talk import chat
from bot.cli.templates import templates
from bot.cli.testing import play
from bot.cli.users import users
from bot.cli.webhooks import webhooks
from bot.errors import ParleyError

app = typer.Typer(
    name="parley",
    help="Answers WhatsApp messages through Sinch's Conversation API, by rules that staff write in YAML.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve)
app.command()(demo)
app.command()(emulate)
app.command()(check)
app.command("try")(try_)
app.command("test")(play)
app.command()(chat)
app.command("explain-rules")(explain_rules)
app.command()(graph)
app.command()(schema)
app.command()(explain)
app.command()(replay)
app.command()(unmatched)
app.command()(doctor)
app.command()(migrate)
app.command()(backup)
app.command()(restore)
app.add_typer(keys, name="keys")
app.add_typer(users, name="users")
app.add_typer(events, name="events")
app.add_typer(messages, name="messages")
app.add_typer(broadcast, name="broadcast")
app.add_typer(consent, name="consent")
app.add_typer(contact, name="contact")
app.add_typer(webhooks, name="webhooks")
app.add_typer(rules, name="rules")
app.add_typer(templates, name="templates")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit; everything expected to go wrong ends in a sentence, never in a traceback."""
    speak_utf8()
    start_logging("error")  # stdout is for answers; a server says more, as its settings tell
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="run.py")
    except ParleyError as error:
        aside(sentence_of(error))
        sys.exit(ERRORS_FOUND)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
