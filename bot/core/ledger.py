"""The consent ledger: what an event changes in it, and what its rows add up to.

``consent_change`` is asked where an event is recorded, so that a STOP counts from that commit on, and again where it is decided, so that
words which only today's rulebook knows count then. Order is the person's own time, not arrival: a STOP wins unless a START is
truly later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from bot.core.consent import Said, said_outright
from bot.core.conversation import Consent
from bot.core.decision import ChangeConsent
from bot.core.event import ConsentNotice, Event, InboundMessage, Tap, Text
from bot.core.rulebook import ConsentWords
from bot.core.text import Words, normalise


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
                return change_of("stop", "the person wrote it", event.written_at, current)
            if said is Said.START:
                return change_of("start", "the person wrote it", event.written_at, current)
            return None
        case ConsentNotice(succeeded=True):
            return change_of("start" if event.opted_in else "stop", "the channel told", event.at, current)
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
    newest = current.changed_at
    if said == "stop":
        older = newest is not None and (at <= newest if current.stopped else at < newest)
        return None if older else ChangeConsent("all", "stopped", source, at)
    return ChangeConsent("all", "opted_in", source, at) if newest is None or at > newest else None
