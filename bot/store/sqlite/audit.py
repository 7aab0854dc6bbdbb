"""The invariants as questions to the database. Each answer names what breaks one; a sound database answers nothing.

Looks at one snapshot through a connection that need not write; the numbers I1 to I12 are those of ``docs/guarantees.md``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

# name, what a row of the answer means, question
_QUESTIONS = (
    ("I2", "inbox rows {0} share the key {1}", """
        SELECT group_concat(id), dedup FROM inbox GROUP BY app, dedup HAVING count(*) > 1
    """),
    ("I3", "inbox row {0} is {1}, yet outbox row {2} came of it", """
        SELECT i.id, i.state, o.id FROM outbox o JOIN inbox i ON i.id = CAST(o.origin_id AS INTEGER) WHERE o.origin =
        'rule' AND i.state <> 'decided'
    """),
    ("I3", "inbox row {0} is {1} and has a trace as if it were decided", """
        SELECT i.id, i.state FROM inbox i JOIN trace t ON t.inbox = i.id WHERE i.state IN ('pending', 'dead')
    """),
    ("I3", "inbox row {0} is decided and nothing says why", """
        SELECT i.id FROM inbox i LEFT JOIN trace t ON t.inbox = i.id WHERE i.state = 'decided' AND i.kind <> 'receipt'
        AND t.inbox IS NULL
    """),
    ("I3", "timer {1} of person {0} has fired and is still set", """
        SELECT t.person, t.name FROM timer t JOIN person p ON p.id = t.person JOIN inbox i ON i.app = p.app
        AND i.dedup = 'timer:' || t.person || ':' || t.name || ':' || t.due_at
    """),
    ("I4", "messages {0} and {1} to person {2} overlapped", """
        SELECT before, outbox, person FROM (
            SELECT a.outbox, a.started_at, o.person, lag(a.outbox) OVER lane AS before,
                lag(coalesce(a.ended_at, 1 << 62)) OVER lane AS until
            FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE o.kind = 'message'
            WINDOW lane AS (PARTITION BY o.person ORDER BY a.id)
        ) WHERE until > started_at
    """),
    ("I5", "outbox row {0} names inbox row {1}, which is not there", """
        SELECT o.id, o.origin_id FROM outbox o LEFT JOIN inbox i ON i.id = CAST(o.origin_id AS INTEGER) WHERE o.origin
        = 'rule' AND i.id IS NULL
    """),
    ("I7", "attempt {0} to person {1} started after their STOP was committed", """
        SELECT a.id, o.person FROM attempt a JOIN outbox o ON o.seq = a.outbox
        WHERE o.kind = 'message' AND o.confirms_stop = 0 AND (o.answers = 0 OR NOT :answers_after_stop)
        AND (SELECT c.state FROM consent c WHERE c.person = o.person AND c.purpose = 'all' AND
             c.recorded_at < a.started_at + (c.state = 'opted_in') ORDER BY c.id DESC LIMIT 1) = 'stopped'
    """),
    ("I7", "person {0} is stopped {1}, opted_in {2}, marketing {3}, and the ledger says stopped {4}, opted_in {5}, marketing {6}", """
        SELECT * FROM (SELECT p.id, p.stopped, p.opted_in, p.marketing, coalesce(a.state = 'stopped', 0) AS stop,
            coalesce(a.state = 'opted_in', 0) AS opt, coalesce(m.state, 'unknown') AS says FROM person p
            LEFT JOIN consent a ON a.id = (SELECT c.id FROM consent c WHERE c.person = p.id AND c.purpose = 'all'
                ORDER BY c.at DESC, c.state = 'stopped' DESC, c.id DESC LIMIT 1)
            LEFT JOIN consent m ON m.id = (SELECT c.id FROM consent c WHERE c.person = p.id AND c.purpose = 'marketing'
                ORDER BY c.at DESC, c.state = 'stopped' DESC, c.id DESC LIMIT 1))
        WHERE stopped <> stop OR opted_in <> opt OR marketing <> says
    """),
    ("I9", "outbox row {0} was submitted {1} times, and its attempts say {2}", """
        SELECT o.id, o.submissions, count(a.id) FROM outbox o LEFT JOIN attempt a ON a.outbox = o.seq AND a.outcome IN
        ('sent', 'unknown') GROUP BY o.seq HAVING o.submissions <> count(a.id) OR o.submissions > 2
    """),
    ("I9", "call {0} may be made once only, and was made {1} times", """
        SELECT id, submissions FROM outbox WHERE kind = 'call' AND submissions > 1
        AND json_extract(payload, '$.method') <> 'GET'
    """),
    ("I9", "outbox row {0} is {1} with {2} open attempts", """
        SELECT o.id, o.state, count(a.id) FROM outbox o LEFT JOIN attempt a ON a.outbox = o.seq AND a.outcome = ''
        GROUP BY o.seq HAVING count(a.id) <> (o.state = 'sending')
    """),
    ("I10", "outbox row {0} shows delivery {1}, and its submissions reached {2}", """
        SELECT o.id, o.delivery, max(CASE a.delivery WHEN 9 THEN 0 ELSE a.delivery END) AS best FROM outbox o JOIN
        attempt a ON a.outbox = o.seq GROUP BY o.seq HAVING o.delivery NOT IN (best, 9) OR (o.delivery = 9 AND best >=
        2)
    """),
    ("I11", "inbox row {0} was decided with rulebook {1}, which is not stored", """
        SELECT t.inbox, t.pinned FROM trace t LEFT JOIN rulebook r ON r.number = t.pinned WHERE t.pinned <> 0
        AND r.number IS NULL
    """),
    ("I12", "inbox row {0} is held, and no call of person {1} is under way", """
        SELECT i.id, i.person FROM inbox i LEFT JOIN lane l ON l.person = i.person WHERE i.state = 'pending'
        AND i.held = 1 AND json_extract(nullif(l.state, ''), '$.call') IS NULL
    """),
    ("I12", "inbox row {0} is pending and its lane will never be looked at", """
        SELECT i.id FROM inbox i JOIN lane l ON l.person = i.person WHERE i.state = 'pending' AND l.ready_at IS NULL
    """),
    ("I12", "outbox row {0} is queued and its lane will never be looked at", """
        SELECT o.id FROM outbox o JOIN lane l ON l.person = o.person WHERE o.kind = 'message' AND o.state = 'queued'
        AND l.send_at IS NULL AND NOT EXISTS (SELECT 1 FROM outbox f WHERE f.person = o.person AND f.kind = 'message'
        AND f.state IN ('sending', 'unknown'))
    """),
)  # fmt: skip


def broken(connection: sqlite3.Connection, answers_after_stop: bool = False) -> Iterator[str]:
    """A sentence for every row that breaks an invariant. ``answers_after_stop``: the rules said ``after_stop: answer`` at some time."""
    for name, sentence, question in _QUESTIONS:
        for row in connection.execute(question, {"answers_after_stop": answers_after_stop}):
            yield f"{name}: {sentence.format(*row)}."
