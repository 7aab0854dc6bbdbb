"""The consent ledger: what an event changes in it, and what its rows add up to.

``consent_change`` is asked where an event is recorded, so that a STOP counts from that commit on, and again where it is decided, so that
words which only today's rulebook knows count then. Order is the person's own time, not arrival: a STOP wins unless a START is
truly later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.core.consent import Said, said_outright
from bot.core.conversation import Consent
from bot.core.decision import ChangeConsent, Purpose
from bot.core.event import ConsentNotice, DeliveryReceipt, Event, InboundMessage, Reason, Tap, Text
from bot.core.rulebook import ConsentWords
from bot.core.text import Words, normalise

# Sources that Parley itself writes into the ledger.
PERSON_WROTE: Final = "the person wrote it"
CHANNEL_TOLD: Final = "the channel told"
ERASED_AS_STOPPED: Final = "they had said STOP before they were erased"
ERASED_WITHOUT_MARKETING: Final = "they wanted no marketing before they were erased"
MARKETING_STOPPED: Final = "WhatsApp: the person stopped marketing messages (131050)"
CLOCKS_DIFFER: Final = timedelta(hours=1)  # at most, as when one of them takes the wrong side of a time change
_MARKETING_STOPPED_AT_META: Final = "131050"  # WhatsApp Cloud API, error codes


def consent_text(event: Event) -> str:
    """The words of an event that may stop or start: a typed text or a postback, never a caption or what somebody copied in."""
    if not isinstance(event, InboundMessage) or event.injected:
        return ""
    match event.content:
        case Text(text=text):
            return text
        case Tap():
            return tap_title(event.content)
        case _:
            return ""


def tap_title(tap: Tap) -> str:
    """What was tapped, as visible: WhatsApp's default payload is ``<message_id>_<title>``, any other stands for itself."""
    prefix, underscore, title = tap.postback.partition("_")
    own = bool(prefix) and (prefix == tap.message_id or (len(prefix) == _MESSAGE_ID_LENGTH and prefix.isalnum()))
    return title if underscore and title and own else tap.postback


_MESSAGE_ID_LENGTH = 26  # Sinch's message ids are ULIDs


def consent_change(event: Event, words: Words | None, consent: ConsentWords, current: Consent) -> ChangeConsent | None:
    """The ledger row that ``event`` asks for, or None. ``words`` are its normalised ``consent_text`` (None: normalise here).

    A START of somebody who is not stopped gives a row and acts no further: it goes to the rules.
    """
    match event:
        case InboundMessage(injected=False):
            text = consent_text(event)
            if not text:
                return None
            said = said_outright(words if words is not None else normalise(text), consent)
            if said is Said.STOP:
                return change_of("stop", PERSON_WROTE, event.written_at, current)
            if said is Said.START:
                return change_of("start", PERSON_WROTE, event.written_at, current)
            return None
        case ConsentNotice(succeeded=True):
            return change_of("start" if event.opted_in else "stop", CHANNEL_TOLD, event.at, current)
        case _:
            return None


def with_change(current: Consent, change: ChangeConsent, by: str) -> Consent:
    """What the ledger adds up to once ``change`` is in it. ``by`` is the dedup key of the event that asked for it."""
    stopped = change.state == "stopped"
    if change.purpose == "marketing":
        return replace(current, marketing=change.state)
    if stopped == current.stopped:
        latest = change.at if current.changed_at is None else max(current.changed_at, change.at)
        return replace(current, changed_at=latest, opted_in=not stopped)
    return replace(current, stopped=stopped, changed_at=change.at, opted_in=not stopped, changed_by=by)


def change_of(said: Literal["stop", "start"], source: str, at: datetime, current: Consent) -> ChangeConsent | None:
    """The row for a STOP or START of the person's own time ``at``, or None where a newer word already counts.

    Words of the same time: STOP wins. A word that repeats what is so gives a row as well, because its time counts against an older word
    that arrives later.
    """
    state: Literal["stopped", "opted_in"] = "stopped" if said == "stop" else "opted_in"
    newer = _is_newer(state, at, current.changed_at, current.stopped)
    return ChangeConsent("all", state, source, at) if newer else None


def stop_after_given(asked: ChangeConsent, given_at: datetime) -> ChangeConsent | None:
    """The row for a STOP that came after somebody else's opt-in which is dated later, or None where that is no matter of clocks.

    A backend, a file or a colleague gave the opt-in, so its time is of another clock than the person's: where the two are no further apart
    than clocks may differ, silence is the safer mistake. The row is dated as the opt-in, which it wins over.
    """
    return replace(asked, at=given_at) if given_at - asked.at <= CLOCKS_DIFFER else None


def _is_newer(state: Literal["stopped", "opted_in"], at: datetime, newest: datetime | None, stopped: bool) -> bool:
    if newest is None:
        return True
    return at >= newest if state == "stopped" and not stopped else at > newest


def marketing_stop(reason: Reason | None, at: datetime) -> ChangeConsent | None:
    """The row for a message that WhatsApp did not deliver because the person wants no marketing from us, told at ``at``."""
    if reason is None or reason.channel_code != _MARKETING_STOPPED_AT_META:
        return None
    return ChangeConsent("marketing", "stopped", MARKETING_STOPPED, at)


def told_by_receipt(receipt: DeliveryReceipt) -> ChangeConsent | None:
    """The same, of a receipt: only a failure tells it."""
    return marketing_stop(receipt.reason, receipt.at) if receipt.status == "FAILED" else None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a row that somebody asks for is judged by: the sum of the rows, when the newest of marketing was, and the rows themselves
    as (purpose, state, at)."""

    consent: Consent
    marketing_at: datetime | None
    rows: Collection[tuple[Purpose, str, datetime]]

    def with_row(self, change: ChangeConsent) -> Ledger:
        """The same with ``change`` in it, which ``judge`` found to count."""
        marketing_at = change.at if change.purpose == "marketing" else self.marketing_at
        rows = {*self.rows, (change.purpose, change.state, change.at)}
        return Ledger(with_change(self.consent, change, ""), marketing_at, rows)


Judgement = Literal["counts", "there_already", "older", "needs_proof"]


def judge(asked: ChangeConsent, proof: str, ledger: Ledger) -> Judgement:
    """What is to become of a row that a backend or a file brings.

    Order is the person's own time, for each purpose by itself, and a stop wins over an opt-in of the same time. Who said STOP, or stopped
    what is asked for, is opted in again with a proof only.
    """
    if (asked.purpose, asked.state, asked.at) in ledger.rows:
        return "there_already"
    consent = ledger.consent
    if asked.purpose == "all":
        newest, stopped = consent.changed_at, consent.stopped
    else:
        newest, stopped = ledger.marketing_at, consent.marketing == "stopped"
    if not _is_newer(asked.state, asked.at, newest, stopped):
        return "older"
    if asked.state == "opted_in" and (stopped or consent.stopped) and not proof.strip():
        return "needs_proof"
    return "counts"
