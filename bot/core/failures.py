"""The one table of failures: for each reason of Sinch, code of WhatsApp, HTTP status and word of our own, what it means and who does what.

API, command line and pages tell failures by it; ``docs/failures.md`` lists it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot.core.delivery import FAILED_RANK, OutboxState, delivery_name
from bot.core.event import Reason
from bot.core.next_step import IN_DOUBT, NOT_AGAIN, RETRIES, NextStep
from bot.core.own_failures import OWN, SENTENCES
from bot.core.sinch_failures import HTTP, REASON_TEMPLATE, REASONS, STATUS_WORDS, SUB_CODES, step_of_status
from bot.core.whatsapp_failures import WHATSAPP, WHATSAPP_TEMPLATE

_HTTP_CODE: Final = re.compile(r"(?:http[ _-]?)?([1-5]\d\d)", re.IGNORECASE)
_BY_STATE: Final = {
    OutboxState.WAITING: "waits_for_person",
    OutboxState.EXPIRED: "too_late",
    OutboxState.CANCELLED: "cancelled",
    OutboxState.HELD: "held",
}


def next_step(code: str, channel_code: str = "", is_template: bool = False, sub_code: str = "") -> NextStep:
    """What ``code`` means: a reason of Sinch, a status or word of its error bodies, or a word of our own. Never fails.

    WhatsApp's ``channel_code`` counts before Sinch's ``sub_code``, and that before ``code``. ``is_template``: a template failed, which
    no closed window explains. What nobody knows is told as such, for an operator to look up.
    """
    channel_code = channel_code.strip()
    found = _of_whatsapp(channel_code, is_template) or SUB_CODES.get(sub_code)
    if found is None and not (channel_code and code in ("", "UNKNOWN")):
        found = _of_code(code, is_template)
    return found or _unheard_of(code, channel_code)


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """The last try to hand a message over; ``outcome`` is sent, retry, failed, unknown, or empty while it runs."""

    outcome: str
    status: int
    code: str


def next_step_of_message(
    state: OutboxState,
    delivery: str,
    sentence: str,
    reason: Reason | None = None,
    attempt: LastAttempt | None = None,
    is_template: bool = False,
) -> NextStep | None:
    """What is amiss with a message, or None where nothing is.

    ``delivery`` is how it is told outside (``failed`` counts whatever the state), ``sentence`` what the outbox keeps, ``reason`` that of
    its last failed receipt, where it failed by one.
    """
    if delivery == delivery_name(FAILED_RANK) and (reason is not None or state is not OutboxState.FAILED):
        why = reason or Reason("")
        return next_step(why.code, why.channel_code, is_template, why.sub_code)
    match state:
        case OutboxState.SENT | OutboxState.SENDING:
            return None
        case OutboxState.QUEUED:
            known = _of_sentence(sentence)
            return known or (_of_attempt(attempt) if attempt is not None and attempt.outcome == "retry" else None)
        case OutboxState.FAILED | OutboxState.UNKNOWN:
            of_attempt = _of_attempt(attempt) if attempt is not None else None
            default = OWN["in_doubt"] if state is OutboxState.UNKNOWN else next_step(attempt.code if attempt else "")
            return _of_sentence(sentence) or of_attempt or default
        case OutboxState.EXPIRED:
            return _expired(_of_sentence(sentence) or OWN[_BY_STATE[state]], attempt)
        case _:
            return _of_sentence(sentence) or OWN[_BY_STATE[state]]


def next_step_of_skipped(sentence: str) -> NextStep | None:
    """What is amiss with somebody whom a campaign passed over, by its ``sentence``; None where it is no failure, as of a second line."""
    return _of_sentence(sentence)


def _expired(step: NextStep, attempt: LastAttempt | None) -> NextStep:
    """What was tried until its time was over tells what stood in its way."""
    last = _of_attempt(attempt) if attempt is not None and attempt.outcome == "retry" else None
    if last is None or step is not OWN["too_late"]:
        return step
    return replace(step, cause=f"{step.cause} At the last try: {last.cause}", who=last.who, todo=last.todo)


def _of_attempt(attempt: LastAttempt) -> NextStep | None:
    """By the status, which is surer than the words; without one, by our own code, or by what the token endpoint said."""
    if not attempt.status:
        found = OWN.get(attempt.code)
        return found or (OWN["no_token"] if attempt.outcome == "retry" else None)
    step = step_of_status(attempt.status)
    if step is None or attempt.status < 500:
        return step
    return replace(step, done=RETRIES if attempt.outcome == "retry" else IN_DOUBT)


def _of_sentence(sentence: str) -> NextStep | None:
    code = SENTENCES.get(sentence)
    return None if code is None else OWN[code]


def _of_whatsapp(code: str, is_template: bool) -> NextStep | None:
    return (WHATSAPP_TEMPLATE.get(code) if is_template else None) or WHATSAPP.get(code)


def _of_code(code: str, is_template: bool) -> NextStep | None:
    found = (REASON_TEMPLATE.get(code) if is_template else None) or REASONS.get(code) or OWN.get(code)
    return found or _of_status(code)


def _of_status(code: str) -> NextStep | None:
    status = STATUS_WORDS.get(code)
    told = _HTTP_CODE.fullmatch(code)
    if status is None and told is not None:
        status = int(told[1])
    return None if status is None else step_of_status(status)


def _unheard_of(code: str, channel_code: str) -> NextStep:
    told = f"WhatsApp gives the code {channel_code}" if channel_code else f"The reason given is {code or 'none'}"
    return NextStep(
        f"{told}, which this version of Parley does not know.",
        NOT_AGAIN,
        "operator",
        "Read the description beside it with `messages show`, or look the code up at Sinch or Meta.",
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. ``of`` tells whose word ``code`` is; ``is_template``: it holds for templates, instead of the row without."""

    of: str
    code: str
    step: NextStep
    is_template: bool = False


def rows() -> Iterator[Row]:
    """The whole table, in the order in which it is looked up."""
    yield from (Row("WhatsApp", code, step) for code, step in WHATSAPP.items())
    yield from (Row("WhatsApp", code, step, is_template=True) for code, step in WHATSAPP_TEMPLATE.items())
    yield from (Row("Sinch, sub code", code, step) for code, step in SUB_CODES.items())
    yield from (Row("Sinch", code, step) for code, step in REASONS.items())
    yield from (Row("Sinch", code, step, is_template=True) for code, step in REASON_TEMPLATE.items())
    yield from (Row("HTTP", str(status), step) for status, step in HTTP.items())
    yield from (Row("Parley", code, step) for code, step in OWN.items())


def rows_of(code: str) -> tuple[Row, ...]:
    """The rows that somebody means who types ``code``, in any case, a status with or without ``HTTP``; empty where none is known."""
    asked = code.strip()
    found = tuple(row for row in rows() if row.code.lower() == asked.lower())
    if found:
        return found
    step = _of_status(asked.upper())
    return () if step is None else (Row("HTTP", asked, step),)
