"""What a backend may send, as strict models: an unknown field is a mistake, and a number is not a text.

They know the shape alone. Whether a template exists, a value is missing or a window is open is asked later.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import Refused
from bot.web.api.address import IDENTITY_MAX
from bot.web.api.problem import Invalid

BODY_MAX: Final = 256 * 1024
RECIPIENTS_MAX: Final = 100
VALUES_MAX: Final = 50
VALUE_MAX: Final = 4096
NAME_MAX: Final = 128
REFERENCE_MAX: Final = 256
ID_MAX: Final = 128


def _time(value: object) -> object:
    """RFC 3339 text, as JSON knows no times."""
    if not isinstance(value, str):
        raise ValueError("must be a time such as 2026-01-31T18:00:00+01:00")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a time such as 2026-01-31T18:00:00+01:00") from None
    if at.tzinfo is None:
        raise ValueError('must tell its offset, such as "+01:00" or "Z" at the end')
    return at


def _text_or_whole(value: object) -> object:
    """Values are text; a whole number is taken as its digits, as an order number often comes as one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes")
    return value


def _printable(value: str) -> str:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ValueError("must not hold control characters")
    return value


Value = Annotated[str, BeforeValidator(_text_or_whole), Field(max_length=VALUE_MAX)]
Values = Annotated[dict[Annotated[str, Field(min_length=1, max_length=NAME_MAX)], Value], Field(max_length=VALUES_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX), AfterValidator(_printable)]
To = Annotated[str, Field(min_length=1, max_length=IDENTITY_MAX), AfterValidator(_printable)]
Time = Annotated[AwareDatetime, BeforeValidator(_time)]
Category = Literal["utility", "marketing", "authentication"]


class Body(BaseModel):
    """What all bodies share: no unknown fields, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class TemplateBody(Body):
    """A template by our name; ``language`` ours (``sv``) or WhatsApp's (``sv_SE``), the person's when left out."""

    name: Name
    language: str = Field(default="", max_length=20)
    values: Values = Field(default_factory=dict)


class ClosedBody(Body):
    """What leaves should the window be closed."""

    template: TemplateBody


class MessageBody(Body):
    """``POST /v1/messages``: either ``reply`` (the keys of a rule's reply) or ``template``."""

    to: To
    reply: Annotated[dict[str, Any], Field(min_length=1, max_length=20)] | None = None
    template: TemplateBody | None = None
    if_closed: Literal["wait", "refuse"] | ClosedBody = "refuse"
    category: Category | None = None
    not_after: Time | None = None
    reference: Annotated[str, Field(max_length=REFERENCE_MAX), AfterValidator(_printable)] = ""
    at_most_once: bool = False


class EventBody(Body):
    """``POST /v1/events``: something named happened to one person, or to each of several."""

    name: Name
    to: To | Annotated[list[To], Field(min_length=1, max_length=RECIPIENTS_MAX)]
    data: Values = Field(default_factory=dict)
    id: Annotated[str, Field(min_length=1, max_length=ID_MAX), AfterValidator(_printable)] | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it is for, each once."""
        return tuple(dict.fromkeys([self.to] if isinstance(self.to, str) else self.to))


Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: web.Request, most: int = BODY_MAX) -> tuple[bytes, object]:
    """The raw body and its JSON. Raises ``Refused``: 413 too large, 415 not JSON by name or compressed, 400 not JSON."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("The body is compressed.", "unsupported-encoding", "Send it as plain JSON.", 415)
    if request.content_type != "application/json":
        raise Refused(
            f'The body is called "{request.content_type}".',
            "unsupported-type",
            "Send JSON with `Content-Type: application/json`.",
            415,
        )
    raw = await _bounded(request, most)
    try:
        return raw, orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refused(f"The body is not JSON: {error}.", "not-json", "Check it with a JSON tool.", 400) from None


async def _bounded(request: web.Request, most: int) -> bytes:
    too_large = Refused(f"The body has more than {most} bytes.", "too-large", "Send less at a time.", 413)
    if (request.content_length or 0) > most:
        raise too_large
    raw = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        raw += chunk
        if len(raw) > most:
            raise too_large
    return bytes(raw)


def parse(model: type[Model], content: object) -> Model:
    """``content`` as a ``model``. Raises ``Invalid`` with every fault."""
    if not isinstance(content, dict):
        raise Invalid([("", "The body must be a JSON object.")])
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [(_field(fault["loc"]), fault) for fault in error.errors(include_url=False, include_input=False)]
        sentences = [(field, f"{field}: {_sentence(fault)}.") for field, fault in faults]
        raise Invalid(list(dict.fromkeys(sentences))) from None


def _field(location: tuple[int | str, ...]) -> str:
    """``to``, ``template.values.name``, ``to[3]``; pydantic's names of union members are left out."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not _names_a_type(part):
            path += f".{part}" if path else part
    return path


def _names_a_type(part: str) -> bool:
    return "[" in part or "(" in part or part in ("str", "ClosedBody", "literal")


def _sentence(fault: Mapping[str, Any]) -> str:
    match fault["type"]:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            return "there is no such field"
        case "value_error":
            return str(fault["ctx"]["error"])
        case _:
            message = str(fault["msg"])
            return message[:1].lower() + message[1:]
