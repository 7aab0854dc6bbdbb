"""The Conversation apps: known ones, or any that a caller names, each with its resource as Sinch shows it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.fields import Json, number_in, object_in, objects_in, text_in
from bot.sinch.emulator.settings import EmulatorSettings

_PATCHABLE = (
    "channel_credentials",
    "conversation_metadata_report_view",
    "display_name",
    "retention_policy",
    "dispatch_retention_policy",
    "processing_mode",
    "smart_conversation",
    "callback_settings",
    "delivery_report_based_fallback",
    "message_retry_settings",
)


class App:
    """One app; ``resource`` is what ``GET /apps/{id}`` answers."""

    __slots__ = ("channels", "conversation_mode", "id", "kept_days", "overridden_secret", "project_id", "resource")

    def __init__(self, app_id: str, project_id: str, resource: Json) -> None:
        self.id = app_id
        self.project_id = project_id
        self.resource = resource
        self._read()

    def patch(self, changes: Mapping[str, object]) -> None:
        """Change parts of the resource. Raises Rejected when a value makes no sense."""
        changed = self.resource | dict(changes)
        _check(changed)
        self.resource = changed
        self._read()

    def _read(self) -> None:
        resource = self.resource
        self.channels = frozenset(text_in(one, "channel") for one in objects_in(resource, "channel_credentials"))
        self.conversation_mode = resource.get("processing_mode") == "CONVERSATION"
        policy = object_in(resource, "retention_policy" if self.conversation_mode else "dispatch_retention_policy")
        self.kept_days = number_in(policy, "ttl_days")
        callback_settings = object_in(resource, "callback_settings")
        self.overridden_secret = text_in(callback_settings, "secret_for_overridden_callback_urls")

    @property
    def mode(self) -> str:
        """DISPATCH or CONVERSATION."""
        return "CONVERSATION" if self.conversation_mode else "DISPATCH"


class Apps:
    """All apps of the emulator. An app nobody named before comes into being, unless the settings pin one."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._settings = settings
        self._apps: dict[str, App] = {}
        self._current = settings.app_id

    def get(self, app_id: str, project_id: str) -> App:
        """The app a caller named. Raises Rejected with 404 where it is unknown, as in a wrong region."""
        app = self._apps.get(app_id)
        if app is None:
            if not app_id or (self._settings.only_this_app and app_id != self._settings.app_id):
                raise Rejected(f"App {app_id} was not found.", 404)
            app = self._apps[app_id] = App(app_id, project_id, _resource(app_id, self._settings))
        app.project_id = project_id
        self._current = app_id
        return app

    def for_person(self, app_id: str = "") -> App:
        """The app a person writes to: the given one, else the one a caller named last, else the settings'."""
        app = self._apps.get(app_id or self._current)
        return app or self.get(app_id or self._settings.app_id, self._settings.project_id)

    def all(self, project_id: str) -> list[App]:
        """The apps that exist so far; the settings' own is always among them."""
        if self._settings.app_id not in self._apps:
            current = self._current
            self.get(self._settings.app_id, project_id)
            self._current = current
        return list(self._apps.values())


def patch_of(body: Json, mask: str) -> Json:
    """What a PATCH changes: the masked fields, or without a mask those in the body."""
    wanted = [name.split(".")[0] for name in mask.split(",") if name] or list(body)
    unknown = [name for name in wanted if name not in _PATCHABLE]
    if unknown and mask:
        raise Rejected(f"update_mask names unknown fields: {', '.join(unknown)}.")
    return {name: body[name] for name in wanted if name in body and name in _PATCHABLE}


def _check(resource: Json) -> None:
    if resource.get("processing_mode") not in ("DISPATCH", "CONVERSATION"):
        raise Rejected("processing_mode must be DISPATCH or CONVERSATION.")
    if not 0 <= number_in(object_in(resource, "dispatch_retention_policy"), "ttl_days") <= 7:
        raise Rejected("dispatch_retention_policy.ttl_days must be 0 to 7.")
    if not 1 <= number_in(object_in(resource, "retention_policy"), "ttl_days") <= 3650:
        raise Rejected("retention_policy.ttl_days must be 1 to 3650.")


def _credential(channel: str, settings: EmulatorSettings) -> Json:
    return {
        "channel": channel,
        "static_bearer": {"claimed_identity": settings.sender_id, "token": ""},
        "callback_secret": "",
        "state": {"status": settings.channel_state, "description": ""},
        "channel_known_id": settings.sender_id,
    }


def _resource(app_id: str, settings: EmulatorSettings) -> Json:
    rate = settings.rate_limit
    return {
        "id": app_id,
        "display_name": "Emulated app",
        "channel_credentials": [_credential(channel, settings) for channel in settings.channels],
        "conversation_metadata_report_view": "NONE",
        "rate_limits": {"inbound": rate, "outbound": rate, "webhooks": rate},
        "queue_stats": {"outbound_size": 0, "outbound_limit": 500_000},
        "retention_policy": {"retention_type": "MESSAGE_EXPIRE_POLICY", "ttl_days": settings.retention_days},
        "dispatch_retention_policy": {
            "retention_type": "MESSAGE_EXPIRE_POLICY",
            "ttl_days": settings.dispatch_retention_days,
        },
        "processing_mode": settings.processing_mode,
        "smart_conversation": {"enabled": False},
        "callback_settings": {"secret_for_overridden_callback_urls": settings.overridden_secret},
        "delivery_report_based_fallback": {"enabled": False, "delivery_report_waiting_time": 0},
        "message_retry_settings": {"retry_duration": 3600},
    }
