"""What is asked about receipts, rulebooks, numbers, and rows that name others."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

from typing import Final

from bot.store.sqlite.audit.question import Question, moment

_FINE_US: Final = 300_000_000
_HOUR_US: Final = 3_600_000_000

# A receipt counts where it was decided, or adopted by a message that learnt its own id later.
_COUNTS: Final = "(i.state = 'decided' OR (i.state = 'ignored' AND i.person IS NULL))"
# Whichever came first counts; of those that came at once, or before anybody knew whose they were, either may.
_EARLIER: Final = (
    "EXISTS (SELECT 1 FROM receipt e JOIN inbox ei ON ei.id = e.inbox WHERE e.outbox = r.outbox AND e.message_id = r.message_id"
    " AND e.status IN ({}) AND (e.inbox < r.inbox OR ei.settled_at <= i.settled_at OR i.person IS NULL))"
)
_RANK: Final = (
    "CASE r.status WHEN 'QUEUED_ON_CHANNEL' THEN 1 WHEN 'SWITCHING_CHANNEL' THEN 1 WHEN 'DELIVERED' THEN 2"
    " WHEN 'READ' THEN 3 WHEN 'FAILED' THEN 9 ELSE 0 END"
)
# Of whom a body was forgotten, the receipt went with it.
_FORGOTTEN: Final = (
    "SELECT person FROM inbox WHERE kind = 'receipt' AND state = 'decided' AND raw IS NULL AND person IS NOT NULL"
)

RECEIPTS: Final = (
    Question("I10", "outbox row {0} shows delivery {1}, and its submissions reached {2}", """
        SELECT o.id, o.delivery, max(CASE a.delivery WHEN 9 THEN 0 ELSE a.delivery END) AS best FROM outbox o
        JOIN attempt a ON a.outbox = o.seq GROUP BY o.seq
        HAVING o.delivery NOT IN (best, 9) OR (o.delivery = 9 AND best >= 2)
    """),
    Question("I10", "receipt {0} tells of Sinch's message {1}, which is {2}, and counts for nobody", """
        SELECT r.inbox, r.message_id, o.id FROM receipt r JOIN attempt a ON a.message_id = r.message_id AND a.message_id <> ''
        JOIN outbox o ON o.seq = a.outbox WHERE r.outbox IS NULL AND o.kind = 'message'
    """),
    Question("I10", "receipt {0} told {1} of message {2}, whose submission shows {3}", f"""
        SELECT r.inbox, r.status, o.id, a.delivery FROM receipt r JOIN inbox i ON i.id = r.inbox JOIN outbox o ON o.seq = r.outbox
        JOIN attempt a ON a.outbox = r.outbox AND a.message_id = r.message_id WHERE {_COUNTS} AND o.person NOT IN ({_FORGOTTEN})
        AND CASE r.status
            WHEN 'FAILED' THEN a.delivery <> 9 AND NOT (a.delivery IN (2, 3) AND {_EARLIER.format("'DELIVERED', 'READ'")})
            ELSE a.delivery < {_RANK} OR (a.delivery = 9 AND {_RANK} >= 2 AND NOT {_EARLIER.format("'FAILED'")}) END
    """),
    Question("I10", "message {0} shows delivery {1} by its attempt {2}, and no receipt told that", f"""
        SELECT o.id, a.delivery, a.number FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE o.kind = 'message'
        AND a.delivery > 0 AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.outbox = o.seq AND {_RANK} = a.delivery)
        AND o.person NOT IN ({_FORGOTTEN})
    """),
)  # fmt: skip

_ANY: Final = "EXISTS (SELECT 1 FROM rulebook)"  # a database in which no rules ever went live decided nothing by them

RULEBOOKS: Final = (
    Question("I11", "inbox row {0} was decided with rulebook {1}, which is not stored", f"""
        SELECT t.inbox, t.version FROM trace t LEFT JOIN rulebook r ON r.number = t.version WHERE r.number IS NULL AND {_ANY}
    """),
    Question("I11", "inbox row {0} was decided by the pinned rulebook {1}, which is not stored", """
        SELECT t.inbox, t.pinned FROM trace t LEFT JOIN rulebook r ON r.number = t.pinned
        WHERE t.pinned <> 0 AND r.number IS NULL
    """),
    Question("I11", "person {0} is in the middle of a question of rulebook {1}, which is not stored", f"""
        SELECT l.person, l.pinned FROM lane l LEFT JOIN rulebook r ON r.number = l.pinned
        WHERE l.pinned IS NOT NULL AND r.number IS NULL AND {_ANY}
    """),
    Question("I11", "person {0} is pinned to rulebook {1}, and what is open with them is of {2}", """
        SELECT person, coalesce(pinned, 'none'), coalesce(open, 'none') FROM (SELECT person, pinned,
            coalesce(json_extract(state, '$.question.version'), json_extract(state, '$.call.version')) AS open
            FROM lane WHERE state <> '') WHERE pinned IS NOT open
    """),
    Question("I11", "timer {1} of person {0} was set by rulebook {2}, which is not stored", f"""
        SELECT t.person, t.name, t.version FROM timer t LEFT JOIN rulebook r ON r.number = t.version
        WHERE t.version <> 0 AND r.number IS NULL AND {_ANY}
    """),
)  # fmt: skip


def _tally(kind: str, step_us: int, name: str, what: str, at: str, has_more: bool = False) -> Question:
    """Numbers that say something else than their rows. The first of them may be of part of its time only: what is older was not counted,
    or is counted no longer; and rows of somebody who was erased are gone. ``has_more``: not everything that is counted left a row."""
    more = "0" if has_more else "coalesce(c, 0) > coalesce(r, 0) AND NOT EXISTS (SELECT 1 FROM erased)"
    return Question("I3", f"{{2}} are counted as {kind} {{1}} at {{0}}, and the rows of that time are {{3}}", f"""
        WITH counted AS MATERIALIZED (SELECT at, name, sum(count) AS n FROM tally WHERE kind = '{kind}' GROUP BY 1, 2),
        rows AS MATERIALIZED (SELECT {at} - {at} % {step_us} AS at, {name} AS name, count(*) AS n FROM {what} GROUP BY 1, 2),
        whole AS MATERIALIZED (SELECT first + EXISTS (SELECT 1 FROM rows WHERE rows.at < first) AS since
            FROM (SELECT min(at) AS first FROM counted))
        SELECT {moment("at")}, name, coalesce(c, 0), coalesce(r, 0) FROM (
            SELECT at, name, max(c) AS c, max(r) AS r FROM (SELECT at, name, n AS c, NULL AS r FROM counted
                UNION ALL SELECT at, name, NULL, n FROM rows) GROUP BY 1, 2
        ) JOIN whole ON at >= since
        WHERE coalesce(c, 0) < coalesce(r, 0) OR ({more})
    """, "The charts are wrong for that time, and nothing else is. Report it with the log of that time.")  # fmt: skip


TALLIES: Final = (
    _tally("sent", _FINE_US, "''", "outbox WHERE kind = 'message' AND state = 'sent'", "ended_at"),
    _tally("unmatched", _FINE_US, "''", "trace WHERE layer = 'nothing_matched'", "decided_at"),
    _tally(
        "matched",
        _HOUR_US,
        "substr(rule, 1, 200)",
        "trace WHERE rule <> '' AND substr(rule, 1, 1) <> '_'",
        "decided_at",
        has_more=True,  # a template that stands in for a message leaves no trace of its own
    ),
    _tally("campaign_sent", _FINE_US, "origin_id", "outbox WHERE origin = 'campaign' AND state = 'sent'", "ended_at"),
)

REFERENCES: Final = tuple(
    Question("I5", f"row {{1}} of {table} names a row of {{2}} that is not there", f"""
        SELECT "table", coalesce(rowid, '?'), parent FROM pragma_foreign_key_check('{table}')
    """)
    for table in (
        "identity", "lane", "inbox", "trace", "outbox", "attempt", "receipt", "consent", "timer", "rulebook_live", "idempotency",
        "news", "recipient",
    )
)  # fmt: skip
