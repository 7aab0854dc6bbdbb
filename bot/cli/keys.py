"""``keys``: who may use the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.database import ask_running, own_store
from bot.cli.output import aside, json_out, line, out, run, safe
from bot.config import Config, read_config
from bot.web.api.keys import RATE_MAX, SCOPES, listed, make_key

keys = typer.Typer(no_args_is_help=True, help="Keys of backends that use the API.")

Key = Mapping[str, Any]


@keys.callback()
def group() -> None:
    """Keys of backends that use the API."""


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="Who uses it, such as webshop.")],
    scope: Annotated[list[str], typer.Option(help="send, read or admin; repeat it for several.")],
    rate: Annotated[int, typer.Option(min=0, max=RATE_MAX, help="The most requests a second; 0 for no limit.")] = 0,
) -> None:
    """Make a key and print it; it is shown this once."""
    unknown = [each for each in scope if each not in SCOPES]
    if unknown:
        several = " Repeat it for several: --scope send --scope read." if "," in unknown[0] else ""
        raise typer.BadParameter(f'"{unknown[0]}" is not one of {", ".join(SCOPES)}.{several}', param_hint="--scope")
    config = read_config(needs=("app_id",))
    key = run(lambda: _create(config, name, list(dict.fromkeys(scope)), rate))
    bound = f", {rate} times a second" if rate else ""
    aside(f'The key "{name}" may {" and ".join(dict.fromkeys(scope))}{bound}. Keep it safe: it cannot be shown again.')
    line(key)


@keys.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell which keys there are, also those that were revoked; never the keys themselves."""
    config = read_config(needs=("app_id",))
    known = run(lambda: _listed(config))
    if as_json:
        json_out(known)
    elif known:
        _table(known)
    else:
        aside("There are no keys yet. Make one with `keys create`.")


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name, as `keys list` tells it.")],
) -> None:
    """Take a key back: from now on it opens nothing."""
    config = read_config(needs=("app_id",))
    run(lambda: _revoke(config, name))
    aside(f'The key "{name}" opens nothing any more.')


def _table(known: Sequence[Key]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "scopes", "requests a second", "made", "revoked"):
        table.add_column(title)
    for key in known:
        table.add_row(
            safe(key["name"]),
            ", ".join(key["scopes"]),
            str(key["rate"] or "no limit"),
            _day(key["created_at"]),
            _day(key["revoked_at"]),
        )
    out.print(table)


def _day(at: str | None) -> str:
    return "" if at is None else at[:16].replace("T", " ")


async def _create(config: Config, name: str, scopes: list[str], rate: int) -> str:
    request = {"command": "keys.create", "name": name, "scopes": scopes, "rate": rate}
    answer = await ask_running(config, request)
    if answer is not None:
        return str(answer["key"])
    async with own_store(config) as store:
        return await make_key(store, name, scopes, datetime.now(UTC), rate)


async def _listed(config: Config) -> Sequence[Key]:
    answer = await ask_running(config, {"command": "keys.list"})
    if answer is not None:
        return _keys_in(answer)
    async with own_store(config) as store:
        return await listed(store)


def _keys_in(answer: Mapping[str, object]) -> Sequence[Key]:
    known = answer.get("keys")
    return known if isinstance(known, list) else []


async def _revoke(config: Config, name: str) -> None:
    answer = await ask_running(config, {"command": "keys.revoke", "name": name})
    if answer is None:
        async with own_store(config) as store:
            await store.keys.revoke(name, datetime.now(UTC))
