"""The webhooks of the apps, and which of them a callback goes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.fields import Json, list_in, text_in
from bot.sinch.emulator.ids import new_id
from bot.sinch.emulator.settings import WebhookSettings

WEBHOOKS_MAX = 5
TARGET_MAX = 742
TRIGGERS = frozenset(
    """MESSAGE_INBOUND MESSAGE_DELIVERY MESSAGE_SUBMIT EVENT_INBOUND EVENT_DELIVERY OPT_IN OPT_OUT CONTACT_CREATE
    CONTACT_UPDATE CONTACT_DELETE CONTACT_MERGE CONTACT_IDENTITIES_DUPLICATION CONVERSATION_START CONVERSATION_STOP
    CONVERSATION_DELETE CAPABILITY CHANNEL_EVENT UNSUPPORTED RECORD_NOTIFICATION SMART_CONVERSATION
    MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION BATCH_STATUS_UPDATE""".split()
)
_FIELDS = ("target", "target_type", "secret", "triggers")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where callbacks go. An empty ``app_id`` means every app."""

    id: str
    app_id: str
    target: str
    secret: str = ""
    triggers: tuple[str, ...] = ()
    target_type: str = "HTTP"

    def wants(self, app_id: str, trigger: str) -> bool:
        """Whether a callback of this app and trigger goes here; DISMISS mutes a webhook."""
        return self.app_id in ("", app_id) and trigger in self.triggers and self.target_type == "HTTP"

    def resource(self) -> Json:
        """As the management API shows it, the secret in clear."""
        return {
            "id": self.id,
            "app_id": self.app_id,
            "target": self.target,
            "target_type": self.target_type,
            "secret": self.secret,
            "triggers": list(self.triggers),
        }


class Webhooks:
    """All webhooks, with Sinch's rules: five an app, each target once."""

    def __init__(self, given: tuple[WebhookSettings, ...], now: datetime) -> None:
        self._by_id: dict[str, Webhook] = {}
        self._matching: dict[tuple[str, str], tuple[Webhook, ...]] = {}
        for one in given:
            self._put(Webhook(new_id(now), one.app_id, one.target, one.secret, one.triggers))

    def matching(self, app_id: str, trigger: str) -> tuple[Webhook, ...]:
        """The webhooks a callback goes to, each of which gets its own copy."""
        found = self._matching.get((app_id, trigger))
        if found is None:
            found = tuple(webhook for webhook in self._by_id.values() if webhook.wants(app_id, trigger))
            self._matching[app_id, trigger] = found
        return found

    def of(self, app_id: str) -> list[Webhook]:
        """The webhooks registered for an app."""
        return [webhook for webhook in self._by_id.values() if webhook.app_id == app_id]

    def get(self, webhook_id: str) -> Webhook:
        """One webhook. Raises Rejected with 404."""
        webhook = self._by_id.get(webhook_id)
        if webhook is None:
            raise Rejected(f"Webhook {webhook_id} was not found.", 404)
        return webhook

    def create(self, body: Json, now: datetime) -> Webhook:
        """Register a webhook from a request body. Raises Rejected."""
        app_id = text_in(body, "app_id")
        if not app_id:
            raise Rejected("app_id is required.")
        if len(self.of(app_id)) >= WEBHOOKS_MAX:
            raise Rejected(f"App {app_id} already has {WEBHOOKS_MAX} webhooks.")
        return self._put(self._checked(Webhook(new_id(now), app_id, ""), body))

    def update(self, webhook_id: str, body: Json, mask: str) -> Webhook:
        """Change a webhook: the masked fields, or without a mask those in the body. Raises Rejected."""
        names = [name for name in mask.split(",") if name] or [name for name in body if name in _FIELDS]
        unknown = [name for name in names if name not in _FIELDS]
        if unknown:
            raise Rejected(f"update_mask names unknown fields: {', '.join(unknown)}.")
        old = self.get(webhook_id)
        changed = old.resource() | {name: body.get(name) for name in names}
        return self._put(self._checked(old, changed))

    def delete(self, webhook_id: str) -> None:
        """Forget a webhook. Raises Rejected with 404."""
        self.get(webhook_id)
        del self._by_id[webhook_id]
        self._matching.clear()

    def _checked(self, old: Webhook, body: Json) -> Webhook:
        target = _target(text_in(body, "target"))
        if any(other.target == target and other.id != old.id for other in self.of(old.app_id)):
            raise Rejected(f"App {old.app_id} already has a webhook with target {target}.")
        target_type = text_in(body, "target_type") or "HTTP"
        if target_type not in ("HTTP", "DISMISS"):
            raise Rejected("target_type must be HTTP or DISMISS.")
        return Webhook(old.id, old.app_id, target, text_in(body, "secret"), _triggers(body), target_type)

    def _put(self, webhook: Webhook) -> Webhook:
        self._by_id[webhook.id] = webhook
        self._matching.clear()
        return webhook


def _target(target: str) -> str:
    if len(target) > TARGET_MAX:
        raise Rejected(f"target is longer than {TARGET_MAX} characters.")
    parts = urlsplit(target)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise Rejected("target must be an http or https URL.")
    if host.startswith("conversation-api.") and host.endswith(".sinch.com"):
        raise Rejected("target may not be Sinch itself.")
    return target


def _triggers(body: Json) -> tuple[str, ...]:
    triggers = tuple(str(trigger) for trigger in list_in(body, "triggers"))
    unknown = [trigger for trigger in triggers if trigger not in TRIGGERS]
    if unknown:
        raise Rejected(f"Unknown triggers: {', '.join(unknown)}.")
    if len(set(triggers)) < len(triggers):
        raise Rejected("triggers holds a trigger twice.")
    return triggers
