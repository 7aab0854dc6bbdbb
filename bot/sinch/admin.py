"""Looking after an app at Sinch: its state, its webhooks, its templates, and the messages it keeps.

Everything raises ``Retry`` where the same may succeed later and ``Failed`` where it will not, with Sinch's words and the usual cause.
Source: Sinch Conversation API, apps, webhooks, messages and templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from bot.core.approved import ApprovedTemplate
from bot.core.event import ContactKey
from bot.errors import Failed, Retry
from bot.sinch.client import SinchClient
from bot.sinch.wire.admin import (
    TRIGGERS,
    SinchApp,
    Webhook,
    parse_app,
    parse_contact_ids,
    parse_webhooks,
    render_webhook,
)
from bot.sinch.wire.answers import ListedMessage, parse_message_list
from bot.sinch.wire.envelope import WHATSAPP
from bot.sinch.wire.template_list import OmniTemplate, parse_omni_templates
from bot.sinch.wire.whatsapp_templates import parse_whatsapp_templates

PAGE = 1000
PAGES_MOST = 10
NOT_FOUND = ("not_found", "404")


class SinchAdmin:
    """The client's app. ``template_url`` is where omni templates are kept, without trailing slash."""

    def __init__(self, client: SinchClient, template_url: str) -> None:
        self._client = client
        self._template_url = template_url
        self._app = quote(client.app_id, safe="")

    async def app(self) -> SinchApp:
        """The app as it stands: channel state, retention, rates."""
        return parse_app(await self._ask("GET", f"/apps/{self._app}"))

    async def webhooks(self) -> tuple[Webhook, ...]:
        """The app's webhooks with their secrets; never log them."""
        return parse_webhooks(await self._ask("GET", f"/apps/{self._app}/webhooks"))

    async def create_webhook(self, target: str, secret: str, triggers: Sequence[str] = TRIGGERS) -> None:
        """Let Sinch call ``target``. Raises ``OutcomeUnknown`` where it may have been created: list before trying again."""
        await self._ask("POST", "/webhooks", render_webhook(self._client.app_id, target, secret, triggers))

    async def update_webhook(
        self, webhook_id: str, target: str, secret: str, triggers: Sequence[str] = TRIGGERS
    ) -> None:
        """Make a webhook match; safe to repeat."""
        body = render_webhook(self._client.app_id, target, secret, triggers)
        query = urlencode({"update_mask": "target,target_type,secret,triggers"})
        await self._ask("PATCH", f"/webhooks/{quote(webhook_id, safe='')}?{query}", body)

    async def templates(self) -> tuple[OmniTemplate, ...]:
        """The project's templates kept at Sinch."""
        path = self._client.project_path.replace("/v1/", "/v2/", 1)
        return parse_omni_templates(await self._client.ask("GET", f"{path}/templates", host=self._template_url))

    async def whatsapp_templates(self, provisioning_url: str) -> tuple[ApprovedTemplate, ...]:
        """The project's templates as they stand at WhatsApp. ``provisioning_url``: where Sinch lists them, without trailing slash."""
        path = f"{self._client.project_path}/whatsapp/templates"
        return parse_whatsapp_templates(await self._client.ask("GET", path, host=provisioning_url))

    async def list_messages(
        self, contact: ContactKey, contact_id: str, since: datetime, is_dispatch: bool
    ) -> tuple[ListedMessage, ...]:
        """What Sinch keeps of one contact's messages since then, newest first. ``is_dispatch``: the app is in DISPATCH mode.

        Raises ``Retry`` also where there are more than can be looked through: a list with gaps would pass for proof of absence.
        """
        query = {**self._filters(contact, contact_id, since), "messages_source": _source(is_dispatch)}
        found: list[ListedMessage] = []
        for _ in range(PAGES_MOST):
            page = parse_message_list(await self._ask("GET", f"/messages?{urlencode(query)}"))
            found += page.messages
            if not page.next_page:
                return tuple(found)
            query["page_token"] = page.next_page
        raise Retry(
            f"Sinch lists more than {PAGE * PAGES_MOST} messages of one contact; that is too many to look through."
        )

    async def erase(
        self, contacts: Sequence[ContactKey], contact_ids: Sequence[str], message_ids: Sequence[str]
    ) -> list[str]:
        """Delete these messages and contacts, as far as Sinch keeps them; what is gone already counts as deleted.

        Returns a sentence for everything that Sinch would not delete; the rest is deleted all the same.
        """
        troubles: list[str] = []
        app = await self.app()
        source = urlencode({"messages_source": _source(app.processing_mode == "DISPATCH")})
        for message_id in message_ids if app.keeps_messages else ():
            await self._delete(f"/messages/{quote(message_id, safe='')}?{source}", f"message {message_id}", troubles)
        ids = dict.fromkeys(contact_ids)
        for contact in contacts:
            query = urlencode({"channel": contact.channel or WHATSAPP, "identity": contact.identity})
            try:
                ids.update(dict.fromkeys(parse_contact_ids(await self._ask("GET", f"/contacts?{query}"))))
            except (Retry, Failed) as error:
                troubles.append(f"Sinch was asked in vain for the contact of an address: {error}")
        for contact_id in ids:
            await self._delete(f"/contacts/{quote(contact_id, safe='')}", f"contact {contact_id}", troubles)
        return troubles

    async def _delete(self, path: str, what: str, troubles: list[str]) -> None:
        try:
            await self._ask("DELETE", path)
        except Failed as error:
            if error.code.lower() not in NOT_FOUND:
                troubles.append(f"Sinch did not delete the {what}: {error}")
        except Retry as error:
            troubles.append(f"Sinch did not delete the {what}: {error}")

    def _filters(self, contact: ContactKey, contact_id: str, since: datetime) -> dict[str, str]:
        if contact.identity:
            who = {"channel": contact.channel or WHATSAPP, "channel_identity": contact.identity}
        else:
            who = {"contact_id": contact_id}
        start = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "app_id": self._client.app_id,
            **who,
            "start_time": start,
            "page_size": str(PAGE),
            "view": "WITH_METADATA",
        }

    async def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        return await self._client.ask(method, f"{self._client.project_path}{path}", body)


def _source(is_dispatch: bool) -> str:
    return "DISPATCH_SOURCE" if is_dispatch else "CONVERSATION_SOURCE"
