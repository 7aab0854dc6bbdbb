"""Refusals as problem documents (RFC 9457): a stable ``type``, a sentence, and the cure.

``type`` is ``urn:parley:problem:`` and a stable word, and never changes; sentences may. A refusal of a body lists each fault
with its field under ``errors``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from bot.errors import Overloaded, Refused, Retry

TYPE: Final = "urn:parley:problem:"
MEDIA_TYPE: Final = "application/problem+json"
TRY_AGAIN_S: Final = 5
MEND_FIELDS: Final = "Mend the fields listed under errors and send it again."


class Invalid(Refused):
    """A body that says something wrong; ``errors`` are ``(field, sentence)``, all of them at once."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        sentence = " ".join(sentence for _, sentence in errors[:3])
        super().__init__(sentence, "invalid-body", MEND_FIELDS, 422)
        self.errors = tuple(errors)


def problem(
    status: int,
    code: str,
    sentence: str,
    cure: str = "",
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The answer that tells of one problem."""
    document: dict[str, object] = {
        "type": TYPE + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
    }
    if cure:
        document["cure"] = cure
    if errors:
        document["errors"] = [{"field": field, "detail": detail} for field, detail in errors]
    return web.Response(body=orjson.dumps(document), status=status, content_type=MEDIA_TYPE, headers=headers)


def refusal(refused: Refused) -> web.Response:
    """The answer to a request that may not be granted."""
    errors = refused.errors if isinstance(refused, Invalid) else ()
    headers = {"WWW-Authenticate": 'Bearer realm="parley"'} if refused.status == 401 else None
    return problem(refused.status, refused.code, str(refused), refused.cure, errors, headers)


def try_later(trouble: Retry) -> web.Response:
    """The answer when nothing happened and the same request may succeed later."""
    after_s = TRY_AGAIN_S if trouble.after_s is None else max(1, round(trouble.after_s))
    code = "overloaded" if isinstance(trouble, Overloaded) else "unavailable"
    cure = f"Nothing was kept. Send the same request again in {after_s} seconds."
    return problem(503, code, str(trouble), cure, headers={"Retry-After": str(after_s)})
