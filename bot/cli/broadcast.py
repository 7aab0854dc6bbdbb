"""``broadcast``: one template to everybody in a list, and how far it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, get_args

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from bot.cli.campaign_source import Ask, Plain, source
from bot.cli.moments import moment_of
from bot.cli.output import ERRORS_FOUND, INTERRUPTED, aside, json_out, line, run
from bot.cli.phone import values_of
from bot.config import read_config
from bot.errors import Misconfigured, Refused
from bot.rulebook.problem import counted
from bot.web.api.campaign_plan import MISTAKES_TOLD
from bot.web.api.campaign_view import Status
from bot.web.api.campaigns import QUIET
from bot.web.api.operation import PAGE_MAX
from bot.web.api.problem import MEND_FIELDS
from bot.work.recipients import decode

LOOK_EVERY_S: Final = 0.5
_OPTIONS: Final = {"send_at": "--at", "not_between": "--not-between"}

broadcast = typer.Typer(no_args_is_help=True, help="One template to everybody in a list.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The campaign's number.")]
Url = Annotated[str, typer.Option(help="The server, where it is another machine's.")]
Key = Annotated[str, typer.Option(envvar="PARLEY_KEY", help="An API key, needed with --url.", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@broadcast.callback()
def group() -> None:
    """One template to everybody in a list."""


@broadcast.command()
def start(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV with a column to, and one for each value.")],
    template: Annotated[str, typer.Option(help="The template, as the rules call it.")],
    name: Annotated[str, typer.Option(help="What to call it; the template's name without it.")] = "",
    language: Annotated[str, typer.Option(help="The language for all; without it each person's own.")] = "",
    value: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A value that all rows share; repeat it.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="The most messages a second; 0 leaves it to SEND_RATE.")] = 0,
    not_between: Annotated[
        str, typer.Option(metavar="SPAN", help='When nobody gets it, by their own clock; "" for never.')
    ] = QUIET,
    at: Annotated[str, typer.Option(metavar="TIME", help="When to begin, such as 2026-12-24T18:00+01:00.")] = "",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows with mistakes.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the list and show the numbers; send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it begins.")] = False,
    url: Url = "",
    key: Key = "",
) -> None:
    """Check a list of recipients whole, then send it, each person once."""
    ask, shared = _source(url, key), _values(value or [])
    query: dict[str, object] = {
        "template": template, "name": name or None, "language": language, "rate": rate, "not_between": not_between,
        "values": orjson.dumps(shared).decode(), "skip_bad": skip_bad,
        "send_at": moment_of(at, "--at").isoformat() if at else None,
    }  # fmt: skip
    query = {option: each for option, each in query.items() if each is not None}
    csv = _read(file)
    found = _begin(ask, csv, {**query, "dry_run": True})
    _show_plan(found, template)
    if dry_run:
        return
    if not yes:
        _confirm(found["going"])
    begun = _begin(ask, csv, query)
    _stop_at_mistakes(begun)
    line(f"Campaign {begun['id']} is stored: {counted(begun['total'] - begun['counts']['skipped'], 'message')}.")
    if begun["state"] == "paused":
        line(f"It waits: {begun['why']}")
    elif at:
        line(f"It begins {_moment(begun['starts_at'])}. `broadcast watch {begun['id']}` shows how far it is.")
    else:
        _watch(ask, str(begun["id"]))


@broadcast.command("list")
def list_campaigns(
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX, help="So many at most, the newest first.")] = 20,
    url: Url = "",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List campaigns, the newest first."""
    ask = _source(url, key)
    found = run(lambda: ask("list", query={"limit": limit}))
    if as_json:
        json_out(found["campaigns"])
        return
    for each in found["campaigns"]:
        done, total = _progress(each)
        line(f"{each['id']:>4}  {each['state']:9}  {done:>6} of {total:<6}  {each['name']}  ({each['template']})")
    if not found["campaigns"]:
        line("There are no campaigns yet.")


