"""Templates kept at Sinch, as it lists them.

Source: Sinch Conversation API, template management, version 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import Failed
from bot.sinch.wire.envelope import WHATSAPP
from bot.sinch.wire.fields import Json, inner, objects, read_object, text


@dataclass(frozen=True, slots=True)
class OmniTemplate:
    """A template by its id, with the languages it is translated to, such as ``en-US``.

    ``whatsapp_languages`` are those that name an approved WhatsApp template; in the others it cannot leave outside the window.
    """

    id: str
    description: str
    default_language: str
    languages: tuple[str, ...]
    whatsapp_languages: tuple[str, ...]


def parse_omni_templates(body: bytes) -> tuple[OmniTemplate, ...]:
    """The templates of ``GET templates``; raises ``Failed`` where the body is no list of them."""
    answer = read_object(body)
    if answer is None or not isinstance(answer.get("templates"), list | None):
        raise Failed(
            "Sinch answered a request for the templates with something else; check SINCH_API_URL.", "bad_answer"
        )
    return tuple(_template(each) for each in objects(answer, "templates") if text(each, "id"))


def _template(template: Json) -> OmniTemplate:
    translations = [each for each in objects(template, "translations") if text(each, "language_code")]
    return OmniTemplate(
        text(template, "id"),
        text(template, "description"),
        text(template, "default_translation"),
        tuple(dict.fromkeys(text(each, "language_code") for each in translations)),
        tuple(dict.fromkeys(text(each, "language_code") for each in translations if _has_whatsapp(each))),
    )


def _has_whatsapp(translation: Json) -> bool:
    override = inner(inner(translation, "channel_template_overrides"), WHATSAPP)
    return bool(text(inner(override, "template_reference"), "template_id"))
