"""``events``: tell the bot that something happened, as a backend would; look at what it gave up, and drive it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import aiohttp
import orjson
import typer

from bot.cli.database import ask_running
from bot.cli.dead_letters import dead, redrive
from bot.cli.output import line, run
from bot.cli.phone import values_of
from bot.config import Config, read_config
from bot.errors import Misconfigured, Refused

events = typer.Typer(no_args_is_help=True, help="What happens: events of backends, and those that were given up.")


@events.callback()
def group() -> None:
    """What happens: events of backends, and those that were given up."""


@events.command()
def send(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event, such as order.shipped.")],
    to: Annotated[list[str], typer.Option(help="The person's number, such as +46701740605; repeat it for several.")],
    data: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A value; repeat it.")] = None,
    event_id: Annotated[str, typer.Option("--id", help="Your own id of it: the same one counts once.")] = "",
    url: Annotated[str, typer.Option(help="The server, where it is another machine's.")] = "",
    key: Annotated[
        str, typer.Option(envvar="PARLEY_KEY", help="An API key, needed with --url.", show_envvar=True)
    ] = "",
) -> None:
    """Record an event for one or several people."""
    event: dict[str, object] = {"name": name, "to": to, "data": _values(data or [])}
    if event_id:
        event["id"] = event_id
    if url and not key:
        raise typer.BadParameter("an API key is needed with --url.", param_hint="--key")
    config = read_config(needs=() if url else ("app_id",))
    answer = run(lambda: _send(config, event, url, key))
    for each in answer["recipients"]:
        line(f"{each['to']}: {str(each['status']).replace('_', ' ')}")


async def _send(config: Config, event: Mapping[str, object], url: str, key: str) -> Mapping[str, Any]:
    if url or key:
        return await _over_http(url or f"http://{config.host}:{config.port}", key, event)
    answer = await ask_running(config, {"command": "events.send", "event": event})
    if answer is None:
        raise Misconfigured(
            "No server runs on this database. Start it with `python run.py serve`, or name it with --url."
        )
    return answer


async def _over_http(url: str, key: str, event: Mapping[str, object]) -> Mapping[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.post(f"{url.rstrip('/')}/v1/events", data=orjson.dumps(event), headers=headers) as response,
        ):
            answer = orjson.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError):
        raise Misconfigured(
            f"No Parley answers at {url}. Check the address, with http:// or https://, and that the server runs."
        ) from None
    if response.status != 202:
        raise Refused(str(answer.get("detail", "The server refused it.")), "api", str(answer.get("cure", "")))
    result: Mapping[str, Any] = answer
    return result


def _values(data: list[str]) -> dict[str, str]:
    try:
        return values_of(data)
    except Refused as refused:
        raise typer.BadParameter(f"{refused} {refused.cure}", param_hint="--data") from None


events.command()(dead)
events.command()(redrive)