@broadcast.command()
def show(id_: Id, url: Url = "", key: Key = "", as_json: AsJson = False) -> None:
    """Tell how far a campaign is, and why some did not get it."""
    ask = _source(url, key)
    found = run(lambda: ask("show", id=id_))
    json_out(found) if as_json else _report(found)


@broadcast.command()
def watch(id_: Id, url: Url = "", key: Key = "") -> None:
    """Follow a campaign until it is done; Ctrl-C leaves it running."""
    _watch(_source(url, key), id_)


@broadcast.command()
def pause(id_: Id, url: Url = "", key: Key = "") -> None:
    """Stop handing out messages, and take back what has not left."""
    _change("pause", id_, url, key)


@broadcast.command()
def resume(id_: Id, url: Url = "", key: Key = "") -> None:
    """Let a paused campaign go on."""
    _change("resume", id_, url, key)


@broadcast.command()
def cancel(id_: Id, url: Url = "", key: Key = "") -> None:
    """End a campaign for everybody who has not got it."""
    _change("cancel", id_, url, key)


@broadcast.command()
def recipients(
    id_: Id,
    status: Annotated[str, typer.Option(help=f"Only those: {', '.join(get_args(Status))}.")] = "",
    url: Url = "",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """List who got it and who did not, by the line of the list."""
    if status and status not in get_args(Status):
        raise typer.BadParameter(f'"{status}" is not one of {", ".join(get_args(Status))}.', param_hint="--status")
    ask = _source(url, key)
    found = run(lambda: _all_recipients(ask, id_, status))
    if as_json:
        json_out(found)
        return
    for each in found:
        line("\t".join((str(each["line"]), each["to"], each["status"], each["reason"] or "")).rstrip())


# --- asking -------------------------------------------------------------------------------------------------------------


def _source(url: str, key: str) -> Ask:
    if url and not key:
        raise typer.BadParameter("an API key is needed with --url.", param_hint="--key")
    return source(read_config(needs=() if url else ("app_id",)), url, key)


def _read(file: Path) -> str:
    try:
        return decode(file.read_bytes())
    except OSError as error:
        raise Misconfigured(f"The list {file} cannot be read ({error.strerror}). Check its name.") from None


def _values(written: list[str]) -> Mapping[str, str]:
    try:
        return values_of(written)
    except Refused as refused:
        raise typer.BadParameter(f"{refused} {refused.cure}", param_hint="--value") from None


async def _all_recipients(ask: Ask, id_: str, status: str) -> list[Plain]:
    query: dict[str, object] = {"limit": PAGE_MAX} | ({"status": status} if status else {})
    found: list[Plain] = []
    while True:
        page = await ask("recipients", id=id_, query=query)
        found += page["recipients"]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


def _change(what: str, id_: str, url: str, key: str) -> None:
    ask = _source(url, key)
    found = run(lambda: ask(what, id=id_))
    line(f"Campaign {found['id']} is {found['state']}.")


def _begin(ask: Ask, csv: str, query: Plain) -> Plain:
    """What comes of it. What is refused in words of the API is told in those of the command."""
    try:
        return run(lambda: ask("start", csv=csv, query=query))
    except Refused as refused:
        if refused.cure != MEND_FIELDS:
            raise
        sentence = str(refused)
        for field, option in _OPTIONS.items():
            sentence = sentence.replace(field, option)
        raise Refused(sentence, refused.code) from None


# --- before it begins ---------------------------------------------------------------------------------------------------


def _stop_at_mistakes(found: Plain) -> None:
    if "refused" not in found:
        return
    for where, sentence in found["errors"]:
        line(f"{where}: {sentence}")
    many = counted(len({where for where, _ in found["errors"]}), "line")
    least = "at least " if len(found["errors"]) >= MISTAKES_TOLD else ""
    skip = ", or leave them out with --skip-bad" if "skip_bad" in found["cure"] else ""
    aside(f"Nothing was sent: {least}{many} of the list must be mended. Mend the list and start again{skip}.")
    raise typer.Exit(ERRORS_FOUND)


def _show_plan(found: Plain, template: str) -> None:
    _stop_at_mistakes(found)
    line(f"{found['going']} of {found['total']} in the list get {template}.")
    for reason, count in found["skipped"].items():
        line(f"  {count} skipped: {reason.rstrip('.')}.")
    for each in found["problems"]:
        line(f"    line {each['line']}: {each['detail']}")
    if found["first"] is not None and found["first"]["text"]:
        line(f"The first one, {found['first']['to']}, reads: {found['first']['text']}")
    if found["would_wait"]:
        line(found["would_wait"])


def _confirm(going: int) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("without a terminal nobody can be asked; add --yes.", param_hint="--yes")
    typer.confirm(f"Send {counted(going, 'message')}?", abort=True)


# --- how far it is ------------------------------------------------------------------------------------------------------


def _watch(ask: Ask, id_: str) -> None:
    try:
        found = run(lambda: _follow(ask, id_))
    except KeyboardInterrupt:
        aside(f"It goes on. Look again with `broadcast watch {id_}`, or stop it with `broadcast pause {id_}`.")
        raise typer.Exit(INTERRUPTED) from None
    _report(found)


async def _follow(ask: Ask, id_: str) -> Plain:
    """Until it runs no more."""
    console = Console(stderr=True)
    columns = (
        BarColumn(16), MofNCompleteColumn(table_column=Column(no_wrap=True)), TextColumn("{task.fields[told]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("sending", total=None, told="")
        while True:
            found = await ask("show", id=id_)
            done, total = _progress(found)
            bar.update(task, total=total, completed=done, told=_short(found))
            if found["state"] != "running":
                return found
            await asyncio.sleep(LOOK_EVERY_S)


def _progress(found: Plain) -> tuple[int, int]:
    """How many of those who are to get it have left the queue."""
    counts = found["counts"]
    total = found["total"] - counts["skipped"]
    return total - counts["pending"] - counts["queued"], total


def _short(found: Plain) -> str:
    counts = found["counts"]
    arrived = counts["delivered"] + counts["read"]
    return f"{arrived} delivered, {counts['failed']} failed{_when(found)}"


def _when(found: Plain) -> str:
    if _is_to_begin(found):
        return f", begins {_moment(found['starts_at'])}"
    end = found["estimated_end"]
    return "" if end is None else f", done about {datetime.fromisoformat(end).astimezone():%a %H:%M}"


def _is_to_begin(found: Plain) -> bool:
    return datetime.fromisoformat(found["starts_at"]) > datetime.now(UTC)


def _moment(told: str) -> str:
    """A time of the API's by the clock of this machine, with its zone."""
    return f"{datetime.fromisoformat(told).astimezone():%Y-%m-%d %H:%M %Z}"


def _report(found: Plain) -> None:
    line(f"Campaign {found['id']}, {found['name']}: {found['state']}, {counted(found['total'], 'recipient')}.")
    if found["why"]:
        line(found["why"])
    if found["state"] == "running" and _is_to_begin(found):
        line(f"It begins {_moment(found['starts_at'])}.")
    elif found["state"] == "running":
        pace = f"at most {found['rate_now']:g} a second" if found["rate_now"] else "as fast as it can"
        line(f"It goes {pace}{_when(found)}.")
    for status, count in found["counts"].items():
        if count:
            line(f"{count:>8}  {status}")
    for each in found["failures"]:
        codes = " ".join(code for code in (each["code"], each["channel_code"]) if code)
        line(
            f"{each['count']:>8}  {each['status']}: {each['reason'] or codes}{f' ({codes})' if codes and each['reason'] else ''}"
        )
        if each["next_step"] is not None and each["next_step"]["todo"]:
            line(f"          {each['next_step']['who']}: {each['next_step']['todo']}")
