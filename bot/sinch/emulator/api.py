"""The endpoints of Sinch that a bot calls, spelled as in its API reference."""

from __future__ import annotations

from aiohttp import web

from bot.sinch.emulator.answers import Rejected, ok
from bot.sinch.emulator.apps import patch_of
from bot.sinch.emulator.fields import Json, text_in
from bot.sinch.emulator.gate import Gate
from bot.sinch.emulator.messages import CONVERSATION_SOURCE
from bot.sinch.emulator.outbound import accept_event, accept_message
from bot.sinch.emulator.registry import omni_templates, provisioned_templates
from bot.sinch.emulator.validate import json_object, read_event, read_send
from bot.sinch.emulator.world import World


class Api:
    """Handlers over one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, gate: Gate) -> list[web.RouteDef]:
        """Every route, the busiest first."""
        project = "/v1/projects/{project}"
        apps, hooks, one = f"{project}/apps", f"{project}/webhooks", f"{project}/messages/{{message}}"
        return [
            web.post(f"{project}/messages:send", gate.api(self.send_message)),
            web.post("/oauth2/token", gate.open(self.token)),
            web.post(f"{project}/events:send", gate.api(self.send_event)),
            web.get(f"{project}/messages", gate.api(self.list_messages)),
            web.get(one, gate.api(self.get_message)),
            web.patch(one, gate.api(self.patch_message)),
            web.delete(one, gate.api(self.delete_message)),
            web.get(f"{project}/contacts", gate.api(self.list_contacts)),
            web.delete(f"{project}/contacts/{{contact}}", gate.api(self.delete_contact)),
            web.get(apps, gate.api(self.list_apps)),
            web.get(f"{apps}/{{app}}", gate.api(self.get_app)),
            web.patch(f"{apps}/{{app}}", gate.api(self.patch_app)),
            web.get(f"{apps}/{{app}}/webhooks", gate.api(self.list_webhooks)),
            web.post(hooks, gate.api(self.create_webhook)),
            web.get(f"{hooks}/{{webhook}}", gate.api(self.get_webhook)),
            web.patch(f"{hooks}/{{webhook}}", gate.api(self.patch_webhook)),
            web.delete(f"{hooks}/{{webhook}}", gate.api(self.delete_webhook)),
            web.get("/v2/projects/{project}/templates", gate.api(self.list_omni_templates)),
            web.get("/v2/projects/{project}/templates/{template}", gate.api(self.get_omni_template)),
            web.get(f"{project}/whatsapp/templates", gate.api(self.list_templates)),
        ]

    async def token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        grant_type = form.get("grant_type")
        authorization = request.headers.get("Authorization", "")
        return self._world.door.token(authorization, grant_type if isinstance(grant_type, str) else "")

    async def send_message(self, request: web.Request) -> web.StreamResponse:
        body = json_object(await request.read())
        send = read_send(body)
        app = self._world.apps.get(send.app_id, request.match_info["project"])
        return ok(await accept_message(self._world, app, send, body))

    async def send_event(self, request: web.Request) -> web.StreamResponse:
        body = json_object(await request.read())
        send = read_event(body)
        app = self._world.apps.get(send.app_id, request.match_info["project"])
        return ok(await accept_event(self._world, app, send, body))

    async def list_messages(self, request: web.Request) -> web.StreamResponse:
        return ok(self._world.messages.page(request.query, self._world.clock.now()))

    async def get_message(self, request: web.Request) -> web.StreamResponse:
        now = self._world.clock.now()
        return ok(self._world.messages.get(request.match_info["message"], _source(request), now).resource())

    async def patch_message(self, request: web.Request) -> web.StreamResponse:
        metadata = json_object(await request.read()).get("metadata")
        if not isinstance(metadata, str) or len(metadata) > 1024:
            raise Rejected("metadata must be text of at most 1024 characters.")
        message = self._world.messages.get(request.match_info["message"], _source(request), self._world.clock.now())
        message.metadata = metadata
        return ok(message.resource())

    async def delete_message(self, request: web.Request) -> web.StreamResponse:
        self._world.messages.delete(request.match_info["message"], _source(request), self._world.clock.now())
        return ok({})

    async def list_contacts(self, request: web.Request) -> web.StreamResponse:
        channel = request.query.get("channel", "WHATSAPP")
        found = self._world.contacts.listed(request.query.get("identity", "")) if channel == "WHATSAPP" else []
        return ok({"contacts": [contact.resource() for contact in found], "next_page_token": ""})

    async def delete_contact(self, request: web.Request) -> web.StreamResponse:
        contact_id = request.match_info["contact"]
        if not self._world.contacts.delete(contact_id):
            raise Rejected(f"Contact {contact_id} was not found.", 404)
        return ok({})

    async def list_apps(self, request: web.Request) -> web.StreamResponse:
        return ok({"apps": [app.resource for app in self._world.apps.all(request.match_info["project"])]})

    async def get_app(self, request: web.Request) -> web.StreamResponse:
        return ok(self._world.apps.get(request.match_info["app"], request.match_info["project"]).resource)

    async def patch_app(self, request: web.Request) -> web.StreamResponse:
        app = self._world.apps.get(request.match_info["app"], request.match_info["project"])
        app.patch(patch_of(json_object(await request.read()), request.query.get("update_mask", "")))
        return ok(app.resource)

    async def list_webhooks(self, request: web.Request) -> web.StreamResponse:
        app = self._world.apps.get(request.match_info["app"], request.match_info["project"])
        return ok({"webhooks": [webhook.resource() for webhook in self._world.webhooks.of(app.id)]})

    async def create_webhook(self, request: web.Request) -> web.StreamResponse:
        body = json_object(await request.read())
        self._world.apps.get(text_in(body, "app_id"), request.match_info["project"])
        return ok(self._world.webhooks.create(body, self._world.clock.now()).resource())

    async def get_webhook(self, request: web.Request) -> web.StreamResponse:
        return ok(self._world.webhooks.get(request.match_info["webhook"]).resource())

    async def patch_webhook(self, request: web.Request) -> web.StreamResponse:
        body: Json = json_object(await request.read())
        mask = request.query.get("update_mask", "")
        return ok(self._world.webhooks.update(request.match_info["webhook"], body, mask).resource())

    async def delete_webhook(self, request: web.Request) -> web.StreamResponse:
        self._world.webhooks.delete(request.match_info["webhook"])
        return ok({})

    async def list_omni_templates(self, request: web.Request) -> web.StreamResponse:
        return ok({"templates": omni_templates(self._world.settings.omni_templates or ())})

    async def get_omni_template(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["template"]
        found = [one for one in omni_templates(self._world.settings.omni_templates or ()) if one["id"] == wanted]
        if not found:
            raise Rejected(f"Template {wanted} was not found.", 404)
        return ok(found[0])

    async def list_templates(self, request: web.Request) -> web.StreamResponse:
        return ok(provisioned_templates(self._world.settings.templates or ()))


def _source(request: web.Request) -> str:
    return request.query.get("messages_source", CONVERSATION_SOURCE)
