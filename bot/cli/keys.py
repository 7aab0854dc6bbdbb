"""``keys``: who may use the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.database import ask_running, own_store
from bot.cli.output import aside, line, run
from bot.config import Config, read_config
from bot.web.api.keys import SCOPES, make_key

keys = typer.Typer(no_args_is_help=True, help="Keys of backends that use the API.")


@keys.callback()
def group() -> None:
    """Keys of backends that use the API."""


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="Who uses it, such as webshop.")],
    scope: Annotated[list[str], typer.Option(help="send, read or admin; repeat it for several.")],
) -> None:
    """Make a key and print it; it is shown this once."""
    unknown = [each for each in scope if each not in SCOPES]
    if unknown:
        raise typer.BadParameter(f'"{unknown[0]}" is not one of {", ".join(SCOPES)}.', param_hint="--scope")
    config = read_config(needs=("app_id",))
    key = run(lambda: _create(config, name, scope))
    aside(f'The key "{name}" may {" and ".join(scope)}. Keep it safe: it cannot be shown again.')
    line(key)


async def _create(config: Config, name: str, scopes: list[str]) -> str:
    answer = await ask_running(config, {"command": "keys.create", "name": name, "scopes": scopes})
    if answer is not None:
        return str(answer["key"])
    async with own_store(config) as store:
        return await make_key(store, name, scopes, datetime.now(UTC))
