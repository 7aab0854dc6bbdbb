"""The numbers of a large database, added up from its rows as the program would have counted them."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from bot.store.sqlite.times import to_us
from bot.store.tallies import COARSE, FINE, KEPT_FINE

_FINE_US = FINE // timedelta(microseconds=1)
_HOUR_US = COARSE // timedelta(microseconds=1)
_ANSWERS = (
    "20",
    "25",
    "25",
    "30",
    "40",
    "80",
    "250",
)  # milliseconds that an answer took, as a quiet server's are spread

# Each takes the beginning of the time that is counted.
_STATEMENTS = (
    ("received", _FINE_US, "'', count(*) FROM inbox WHERE kind = 'inbound' AND person IS NOT NULL AND {at} >= ?", "received_at"),
    ("answered", _FINE_US, "'', count(*) FROM trace WHERE layer <> 'none' AND rule <> '' AND {at} >= ?", "decided_at"),
    ("unmatched", _FINE_US, "'', count(*) FROM trace WHERE layer = 'nothing_matched' AND {at} >= ?", "decided_at"),
    ("sent", _FINE_US, "'', count(*) FROM outbox WHERE state = 'sent' AND {at} >= ?", "ended_at"),
    ("failed", _FINE_US, "'', count(*) FROM outbox WHERE lost = 1 AND {at} >= ?", "ended_at"),
    ("matched", _HOUR_US, "rule, count(*) FROM trace WHERE rule <> '' AND {at} >= ?", "decided_at"),
    ("undelivered", _HOUR_US, "rule, count(*) FROM outbox WHERE lost = 1 AND rule <> '' AND {at} >= ?", "ended_at"),
    ("reason", _HOUR_US, "code, count(*) FROM attempt WHERE outcome = 'failed' AND code <> '' AND {at} >= ?", "ended_at"),
)  # fmt: skip
_LED_TO = (
    "INSERT INTO tally (kind, at, name, count) SELECT 'led_to', decided_at - decided_at % ?1, earlier || ' > ' || rule, count(*)"
    " FROM (SELECT decided_at, rule, lag(rule) OVER (PARTITION BY person ORDER BY inbox) AS earlier FROM trace WHERE rule <> '')"
    " WHERE earlier IS NOT NULL AND decided_at >= ?2 GROUP BY 2, 3"
)


def add_up(connection: sqlite3.Connection, now: datetime) -> None:
    """Fill ``tally`` for as long back as five minutes are kept."""
    since = to_us(now - KEPT_FINE)
    for kind, step, what, at in _STATEMENTS:
        named = "1, 2, 3" if step == _HOUR_US else "1, 2"
        connection.execute(
            f"INSERT INTO tally (kind, at, name, count) SELECT '{kind}', {at} - {at} % {step}, {what.format(at=at)} GROUP BY {named}",
            (since,),
        )
    connection.execute(_LED_TO, (_HOUR_US, since))
    connection.executemany(
        "INSERT INTO tally (kind, at, name, count) SELECT 'delay', at, ?, max(1, count / ?) FROM tally WHERE kind = 'answered'"
        " ON CONFLICT DO UPDATE SET count = count + excluded.count",
        [(name, len(_ANSWERS)) for name in _ANSWERS],
    )
