"""The app and its webhooks, as ``doctor`` and ``webhooks`` need them.

Source: Sinch Conversation API, apps and webhooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from bot.errors import Failed
from bot.sinch.wire.envelope import WHATSAPP
from bot.sinch.wire.fields import Json, inner, number, objects, read_object, text

# What the bot listens to. Submissions, contacts and conversations would only eat into the 25 callbacks a second of an
# app.
TRIGGERS = (
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
class WhatsApp:
    """The app's WhatsApp channel: its sender's id, the state (PENDING, ACTIVE, FAILING) and Sinch's words on it."""

    sender: str
    state: str
    description: str


@dataclass(frozen=True, slots=True)
class SinchApp:
    """A Conversation app. ``whatsapp`` is None where the channel was never set up.

    Retentions are in days: how long Sinch keeps messages in DISPATCH and in CONVERSATION mode, 0 where it keeps none,
    None where it does not tell. Rates are in messages (or callbacks) a second, None where Sinch does not tell.
    """

    id: str
    name: str
    processing_mode: str
    whatsapp: WhatsApp | None
    dispatch_retention_days: int | None
    retention_days: int | None
    inbound_rate: float | None
    outbound_rate: float | None
    webhook_rate: float | None
    queued: int | None
    queue_limit: int | None

    @property
    def keeps_messages(self) -> bool:
        """Whether a send of unknown outcome can be found by listing messages."""
        days = self.retention_days if self.processing_mode == "CONVERSATION" else self.dispatch_retention_days
        return bool(days)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook of the app. Sinch hands its secret out in clear; it is kept out of ``repr``."""

    id: str
    target: str
    target_type: str
    triggers: tuple[str, ...]
    secret: str = field(repr=False)


def parse_app(body: bytes) -> SinchApp:
    """The app of ``GET apps/{id}``; raises ``Failed`` where the body holds none."""
    app = read_object(body)
    if app is None or not text(app, "id"):
        raise Failed("Sinch answered a request for the app with something else; check SINCH_API_URL.", "bad_answer")
    rates, queue = inner(app, "rate_limits"), inner(app, "queue_stats")
    return SinchApp(
        text(app, "id"),
        text(app, "display_name"),
        text(app, "processing_mode"),
        _whatsapp(app),
        _whole(inner(app, "dispatch_retention_policy"), "ttl_days"),
        _whole(inner(app, "retention_policy"), "ttl_days"),
        number(rates, "inbound"),
        number(rates, "outbound"),
        number(rates, "webhooks"),
        _whole(queue, "outbound_size"),
        _whole(queue, "outbound_limit"),
    )


def _whatsapp(app: Json) -> WhatsApp | None:
    for credential in objects(app, "channel_credentials"):
        if text(credential, "channel") == WHATSAPP:
            state = inner(credential, "state")
            sender = text(inner(credential, "static_bearer"), "claimed_identity")
            return WhatsApp(sender, text(state, "status"), text(state, "description"))
    return None


def parse_webhooks(body: bytes) -> tuple[Webhook, ...]:
    """The webhooks of ``GET apps/{id}/webhooks``; raises ``Failed`` where the body is no list of them."""
    answer = read_object(body)
    if answer is None or not isinstance(answer.get("webhooks"), list | None):
        raise Failed(
            "Sinch answered a request for the webhooks with something else; check SINCH_API_URL.", "bad_answer"
        )
    return tuple(_webhook(each) for each in objects(answer, "webhooks") if text(each, "id"))


def _webhook(webhook: Json) -> Webhook:
    triggers = webhook.get("triggers")
    names = tuple(each for each in triggers if isinstance(each, str)) if isinstance(triggers, list) else ()
    return Webhook(
        text(webhook, "id"), text(webhook, "target"), text(webhook, "target_type"), names, text(webhook, "secret")
    )


def render_webhook(app_id: str, target: str, secret: str, triggers: Sequence[str] = TRIGGERS) -> bytes:
    """The body that creates a webhook or, with PATCH, makes it match; ``target`` is an HTTPS URL of at most 742."""
    return orjson.dumps(
        {"app_id": app_id, "target": target, "target_type": "HTTP", "secret": secret, "triggers": list(triggers)}
    )


def parse_contact_ids(body: bytes) -> tuple[str, ...]:
    """The ids of the contacts of ``GET contacts``; raises ``Failed`` where the body is no list of them."""
    answer = read_object(body)
    if answer is None or not isinstance(answer.get("contacts"), list | None):
        raise Failed("Sinch answered a request for contacts with something else; check SINCH_API_URL.", "bad_answer")
    return tuple(text(each, "id") for each in objects(answer, "contacts") if text(each, "id"))


def _whole(fields: Json, name: str) -> int | None:
    found = number(fields, name)
    return None if found is None else int(found)
