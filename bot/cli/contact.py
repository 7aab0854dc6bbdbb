"""``contact``: what is kept about a person, all of it, and taking it out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from bot.cli.account import sinch_client
from bot.cli.database import ask_running, database_file, own_store
from bot.cli.output import ERRORS_FOUND, aside, json_out, line, run
from bot.config import ACCOUNT, Config, read_config
from bot.core.event import ContactKey
from bot.core.rulebook import Rulebook
from bot.errors import Misconfigured, ParleyError
from bot.rulebook.problem import counted
from bot.sinch.admin import SinchAdmin
from bot.store.sqlite.archive import open_archive
from bot.store.sqlite.exporting import exported
from bot.web.api.address import contact_of
from bot.web.api.backend import Backend
from bot.web.api.privacy import erase_if_there, erased_plain, nobody
from bot.work.exporting import document

contact = typer.Typer(no_args_is_help=True, help="People: what is kept about them, and erasing it.")

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The person's number, such as +46701740605, or another identity.")
]
Export = Mapping[str, Any]


@contact.callback()
def group() -> None:
    """People: what is kept about them, and erasing it."""


# --- show and export --------------------------------------------------------------------------------------------------------


@contact.command()
def show(number: Number) -> None:
    """Tell in short what is known of a person."""
    for each in _shown(_export(number, read_config(needs=("app_id",)))):
        line(each)


@contact.command()
def export(
    number: Number,
    out: Annotated[Path | None, typer.Option(help="A new file that only you may read, instead of stdout.")] = None,
) -> None:
    """Print everything kept about a person as one JSON document."""
    told = _export(number, read_config(needs=("app_id",)))
    if out is None:
        json_out(told)
    else:
        _write(out, orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
        aside(f"{out} holds everything kept about {number}.")


def _export(number: str, config: Config) -> Export:
    path = database_file(config)
    with closing(open_archive(path)) as archive:
        export = exported(path, contact_of(number, config.app_id))
        if export is None:
            raise nobody(number)
        return document(export, config.app_id, archive.installation_key, archive.rulebook)


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written ({error.strerror}); name a new file.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _shown(told: Export) -> Iterable[str]:
    for each in told["identities"]:
        window = f", window open until {each['window_closes_at']}" if each["window_closes_at"] else ""
        yield f"{each['channel']} {each['identity']}{window}"
    for person in told["people"]:
        yield f"language: {person['language'] or 'not known'}"
        yield f"tags: {', '.join(person['tags']) or 'none'}"
        yield f"fields: {', '.join(f'{name}={value}' for name, value in person['fields'].items()) or 'none'}"
        yield f"consent: {_consent(person)}"
    messages = sum(each["kind"] == "message" for each in told["sent"])
    came = sum(each["kind"] == "inbound" for each in told["received"])
    yield f"messages: {came} from them, {messages} to them"


def _consent(person: Mapping[str, Any]) -> str:
    since = f" since {person['consent_changed_at']}" if person["consent_changed_at"] else ""
    state = "STOP" if person["stopped"] else "opted in" if person["opted_in"] else "neither STOP nor opted in"
    return f"{state}{since}; marketing {person['marketing']}"


# --- erase ------------------------------------------------------------------------------------------------------------------


@contact.command()
def erase(
    number: Number,
    at_sinch: Annotated[
        bool, typer.Option("--at-sinch", help="Delete the contact and the messages at Sinch, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person: every address, every message, whatever is kept of them."""
    config = read_config(needs=ACCOUNT if at_sinch else ("app_id",))
    if not yes:
        typer.confirm(f"Erase everything about {number}? It cannot be undone.", abort=True)
    answer = run(lambda: _erase(number, config))
    identities = ", ".join(answer["identities"])
    if answer["before"]:
        line(f"Nothing is kept about {identities}: they were erased before.")
    else:
        line(f"Erased: {identities}.")
    if answer["stopped"]:
        line("They had said STOP: a mark without their number remembers it, should they ever come back.")
    if at_sinch:
        failures = run(lambda: _erase_at_sinch(answer, config))
        for each in failures:
            aside(each)
        if failures:
            raise typer.Exit(ERRORS_FOUND)
        line("Sinch keeps neither the contact nor these messages any more.")


async def _erase(number: str, config: Config) -> Mapping[str, Any]:
    answer = await ask_running(config, {"command": "contact.erase", "contact": number})
    if answer is not None:
        return answer
    async with own_store(config) as store:
        backend = Backend(store, _no_rules, lambda: datetime.now(UTC), config.app_id)
        return erased_plain(await erase_if_there(number, backend))


def _no_rules() -> Rulebook:
    raise AssertionError("Erasing asks no rule.")


async def _erase_at_sinch(answer: Mapping[str, Any], config: Config) -> Sequence[str]:
    """What Sinch would not do, as sentences."""
    contacts = [ContactKey(*each) for each in answer["addresses"]]
    try:
        async with sinch_client(config) as client:
            admin = SinchAdmin(client, config.template_url)
            return await admin.erase(contacts, answer["sinch_contact_ids"], answer["sinch_message_ids"])
    except ParleyError as error:
        return [
            f"Nothing could be deleted at Sinch: {error} Delete {counted(len(contacts), 'contact')} in Sinch's dashboard."
        ]
