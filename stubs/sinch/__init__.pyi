"""Types of Sinch's own SDK 2.3, which ships none that mypy may use: the parts that our tests call."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Generic, TypeVar

_T = TypeVar("_T")

class Configuration:
    auth_origin: str
    conversation_origin: str | None

class SendMessageResponse:
    message_id: str
    accepted_time: datetime | None

class ChannelIdentity:
    channel: str
    identity: str

class TextMessage:
    text: str

class AppMessage:
    text_message: TextMessage

class Message:
    id: str | None
    direction: str | None
    channel_identity: ChannelIdentity | None
    metadata: str | None
    processing_mode: str | None
    accept_time: datetime | None
    app_message: AppMessage

class ChannelState:
    status: str
    description: str | None

class WhatsAppCredentials:
    state: ChannelState | None

class ChannelCredentials:
    whatsapp: WhatsAppCredentials | None

class RetentionPolicy:
    ttl_days: int | None

class App:
    id: str | None
    processing_mode: str | None
    channel_credentials: ChannelCredentials | None
    dispatch_retention_policy: RetentionPolicy | None

class Paginator(Generic[_T]):
    has_next_page: bool
    def content(self) -> list[_T]: ...
    def iterator(self) -> Iterator[_T]: ...

class Messages:
    def send(
        self,
        app_id: str,
        message: Mapping[str, object],
        contact_id: str | None = None,
        recipient_identities: list[dict[str, str]] | None = None,
        ttl: str | int | None = None,
        event_destination_target: str | None = None,
        channel_priority_order: list[str] | None = None,
        message_metadata: str | None = None,
    ) -> SendMessageResponse: ...
    def send_text_message(
        self,
        app_id: str,
        text: str,
        contact_id: str | None = None,
        recipient_identities: list[dict[str, str]] | None = None,
        ttl: str | int | None = None,
        event_destination_target: str | None = None,
        channel_priority_order: list[str] | None = None,
        message_metadata: str | None = None,
    ) -> SendMessageResponse: ...
    def send_choice_message(
        self,
        app_id: str,
        choice_message: Mapping[str, object],
        contact_id: str | None = None,
        recipient_identities: list[dict[str, str]] | None = None,
    ) -> SendMessageResponse: ...
    def send_list_message(
        self,
        app_id: str,
        list_message: Mapping[str, object],
        contact_id: str | None = None,
        recipient_identities: list[dict[str, str]] | None = None,
    ) -> SendMessageResponse: ...
    def send_template_message(
        self,
        app_id: str,
        template_message: Mapping[str, object],
        contact_id: str | None = None,
        recipient_identities: list[dict[str, str]] | None = None,
    ) -> SendMessageResponse: ...
    def get(self, message_id: str, messages_source: str | None = None) -> Message: ...
    def list(
        self,
        page_size: int | None = None,
        page_token: str | None = None,
        app_id: str | None = None,
        channel_identity: str | None = None,
        direction: str | None = None,
        messages_source: str | None = None,
        view: str | None = None,
    ) -> Paginator[Message]: ...
    def update(self, message_id: str, metadata: str, messages_source: str | None = None) -> Message: ...
    def delete(self, message_id: str, messages_source: str | None = None) -> None: ...

class Apps:
    def get(self, app_id: str) -> App: ...
    def list(self) -> Paginator[App]: ...

class SinchEvents:
    def validate_authentication_header(self, headers: dict[str, str], json_payload: str | bytes) -> bool: ...
    def parse_event(self, event_body: str | bytes, headers: dict[str, str] | None = None) -> object: ...

class Conversation:
    messages: Messages
    apps: Apps
    def sinch_events(self, callback_secret: str = "") -> SinchEvents: ...

class SinchClient:
    configuration: Configuration
    conversation: Conversation
    def __init__(
        self,
        key_id: str | None = None,
        key_secret: str | None = None,
        project_id: str | None = None,
        conversation_region: str | None = None,
    ) -> None: ...
