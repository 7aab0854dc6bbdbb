"""Counting what happens in the transaction in which it happens: gathered while a group is written, added by one statement at its end."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import orjson

from bot.core.decision import Call, Decision, Send
from bot.core.event import Reason
from bot.core.failure_names import name_of_end, name_of_receipt
from bot.store.sqlite.sets import json_array
from bot.store.tallies import COARSE, DELAY_STEPS, FINE, FINE_KINDS, Kind
from bot.store.units import InboxKind, Settled

NAME_MOST: Final = 200
_MICROSECOND: Final = timedelta(microseconds=1)
_FINE: Final = FINE // _MICROSECOND
_COARSE: Final = COARSE // _MICROSECOND
_WIDTHS: Final[dict[str, int]] = dict.fromkeys(FINE_KINDS, _FINE)
_ANSWERS: Final = frozenset({InboxKind.INBOUND, InboxKind.CALL_RESULT})


class Counting:
    """What the group that is being written has counted so far; forgotten with it when it is rolled back."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int, str], int] = {}

    def add(self, kind: Kind, at: int, name: str = "", count: int = 1) -> None:
        """Count ``count`` things that happened at ``at`` (microseconds)."""
        key = (kind, at - at % _WIDTHS.get(kind, _COARSE), name[:NAME_MOST])
        self._counts[key] = self._counts.get(key, 0) + count

    def clear(self) -> None:
        """Nothing of it happened."""
        self._counts.clear()

    def write(self, connection: sqlite3.Connection) -> None:
        """Add it to the rows; called before the commit."""
        rows = [(*key, count) for key, count in self._counts.items() if count]
        if rows:
            connection.execute(_ADD, (json_array(rows),))
        self._counts.clear()


_ADD: Final = (
    "INSERT INTO tally (kind, at, name, count) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),"
    " json_extract(value, '$[2]'), json_extract(value, '$[3]') FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count"
)


def count_decisions(
    counting: Counting, last_rule: str, kinds: dict[int, InboxKind], settled: Iterable[Settled], at: int
) -> None:
    """Count what was decided about one person, in its order. ``last_rule`` is the one that answered before; ``kinds`` tells by inbox
    number what was decided on."""
    before = last_rule
    for one in settled:
        decision = one.decision
        if decision is None or decision.outcome == "held":
            continue
        because = decision.because
        if because.layer == "nothing_matched":
            counting.add("unmatched", at)
        if kinds.get(one.inbox_id) in _ANSWERS and _answers(decision):
            counting.add("answered", at)
        rule = because.path[-1] if because.path else ""
        if rule and rule[0] != "_":
            counting.add("matched", at, rule)
            goes_on = rule == before and because.layer in ("question", "call")
            if before and before[0] != "_" and not goes_on:
                counting.add("led_to", at, f"{before} > {rule}")
        before = decision.state.last_rule


def _answers(decision: Decision) -> bool:
    """Whether the message ends here with an answer. Where a backend is asked, its answer is what the person gets, and counts once."""
    answers = False
    for effect in decision.effects:
        if isinstance(effect, Call):
            return False
        answers = answers or (isinstance(effect, Send) and effect.answers)
    return answers


def count_delays(counting: Counting, received: Iterable[int], at: int) -> None:
    """Messages that Sinch accepted at ``at``, by when what they answer was received (both microseconds)."""
    for received_at in received:
        milliseconds = max(0, -((received_at - at) // 1000))  # upwards: a step's bound is its own
        step = bisect_left(DELAY_STEPS, milliseconds)
        counting.add("delay", at, str(DELAY_STEPS[min(step, len(DELAY_STEPS) - 1)]))


# A message is lost when it surely never arrived: it ended without leaving, or by a receipt; each attempt that may have left has failed by
# a receipt, and none is to come. The mark makes it count once, in whatever order receipts come.
_LOST: Final = """
    UPDATE outbox SET lost = 1 WHERE seq IN (SELECT value FROM json_each(?)) AND lost = 0 AND kind = 'message'
        AND (state IN ('failed', 'expired') OR delivery = 9) AND state NOT IN ('queued', 'waiting') AND delivery IN (0, 9)
        AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.outbox = outbox.seq AND a.outcome IN ('', 'sent', 'unknown')
            AND a.delivery <> 9)
    RETURNING rule, state, delivery, reason, seq
"""


def count_lost(connection: sqlite3.Connection, counting: Counting, seqs: Iterable[int], at: int) -> None:
    """Of these messages, which have just ended or failed, count those that surely never arrived and were not counted before."""
    listed = json_array(seqs)
    if listed == "[]":
        return
    lost = connection.execute(_LOST, (listed,)).fetchall()
    attempts = _last_attempts(connection, [row[4] for row in lost if row[2] != 9])
    for rule, state, delivery, reason, seq in lost:
        counting.add("failed", at)
        if delivery == 9:
            counting.add("reason", at, name_of_receipt(_reason(reason)))
        else:
            counting.add("reason", at, name_of_end(state, reason, *attempts.get(seq, (0, ""))))
        if rule and rule[0] != "_":
            counting.add("undelivered", at, rule)


def _reason(text: str) -> Reason:
    parts = orjson.loads(text) if text.startswith("[") else [""]
    return Reason(*(str(part or "") for part in parts[:4]))


def _last_attempts(connection: sqlite3.Connection, seqs: Sequence[int]) -> dict[int, tuple[Any, Any]]:
    """Status and code of the last attempt of each."""
    if not seqs:
        return {}
    rows = connection.execute(
        "SELECT o.seq, a.status, a.code FROM outbox o JOIN attempt a ON a.outbox = o.seq AND a.number = o.attempts"
        " WHERE o.seq IN (SELECT value FROM json_each(?))",
        (json_array(seqs),),
    ).fetchall()
    return {seq: (status, code) for seq, status, code in rows}
