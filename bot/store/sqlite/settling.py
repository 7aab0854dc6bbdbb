"""What decisions become: rows, in the transaction that claimed their events."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from bot.core.codec import as_it_is, state_to_plain
from bot.core.conversation import State
from bot.crash import reach
from bot.store.sqlite.counting import count_decisions
from bot.store.sqlite.effects import LaneOutcome, write_effects
from bot.store.sqlite.lanes import READY
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.receipts import apply_receipts, close_windows
from bot.store.sqlite.sets import Value, insert_many, json_array
from bot.store.sqlite.times import to_us, to_us_or_none
from bot.store.units import InboxKind, Progress, Settled


def settle(connection: sqlite3.Connection, memory: Memory, outcomes: Sequence[LaneOutcome], now: datetime) -> Progress:
    """Write everything that follows from ``outcomes``; when the next lane is ready is left for the caller to tell."""
    at = to_us(now)
    settled = [one for outcome in outcomes for one in outcome.settled]
    held = _close_inbox(connection, settled, at)
    for outcome in outcomes:
        kinds = {claimed.inbox_id: claimed.kind for claimed in outcome.claimed}
        count_decisions(memory.counting, outcome.state.last_rule, kinds, outcome.settled, at)
    _write_traces(connection, outcomes, at)
    receipts = [claimed for outcome in outcomes for claimed in outcome.claimed if claimed.kind is InboxKind.RECEIPT]
    apply_receipts(connection, memory.counting, receipts, at)
    wanted = write_effects(connection, memory, outcomes, now)
    close_windows(connection, [one for one in settled if one.closes_window], at)
    _let_go(connection, outcomes, held, at)
    _write_lanes(connection, memory, outcomes, wanted.send_at, at)
    return Progress(len(settled), None, len(wanted.asking), wanted.timer_at)


def _close_inbox(connection: sqlite3.Connection, settled: Sequence[Settled], at: int) -> frozenset[int]:
    """What becomes of each inbox row; returns those that are held for a call."""
    done: dict[str, list[int]] = {}
    held: list[tuple[int, int]] = []
    for one in settled:
        if one.decision is not None and one.decision.outcome == "held":
            call = one.decision.state.call
            held.append((one.inbox_id, at if call is None else to_us(call.until)))
        elif one.decision is not None:
            done.setdefault(one.decision.outcome, []).append(one.inbox_id)
        elif one.dead:
            connection.execute(
                "UPDATE inbox SET state = 'dead', settled_at = ?, why = ?, tries = tries + 1 WHERE id = ?",
                (at, one.dead, one.inbox_id),
            )
        else:
            connection.execute(
                "UPDATE inbox SET ready_at = ?, tries = tries + 1, held = 2 * (held > 0) WHERE id = ?",
                (to_us_or_none(one.again_at), one.inbox_id),
            )
    for state, ids in done.items():
        connection.execute(
            "UPDATE inbox SET state = ?, settled_at = ?, tries = tries + 1 WHERE id IN (SELECT value FROM json_each(?))",
            (state, at, json_array(ids)),
        )
    if held:
        connection.executemany("UPDATE inbox SET held = 1, ready_at = ?2 WHERE id = ?1", held)
    return frozenset(id_ for id_, _ in held)


def _let_go(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], held: frozenset[int], at: int) -> None:
    """What was held for a call is ready as soon as no call is under way any more."""
    people = [outcome.person for outcome in outcomes if _waits_no_more(outcome, held)]
    if people:
        released = connection.execute(
            "UPDATE inbox SET held = 2, ready_at = ? WHERE state = 'pending' AND held = 1"
            " AND person IN (SELECT value FROM json_each(?))",
            (at, json_array(people)),
        ).rowcount
        if released:
            reach("held.released")


def _waits_no_more(outcome: LaneOutcome, held: frozenset[int]) -> bool:
    if outcome.state.call is None and not (held and any(one.inbox_id in held for one in outcome.settled)):
        return False  # as nearly always
    state = _state_after(outcome)
    return state is not None and state.call is None


def _state_after(outcome: LaneOutcome) -> State | None:
    """As the last decision left it; None where nothing was decided."""
    for one in reversed(outcome.settled):
        if one.decision is not None and one.decision.outcome != "held":
            return one.decision.state
    return None


def _write_traces(connection: sqlite3.Connection, outcomes: Sequence[LaneOutcome], at: int) -> None:
    rows: list[tuple[Value, ...]] = []
    for outcome in outcomes:
        for one in outcome.settled:
            if one.decision is not None and one.inputs and one.decision.outcome != "held":
                because = one.decision.because
                rule = because.path[-1] if because.path else ""
                rows.append(
                    (
                        one.inbox_id, outcome.person, one.version, one.pinned, at, because.layer, rule, one.inputs,
                        one.digest,
                    )
                )  # fmt: skip
    insert_many(
        connection,
        "INSERT INTO trace (inbox, person, version, pinned, decided_at, layer, rule, inputs, digest) VALUES",
        rows,
    )


def _write_lanes(
    connection: sqlite3.Connection,
    memory: Memory,
    outcomes: Sequence[LaneOutcome],
    send_at: Mapping[int, int],
    at: int,
) -> None:
    rows: list[tuple[Value, ...]] = []
    for outcome in outcomes:
        state = _state_after(outcome)
        text = outcome.text if state is None else orjson.dumps(state_to_plain(state, as_it_is)).decode()
        if state is not None:
            memory.states[outcome.person] = (text, state)
        left = outcome.state if state is None else state
        waiting_since = at if left.waiting else None
        rows.append((outcome.person, text, at, send_at.get(outcome.person), _pinned(left), waiting_since))
    # Whatever is still pending (too many at once, held back by a retry, or held) keeps the lane ready for its time, behind whoever waits
    # already. A message in flight, or one that waits for its retry, is not overtaken: then send_at stays, and starting looks at the head's
    # own time.
    insert_many(
        connection,
        "INSERT INTO lane (person, state, ready_at, send_at, pinned, waiting_since) VALUES",
        rows,
        "ON CONFLICT DO UPDATE SET state = excluded.state, pinned = excluded.pinned,"  # noqa: S608 our own words
        f" ready_at = max(({READY}), excluded.ready_at),"
        " waiting_since = CASE WHEN excluded.waiting_since IS NULL THEN NULL ELSE coalesce(waiting_since, excluded.waiting_since) END,"
        " send_at = CASE WHEN excluded.send_at IS NULL THEN send_at WHEN EXISTS (SELECT 1 FROM outbox f WHERE"
        " f.person = lane.person AND f.kind = 'message' AND f.state IN ('sending', 'unknown')) THEN NULL"
        " ELSE min(coalesce(send_at, excluded.send_at), excluded.send_at) END",
    )


def _pinned(state: State) -> int | None:
    """The rulebook that an open question or a call under way goes on with."""
    goes_on = state.question or state.call
    return None if goes_on is None else goes_on.version
