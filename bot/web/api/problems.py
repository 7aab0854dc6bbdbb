"""Every problem that a request to the API can meet: its word, the status it comes with, and what it means.

The word is the end of the document's ``type`` (``urn:parley:problem:…``). Words never change their meaning; new ones may come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bot.web.api.operation import Operation


@dataclass(frozen=True, slots=True)
class Problem:
    """``means``: one sentence for whoever reads about it before it happens."""

    status: int
    means: str

    @property
    def title(self) -> str:
        """The document's ``title``."""
        return HTTPStatus(self.status).phrase


PROBLEMS: Final[Mapping[str, Problem]] = {
    # What any request can meet.
    "not-json": Problem(400, "The body is no JSON."),
    "unauthorized": Problem(401, "There is no key, or a wrong one."),
    "forbidden": Problem(403, "The key lacks the scope that this needs."),
    "not-found": Problem(404, "There is nothing of this name or id, or it is not yours to see."),
    "method-not-allowed": Problem(405, "This address has no such method; `Allow` says which it has."),
    "slow-body": Problem(408, "The body did not arrive in time; nothing was kept."),
    "too-large": Problem(413, "The body has more bytes than are taken here."),
    "unsupported-type": Problem(415, "The body's `Content-Type` is none that is taken here."),
    "unsupported-encoding": Problem(415, "The body is compressed."),
    "invalid-body": Problem(422, "Fields or parameters are wrong; `errors` lists all of them."),
    "too-many-tries": Problem(429, "Too many requests with a wrong key came from this address."),
    "too-many-requests": Problem(429, "The key made more requests than it may make in a second."),
    "internal-error": Problem(500, "A mistake in Parley, which is in its log. Nothing is known to have been kept."),
    "overloaded": Problem(503, "Too much waits already; nothing was kept."),
    "unavailable": Problem(503, "The database cannot be written to now; nothing was kept."),
    # Messages.
    "opted-out": Problem(409, "The person said STOP; only the person can change that, with START."),
    "no-marketing-consent": Problem(409, "It is marketing, and the person did not agree to that."),
    "window-closed": Problem(
        409, "The person was silent for 24 hours or never wrote, and `if_closed` does not say what to do."
    ),
    "bad-recipient": Problem(422, "This is no phone number with its country, and nobody known."),
    "unknown-template": Problem(422, "The rules declare no such template."),
    "unknown-language": Problem(422, "The template is not declared in that language."),
    "wrong-values": Problem(422, "A value is missing, unknown or too long, or a text is longer than WhatsApp takes."),
    "wrong-category": Problem(422, "It is a marketing template that is called something else."),
    "bad-idempotency-key": Problem(
        422, "The `Idempotency-Key` is empty, too long, not printable, or there is more than one."
    ),
    "idempotency-key-reused": Problem(422, "The `Idempotency-Key` was used before, with another body."),
    "still-leaving": Problem(
        409, "Something is on its way to the person; what was queued is cancelled, and nothing was erased."
    ),
    "still-read": Problem(
        409, "The person is erased, but another program keeps old bytes of the file in use; repeat it later."
    ),
    "already-left": Problem(409, "Parley began to send the message, or it has ended."),
    # Handing over.
    "not-handed-over": Problem(409, "The bot has the conversation, so no colleague may write in it."),
    "unknown-team": Problem(422, "The rules declare no such team."),
    # Contacts.
    "newer-consent": Problem(409, "The person said something newer, which counts."),
    "proof-needed": Problem(422, "The person said STOP, and only a proof can show that they changed their mind."),
    "too-many-values": Problem(422, "The person would have more fields or tags than are kept of anybody."),
    # Campaigns.
    "campaign-over": Problem(409, "The campaign is done or cancelled."),
    "template-changed": Problem(409, "The rules declare the campaign's template no more, or as another category."),
    "quality-red": Problem(409, "WhatsApp rates the quality of our messages RED, so no marketing goes on."),
    "bad-rows": Problem(422, "Rows of the list have mistakes; `errors` names their lines."),
    "not-utf-8": Problem(422, "The list is no UTF-8."),
    "nobody-to-send-to": Problem(422, "Everybody in the list is skipped."),
    # Events.
    "unknown-event": Problem(422, "No rule waits for an event of this name."),
    "missing-values": Problem(422, "`data` lacks something that a rule needs."),
    # Subscriptions.
    "too-many-subscriptions": Problem(409, "There are as many subscriptions as there may be."),
    "bad-url": Problem(422, "The address is none, is not encrypted, has no public address, or holds a password."),
}


def problems_of(operation: Operation) -> tuple[str, ...]:
    """The words of all problems that the operation may answer, in the order of their status."""
    words = {"unauthorized", "forbidden", "invalid-body", "too-many-tries", "too-many-requests"}
    words |= {"internal-error", "overloaded", "unavailable", *operation.refusals}
    if "{" in operation.path:
        words.add("not-found")
    if operation.media_types:
        words |= {"slow-body", "too-large", "unsupported-type", "unsupported-encoding"}
    if operation.body is not None:
        words.add("not-json")
    if operation.takes_idempotency_key:
        words |= {"bad-idempotency-key", "idempotency-key-reused"}
    return tuple(sorted(words, key=lambda word: (PROBLEMS[word].status, word)))
