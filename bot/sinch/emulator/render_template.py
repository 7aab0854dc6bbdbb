"""What WhatsApp shows of a template: its parts with the parameters of Sinch's key grammar put in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.sinch.emulator.shown import Approved, Button, File, Option, Place, Shown
from bot.sinch.emulator.templates import ButtonKind, Template, TemplateButton, filled

_BUTTON = re.compile(r"button\[(\d{1,2})\](quick_reply|url|copy_code|flow)\[1\][a-z_.]+")
_KINDS: dict[str, ButtonKind] = {
    "quick_reply": "quick_reply",
    "url": "url",
    "copy_code": "copy_code",
    "flow": "flow",
}
_MEDIA = ("image", "video", "document")


def template_shown(name: str, language: str, template: Template | None, parameters: Mapping[str, str]) -> Shown:
    """A template: its words where they are known (``template``), else its name and parameters, and its quick replies."""
    plain = f"{name} ({language}) " + ", ".join(f"{key}: {value}" for key, value in parameters.items())
    text = (template.wording(parameters) if template is not None else "") or plain
    buttons = _buttons(template.buttons if template is not None else (), parameters)
    options = tuple(Option(each.title, each.postback) for each in buttons if each.kind == "quick_reply")
    approved = Approved(
        name=name,
        language=language,
        category=template.category if template is not None else "",
        header=filled(template.header, "header", parameters) if template and not template.media_header else "",
        header_file=_file(parameters),
        header_place=_place(parameters),
        body=filled(template.body, "body", parameters) if template is not None else "",
        footer=template.footer if template is not None else "",
        buttons=buttons,
    )
    return Shown("template", text.strip(), options, template=approved)


def _file(parameters: Mapping[str, str]) -> File | None:
    for kind in _MEDIA:
        if link := parameters.get(f"header[1]{kind}.link"):
            return File(kind, link, parameters.get(f"header[1]{kind}.filename", ""))
    return None


def _place(parameters: Mapping[str, str]) -> Place | None:
    start = "header[1]location."
    try:
        latitude, longitude = float(parameters[f"{start}latitude"]), float(parameters[f"{start}longitude"])
    except (KeyError, ValueError):
        return None
    return Place(latitude, longitude, parameters.get(f"{start}name", ""), parameters.get(f"{start}address", ""))


def _buttons(known: tuple[TemplateButton, ...], parameters: Mapping[str, str]) -> tuple[Button, ...]:
    """Those the template has; of one whose buttons are unknown, those the parameters speak of.

    A quick reply whose payload the send left out is no button: nothing would tell what a tap means.
    """
    spoken = {int(found[1]): _KINDS[found[2]] for key in parameters if (found := _BUTTON.fullmatch(key))}
    buttons = []
    for index in sorted({*range(len(known)), *spoken}):
        button = known[index] if index < len(known) else TemplateButton(spoken[index], f"Button {index + 1}")
        if button.kind != "quick_reply" or index in spoken:
            buttons.append(_button(button, index, parameters))
    return tuple(buttons)


def _button(button: TemplateButton, index: int, parameters: Mapping[str, str]) -> Button:
    start = f"button[{index}]"
    match button.kind:
        case "quick_reply":
            return Button("quick_reply", button.text, postback=parameters.get(f"{start}quick_reply[1]payload", ""))
        case "url":
            suffix = parameters.get(f"{start}url[1]text", "")
            return Button("url", button.text, url=button.url.replace("{{1}}", suffix))
        case "phone_number":
            return Button("phone_number", button.text, phone=button.phone)
        case "copy_code":
            return Button("copy_code", button.text, code=parameters.get(f"{start}copy_code[1]coupon_code", ""))
        case "flow":
            return Button("flow", button.text)
