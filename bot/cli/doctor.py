"""``doctor``: is everything that the bot needs in order, and if not, what is the usual cause."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.account import sinch_client
from bot.cli.audit import audit
from bot.cli.database import ask_running, database_file
from bot.cli.output import ERRORS_FOUND, json_out, out, run, safe
from bot.cli.rules import Format
from bot.config import SERVER, Config, environment, read_config
from bot.core.approved import ApprovedTemplate
from bot.core.rulebook import Connection
from bot.errors import Failed, Misconfigured, ParleyError
from bot.rulebook.at_whatsapp import compared
from bot.rulebook.load import load
from bot.rulebook.problem import counted
from bot.sinch.admin import SinchAdmin
from bot.sinch.client import SinchClient
from bot.sinch.wire.admin import SinchApp
from bot.store.sqlite.archive import open_archive
from bot.store.sqlite.connection import migrations, schema_version
from bot.web.site.passwords import PASSWORD_MIN
from bot.work.next_steps import by_cause

LOSES_COMMITS: Final = ((3, 7, 0), (3, 51, 2))  # SQLite versions that can, when two connections write at once
SHORT_SECRET: Final = 16
MESSAGES_OF: Final = timedelta(days=1)


class Mark(StrEnum):
    """How one finding is."""

    GOOD = "ok"
    DOUBT = "warning"
    BAD = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``cure`` is the usual cause and what to do."""

    mark: Mark
    what: str
    sentence: str
    cure: str = ""


def doctor(
    format: Annotated[Format, typer.Option("--format", help="text for people, or json.")] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    promises: Annotated[
        bool,
        typer.Option(
            "--audit",
            help="Ask the whole database instead whether every promise is kept, and list whom nobody answered; a server may be running.",
        ),
    ] = False,
) -> None:
    """Look at settings, database, rules and the app at Sinch; each failure with its usual cause."""
    if promises:
        audit(as_json or format is Format.JSON)
        return
    findings = run(look_at_everything)
    if as_json or format is Format.JSON:
        plain = [
            {"mark": each.mark.value, "what": each.what, "sentence": each.sentence, "cure": each.cure}
            for each in findings
        ]
        json_out(plain)
    else:
        for each in findings:
            _print(each)
    if any(each.mark is Mark.BAD for each in findings):
        raise typer.Exit(ERRORS_FOUND)


def _print(finding: Finding) -> None:
    sign = {Mark.GOOD: "[green]✓[/]", Mark.DOUBT: "[yellow]![/]", Mark.BAD: "[red]✗[/]"}[finding.mark]
    out.print(f"{sign} [bold]{finding.what}[/]: {safe(finding.sentence)}")
    if finding.cure:
        out.print(f"    {safe(finding.cure)}")


async def look_at_everything() -> list[Finding]:
    try:
        config = read_config()
    except Misconfigured as error:
        return [Finding(Mark.BAD, "settings", each) for each in str(error).splitlines()]
    found = [*settings_findings(config), *sqlite_findings(sqlite3.sqlite_version_info)]
    found += [await _running(config), *database_findings(config), *rules_findings(config)]
    found += message_findings(config, datetime.now(UTC))
    if all((config.project_id, config.app_id, config.key_id, config.key_secret.get_secret_value())):
        found += [each async for each in _sinch(config)]
    return found


def settings_findings(config: Config) -> Iterator[Finding]:
    """Whether what a server needs is set, and the secret long enough."""
    try:
        read_config(needs=SERVER)
    except Misconfigured as error:
        for sentence in str(error).splitlines():
            yield Finding(Mark.BAD, "settings", sentence)
    else:
        yield Finding(Mark.GOOD, "settings", "everything that a server needs is set.")
    short = [secret for secret in config.secrets if len(secret) < SHORT_SECRET]
    if short:
        cure = "Take a long random text, set it here and run `webhooks register URL` again."
        yield Finding(Mark.DOUBT, "webhook secret", f"a secret has fewer than {SHORT_SECRET} characters.", cure)
    if 0 < len(config.admin_password.get_secret_value()) < PASSWORD_MIN:
        why = f"it has fewer than {PASSWORD_MIN} characters, and everybody who reaches the pages may try it."
        yield Finding(Mark.DOUBT, "ADMIN_PASSWORD", why, "Choose a longer one.")


