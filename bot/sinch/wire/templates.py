"""Templates in a send: WhatsApp's approved ones by name, Sinch's own by id.

Source: Sinch Conversation API, template messages; WhatsApp template support.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.core.reply import Button, OmniTemplateReply, TemplateReply
from bot.sinch.wire.envelope import WHATSAPP
from bot.sinch.wire.fields import Json


def approved_template(reply: TemplateReply, button_ids: Callable[[Button], str]) -> Json:
    """A template approved at WhatsApp; a quick reply's ``option`` is its position among the template's buttons, from 0.

    A quick reply that leads to no rule has an empty ``rule``; Sinch wants its payload all the same, and gets an empty
    one.
    """
    payloads = {
        f"button[{button.option}]quick_reply[1]payload": button_ids(button) if button.rule else ""
        for button in reply.buttons
    }
    template: Json = {"template_id": reply.name, "language_code": reply.language}
    if reply.parameters or payloads:
        template["parameters"] = {**reply.parameters, **payloads}
    return {"template_message": {"channel_template": {WHATSAPP: template}}}


def omni_template(reply: OmniTemplateReply) -> Json:
    """A template kept at Sinch. Outside the window it needs an override for WhatsApp, which Sinch alone can see."""
    template: Json = {
        "template_id": reply.template_id,
        "version": reply.version,
        "language_code": reply.language,
    }
    if reply.parameters:
        template["parameters"] = dict(reply.parameters)
    return {"template_message": {"omni_template": template}}
