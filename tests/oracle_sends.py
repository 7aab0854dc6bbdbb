"""The oracle's third part: the window of WhatsApp, receipts, and who was left with nothing.

The window is reckoned anew from the bytes of the webhooks, with no code of the program: the person's own time is the earlier of
``event_time`` and ``accept_time``, never later than the arrival; 24 hours from there. What is beyond it: windows of whom a body was
forgotten, and addresses that only a contact id names.
"""

from __future__ import annotations

import hmac
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import orjson

from bot.store.sqlite.audit import unanswered
from tests.oracle_truth import Sent, Taken, us_of

MARGIN = timedelta(minutes=2)
_US = timedelta(microseconds=1)
_WINDOW = timedelta(hours=24) // _US
_SLACK = timedelta(seconds=60) // _US  # parts of one commit may have looked at the clock one after another
_TEMPLATES = ("template", "omni")
_RANKS = {"QUEUED_ON_CHANNEL": 1, "SWITCHING_CHANNEL": 1, "DELIVERED": 2, "READ": 3}
_FAILED = 9


def sends(
    connection: sqlite3.Connection, accepted: Sequence[Sent], taken: Sequence[Taken], margin: timedelta = MARGIN
) -> Iterator[str]:
    """A sentence for each promise that is broken."""
    yield from _windows(connection, accepted, margin // _US)
    yield from _told(connection, accepted, taken)
    yield from _rules(connection)
    for one in unanswered(connection):
        if one.why == "nothing":  # what failed, and dead letters, are shown to colleagues
            yield f"I12: inbox row {one.inbox_id} of person {one.person} was decided, and nobody answered it."


# --- the window ---------------------------------------------------------------------------------------------------------


@dataclass
class _Window:
    """When messages of one address arrived, and until when the window is open from then on."""

    arrived_at: list[int] = field(default_factory=list)
    closes_at: list[int] = field(default_factory=list)
    is_known: bool = True

    def open_until(self, at: int) -> int:
        """When the window that is open at ``at`` closes; 0 where nobody had written by then."""
        place = bisect_right(self.arrived_at, at + _SLACK)
        return self.closes_at[place - 1] if place else 0


_Address = tuple[str, str, str]  # app, channel, identity


def _windows_of(connection: sqlite3.Connection) -> Mapping[_Address, _Window]:
    """From the raw webhooks. Not known: those of people of whom a message does not tell its address, or was forgotten."""
    found: dict[_Address, _Window] = defaultdict(_Window)
    addresses = _addresses(connection)
    rows = connection.execute(
        "SELECT app, coalesce(person, 0), raw, received_at FROM inbox WHERE kind = 'inbound' ORDER BY received_at, id"
    )
    for app, person, raw, received_at in rows:
        body = _object(raw)
        message = body.get("message")
        if not body or (isinstance(message, Mapping) and _address(app, message) not in addresses[person]):
            for each in addresses[person]:
                found[each].is_known = False
        elif isinstance(message, Mapping) and message.get("injected") is not True:
            window = found[_address(app, message)]
            closes_at = _written_at(body, message, received_at) + _WINDOW
            window.arrived_at.append(received_at)
            window.closes_at.append(max(closes_at, *window.closes_at[-1:], 0))
    return found


def _addresses(connection: sqlite3.Connection) -> Mapping[int, set[_Address]]:
    found: dict[int, set[_Address]] = defaultdict(set)
    for person, *address in connection.execute("SELECT person, app, channel, identity FROM identity"):
        app, channel, identity = address
        found[person].add((app, channel, _plain(identity)))
    return found


def _address(app: str, message: Mapping[str, object]) -> _Address:
    who = message.get("channel_identity")
    if not isinstance(who, Mapping):
        return (app, "", "")
    return (app, str(who.get("channel", "")), _plain(str(who.get("identity", ""))))


def _object(raw: bytes | None) -> Mapping[str, object]:
    """Empty for what was forgotten, or is no JSON to us."""
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _plain(identity: str) -> str:
    rest = identity.removeprefix("+")
    return rest if rest.isdecimal() else identity


def _written_at(body: Mapping[str, object], message: Mapping[str, object], received_at: int) -> int:
    told = [each for each in (us_of(body.get("event_time")), us_of(message.get("accept_time"))) if each is not None]
    if not told:
        told = [each for each in (us_of(body.get("accepted_time")),) if each is not None]
    return min([*told, received_at])


# Sinch's id as the attempt's own answer tells it: a receipt's may be of either try.
_ATTEMPTS = """
    SELECT o.id, o.app, o.channel, o.identity, o.payload, a.started_at,
        CASE WHEN a.outcome = 'sent' AND a.sentence = '' THEN a.message_id ELSE '' END, a.outcome
    FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE o.kind = 'message' ORDER BY a.id
"""


def _windows(connection: sqlite3.Connection, accepted: Sequence[Sent], margin: int) -> Iterator[str]:
    windows = _windows_of(connection)
    makers: dict[str, list[tuple[int, str, int]]] = defaultdict(list)  # by outbox id: when, Sinch's id, until when
    for id_, app, channel, identity, payload, at, message_id, outcome in connection.execute(_ATTEMPTS):
        window = windows.get((app, channel, _plain(identity)), _Window())
        if not window.is_known:
            continue
        until = window.open_until(at)
        if outcome in ("", "sent", "unknown"):
            makers[id_].append((at, message_id, until))
        if orjson.loads(payload).get("kind") not in _TEMPLATES and at >= until - margin:
            yield f"I6: free-form message {id_} was tried {_off(at, until - margin)} after its window had closed."
    for sent in accepted:
        if sent.is_free_form and makers[sent.outbox_id]:
            yield from _bounded(sent, makers[sent.outbox_id], margin)


def _bounded(sent: Sent, makers: Sequence[tuple[int, str, int]], margin: int) -> Iterator[str]:
    """What left in somebody's own words left inside the window, and not for longer than that."""
    made = [maker for maker in makers if maker[1] == sent.message_id] or list(makers)
    if all(at >= until - margin for at, _, until in made):
        yield f"I6: Sinch accepted {sent.message_id} ({sent.outbox_id}), free-form, outside the window."
    elif sent.ttl_s is None:
        yield f"I6: Sinch accepted {sent.message_id} ({sent.outbox_id}), free-form, without a ttl."
    elif all(sent.ttl_s * 1_000_000 > until - at for at, _, until in made):
        longest = max(until - at for at, _, until in made) // 1_000_000
        yield f"I6: the ttl of {sent.message_id} ({sent.outbox_id}) is {sent.ttl_s:.0f} s, and its window was open for {longest} s."


def _off(at: int, until: int) -> str:
    return "long" if until <= 0 else f"{(at - until) / 1e6:.1f} s"


# --- receipts, as Sinch's side knows which were taken ---------------------------------------------------------------------


def _told(connection: sqlite3.Connection, accepted: Sequence[Sent], taken: Sequence[Taken]) -> Iterator[str]:
    """What was acknowledged is there, and the message shows the best of it."""
    kept: dict[tuple[str, str], str] = {
        (message_id, status): state
        for message_id, status, state in connection.execute(
            "SELECT r.message_id, r.status, i.state FROM receipt r JOIN inbox i ON i.id = r.inbox"
        )
    }
    heard = {row[0] for row in connection.execute("SELECT dedup FROM inbox WHERE dedup LIKE 'in:%'")}
    refused = b"\n".join(bytes(row[0]) for row in connection.execute("SELECT raw FROM refused"))
    delivery = dict(connection.execute("SELECT id, delivery FROM outbox WHERE kind = 'message'").fetchall())
    forgotten = _forgets(connection)
    outbox_of = {sent.message_id: sent.outbox_id for sent in accepted}
    told: dict[str, set[str]] = defaultdict(set)
    for one in taken:
        message_id, _, status = one.about.partition(":")
        if message_id.encode() in refused:
            continue
        if one.trigger == "MESSAGE_INBOUND" and f"in:{message_id}" not in heard and not forgotten:
            yield f"I1: message {message_id} was acknowledged to Sinch and is not in the inbox."
        if one.trigger == "MESSAGE_DELIVERY" and outbox_of.get(message_id) in delivery and not forgotten:
            if (message_id, status) not in kept:
                yield f"I10: the receipt {status} of {message_id} was acknowledged and is not there."
            elif kept[message_id, status] == "decided":
                told[outbox_of[message_id]].add(f"{message_id}:{status}")
    for outbox_id, receipts in told.items():
        shown, statuses = delivery[outbox_id], {each.partition(":")[2] for each in receipts}
        best = max((_RANKS.get(status, 0) for status in statuses), default=0)
        if shown < best or (shown == 0 and statuses == {"FAILED"}) or (shown == _FAILED and "FAILED" not in statuses):
            yield f"I10: message {outbox_id} shows delivery {shown}, and its receipts told {sorted(receipts)}."


def _forgets(connection: sqlite3.Connection) -> bool:
    """Whether anything was forgotten for its age: then what is not there proves nothing."""
    return (
        connection.execute(
            "SELECT 1 FROM inbox WHERE kind = 'receipt' AND state = 'decided' AND raw IS NULL LIMIT 1"
        ).fetchone()
        is not None
    )


# --- rulebooks, and who was erased ----------------------------------------------------------------------------------------


def _rules(connection: sqlite3.Connection) -> Iterator[str]:
    """The audit lets a database pass in which no rules ever went live; after a run with rules there is none such."""
    row = connection.execute(
        "SELECT count(*) FROM trace WHERE rule <> '' AND NOT EXISTS (SELECT 1 FROM rulebook)"
    ).fetchone()
    if row[0]:
        yield f"I11: {row[0]} events were decided by rules, and no rulebook is stored."


@dataclass(frozen=True, slots=True)
class Erasures:
    """Addresses that were erased, by what is kept of them: nothing but an HMAC under the installation's key, and when."""

    key: bytes
    at: Mapping[bytes, int]

    def explains(self, sent: Sent) -> bool:
        """Whether the row of what was sent is gone because its person was erased after that."""
        text = f"{sent.app}\0WHATSAPP\0{sent.identity}"
        at = self.at.get(hmac.digest(self.key, text.encode(), "sha256"))
        return at is not None and sent.at <= at + _SLACK


def erasures_of(connection: sqlite3.Connection) -> Erasures:
    """Of everybody."""
    key = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
    return Erasures(
        bytes(key[0]) if key else b"",
        {bytes(digest): at for digest, at in connection.execute("SELECT identity_hmac, erased_at FROM erased")},
    )
