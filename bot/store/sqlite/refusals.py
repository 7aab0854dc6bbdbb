"""Messages that Sinch refuses outright: no receipt will ever tell of them, so Parley tells itself, in the transaction that ends them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from bot.core.event import ContactKey, Reason, SendFailed
from bot.store.sqlite.memory import Memory
from bot.store.sqlite.receipts import AFTER_FAILURE
from bot.store.sqlite.recording import Own, record_own
from bot.store.sqlite.sets import json_array
from bot.store.sqlite.times import to_us
from bot.store.units import InboxKind, Rejected

# Surely never arrived: nothing says that it did, and each attempt that may have left has failed by a receipt. Where one may still be under
# way, its own receipt tells.
_LOST = f"""
    SELECT o.seq, o.person, o.id, o.app, o.channel, o.identity, o.rule FROM outbox o
    WHERE o.seq IN (SELECT value FROM json_each(?)) AND o.kind = 'message' AND NOT {AFTER_FAILURE}
        AND NOT EXISTS (SELECT 1 FROM receipt e WHERE e.outbox = o.seq AND e.status IN ('DELIVERED', 'READ'))
        AND (SELECT count(DISTINCT e.message_id) FROM receipt e WHERE e.outbox = o.seq AND e.status = 'FAILED')
            >= (SELECT count(*) FROM attempt a WHERE a.outbox = o.seq AND a.outcome IN ('', 'sent', 'unknown'))
"""  # noqa: S608 our own words


def tell_of_refused(
    memory: Memory, connection: sqlite3.Connection, refused: Mapping[int, Rejected], now: datetime
) -> None:
    """Record the event that the final failure of each message (by its ``seq``) is; never for what was said because another failed."""
    rows = connection.execute(_LOST, (json_array(refused),)).fetchall()
    if not rows:
        return
    own = [
        Own(InboxKind.RECEIPT, person, to_us(now), _event(id_, ContactKey(*contact), rule, refused[seq], now))
        for seq, person, id_, *contact, rule in rows
    ]
    record_own(memory, connection, own, now)


def _event(outbox_id: str, contact: ContactKey, rule: str, outcome: Rejected, now: datetime) -> SendFailed:
    reason = Reason(outcome.code, outcome.sentence)
    return SendFailed(f"refused:{outbox_id}", contact, rule, outbox_id, now, now, reason)
