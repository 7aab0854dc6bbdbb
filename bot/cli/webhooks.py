"""``webhooks``: make Sinch call this bot."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit, urlunsplit

import typer

from bot.cli.account import sinch_client
from bot.cli.output import aside, line, run
from bot.config import SERVER, Config, read_config
from bot.errors import OutcomeUnknown
from bot.sinch.admin import SinchAdmin
from bot.sinch.wire.admin import TRIGGERS, Webhook

PATH: Final = "/webhooks/sinch"
_TUNNEL: Final = (
    "Sinch must reach the address from the internet. To try the bot on this machine, open a tunnel (for example "
    "`ngrok http 8080`) and register the https address that it prints."
)

webhooks = typer.Typer(no_args_is_help=True, help="Webhooks of the app at Sinch.")


@webhooks.callback()
def group() -> None:
    """Webhooks of the app at Sinch."""


@webhooks.command()
def register(
    url: Annotated[
        str, typer.Argument(help="This server's address as Sinch sees it, such as https://bot.example.com.")
    ],
) -> None:
    """Make Sinch call this server: target, triggers and secret. Safe to repeat."""
    target = target_of(url)
    config = read_config(needs=SERVER)
    if urlsplit(target).scheme == "http":
        aside(f"Warning: {target} is not https; Sinch takes that for trying out only. {_TUNNEL}")
    line(run(lambda: register_target(config, target)))


def target_of(url: str) -> str:
    """The whole target for an address with or without our path. Raises a usage error."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise typer.BadParameter(f'"{url}" is not an address such as https://bot.example.com. {_TUNNEL}')
    path = parts.path.rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path if path.endswith(PATH) else path + PATH, "", ""))


async def register_target(config: Config, target: str) -> str:
    """Make the app's webhook match; what was done, in a sentence. Raises ``Retry`` or ``Failed`` with Sinch's reason."""
    secret = config.secrets[0]
    async with sinch_client(config) as client:
        admin = SinchAdmin(client, config.template_url)
        found = await admin.webhooks()
        ours = _ours(found, target)
        if ours is None:
            try:
                await admin.create_webhook(target, secret)
            except OutcomeUnknown:
                return "Sinch gave no answer, so the webhook may be there or not. Run the same command again."
            return f"Sinch calls {target} from now on."
        if _matches(ours, target, secret):
            return f"Sinch calls {target} already; nothing had to change."
        await admin.update_webhook(ours.id, target, secret)
        return f"The webhook matches now: Sinch calls {target}."


def _ours(found: tuple[Webhook, ...], target: str) -> Webhook | None:
    """The webhook to make match: the one of this target, else one of our path at another address (a tunnel's changes each time)."""
    same = [webhook for webhook in found if webhook.target == target]
    moved = [webhook for webhook in found if urlsplit(webhook.target).path.endswith(PATH)]
    return next(iter(same or moved), None)


def _matches(webhook: Webhook, target: str, secret: str) -> bool:
    return (
        webhook.target == target
        and webhook.secret == secret
        and webhook.target_type == "HTTP"
        and set(webhook.triggers) == set(TRIGGERS)
    )