def sqlite_findings(version: tuple[int, int, int]) -> Iterator[Finding]:
    """What is to be known of this SQLite."""
    told = ".".join(map(str, version))
    first, last = LOSES_COMMITS
    if first <= version <= last:
        cure = "Parley writes through one connection, so it is safe; let no other program write to the file."
        sentence = f"version {told} can lose commits when two connections write at once."
        yield Finding(Mark.DOUBT, "SQLite", sentence, cure)
    else:
        yield Finding(Mark.GOOD, "SQLite", f"version {told}.")


async def _running(config: Config) -> Finding:
    try:
        running = await ask_running(config, {"command": "status"})
    except ParleyError:
        running = {}
    if running is None:
        return Finding(Mark.DOUBT, "server", "none runs on this database.", "Start it with `python run.py serve`.")
    return Finding(Mark.GOOD, "server", "it runs on this database.")


def database_findings(config: Config) -> Iterator[Finding]:
    """Whether the database can be read and written, without changing it."""
    try:
        path = database_file(config)
    except Misconfigured as error:
        yield Finding(Mark.BAD, "database", str(error))
        return
    if not path.exists():
        yield from _absent(config)
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = schema_version(connection)
    except sqlite3.Error as error:
        cure = "Check who may read it, and that it is a Parley database."
        yield Finding(Mark.BAD, "database", f"{path} cannot be read ({error}).", cure)
        return
    newest = migrations()[-1][0]
    if found > newest:
        yield Finding(Mark.BAD, "database", f"{path} was written by a newer Parley.", "Run that one.")
    elif found < newest:
        cure = "`migrate` or the next start brings it up to date; make a copy before."
        yield Finding(Mark.DOUBT, "database", f"{path} has an older schema.", cure)
    else:
        yield Finding(Mark.GOOD, "database", f"{path}, schema {found}.")


def message_findings(config: Config, now: datetime) -> Iterator[Finding]:
    """What keeps messages from arriving, of the last day, that whoever runs this can mend."""
    try:
        archive = open_archive(database_file(config))
    except Misconfigured:
        return  # which the database's own findings tell
    with closing(archive):
        failures = by_cause(archive.amiss(config.app_id, now - MESSAGES_OF))
    for each in failures:
        if each.step.who == "operator":
            sentence = f"{counted(each.count, 'message')} did not get through in the last day. {each.step.cause}"
            yield Finding(Mark.DOUBT, "messages", sentence, f"{each.step.todo} The last was {each.example}.")


def _can_hold_files(folder: Path) -> bool:
    """Whether a file can be made there, by making one: permissions alone do not tell, for root or on a read-only disk."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _absent(config: Config) -> Iterator[Finding]:
    path = database_file(config)
    folder = path.absolute().parent
    if _can_hold_files(folder):
        yield Finding(Mark.GOOD, "database", f"{path} will be made at the first start.")
    else:
        cure = "Make the folder, give this user the right to write there, or set DATABASE_URL to another place."
        yield Finding(Mark.BAD, "database", f"the folder {folder} cannot be written.", cure)


def rules_findings(config: Config) -> Iterator[Finding]:
    """Whether the rules could go live."""
    reading = load(config.rules_dir)
    errors = [each for each in reading.problems if each.severity == "error"]
    if errors:
        cure = f"`check` lists them; the first: {errors[0]}"
        yield Finding(Mark.BAD, "rules", f"{config.rules_dir} has {counted(len(errors), 'error')}.", cure)
    elif reading.rulebook is not None:
        yield Finding(Mark.GOOD, "rules", f"{len(reading.rulebook.rules)} rules in {config.rules_dir}.")
        yield from connection_findings(reading.rulebook.connections.values(), environment())


def connection_findings(connections: Iterable[Connection], known: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each connection's secret is where the server will look for it."""
    for connection in connections:
        if connection.secret and not known.get(connection.secret, "").strip():
            cure = f"Set {connection.secret} in the environment or in .env; without it every call fails."
            sentence = f"{connection.name} needs the secret {connection.secret}, which is not set."
            yield Finding(Mark.DOUBT, "connection", sentence, cure)


async def _sinch(config: Config) -> AsyncIterator[Finding]:
    """What Sinch says of the key, the app and its webhooks."""
    try:
        async with sinch_client(config) as client:
            admin = SinchAdmin(client, config.template_url)
            app = await admin.app()
            yield Finding(Mark.GOOD, "access", f"Sinch knows the key and the app {app.name or app.id}.")
            for finding in [*app_findings(app), *skew_findings(client)]:
                yield finding
            targets = [webhook.target for webhook in await admin.webhooks()]
            yield webhook_finding(targets)
            for finding in template_findings(config, await admin.whatsapp_templates(config.provisioning_url)):
                yield finding
    except ParleyError as error:
        yield Finding(Mark.BAD, "Sinch", str(error), usual_cause(error, config))


