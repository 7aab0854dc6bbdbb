"""What is asked about messages, calls and their attempts."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

from typing import Final

from bot.core.ledger import CHANNEL_TOLD, PERSON_WROTE
from bot.store.sqlite.audit.question import Question, moment
from bot.store.sqlite.forgetting import NO_LONGER_KEPT

_DAY_US: Final = 86_400_000_000
_OWN_REFUSALS: Final = "('stopping', 'stale', 'clock_wrong')"  # of bot.work.outbox: nobody was asked
_KEPT: Final = f"instr(o.payload, '{NO_LONGER_KEPT}') = 0"
_LEAKS: Final = "Stop the server, so that nothing more leaves; make a backup, and report it with the log."

MESSAGES: Final = (
    Question("I4", "messages {0} and {1} to person {2} overlapped", """
        SELECT before, outbox, person FROM (
            SELECT a.outbox, a.started_at, o.person, lag(a.outbox) OVER lane AS before,
                lag(coalesce(a.ended_at, 1 << 62)) OVER lane AS until
            FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE o.kind = 'message'
            WINDOW lane AS (PARTITION BY o.person ORDER BY a.id)
        ) WHERE until > started_at
    """),
    Question("I5", "outbox row {0} names inbox row {1}, which is not there", """
        SELECT o.id, o.origin_id FROM outbox o LEFT JOIN inbox i ON i.id = CAST(o.origin_id AS INTEGER)
        WHERE o.origin = 'rule' AND i.id IS NULL
    """),
    Question("I5", "message {0} is for person {1}, and goes to an address that is not theirs", """
        SELECT o.id, o.person FROM outbox o LEFT JOIN identity i ON i.app = o.app AND i.channel = o.channel AND i.identity = o.identity
        WHERE o.kind = 'message' AND i.person IS NOT o.person
    """, _LEAKS),
    Question("I5", "person {0} has no address", """
        SELECT p.id FROM person p WHERE p.merged_into IS NULL AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.person = p.id)
    """),
    Question("I5", "message {0} is of campaign {1}, which does not have line {2}", """
        SELECT o.id, o.origin_id, o.position FROM outbox o LEFT JOIN recipient r ON r.campaign = CAST(o.origin_id AS INTEGER)
        AND r.line = o.position WHERE o.origin = 'campaign' AND r.line IS NULL
    """),
    Question("I5", "line {1} of campaign {0} is {2}, and message {3} came of it", """
        SELECT r.campaign, r.line, r.state, o.id FROM outbox o JOIN recipient r ON r.campaign = CAST(o.origin_id AS INTEGER)
        AND r.line = o.position WHERE o.origin = 'campaign' AND r.state <> 'placed'
    """),
    Question("I5", "line {1} of campaign {0} is placed, and no message came of it", """
        SELECT r.campaign, r.line FROM recipient r WHERE r.state = 'placed' AND NOT EXISTS (SELECT 1 FROM outbox o
            WHERE o.origin = 'campaign' AND o.origin_id = CAST(r.campaign AS TEXT) AND o.position = r.line)
    """),
    Question("I5", "campaign {0} is done, and line {1} of it never had its turn", """
        SELECT c.id, r.line FROM campaign c JOIN recipient r ON r.campaign = c.id AND r.state = 'pending' WHERE c.state = 'done'
    """),
    Question("I5", "message {0} is said to come of a request, and names another one", """
        SELECT id FROM outbox WHERE kind = 'message' AND origin IN ('api', 'person') AND origin_id <> id
    """),
    Question("I5", "callback {0} is for subscription {1}, which is not there", """
        SELECT o.id, o.subscription FROM outbox o LEFT JOIN subscription s ON s.id = o.subscription
        WHERE o.kind = 'callback' AND s.id IS NULL
    """),
    # Of the last 30 days, as no event is forgotten sooner. What was copied in, and reactions, are ignored without a reason.
    Question("I6", "free-form message {0} to person {1} was tried at {2}, outside the window", f"""
        SELECT o.id, o.person, {moment("a.started_at")} FROM attempt a JOIN outbox o ON o.seq = a.outbox
        WHERE a.started_at > (SELECT started_at FROM attempt ORDER BY id DESC LIMIT 1) - 30 * {_DAY_US}
        AND o.kind = 'message' AND json_extract(o.payload, '$.kind') NOT IN ('template', 'omni') AND {_KEPT}
        AND NOT coalesce((SELECT i.written_at + :open_for > a.started_at AND i.kind = 'inbound' FROM inbox i
            WHERE o.origin = 'rule' AND i.id = CAST(o.origin_id AS INTEGER)), 0)
        AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.person = o.person AND i.kind = 'inbound'
            AND i.written_at + :open_for > a.started_at AND (i.state <> 'ignored' OR i.why <> ''))
    """),
    # No event that opened a window that is still open is forgotten.
    Question("I6", "the window of person {0} is open until {1}, and nothing they wrote opened it for so long", f"""
        SELECT w.person, {moment("w.closes_at")} FROM identity w WHERE w.closes_at > :old AND NOT EXISTS (SELECT 1 FROM inbox i
            WHERE i.person = w.person AND i.kind = 'inbound' AND i.written_at + {_DAY_US} >= w.closes_at)
    """, _LEAKS, is_aged=True),
    Question("I7", "attempt {0} to person {1} started after their STOP was committed", """
        SELECT a.id, o.person FROM attempt a JOIN outbox o ON o.seq = a.outbox
        WHERE o.kind = 'message' AND o.confirms_stop = 0 AND (o.answers = 0 OR NOT :answers_after_stop)
        AND (SELECT c.state FROM consent c WHERE c.person = o.person AND c.purpose = 'all' AND
             c.recorded_at < a.started_at + (c.state = 'opted_in') ORDER BY c.id DESC LIMIT 1) = 'stopped'
    """, _LEAKS),
    Question("I7", "attempt {0} with marketing to person {1} started after they had stopped marketing", """
        SELECT a.id, o.person FROM outbox o JOIN attempt a ON a.outbox = o.seq WHERE o.kind = 'message' AND o.category = 'marketing'
        AND (SELECT c.state FROM consent c WHERE c.person = o.person AND c.purpose = 'marketing' AND
             c.recorded_at < a.started_at + (c.state = 'opted_in') ORDER BY c.at DESC, c.state = 'stopped' DESC, c.id DESC LIMIT 1)
            = 'stopped'
    """, _LEAKS),
    Question("I7", "person {0} was sent {1} confirmations of {2} STOPs", """
        SELECT o.person, count(*) AS sent, (SELECT count(*) FROM consent c WHERE c.person = o.person AND c.purpose = 'all'
            AND c.state = 'stopped') AS stops
        FROM outbox o WHERE o.kind = 'message' AND o.confirms_stop = 1 AND o.submissions > 0 GROUP BY o.person HAVING sent > stops
    """),
    Question("I7",
        "person {0} is stopped {1}, opted_in {2}, marketing {3}, and the ledger says stopped {4}, opted_in {5}, marketing {6}", """
        SELECT * FROM (SELECT p.id, p.stopped, p.opted_in, p.marketing, coalesce(a.state = 'stopped', 0) AS stop,
            coalesce(a.state = 'opted_in', 0) AS opt, coalesce(m.state, 'unknown') AS says FROM person p
            LEFT JOIN consent a ON a.id = (SELECT c.id FROM consent c WHERE c.person = p.id AND c.purpose = 'all'
                ORDER BY c.at DESC, c.state = 'stopped' DESC, c.id DESC LIMIT 1)
            LEFT JOIN consent m ON m.id = (SELECT c.id FROM consent c WHERE c.person = p.id AND c.purpose = 'marketing'
                ORDER BY c.at DESC, c.state = 'stopped' DESC, c.id DESC LIMIT 1))
        WHERE stopped <> stop OR opted_in <> opt OR marketing <> says
    """),
    # Their own words lose their event where they are carried into a restored backup; others' needed a proof from the first.
    Question("I7", "row {0} of the ledger opts person {1} in ({2}) after a STOP, and neither an event nor a proof says why", f"""
        SELECT g.id, g.person, g.purpose FROM consent g JOIN (SELECT 'all' AS purpose UNION ALL SELECT 'marketing') f
            ON f.purpose IN ('all', g.purpose) WHERE g.state = 'opted_in' AND g.inbox IS NULL AND trim(g.proof) = ''
        AND g.source NOT IN ('{PERSON_WROTE}', '{CHANNEL_TOLD}') AND (SELECT c.state FROM consent c WHERE c.person = g.person
            AND c.purpose = f.purpose AND c.id < g.id ORDER BY c.at DESC, c.state = 'stopped' DESC, c.id DESC LIMIT 1) = 'stopped'
    """, _LEAKS),
    Question("I7", "person {0} was erased as stopped at {1} and came back, and the ledger does not say so", f"""
        SELECT i.person, {moment("e.erased_at")} FROM identity i
        JOIN erased e ON e.identity_hmac = parley_hmac(i.app, i.channel, i.identity) AND e.stopped & 1
        WHERE EXISTS (SELECT 1 FROM erased) AND NOT EXISTS (SELECT 1 FROM consent c WHERE c.person = i.person
            AND c.purpose = 'all' AND c.state = 'stopped' AND c.recorded_at >= e.erased_at)
    """, _LEAKS),
    Question("I8", "idempotency keys {0} all led to message {1}", """
        SELECT group_concat(i.key), o.id FROM idempotency i JOIN outbox o ON o.seq = i.outbox
        GROUP BY i.outbox HAVING count(*) > 1
    """),
    Question("I8", "idempotency key {0} of API key {1} is kept without what the request said", """
        SELECT key, api_key FROM idempotency WHERE body_hash = ''
    """),
    Question("I8", "campaigns {0} came of one idempotency key, {1}", """
        SELECT min(a.id, b.id) || ' and ' || max(a.id, b.id), a.key FROM campaign a JOIN campaign b ON b.api_key = a.api_key
        AND b.key = a.key AND b.id > a.id AND abs(b.created_at - a.created_at) < 604800000000
        WHERE a.key <> '' AND a.state <> 'storing' AND b.state <> 'storing'
    """),
    Question("I9", "outbox row {0} was submitted {1} times, and its attempts say {2}", """
        SELECT o.id, o.submissions, count(a.id) FROM outbox o LEFT JOIN attempt a ON a.outbox = o.seq
        AND a.outcome IN ('sent', 'unknown') GROUP BY o.seq HAVING o.submissions <> count(a.id) OR o.submissions > 2
    """),
    Question("I9", "outbox row {0} had {1} attempts, and they are numbered {2}", """
        SELECT o.id, o.attempts, coalesce(group_concat(a.number), 'not at all') FROM outbox o
        LEFT JOIN attempt a ON a.outbox = o.seq GROUP BY o.seq
        HAVING o.attempts <> count(a.id) OR o.attempts <> coalesce(max(a.number), 0)
    """),
    Question("I9", "call {0} may be made once only, and was made {1} times", """
        SELECT id, submissions FROM outbox WHERE kind = 'call' AND submissions > 1
        AND json_extract(payload, '$.method') <> 'GET'
    """),
    Question("I9", "message {0} may be submitted once only, and was {1} times", """
        SELECT id, submissions FROM outbox WHERE kind = 'message' AND at_most_once = 1 AND submissions > 1
    """),
    Question("I9", "outbox row {0} is {1} with {2} open attempts", """
        SELECT o.id, o.state, count(a.id) FROM outbox o LEFT JOIN attempt a ON a.outbox = o.seq AND a.outcome = ''
        GROUP BY o.seq HAVING count(a.id) <> (o.state = 'sending')
    """),
    Question("I9", "the {0} {1} was tried again after attempt {2} had ended {3}", """
        SELECT o.kind, o.id, a.number, a.outcome FROM attempt a JOIN outbox o ON o.seq = a.outbox
        WHERE o.kind <> 'callback' AND a.outcome IN ('sent', 'failed') AND a.number < o.attempts
    """),
    Question("I9", "message {0} is sent, and its attempts ended {1}", """
        SELECT o.id, coalesce(group_concat(a.outcome), 'never, as there is none') FROM outbox o
        LEFT JOIN attempt a ON a.outbox = o.seq WHERE o.kind = 'message' AND o.state = 'sent' GROUP BY o.seq
        HAVING NOT coalesce(max(a.outcome = 'sent' OR (a.outcome = 'unknown' AND a.message_id <> '')), 0)
    """),
    Question("I9", "message {0} is {1}, and its attempt {2} ended sent", """
        SELECT o.id, o.state, a.number FROM attempt a JOIN outbox o ON o.seq = a.outbox
        WHERE o.kind = 'message' AND a.outcome = 'sent' AND o.state <> 'sent'
    """),
    Question("I9", "attempt {1} of message {0} started {2} ms after one that was refused started", f"""
        SELECT o.id, b.number, (b.started_at - a.started_at) / 1000 FROM attempt a JOIN outbox o ON o.seq = a.outbox
        JOIN attempt b ON b.outbox = a.outbox AND b.number = a.number + 1 WHERE a.outcome = 'retry' AND o.kind = 'message'
        AND a.code NOT IN {_OWN_REFUSALS} AND a.ended_at >= a.started_at
        AND b.started_at - a.started_at < 500000 * min(1 << min(a.number - 1, 20), 300)
    """),
    Question("I9", "message {0} was refused at {1} and is only tried again at {2}", f"""
        SELECT o.id, {moment("a.ended_at")}, {moment("o.due_at")} FROM outbox o JOIN attempt a ON a.outbox = o.seq
        AND a.number = o.attempts WHERE o.kind = 'message' AND o.state = 'queued' AND a.outcome = 'retry'
        AND o.due_at > a.ended_at + 901000000
    """),
    # What Sinch refused, with a code, and a receipt says it took all the same, was in no doubt then.
    Question("I9", "attempt {1} of message {0} was in doubt from {2} on, and it was sent again before 30 s had passed", f"""
        SELECT o.id, a.number, {moment("a.started_at")} FROM attempt a JOIN outbox o ON o.seq = a.outbox
        JOIN attempt b ON b.outbox = a.outbox AND b.number = a.number + 1 WHERE a.outcome = 'unknown' AND o.kind = 'message'
        AND a.code = '' AND a.ended_at >= a.started_at AND b.started_at - a.started_at < 30000000
    """),
    Question("I9", "message {0} was tried at {1}, when its time was over", f"""
        SELECT o.id, {moment("a.started_at")} FROM attempt a JOIN outbox o ON o.seq = a.outbox WHERE o.kind = 'message'
        AND a.started_at >= coalesce(o.not_after, max(o.created_at, coalesce(o.not_before, 0))
            + CASE WHEN o.if_closed = '"wait"' OR NOT {_KEPT} THEN 7 ELSE 1 END * {_DAY_US})
    """),
)  # fmt: skip
