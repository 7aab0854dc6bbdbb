"""What an emulated Sinch is like; every default is the friendly one, so that a bot needs no settings to talk to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.sinch.emulator.signatures import Scheme
from bot.sinch.emulator.templates import OmniTemplate, Template

DEFAULT_TRIGGERS = (
    "MESSAGE_INBOUND",
    "MESSAGE_DELIVERY",
    "EVENT_INBOUND",
    "EVENT_DELIVERY",
    "CHANNEL_EVENT",
    "OPT_IN",
    "OPT_OUT",
    "UNSUPPORTED",
)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A webhook that is there from the start. Without ``app_id`` it is every app's, without ``secret`` unsigned."""

    target: str
    secret: str = ""
    triggers: tuple[str, ...] = DEFAULT_TRIGGERS
    app_id: str = ""


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """Settings of one emulator.

    ``key_id`` and ``key_secret``, when both given, are the only credentials taken; otherwise any will do.
    ``only_this_app`` and ``only_this_project`` refuse all others. ``app_id`` is the app people write to until a bot
    has named one. ``templates`` and ``omni_templates`` None: every template exists and is approved, whatever its
    parameters. ``receipts`` are the delivery statuses each message gets, ``receipt_gap_s`` seconds apart. A callback
    that fails is tried again after ``retry_first_s``, doubling up to ``retry_last_s``, then given up. ``truth_path``
    is appended to, one JSON object a line; ``remember`` is how many messages and truth entries stay in memory.
    Retention is in days, as in Sinch's app resource: 0 in DISPATCH mode means that no message can be listed.
    """

    host: str = "127.0.0.1"
    port: int = 0
    key_id: str = ""
    key_secret: str = ""
    app_id: str = "01EMULATEDAPP0000000000000"
    project_id: str = "emulated-project"
    only_this_app: bool = False
    only_this_project: bool = False
    token_life_s: int = 3599
    processing_mode: Literal["DISPATCH", "CONVERSATION"] = "DISPATCH"
    dispatch_retention_days: int = 0
    retention_days: int = 180
    channels: tuple[str, ...] = ("WHATSAPP",)
    channel_state: Literal["PENDING", "ACTIVE", "FAILING"] = "ACTIVE"
    sender_id: str = "46700000000"
    rate_limit: int = 25
    templates: tuple[Template, ...] | None = None
    omni_templates: tuple[OmniTemplate, ...] | None = None
    webhooks: tuple[WebhookSettings, ...] = ()
    scheme: Scheme = "sinch"
    overridden_secret: str = ""
    receipts: tuple[str, ...] = ("QUEUED_ON_CHANNEL", "DELIVERED", "READ")
    receipt_gap_s: float = 0.0
    plus_in_receipts: bool = False
    retry_first_s: float = 5.0
    retry_last_s: float = 81_920.0
    same_nonce_on_retry: bool = False
    callback_timeout_s: float = 10.0
    callback_connections: int = 64
    truth_path: Path | None = None
    truth_fsync: bool = False
    remember: int = 20_000
    seed: int = 0
