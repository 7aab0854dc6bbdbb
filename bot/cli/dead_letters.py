"""``events dead`` and ``events redrive``: what came in and could not be dealt with, and driving it again."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.database import ask_running, own_store
from bot.cli.looking_back import clock
from bot.cli.output import ERRORS_FOUND, aside, json_out, line, run
from bot.config import Config, read_config
from bot.core.rulebook import Rulebook
from bot.web.api.backend import Backend
from bot.web.redrive import MOST, commands


def dead(
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many of each kind at most, the newest first.")] = MOST,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the bodies.")] = False,
) -> None:
    """List what could not be dealt with: events that the bot gave up, and webhooks that came too late."""
    config = read_config(needs=("app_id",))
    found = run(lambda: _ask(config, {"command": "events.dead", "limit": limit}))
    if as_json:
        json_out(found)
        return
    for each in found["letters"]:
        whose = f"person {each['person']}" if each["person"] else "nobody"
        line(f"{each['id']:>8}  {_moment(each['received_at'])}  {each['kind']}, {whose}: {each['why']}")
    for each in found["webhooks"]:
        driven = f" (driven again by {each['driven_by']})" if each["driven_at"] else ""
        line(f"{each['id']:>8}  {_moment(each['received_at'])}  webhook: {each['why']}{driven}")
    if not found["letters"] and not found["webhooks"]:
        aside("There are no dead letters, and no refused webhooks.")


def redrive(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="As `events dead` lists them: 12 for an event, w3 for a webhook."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help=f"All that can be driven, the newest {MOST}.")] = False,
) -> None:
    """Let the bot decide them again, as if they had just come, and tell what came of it."""
    if bool(ids) == everything:
        raise typer.BadParameter("name what is to be driven, or give --all.", param_hint="ID")
    config = read_config(needs=("app_id",))
    who = os.environ.get("SUDO_USER") or getpass.getuser()
    answer = run(
        lambda: _ask(config, {"command": "events.redrive", "ids": list(ids or ()), "all": everything, "who": who})
    )
    for each in answer["driven"]:
        line(f"{each['id']}: {each['sentence']}")
    if not answer["driven"]:
        aside("There is nothing to drive again.")
    if answer["left"]:
        aside(f"{answer['left']} more were named; at most {MOST} are driven at once. Repeat the command with them.")
    if any(not each["good"] for each in answer["driven"]):
        raise typer.Exit(ERRORS_FOUND)


def _moment(told: str) -> str:
    return clock(datetime.fromisoformat(told))


async def _ask(config: Config, request: Mapping[str, object]) -> Mapping[str, Any]:
    """Through the running server, else on the database itself."""
    answer = await ask_running(config, request)
    if answer is not None:
        return answer
    async with own_store(config) as store:
        backend = Backend(store, _no_rules, lambda: datetime.now(UTC), config.app_id)
        return await commands(backend, None)[str(request["command"])](request)


def _no_rules() -> Rulebook:
    raise AssertionError("nothing is decided while no server runs")
