"""What became of one try to hand a message to Sinch.

Everything turns on one question: may it have been accepted? Sinch takes no idempotency key, so what may have been accepted is never
simply sent again. Source: Sinch Conversation API, error model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import OutcomeUnknown
from bot.sinch.wire.answers import parse_error, parse_send_answer


@dataclass(frozen=True, slots=True)
class Accepted:
    """Sinch has it, under ``message_id``. Whether it reaches the person is told by receipts."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Sinch surely did not take it now; the same may succeed later, in ``after_s`` seconds (0 to 900) where Sinch says when.

    ``status`` 0: no request reached Sinch, for want of a connection or a token.
    """

    status: int
    code: str
    sentence: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Sinch will never take it as it stands; ``sentence`` says why and what usually helps. ``status`` 0: it cannot even be written."""

    status: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have been accepted. ``status`` 0: no answer came at all."""

    status: int
    sentence: str


SendOutcome = Accepted | Refused | Rejected | Unknown

# 401 is a matter of the key and 3xx of the address: once a person has mended them, the message can leave.
_COME_BACK = frozenset({401, 425, 429})
_REQUEST_TIMEOUT = 408
_SURE_WHEN_FROM_SINCH = frozenset({501, 503})


def outcome_of(status: int, headers: Mapping[str, str], body: bytes) -> SendOutcome:
    """Read any answer to ``messages:send``; an incomplete body is passed as empty."""
    if 200 <= status < 300:
        try:
            return Accepted(parse_send_answer(body))
        except OutcomeUnknown as doubt:
            return Unknown(status, str(doubt))
    error = parse_error(status, body, headers)
    sure = status < 500 and status != _REQUEST_TIMEOUT
    if not sure and not (status in _SURE_WHEN_FROM_SINCH and error.is_from_sinch):
        return Unknown(status, f"Sinch answered {status}, so it may or may not have accepted the message.")
    if status in _COME_BACK or status < 400 or not sure:
        return Refused(status, error.code, error.sentence, error.retry_after_s)
    return Rejected(status, error.code, error.sentence)
