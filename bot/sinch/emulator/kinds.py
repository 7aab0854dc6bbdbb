"""The message kinds of ``messages:send`` and what each must hold (Sinch Conversation API, app messages)."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.fields import Json, object_in, objects_in, present, text_in, texts_in

CHOICES_MAX = 10
CARDS_MAX = 10
OUTER_CHOICES_MAX = 3
_CHOICE_KINDS = (
    "text_message",
    "url_message",
    "call_message",
    "location_message",
    "share_location_message",
    "calendar_message",
)
_SPECIAL = ("FLOWS", "ORDER_DETAILS", "ORDER_STATUS")


def check_message(message: Json) -> None:
    """Refuse a message that breaks the schema. Raises Rejected."""
    kinds = present(message, tuple(_CHECKS))
    beside = present(message, ("explicit_channel_message", "explicit_channel_omni_message", "channel_specific_message"))
    if len(kinds) > 1 or not (kinds or beside):
        raise Rejected(f"message must hold exactly one of {', '.join(_CHECKS)}.")
    for kind in kinds:
        content = message[kind]
        if not isinstance(content, dict):
            raise Rejected(f"message.{kind} must be an object.")
        _CHECKS[kind](content)
    _check_beside(message)


def _check_beside(message: Json) -> None:
    special = object_in(object_in(message, "channel_specific_message"), "WHATSAPP")
    if special:
        _check_special(special)
    explicit = texts_in(message, "explicit_channel_message").get("WHATSAPP")
    if explicit is not None:
        try:
            orjson.loads(explicit)
        except orjson.JSONDecodeError:
            raise Rejected("explicit_channel_message.WHATSAPP must be JSON as text.") from None


def _check_special(special: Json) -> None:
    kind, content = text_in(special, "message_type"), object_in(special, "message")
    if kind not in _SPECIAL or not content:
        raise Rejected(f"channel_specific_message needs message and message_type, one of {', '.join(_SPECIAL)}.")
    if kind == "FLOWS":
        _need(content, "flow_id", "a flow")
        _need(content, "flow_cta", "a flow")


def _need(content: Json, key: str, what: str) -> None:
    if not text_in(content, key):
        raise Rejected(f"{what} needs {key}.")


def _text(content: Json) -> None:
    _need(content, "text", "text_message")


def _media(content: Json) -> None:
    url = text_in(content, "url")
    if not url.startswith(("http://", "https://")):
        raise Rejected("media_message.url must be an http or https URL.")


def _check_choices(content: Json, limit: int) -> None:
    choices = objects_in(content, "choices")
    if len(choices) > limit:
        raise Rejected(f"At most {limit} choices are allowed.")
    if not all(len(present(choice, _CHOICE_KINDS)) == 1 for choice in choices):
        raise Rejected(f"Each choice must hold exactly one of {', '.join(_CHOICE_KINDS)}.")


def _choice(content: Json) -> None:
    if isinstance(content.get("message_properties"), list):
        raise Rejected("choice_message.message_properties must be an object.")
    if not objects_in(content, "choices"):
        raise Rejected("choice_message.choices must hold at least one choice.")
    _check_choices(content, CHOICES_MAX)


def _card(content: Json) -> None:
    _check_choices(content, CHOICES_MAX)
    if content.get("media_message") is not None:
        _media(object_in(content, "media_message"))
    elif not (text_in(content, "title") or text_in(content, "description")):
        raise Rejected("card_message needs a title, a description or media_message.")


def _carousel(content: Json) -> None:
    cards = objects_in(content, "cards")
    if not 1 <= len(cards) <= CARDS_MAX:
        raise Rejected(f"carousel_message needs 1 to {CARDS_MAX} cards.")
    _check_choices(content, OUTER_CHOICES_MAX)
    for card in cards:
        _card(card)


def _list(content: Json) -> None:
    _need(content, "title", "list_message")
    items = [item for section in objects_in(content, "sections") for item in objects_in(section, "items")]
    if not items:
        raise Rejected("list_message.sections must hold at least one item.")
    if not all(len(present(item, ("choice", "product"))) == 1 for item in items):
        raise Rejected("Each item of a list must hold exactly one of choice and product.")
    if any(object_in(item, "product") for item in items):
        _need(object_in(content, "message_properties"), "catalog_id", "a list of products")


def _location(content: Json) -> None:
    place = object_in(content, "coordinates")
    for key, limit in (("latitude", 90), ("longitude", 180)):
        value = place.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > limit:
            raise Rejected(f"location_message.coordinates.{key} must be a number of degrees.")
    _need(content, "title", "location_message")


def _contact_info(content: Json) -> None:
    _need(object_in(content, "name"), "full_name", "contact_info_message.name")
    if not objects_in(content, "phone_numbers"):
        raise Rejected("contact_info_message needs phone_numbers.")


def _template(content: Json) -> None:
    channel, omni = object_in(content, "channel_template"), object_in(content, "omni_template")
    if not channel and not omni:
        raise Rejected("template_message needs channel_template or omni_template.")
    for name in channel:
        reference = object_in(channel, name)
        _need(reference, "template_id", f"channel_template.{name}")
        _check_parameters(reference)
    if omni:
        _need(omni, "template_id", "omni_template")
        _need(omni, "version", "omni_template")
        _check_parameters(omni)


def _check_parameters(reference: Json) -> None:
    if len(texts_in(reference, "parameters")) != len(object_in(reference, "parameters")):
        raise Rejected("The parameters of a template must all be text.")


_CHECKS: dict[str, Callable[[Json], None]] = {
    "text_message": _text,
    "media_message": _media,
    "choice_message": _choice,
    "card_message": _card,
    "carousel_message": _carousel,
    "list_message": _list,
    "location_message": _location,
    "contact_info_message": _contact_info,
    "template_message": _template,
}
