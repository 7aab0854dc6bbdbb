"""Why a message was allowed to leave, or is: the row of the consent ledger that counts, as a sentence."""

from __future__ import annotations

from datetime import datetime

from bot.core.consent_reasons import allowed_because
from bot.core.delivery import OutboxState, Policy
from bot.core.event import ContactKey
from bot.core.hours import zone
from bot.store.units import MessageView, Origin
from bot.web.api.backend import Backend

_STILL_TO_LEAVE = (OutboxState.QUEUED, OutboxState.WAITING)


async def why_of(message: MessageView, backend: Backend) -> str:
    """As of its last attempt, or as of now while it is to leave; empty where it never left, and of what no ledger allows: the one
    confirmation of a STOP."""
    answers = message.origin is Origin.RULE
    if message.attempts:
        at = message.attempts[-1].started_at
        allowed, sentence = await consent_at(message.contact, message.category, answers, at, backend)
        return sentence if allowed else ""
    if message.state not in _STILL_TO_LEAVE:
        return ""
    _, sentence = await consent_at(message.contact, message.category, answers, backend.now(), backend)
    return sentence


async def consent_at(
    contact: ContactKey, category: str, answers: bool, at: datetime, backend: Backend
) -> tuple[bool, str]:
    """Whether consent allows a message of ``category`` at ``at``, and the sentence that says why."""
    rulebook = backend.rulebook()
    words = rulebook.consent
    policy = Policy(backend.margin, words.after_stop == "answer", words.marketing)
    rows = await backend.store.contacts.ledger_rows(contact)
    wrote_at = await backend.store.messages.wrote_before(contact, at)
    where = zone(rulebook.settings.time_zone)
    explained = allowed_because(rows, category, wrote_at, answers, at, policy, where)
    return explained.allowed, explained.sentence