def usual_cause(error: ParleyError, config: Config) -> str:
    """What most often lies behind a refusal of Sinch."""
    code = error.code.lower() if isinstance(error, Failed) else ""
    text = f"{code} {error}".lower()
    if "404" in text or "not_found" in text or "not found" in text:
        return (
            f"Most often the app was made in another region than {config.region}; set SINCH_REGION to us, eu or br. "
            "Else SINCH_PROJECT_ID or SINCH_APP_ID is not right."
        )
    if "403" in text or "permission" in text:
        return (
            "Most often the account is prepaid, and WhatsApp needs a postpaid one; or the key may not use this project."
        )
    if "401" in text or "unauth" in text or "invalid_client" in text:
        return "SINCH_KEY_ID and SINCH_KEY_SECRET do not fit, or belong to another project; make a new access key."
    if isinstance(error, Failed):
        return "Check the settings that name the account."
    return "Check that this machine reaches the internet, and status.sinch.com."


def app_findings(app: SinchApp) -> Iterator[Finding]:
    """WhatsApp's state, the processing mode and what Sinch keeps."""
    whatsapp = app.whatsapp
    if whatsapp is None:
        yield Finding(Mark.BAD, "WhatsApp", "the app has no WhatsApp channel.", "Add a WhatsApp sender to it at Sinch.")
    elif whatsapp.state == "ACTIVE":
        yield Finding(Mark.GOOD, "WhatsApp", f"active, sender {whatsapp.sender}.")
    else:
        cure = f"Sinch says: {whatsapp.description}" if whatsapp.description else "Look at the sender at Sinch."
        mark = Mark.DOUBT if whatsapp.state == "PENDING" else Mark.BAD
        yield Finding(mark, "WhatsApp", f"the channel is {whatsapp.state or 'in an unknown state'}.", cure)
    if app.processing_mode == "CONVERSATION":
        yield Finding(Mark.GOOD, "processing", "CONVERSATION mode: Sinch tells contacts and keeps messages.")
    else:
        cure = "One person with two identities is two people to the bot, as Sinch links none in this mode."
        yield Finding(Mark.GOOD, "processing", "DISPATCH mode.", cure)
    if app.keeps_messages:
        yield Finding(Mark.GOOD, "retention", "a message whose fate is unknown can be looked up at Sinch.")
    else:
        cure = "Set the app's dispatch retention to a day, so that the bot can look it up before it sends again."
        yield Finding(Mark.DOUBT, "retention", "Sinch keeps no messages of this app.", cure)


def template_findings(config: Config, approved: Sequence[ApprovedTemplate]) -> Iterator[Finding]:
    """Whether the templates that the rules declare can be sent."""
    rulebook = load(config.rules_dir).rulebook
    declared = [each for each in rulebook.templates.values() if not each.omni] if rulebook is not None else []
    if rulebook is None or not declared:
        return
    problems = compared(rulebook, approved)
    if not problems:
        yield Finding(Mark.GOOD, "templates", f"{counted(len(declared), 'template')} as WhatsApp has them.")
    for problem in problems:
        yield Finding(Mark.DOUBT, "templates", problem.sentence, f"Declared at {problem.place}.")


def skew_findings(client: SinchClient) -> Iterator[Finding]:
    """How far this machine's clock is off."""
    seconds = client.clock_skew.seconds
    if client.clock_skew.is_too_large:
        cure = "Set the clock (chrony, systemd-timesyncd): WhatsApp's window cannot be told from it, and sending stops."
        yield Finding(Mark.BAD, "clock", f"this machine is {abs(seconds):.0f} s off Sinch's.", cure)
    else:
        yield Finding(Mark.GOOD, "clock", "it agrees with Sinch's.")


def webhook_finding(targets: list[str]) -> Finding:
    """Whether Sinch calls anybody at all."""
    ours = [target for target in targets if target.endswith("/webhooks/sinch")]
    if ours:
        return Finding(Mark.GOOD, "webhook", f"Sinch calls {', '.join(ours)}.")
    return Finding(Mark.BAD, "webhook", "Sinch calls no bot for this app.", "Run `webhooks register URL`.")
