"""What Sinch answers to sends and to requests for a token, and every shape in which it says no.

Source: Sinch Conversation API, messages, OAuth2 and error model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from bot.errors import OutcomeUnknown, Retry
from bot.sinch.wire.fields import Json, inner, number, objects, read_object, text, time

RETRY_AFTER_MOST_S = 900.0
TOKEN_LIFE_S = 300.0  # where the answer does not say how long a token lives
TOKEN_LIFE_MOST_S = 86400.0
SENTENCE_MAX = 400
CODE_MAX = 80

_OAUTH_CODE = re.compile("[a-z_]{3,60}")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and how many seconds it lives from when it was handed out."""

    access_token: str = field(repr=False)
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class SinchError:
    """A refusal. ``code`` is Sinch's own word (``INVALID_ARGUMENT``, ``invalid_client``), or ``http_502`` without one.

    ``sentence`` is fit for a person and says what usually helps. ``is_from_sinch``: the body is an error of Sinch, so
    the request was refused and not accepted; a gateway's page proves nothing. ``retry_after_s`` is within 0 to 900, or
    None where nothing sensible is told.
    """

    status: int
    code: str
    sentence: str
    is_from_sinch: bool
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message as Sinch lists it. ``outbox_id`` is the metadata that we sent along, or empty."""

    message_id: str
    outbox_id: str
    direction: str
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages, newest first; ``next_page`` is empty on the last page."""

    messages: tuple[ListedMessage, ...]
    next_page: str


def parse_send_answer(body: bytes) -> str:
    """Sinch's id of the message it accepted; raises ``OutcomeUnknown`` where a 200 does not hold one."""
    message_id = text(read_object(body) or {}, "message_id")
    if not message_id:
        raise OutcomeUnknown("Sinch answered 200 without a message id, so it may or may not have accepted the message.")
    return message_id


def parse_token(body: bytes) -> Token:
    """The token of an OAuth2 answer; raises ``Retry`` where there is none that could stand in a header."""
    answer = read_object(body) or {}
    token = text(answer, "access_token")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Retry(
            "Sinch's token endpoint answered 200 without an access token; check SINCH_AUTH_URL if this stays so."
        )
    life_s = number(answer, "expires_in")
    if life_s is None or life_s <= 0:
        life_s = TOKEN_LIFE_S
    return Token(token, min(life_s, TOKEN_LIFE_MOST_S))


def parse_message_list(body: bytes) -> MessagePage:
    """One page of ``GET messages``; raises ``Retry`` where the body is no such page."""
    page = read_object(body)
    # A gateway's page must never pass for an empty list: the message would be sent once more.
    if page is None or not isinstance(page.get("messages"), list | None):
        raise Retry("Sinch answered a listing of messages with something else; it is asked again.")
    messages = tuple(_listed(each) for each in objects(page, "messages") if text(each, "id"))
    return MessagePage(messages, text(page, "next_page_token"))


def _listed(message: Json) -> ListedMessage:
    return ListedMessage(
        text(message, "id"), text(message, "metadata"), text(message, "direction"), time(message, "accept_time")
    )


def parse_error(status: int, body: bytes, headers: Mapping[str, str]) -> SinchError:
    """Read any answer that is not 2xx; never raises. ``headers`` are looked up as the HTTP client gives them."""
    answer = read_object(body) or {}
    told = _told(answer)
    code, words = told or (f"http_{status}", "")
    after_s = retry_after_s(headers)
    if after_s is None:
        after_s = _retry_info(inner(answer, "error"))
    return SinchError(status, code, _sentence(status, code, words), told is not None, after_s)


def _told(answer: Json) -> tuple[str, str] | None:
    """The code and words of an error body, whichever of Sinch's four JSON shapes it has; None for anything else."""
    error = answer.get("error")
    if isinstance(error, dict):
        code = text(error, "status") or str(error.get("code", ""))[:CODE_MAX]
        return (code, text(error, "message")) if code else None
    if isinstance(error, str):  # OAuth2's codes are words such as invalid_client; other servers write sentences here
        return (error, text(answer, "error_description")) if _OAUTH_CODE.fullmatch(error) else None
    if code := text(answer, "errorCode"):
        return code[:CODE_MAX], _joined(". ", text(answer, "message").rstrip("."), text(answer, "resolution"))
    kind, title = text(answer, "type"), text(answer, "title")
    if title and "sinch.com/" in kind:  # the same shape from anybody else is a gateway's
        return kind.rstrip("/").rpartition("/")[2][:CODE_MAX], _joined(": ", title, text(answer, "detail"))
    return None


def _joined(between: str, *parts: str) -> str:
    return between.join(part for part in parts if part)


_CURES = {
    400: "The request is wrong as it stands",
    401: "Check SINCH_KEY_ID and SINCH_KEY_SECRET",
    403: "The key may have no access to this project, or the account may be prepaid or over its billing limit",
    404: "Check the app and contact; a wrong SINCH_REGION shows up like this too",
    429: "Too many requests; it is tried again later",
}


def _sentence(status: int, code: str, words: str) -> str:
    said = " ".join(words.split())[:SENTENCE_MAX].rstrip(". ")
    cure = _CURES.get(status, "Sinch has trouble; it is tried again later" if status >= 500 else "")
    what = f"Sinch answered {status}" if code.startswith("http_") else f"Sinch answered {status} {code}"
    return _joined(". ", _joined(": ", what, said), cure) + "."


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """``Retry-After`` in seconds, at most 900; None where it is missing or nonsense, or a date and no ``Date`` came."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return _clamped(float(value))
    except ValueError:
        pass
    try:  # a date is compared with the sender's own clock, not with ours
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return _clamped(max(0.0, wait.total_seconds()))


def _retry_info(error: Json) -> float | None:
    for detail in objects(error, "details"):
        if text(detail, "@type").endswith("google.rpc.RetryInfo"):
            delay = number({"delay": text(detail, "retryDelay").removesuffix("s")}, "delay")
            return None if delay is None else _clamped(delay)
    return None


def _clamped(seconds: float) -> float | None:
    return min(seconds, RETRY_AFTER_MOST_S) if math.isfinite(seconds) and seconds >= 0 else None
