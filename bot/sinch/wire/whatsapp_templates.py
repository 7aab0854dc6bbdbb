"""The templates of WhatsApp as Sinch lists them.

Source: Sinch Provisioning API, WhatsApp templates. Names there are in camelCase, and languages in capitals (``EN_US``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.core.approved import ApprovedTemplate
from bot.errors import Failed
from bot.sinch.wire.fields import Json, inner, objects, read_object, text

_HOLE = re.compile(r"\{\{\s*([\w]+)\s*\}\}")


def parse_whatsapp_templates(body: bytes) -> tuple[ApprovedTemplate, ...]:
    """The templates of ``GET whatsapp/templates``; raises ``Failed`` where the body is no list of them."""
    answer = read_object(body)
    if answer is None or not isinstance(answer.get("templates"), list | None):
        raise Failed(
            "Sinch answered a request for WhatsApp's templates with something else; check SINCH_API_URL.", "bad_answer"
        )
    return tuple(_template(each) for each in objects(answer, "templates") if text(each, "name"))


def whatsapp_language(written: str) -> str:
    """``EN_US`` as WhatsApp takes it when a template is sent: ``en_US``."""
    language, _, region = written.replace("-", "_").partition("_")
    return f"{language.lower()}_{region.upper()}" if region else language.lower()


def _template(template: Json) -> ApprovedTemplate:
    components = objects(inner(template, "details"), "components")
    by_type = {text(each, "type").upper(): each for each in components}
    header, body = by_type.get("HEADER", {}), by_type.get("BODY", {})
    buttons = objects(by_type.get("BUTTONS", {}), "buttons")
    return ApprovedTemplate(
        text(template, "name"),
        whatsapp_language(text(template, "language")),
        text(template, "category").lower(),
        text(template, "state").upper(),
        len(set(_HOLE.findall(text(body, "text")))),
        (*_header_keys(header), *_button_keys(buttons)),
        tuple(text(each, "text") for each in buttons if text(each, "type").upper() == "QUICK_REPLY"),
        text(template, "rejectionCode"),
    )


def _header_keys(header: Json) -> Iterator[str]:
    kind = (text(header, "format") or "TEXT").upper()
    if header and kind != "TEXT":
        yield f"header[1]{kind.lower()}.link"
    elif _HOLE.search(text(header, "text")):
        yield "header[1]text"


def _button_keys(buttons: Sequence[Json]) -> Iterator[str]:
    for index, button in enumerate(buttons):
        if _HOLE.search(text(button, "url")):
            yield f"button[{index}]url[1]text"
        elif text(button, "type").upper() == "COPY_CODE":
            yield f"button[{index}]copy_code[1]coupon_code"
