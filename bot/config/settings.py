"""What can be set: every setting once, with its name, default, check and a sentence of help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

DATABASE_FORMS: Final = (
    "sqlite:///relative/path.db, sqlite:////absolute/path.db or postgresql://user:password@host/name"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """How a setting is called: ``env`` in the environment (empty: only in the file), ``path`` in config.yaml.

    ``help`` is one sentence; ``cure`` tells how to come by a value where one is required. ``is_list``: config.yaml may hold a list.
    """

    env: str
    path: str
    help: str
    cure: str = ""
    is_list: bool = False


def _parts(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _host(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        place = value.removesuffix(_EVERY_PORT)
        parts = urlsplit(f"//{place}")
        is_host = bool(
            _HOST.fullmatch(place) and not (place != value and parts.port) and parts.hostname and parts.port != 0
        )
    except ValueError:  # a port that is none, or brackets around what is no address
        is_host = False
    if not is_host:
        raise ValueError(f'must list hosts such as "files.example.org" or "10.0.0.7:8443", not "{value}"')
    return value.lower()


def _origin(value: object) -> object:
    """An address without its trailing slash; the token address is taken with or without its path."""
    if not isinstance(value, str) or not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('must be an address such as "https://eu.conversation.api.sinch.com"')
    return value.rstrip("/").removesuffix("/oauth2/token").rstrip("/")


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _database(value: object) -> object:
    if not isinstance(value, str):
        return value
    scheme, separator, rest = value.partition("://")
    if scheme == "sqlite" and separator and rest.startswith("/") and len(rest) > 1 and not rest.endswith("/"):
        return value
    if scheme in ("postgresql", "postgres") and urlsplit(value).hostname:
        return value
    raise ValueError(f"must be {DATABASE_FORMS}")


_EVERY_PORT: Final = ":*"
_HOST: Final = re.compile(r"[\w.:\[\]-]+")

Host = Annotated[str, BeforeValidator(_host)]
Origin = Annotated[str, BeforeValidator(_origin)]
Region = Annotated[Literal["us", "eu", "br"], BeforeValidator(_lower)]
Auth = Annotated[Literal["oauth2", "basic", "signed"], BeforeValidator(_lower)]
Scheme = Annotated[Literal["sinch", "simple"], BeforeValidator(_lower)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]


class Config(BaseModel):
    """All settings, checked. Secrets never show in ``repr``, logs or error sentences."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    project_id: Annotated[
        str,
        Setting(
            "SINCH_PROJECT_ID",
            "sinch.project_id",
            "The Sinch project.",
            "The Sinch dashboard shows it beside the project's name.",
        ),
    ] = ""
    app_id: Annotated[
        str,
        Setting(
            "SINCH_APP_ID",
            "sinch.app_id",
            "The Conversation API app that owns your WhatsApp sender.",
            "The Sinch dashboard lists it under Conversation API, Apps.",
        ),
    ] = ""
    key_id: Annotated[
        str,
        Setting(
            "SINCH_KEY_ID",
            "sinch.key_id",
            "The id of an access key of that project.",
            "The Sinch dashboard makes one under Settings, Access keys.",
        ),
    ] = ""
    key_secret: Annotated[
        SecretStr,
        Setting(
            "SINCH_KEY_SECRET",
            "sinch.key_secret",
            "The secret of that access key.",
            "Sinch shows it once, when the key is made; make a new key if it is lost.",
        ),
    ] = SecretStr("")
    webhook_secrets: Annotated[
        tuple[SecretStr, ...],
        BeforeValidator(_parts),
        Setting(
            "SINCH_WEBHOOK_SECRET",
            "sinch.webhook_secret",
            "The secret that Sinch signs its webhooks with; several, separated by commas, while it is changed.",
            "Choose a long random text and run `python run.py webhooks register URL`; "
            "without it anybody could write as your customers.",
        ),
    ] = ()
    region: Annotated[
        Region, Setting("SINCH_REGION", "sinch.region", "The region the app was made in: us, eu or br.")
    ] = "eu"
    auth: Annotated[
        Auth,
        Setting("SINCH_AUTH", "sinch.auth", "How requests to Sinch prove who sends them: oauth2, basic or signed."),
    ] = "oauth2"
    api_url: Annotated[
        Origin,
        Setting(
            "SINCH_API_URL", "sinch.api_url", "Replaces the Conversation API's address, for tests and the emulator."
        ),
    ] = ""
    auth_url: Annotated[
        Origin,
        Setting(
            "SINCH_AUTH_URL",
            "sinch.auth_url",
            "Replaces the address that hands out tokens, for tests and the emulator.",
        ),
    ] = ""
    webhook_scheme: Annotated[
        Scheme, Setting("WEBHOOK_SCHEME", "webhook.scheme", "How Sinch signs its webhooks: sinch or simple.")
    ] = "sinch"
    webhook_max_age_s: Annotated[
        int,
        Field(ge=1, le=86_400),
        Setting("", "webhook.max_age", "Seconds after which a signed webhook is stale; at most 86400."),
    ] = 300
    database_url: Annotated[
        SecretStr,
        BeforeValidator(_database),
        Setting("DATABASE_URL", "database_url", f"Where everything is kept: {DATABASE_FORMS}."),
    ] = SecretStr("sqlite:///parley.db")
    rules_dir: Annotated[Path, Setting("RULES_DIR", "rules_dir", "The folder with the rules that staff write.")] = Path(
        "rules"
    )
    host: Annotated[str, Setting("HOST", "host", "The address to listen on; 0.0.0.0 means all of the machine's.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, Field(ge=0, le=65_535), Setting("PORT", "port", "The port to listen on; 0 takes any that is free.")
    ] = 8080
    send_rate: Annotated[
        float,
        Field(ge=0, le=10_000, allow_inf_nan=False),
        Setting("SEND_RATE", "send_rate", "The most messages sent in a second; 0 means no limit."),
    ] = 20
    window_margin_s: Annotated[
        int,
        Field(ge=0, le=3600),
        Setting("", "window_margin", "Seconds before WhatsApp's window closes at which free-form messages stop."),
    ] = 120
    allowed_hosts: Annotated[
        tuple[Host, ...],
        BeforeValidator(_parts),
        Setting(
            "",
            "allowed_hosts",
            "Hosts that may be called though their address is not public; with a port, with :* for every port, or for the ports 80 and 443;"
            " several in a list or separated by commas.",
            is_list=True,
        ),
    ] = ()
    admin_password: Annotated[
        SecretStr,
        Setting(
            "ADMIN_PASSWORD",
            "admin_password",
            'The password of the user "admin"; without one, and without `users`, the pages stay closed.',
        ),
    ] = SecretStr("")
    retention_messages_days: Annotated[
        int,
        Field(ge=0, le=36_500),
        Setting("", "retention.messages", "Days that what was written and sent is kept; 0 keeps it for ever."),
    ] = 90
    retention_keys_days: Annotated[
        int,
        Field(ge=1, le=36_500),
        Setting(
            "",
            "retention.keys",
            "Days that a webhook is known again after what it brought is no longer kept; at least 1.",
        ),
    ] = 30
    log_level: Annotated[
        Level, Setting("LOG_LEVEL", "log_level", "How much is logged: debug, info, warning or error.")
    ] = "info"

    @property
    def conversation_url(self) -> str:
        """Where the Conversation API answers, without trailing slash."""
        return self.api_url or f"https://{self.region}.conversation.api.sinch.com"

    @property
    def token_origin(self) -> str:
        """The host of ``/oauth2/token``, without trailing slash; global, whatever the region."""
        return self.auth_url or "https://auth.sinch.com"

    @property
    def template_url(self) -> str:
        """Where omni templates are kept; the emulator serves them beside the rest."""
        return self.api_url or f"https://{self.region}.template.api.sinch.com"

    @property
    def provisioning_url(self) -> str:
        """Where WhatsApp's templates are listed, whatever the region; the emulator serves them beside the rest."""
        return self.api_url or "https://provisioning.api.sinch.com"

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, relative to where the program was started, or None with PostgreSQL."""
        scheme, _, rest = self.database_url.get_secret_value().partition("://")
        return Path(rest[1:]) if scheme == "sqlite" else None

    @property
    def webhook_max_age(self) -> timedelta:
        """How old, or how far ahead, a signed webhook may be."""
        return timedelta(seconds=self.webhook_max_age_s)

    @property
    def window_margin(self) -> timedelta:
        """How long before its end a window counts as closed."""
        return timedelta(seconds=self.window_margin_s)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The webhook secrets in clear; the first is the one to register."""
        return tuple(secret.get_secret_value() for secret in self.webhook_secrets)


ACCOUNT: Final = ("project_id", "app_id", "key_id", "key_secret")
SERVER: Final = (*ACCOUNT, "webhook_secrets")


def settings() -> dict[str, Setting]:
    """Every setting by its field of ``Config``, in the order they are explained."""
    return {name: setting_of(name) for name in Config.model_fields}


def default_of(name: str) -> str:
    """The default of a setting as one would write it; empty where there is none."""
    value = Config.model_fields[name].default
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value == () else str(value)


def setting_of(name: str) -> Setting:
    """How the field of ``Config`` is called outside."""
    return next(each for each in Config.model_fields[name].metadata if isinstance(each, Setting))
