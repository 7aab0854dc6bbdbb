"""Message templates: as Meta approved them, as Sinch manages them, and what WhatsApp finds wrong with a use of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

_VARIABLE = re.compile(r"\{\{(\d+)\}\}")
_OMNI_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_BODY_KEY = re.compile(r"body\[\d+\]text")
_BAD_VALUE = re.compile(r"[\n\t]| {5}")


ButtonKind = Literal["quick_reply", "url", "phone_number", "copy_code", "flow"]


@dataclass(frozen=True, slots=True)
class TemplateButton:
    """A template's button; ``url`` may end in ``{{1}}``, ``phone`` is the number that a phone_number button calls."""

    kind: ButtonKind
    text: str
    url: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template at WhatsApp, by name and language (``en_US``); only ``APPROVED`` ones are sent.

    ``header`` is text, or the word image, video or document where ``media_header`` is set.
    """

    name: str
    language: str = "en_US"
    body: str = ""
    header: str = ""
    media_header: bool = False
    footer: str = ""
    buttons: tuple[TemplateButton, ...] = ()
    category: str = "UTILITY"
    state: str = "APPROVED"

    def required_keys(self) -> list[str]:
        """The parameter keys that a send must bring, in Sinch's grammar."""
        keys = [f"body[{number}]text" for number in _variables(self.body)]
        if self.media_header:
            keys.append(f"header[1]{self.header}.link")
        else:
            keys += [f"header[{number}]text" for number in _variables(self.header)]
        for index, button in enumerate(self.buttons):
            if button.kind == "quick_reply":
                keys.append(f"button[{index}]quick_reply[1]payload")
            elif button.kind == "copy_code":
                keys.append(f"button[{index}]copy_code[1]coupon_code")
            elif button.kind == "url" and _variables(button.url):
                keys.append(f"button[{index}]url[1]text")
        return keys

    def wording(self, parameters: Mapping[str, str]) -> str:
        """What the person reads: header, body and footer with the parameters put in."""
        header = "" if self.media_header else filled(self.header, "header", parameters)
        return "\n".join(part for part in (header, filled(self.body, "body", parameters), self.footer) if part)


@dataclass(frozen=True, slots=True)
class OmniTemplate:
    """One translation of a template that Sinch manages.

    With ``whatsapp`` it stands for that approved template, ``mappings`` leading from its keys to variable names;
    without, it is free-form text, which WhatsApp refuses outside the window.
    """

    id: str
    language: str = "en-US"
    text: str = ""
    version: str = "1"
    whatsapp: Template | None = None
    mappings: Mapping[str, str] = field(default_factory=dict)

    def wording(self, parameters: Mapping[str, str]) -> str:
        """The text with its variables put in."""
        return _OMNI_VARIABLE.sub(lambda found: parameters.get(found[1], ""), self.text)

    def mapped(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The parameters under the keys of the approved template."""
        return {key: parameters[name] for key, name in self.mappings.items() if name in parameters}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message failed: Sinch's code, WhatsApp's own number as text, and a sentence."""

    code: str
    channel_code: str
    description: str


def refusal(known: tuple[Template, ...], name: str, language: str, parameters: Mapping[str, str]) -> Reason | None:
    """What WhatsApp answers to this use of a template, or None when it goes out."""
    named = [template for template in known if template.name == name]
    if not named:
        return Reason("TEMPLATE_NOT_FOUND", "132001", f"Template {name} does not exist.")
    spoken = [template for template in named if template.language == language]
    if not spoken:
        sentence = f"Template {name} does not exist in {language}."
        return Reason("TEMPLATE_NON_EXISTING_LANGUAGE_OR_VERSION", "132001", sentence)
    return _state_refusal(spoken[0]) or _parameter_refusal(spoken[0], parameters)


def _state_refusal(template: Template) -> Reason | None:
    match template.state:
        case "APPROVED":
            return None
        case "PAUSED":
            return Reason("CHANNEL_REJECT", "132015", f"Template {template.name} is paused.")
        case "DISABLED":
            return Reason("CHANNEL_REJECT", "132016", f"Template {template.name} is disabled.")
        case _:
            return Reason("TEMPLATE_NOT_FOUND", "132001", f"Template {template.name} is not approved.")


def _parameter_refusal(template: Template, parameters: Mapping[str, str]) -> Reason | None:
    required = template.required_keys()
    missing = [key for key in required if key not in parameters]
    if missing:
        sentence = f"Template {template.name} needs {', '.join(missing)}."
        return Reason("TEMPLATE_INSUFFICIENT_PARAMETERS", "132000", sentence)
    extra = [key for key in parameters if _BODY_KEY.fullmatch(key) and key not in required]
    if extra:
        return Reason("BAD_REQUEST", "132000", f"Template {template.name} takes no {', '.join(extra)}.")
    bad = [key for key in required if _BODY_KEY.fullmatch(key) and _is_bad_value(parameters[key])]
    if bad:
        sentence = f"{', '.join(bad)}: empty, or with a line break, a tab or five spaces in a row."
        return Reason("BAD_REQUEST", "132008", sentence)
    if len(filled(template.body, "body", parameters)) > 1024:
        return Reason("BAD_REQUEST", "132005", f"Template {template.name} is longer than 1024 characters.")
    return None


def _is_bad_value(value: str) -> bool:
    return not value or _BAD_VALUE.search(value) is not None


def _variables(text: str) -> list[int]:
    return sorted({int(number) for number in _VARIABLE.findall(text)})


def filled(text: str, component: str, parameters: Mapping[str, str]) -> str:
    """A component's text with its numbered variables put in; one without a value becomes empty."""
    return _VARIABLE.sub(lambda found: parameters.get(f"{component}[{found[1]}]text", ""), text)
