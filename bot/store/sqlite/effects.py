"""What decisions want done, as rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from bot.core.codec import reply_to_plain
from bot.core.conversation import State
from bot.core.decision import (
    Call,
    ChangeConsent,
    DropTimer,
    Effect,
    HandOver,
    Send,
    SetPerson,
    SetTimer,
    TellBackend,
)
from bot.core.drafting import QUESTION_TIMER
from bot.core.event import ContactKey
from bot.core.reply import Reply
from bot.core.value import quick
from bot.crash import reach, waits_for
from bot.store.sqlite import calls, news, timers
from bot.store.sqlite.consent import write_change
from bot.store.sqlite.ids import new_id
from bot.store.sqlite.lanes import expire_crowded
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.sets import Value, insert_many
from bot.store.sqlite.times import to_us, to_us_or_none
from bot.store.units import Claimed, InboxKind, Origin, Settled


@quick
@dataclass(frozen=True, slots=True)
class LaneOutcome:
    """One lane after deciding: its state before and the text of it, where answers go, what was claimed, what became of it.

    ``contact`` is None where nothing of the lane could be claimed after all.
    """

    person: int
    text: str
    state: State
    contact: ContactKey | None
    claimed: tuple[Claimed, ...]
    settled: tuple[Settled, ...]
    first_inbox: int | None


@dataclass(slots=True)
class Wanted:
    """What a group of decisions wants done, gathered so that one statement of each kind does it.

    ``send_at``: the people who have something to be sent, and from when on. ``timer_at``: when the first timer that was set is due.
    """

    sends: list[tuple[int, Settled, Send]] = field(default_factory=list)
    asking: list[calls.Asking] = field(default_factory=list)
    timers: dict[tuple[int, str], timers.Setting | None] = field(default_factory=dict)
    send_at: dict[int, int] = field(default_factory=dict)
    timer_at: datetime | None = None


def write_effects(
    connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], now: datetime
) -> Wanted:
    """Do everything that decisions want done."""
    wanted = Wanted()
    for outcome in outcomes:
        for one in outcome.settled:
            if one.decision is None or one.decision.outcome == "held":
                continue
            for effect in one.decision.effects:
                if isinstance(effect, Send):
                    wanted.sends.append((outcome.person, one, effect))
                else:
                    _take(connection, wanted, outcome, one, effect, now)
        if outcome.first_inbox is None:
            _remember_first(connection, outcome)
    if wanted.sends:
        _write_outbox(connection, memory, wanted, to_us(now))
    if wanted.asking:
        calls.ask(connection, memory, wanted.asking, now)
    if wanted.timers:
        wanted.timer_at = timers.change(connection, wanted.timers)
        if waits_for("question.asked") and any(
            each and each.timer.name == QUESTION_TIMER for each in wanted.timers.values()
        ):
            reach("question.asked")
    return wanted


def _take(
    connection: sqlite3.Connection, wanted: Wanted, outcome: LaneOutcome, one: Settled, effect: Effect, now: datetime
) -> None:
    contact, version = outcome.contact, one.pinned or one.version
    match effect:
        case SetPerson():
            set_person(connection, outcome.person, effect)
        case ChangeConsent():
            by = _dedup(connection, one)
            write_change(connection, outcome.person, effect, by, one.inbox_id, now)
        case Call() if contact is not None:
            until = _until(one, effect, now)
            wanted.asking.append(calls.Asking(outcome.person, contact, one.inbox_id, version, effect, until))
        case SetTimer(name=name) if contact is not None:
            wanted.timers[outcome.person, name] = timers.Setting(contact, version, effect)
        case DropTimer(name=name):
            wanted.timers[outcome.person, name] = None
        case HandOver(team=team):
            kind = "conversation.handed_over" if team else "conversation.given_back"
            news.tell(connection, kind, outcome.person, one.inbox_id, {"team": team, "rule": _rule(one)}, now)
        case TellBackend(name=name, values=values):
            content = {"name": name, "rule": _rule(one), "values": dict(values)}
            news.tell(connection, "rule.told", outcome.person, one.inbox_id, content, now)
        case _:
            pass  # a call or a timer of a lane of which nothing could be claimed after all


def _rule(one: Settled) -> str:
    """The rule that answered, or empty."""
    path = one.decision.because.path if one.decision is not None else ()
    return path[-1] if path else ""


def _until(one: Settled, call: Call, now: datetime) -> datetime:
    """As long as the conversation waits for this call."""
    waits = one.decision.state.call if one.decision is not None else None
    return waits.until if waits is not None and waits.key == call.key else now + timedelta(seconds=call.timeout_s)


def _remember_first(connection: sqlite3.Connection, outcome: LaneOutcome) -> None:
    inbound = [claimed.inbox_id for claimed in outcome.claimed if claimed.kind is InboxKind.INBOUND]
    if inbound:
        connection.execute("UPDATE person SET first_inbox = ? WHERE id = ?", (inbound[0], outcome.person))


def _write_outbox(connection: sqlite3.Connection, memory: Memory, wanted: Wanted, at: int) -> None:
    sends = wanted.sends
    first = memory.number(connection, "outbox", len(sends))
    rows: list[tuple[Value, ...]] = []
    for seq, (person, settled, send) in enumerate(sends, first):
        contact = send.contact
        due_at = at if send.not_before is None else max(at, to_us(send.not_before))
        wanted.send_at[person] = min(due_at, wanted.send_at.get(person, due_at))
        rows.append(
            (
                seq, new_id(at), "message", Origin.RULE.value, str(settled.inbox_id), send.position, settled.replaces,
                person, contact.app, contact.channel, contact.identity, "waiting" if send.waits else "queued",
                orjson.dumps(reply_to_plain(send.reply)).decode(), if_closed_text(send.if_closed), send.category, send.rule,
                settled.pinned or settled.version, int(send.confirms_stop), int(send.answers), at, to_us_or_none(send.not_before),
                to_us_or_none(send.not_after), due_at,
            )
        )  # fmt: skip
        if due_at == at:  # others are read again when their time has come
            memory.sends[seq] = send
    insert_many(
        connection,
        "INSERT OR IGNORE INTO outbox (seq, id, kind, origin, origin_id, position, replaces, person, app, channel, identity,"
        " state, payload, if_closed, category, rule, version, confirms_stop, answers, created_at, not_before,"
        " not_after, due_at) VALUES",
        rows,
    )
    waiting = [person for person, _, send in sends if send.waits]
    if waiting:
        expire_crowded(connection, memory.counting, waiting, at)


def if_closed_text(if_closed: Reply | str) -> str:
    """A reply or one of the words, as JSON."""
    return f'"{if_closed}"' if isinstance(if_closed, str) else orjson.dumps(reply_to_plain(if_closed)).decode()


def _dedup(connection: sqlite3.Connection, settled: Settled) -> str:
    return str(connection.execute("SELECT dedup FROM inbox WHERE id = ?", (settled.inbox_id,)).fetchone()[0])


def set_person(connection: sqlite3.Connection, person: int, change: SetPerson) -> None:
    """Read, changed and written within the transaction, so nothing that happens at the same time is lost."""
    fields_text, tags_text = connection.execute("SELECT fields, tags FROM person WHERE id = ?", (person,)).fetchone()
    fields = {**orjson.loads(fields_text), **change.fields}
    fields = {name: value for name, value in fields.items() if value is not None}
    tags = (set(orjson.loads(tags_text)) | set(change.tags_added)) - set(change.tags_removed)
    connection.execute(
        "UPDATE person SET fields = ?, tags = ?, language = coalesce(?, language) WHERE id = ?",
        (orjson.dumps(fields).decode(), orjson.dumps(sorted(tags)).decode(), change.language, person),
    )
