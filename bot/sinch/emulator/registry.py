"""The configured templates as Sinch's two listings show them."""

from __future__ import annotations

from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.templates import OmniTemplate, Template, TemplateButton


def provisioned_templates(templates: tuple[Template, ...]) -> Json:
    """WhatsApp's templates (Sinch Provisioning API): camelCase, languages in capitals."""
    return {
        "totalSize": len(templates),
        "pageSize": len(templates),
        "templates": [
            {
                "name": template.name,
                "language": template.language.upper(),
                "category": template.category,
                "state": template.state,
                "details": {"components": _components(template)},
            }
            for template in templates
        ],
    }


def omni_templates(templates: tuple[OmniTemplate, ...]) -> list[Json]:
    """Sinch's own templates (Template Management API v2), the translations of one id together."""
    by_id: dict[str, list[OmniTemplate]] = {}
    for template in templates:
        by_id.setdefault(template.id, []).append(template)
    return [_omni(name, translations) for name, translations in by_id.items()]


def _omni(name: str, translations: list[OmniTemplate]) -> Json:
    return {
        "id": name,
        "description": "",
        "version": 1,
        "default_translation": translations[0].language,
        "translations": [_translation(one) for one in translations],
    }


def _translation(template: OmniTemplate) -> Json:
    overrides: Json = {}
    if template.whatsapp is not None:
        reference = {"template_id": template.whatsapp.name, "language_code": template.whatsapp.language}
        overrides = {"WHATSAPP": {"template_reference": reference, "parameter_mappings": dict(template.mappings)}}
    return {
        "language_code": template.language,
        "version": template.version,
        "text_message": {"text": template.text},
        "channel_template_overrides": overrides,
    }


def _components(template: Template) -> list[Json]:
    components: list[Json] = []
    if template.media_header:
        components.append({"type": "HEADER", "format": template.header.upper()})
    elif template.header:
        components.append({"type": "HEADER", "format": "TEXT", "text": template.header})
    components.append({"type": "BODY", "text": template.body})
    if template.footer:
        components.append({"type": "FOOTER", "text": template.footer})
    if template.buttons:
        components.append({"type": "BUTTONS", "buttons": [_button(button) for button in template.buttons]})
    return components


def _button(button: TemplateButton) -> Json:
    shown: Json = {"type": button.kind.upper(), "text": button.text}
    if button.phone:
        shown["phoneNumber"] = button.phone
    return shown | {"url": button.url} if button.url else shown
