"""What a backend may send, as strict models: an unknown field is a mistake, and a number is not a text.

They know the shape alone. Whether a template exists, a value is missing or a window is open is asked later.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)

from bot.errors import Refused
from bot.web.api.address import IDENTITY_MAX
from bot.web.api.faults import faults_of
from bot.web.api.problem import Invalid
from bot.web.guard import give_time

BODY_MAX: Final = 256 * 1024
JSON: Final = "application/json"
RECIPIENTS_MAX: Final = 100
VALUES_MAX: Final = 50
VALUE_MAX: Final = 4096
NAME_MAX: Final = 128
REFERENCE_MAX: Final = 256
ID_MAX: Final = 128


def time_of(value: object) -> object:
    """RFC 3339 text, as JSON knows no times; in UTC, so that nothing done with it later can leave the calendar by its offset."""
    if not isinstance(value, str):
        raise ValueError("must be a time such as 2026-01-31T18:00:00+01:00")
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("must be a time such as 2026-01-31T18:00:00+01:00") from None
    if at.tzinfo is None:
        raise ValueError('must tell its offset, such as "+01:00" or "Z" at the end')
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


def _text_or_whole(value: object) -> object:
    """Values are text; a whole number is taken as its digits, as an order number often comes as one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes")
    return value


def printable(value: str) -> str:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ValueError("must not hold control characters")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("must not hold half of a character")
    return value


Value = Annotated[str, BeforeValidator(_text_or_whole), Field(max_length=VALUE_MAX)]
Values = Annotated[dict[Annotated[str, Field(min_length=1, max_length=NAME_MAX)], Value], Field(max_length=VALUES_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX), AfterValidator(printable)]
To = Annotated[str, Field(min_length=1, max_length=IDENTITY_MAX), AfterValidator(printable)]
Time = Annotated[AwareDatetime, BeforeValidator(time_of)]
Duration = Annotated[str, Field(min_length=1, max_length=40)]
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


class RelativeBody(Body):
    """A time told from another: ``after`` now, or ``before`` or ``after`` a ``time``, by ``20 minutes``, ``3 hours``, ``2 days``."""

    after: Duration | None = None
    before: Duration | None = None
    time: Time | None = None


def _kind_of_time(value: object) -> str:
    return "RelativeBody" if isinstance(value, dict | RelativeBody) else "str"


SendAt = Annotated[
    Annotated[Time, Tag("str")] | Annotated[RelativeBody, Tag("RelativeBody")], Discriminator(_kind_of_time)
]
Reference = Annotated[str, Field(max_length=REFERENCE_MAX), AfterValidator(printable)]


class MessageBody(Body):
    """``POST /v1/messages``: either ``reply`` (the keys of a rule's reply) or ``template``."""

    to: To
    reply: Annotated[dict[str, Any], Field(min_length=1, max_length=20)] | None = None
    template: TemplateBody | None = None
    if_closed: Literal["wait", "refuse"] | ClosedBody = "refuse"
    category: Category | None = None
    send_at: SendAt | None = None
    not_after: Time | None = None
    reference: Reference = ""
    at_most_once: bool = False
    dry_run: bool = False


class ChangeBody(Body):
    """``PATCH /v1/messages/{id}``: what is not named stays; null takes it away."""

    send_at: SendAt | None = None
    not_after: Time | None = None
    reference: Reference | None = None


class EventBody(Body):
    """``POST /v1/events``: something named happened to one person, or to each of several."""

    name: Name
    to: To | Annotated[list[To], Field(min_length=1, max_length=RECIPIENTS_MAX)]
    data: Values = Field(default_factory=dict)
    id: Annotated[str, Field(min_length=1, max_length=ID_MAX), AfterValidator(printable)] | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it is for, each once."""
        return tuple(dict.fromkeys([self.to] if isinstance(self.to, str) else self.to))


Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: web.Request, most: int = BODY_MAX, media_types: Collection[str] = (JSON,)) -> bytes:
    """The raw body. Raises ``Refused``: 408 too slow, 413 too large, 415 compressed, or called none of ``media_types``."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused("The body is compressed.", "unsupported-encoding", "Send it as it is.", 415)
    if request.content_type not in media_types:
        raise Refused(
            f'The body is called "{request.content_type}".' if request.can_read_body else "There is no body.",
            "unsupported-type",
            f"Send it with `Content-Type: {'` or `'.join(media_types)}`.",
            415,
        )
    if most > BODY_MAX:
        give_time(request)
    try:
        return await _bounded(request, most)
    except web.HTTPRequestTimeout:
        raise Refused(
            "The body did not arrive in time.", "slow-body", "Send it again, or less at a time.", 408
        ) from None


def as_content(raw: bytes) -> object:
    """The JSON of a body. Raises ``Refused`` (400) where it is none."""
    try:
        return orjson.loads(raw)
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
        raise Invalid(faults_of(error, model)) from None
