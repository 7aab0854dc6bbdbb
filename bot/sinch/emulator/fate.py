"""The second of Sinch's two looks: what becomes of an accepted message at WhatsApp.

The 200 of a send only means queued; the window, templates and sizes are judged here and told by a FAILED receipt.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from bot.sinch.emulator.fields import Json, object_in, text_in, texts_in
from bot.sinch.emulator.render import show
from bot.sinch.emulator.render_template import template_shown
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.shown import Shown
from bot.sinch.emulator.templates import OmniTemplate, Reason, Template, refusal

TEXT_MAX = 4096
CAPTION_MAX = 1024
_WINDOW_CLOSED = Reason(
    "OUTSIDE_ALLOWED_SENDING_WINDOW", "131047", "The underlying channel reported: re-engagement message."
)
_TOO_LONG = Reason("BAD_REQUEST", "100", "The underlying channel reported: a parameter is too long.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the person sees, and why not (``reason``) where it never arrives."""

    shown: Shown
    reason: Reason | None


def judge(message: Json, message_id: str, window_is_open: bool, settings: EmulatorSettings) -> Verdict:
    """What WhatsApp makes of a message."""
    explicit = texts_in(message, "explicit_channel_message").get("WHATSAPP")
    if explicit is not None:
        return _raw(explicit, window_is_open)
    replaced = object_in(object_in(message, "explicit_channel_omni_message"), "WHATSAPP") or message
    if template := object_in(replaced, "template_message"):
        return _template(template, window_is_open, settings)
    if reference := object_in(replaced, "template_reference"):
        return _approved(reference, settings.templates)
    return _free_form(show(replaced, message_id), window_is_open)


def _free_form(shown: Shown, window_is_open: bool) -> Verdict:
    if not window_is_open:
        return Verdict(shown, _WINDOW_CLOSED)
    limit = CAPTION_MAX if shown.kind == "media" else TEXT_MAX
    return Verdict(shown, _TOO_LONG if len(shown.text) > limit else None)


def _raw(explicit: str, window_is_open: bool) -> Verdict:
    """Free use of WhatsApp's own JSON: a reaction appears on what it is about, everything else as it stands."""
    found = orjson.loads(explicit)
    content: Json = found if isinstance(found, dict) else {}
    shown = Shown("raw", explicit)
    if content.get("type") == "reaction":
        reaction = object_in(content, "reaction")
        shown = Shown("reaction", text_in(reaction, "emoji"), about=text_in(reaction, "message_id"))
    is_allowed = window_is_open or content.get("type") == "template"
    return Verdict(shown, None if is_allowed else _WINDOW_CLOSED)


def _template(template: Json, window_is_open: bool, settings: EmulatorSettings) -> Verdict:
    approved = object_in(object_in(template, "channel_template"), "WHATSAPP")
    if approved:
        return _approved(approved, settings.templates)
    return _omni(object_in(template, "omni_template"), window_is_open, settings)


def _approved(reference: Json, known: tuple[Template, ...] | None) -> Verdict:
    name, language = text_in(reference, "template_id"), text_in(reference, "language_code")
    return _use(name, language, texts_in(reference, "parameters"), known)


def _use(name: str, language: str, parameters: dict[str, str], known: tuple[Template, ...] | None) -> Verdict:
    spoken = [one for one in known or () if one.name == name and one.language == language]
    reason = _without_language(language) if known is None else refusal(known, name, language, parameters)
    return Verdict(template_shown(name, language, spoken[0] if spoken else None, parameters), reason)


def _without_language(language: str) -> Reason | None:
    if language:
        return None
    return Reason("TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION", "132001", "WhatsApp needs the template's language.")


def _omni(reference: Json, window_is_open: bool, settings: EmulatorSettings) -> Verdict:
    name, language = text_in(reference, "template_id"), text_in(reference, "language_code")
    parameters = texts_in(reference, "parameters")
    if settings.omni_templates is None:
        return Verdict(template_shown(name, language, None, parameters), None)
    found = _translation(settings.omni_templates, name, language, text_in(reference, "version"))
    if isinstance(found, Reason):
        return Verdict(template_shown(name, language, None, parameters), found)
    if found.whatsapp is None:
        return _free_form(Shown("text", found.wording(parameters)), window_is_open)
    approved = found.whatsapp
    return _use(approved.name, approved.language, found.mapped(parameters), (approved,))


def _translation(known: tuple[OmniTemplate, ...], name: str, language: str, version: str) -> OmniTemplate | Reason:
    named = [one for one in known if one.id == name]
    if not named:
        return Reason("TEMPLATE_NOT_FOUND", "", f"Template {name} does not exist.")
    spoken = [one for one in named if one.language == (language or named[0].language)]
    if version != "latest":
        spoken = [one for one in spoken if one.version == version]
    if not spoken:
        sentence = f"Template {name} does not exist in {language}, version {version}."
        return Reason("TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION", "", sentence)
    return spoken[-1]
