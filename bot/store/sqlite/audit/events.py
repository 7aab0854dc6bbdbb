"""What is asked about events, and about what is still to come: lanes, timers, calls."""

# ruff: noqa: S608 - every statement is of our own words

from __future__ import annotations

from typing import Final

from bot.store.sqlite.audit.question import RUNNING, Question, moment
from bot.store.sqlite.lanes import READY

TRIES_MOST: Final = 3
_LANE: Final = (
    "This must never be, and a restart of the server does not mend it: make a backup, and report it with the log."
)
_DAY_US: Final = 86_400_000_000
_LEASE_US: Final = 120_000_000
_PATIENCE_US: Final = 600_000_000  # how long a look at Sinch's list is tried, see bot.work.reconcile

EVENTS: Final = (
    Question("I2", "inbox rows {0} share the key {1}", """
        SELECT group_concat(id), dedup FROM inbox GROUP BY app, dedup HAVING count(*) > 1
    """),
    Question("I3", "inbox row {0} is {1}, yet outbox row {2} came of it", """
        SELECT i.id, i.state, o.id FROM outbox o JOIN inbox i ON i.id = CAST(o.origin_id AS INTEGER)
        WHERE o.origin = 'rule' AND i.state <> 'decided'
    """),
    Question("I3", "inbox row {0} is {1} and has a trace as if it were decided", """
        SELECT i.id, i.state FROM inbox i JOIN trace t ON t.inbox = i.id WHERE i.state IN ('pending', 'dead')
    """),
    Question("I3", "inbox row {0} is decided and nothing says why", """
        SELECT i.id FROM inbox i LEFT JOIN trace t ON t.inbox = i.id
        WHERE i.state = 'decided' AND i.kind <> 'receipt' AND t.inbox IS NULL
    """),
    Question("I3", "inbox row {0} was settled for person {1} at {2}, and its trace is of person {3} and of {4}", f"""
        SELECT i.id, coalesce(i.person, 'none'), coalesce({moment("i.settled_at")}, 'never'), t.person, {moment("t.decided_at")}
        FROM trace t JOIN inbox i ON i.id = t.inbox WHERE t.person IS NOT i.person OR t.decided_at IS NOT i.settled_at
    """),
    Question("I3", "timer {1} of person {0} has fired and is still set", """
        SELECT t.person, t.name FROM timer t JOIN person p ON p.id = t.person
        JOIN inbox i ON i.app = p.app AND i.dedup = 'timer:' || t.person || ':' || t.name || ':' || t.due_at
    """),
    Question("I3", "call {0} is {1}, and its answer never became an event", """
        SELECT o.id, o.state FROM outbox o WHERE o.kind = 'call' AND o.state IN ('sent', 'failed')
        AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.app = o.app AND i.dedup = 'call:' || o.id)
    """),
    Question("I12", f"inbox row {{0}} was tried {{1}} times; {TRIES_MOST} is the most", f"""
        SELECT id, tries FROM inbox WHERE tries > {TRIES_MOST}
    """),
    Question("I12", "inbox row {0} is held, and no call of person {1} is under way", """
        SELECT i.id, i.person FROM inbox i LEFT JOIN lane l ON l.person = i.person
        WHERE i.state = 'pending' AND i.held = 1 AND json_extract(nullif(l.state, ''), '$.call') IS NULL
    """, _LANE),
    # Where the clock was ahead, the server lets nothing wait by that time.
    Question("I12", "inbox row {0} of person {1} came at {2} and is only to be decided at {3}", f"""
        SELECT id, person, {moment("received_at")}, {moment("ready_at")} FROM inbox WHERE state = 'pending'
        AND ready_at > max(received_at, :old) + {_DAY_US}
    """, RUNNING, is_aged=True),
    Question("I12", "inbox row {0} is pending and its lane will never be looked at", """
        SELECT i.id FROM inbox i LEFT JOIN lane l ON l.person = i.person WHERE i.state = 'pending' AND l.ready_at IS NULL
    """, _LANE),
    Question("I12", "person {0} has events that could be decided at {1}, and their lane is looked at from {2} on", f"""
        SELECT person, {moment("first")}, {moment("ready_at")} FROM (
            SELECT lane.person, lane.ready_at, max(({READY}), coalesce((SELECT max(settled_at) FROM inbox), 0)) AS first
            FROM (SELECT DISTINCT person FROM inbox WHERE state = 'pending') waiting JOIN lane ON lane.person = waiting.person
        ) WHERE ready_at > first
    """, _LANE),
    Question("I12", "message {0} is queued and its lane will never be looked at", """
        SELECT o.id FROM outbox o LEFT JOIN lane l ON l.person = o.person WHERE o.kind = 'message' AND o.state = 'queued'
        AND l.send_at IS NULL AND NOT EXISTS (SELECT 1 FROM outbox f WHERE f.person = o.person AND f.kind = 'message'
            AND f.state IN ('sending', 'unknown'))
    """, "Restart the server, which finds it; then report it with the log."),
    Question("I12", "person {0} has a message that may leave at {1}, and their lane is looked at from {2} on", f"""
        SELECT person, {moment("due_at")}, {moment("send_at")} FROM (
            SELECT l.person, l.send_at, max(coalesce(max(CASE WHEN o.attempts > 0 THEN o.due_at END), min(o.due_at)), coalesce((
                SELECT max(a.ended_at) FROM outbox f JOIN attempt a ON a.outbox = f.seq WHERE f.person = l.person), 0)) AS due_at
            FROM outbox o JOIN lane l ON l.person = o.person WHERE o.kind = 'message' AND o.state = 'queued' GROUP BY l.person
        ) WHERE send_at > due_at
    """, _LANE),
    Question("I12", "message {0} was to leave at {1} at the earliest, and is only tried at {2}", f"""
        SELECT id, {moment("max(created_at, coalesce(not_before, 0))")}, {moment("due_at")} FROM outbox WHERE kind = 'message'
        AND state = 'queued' AND attempts = 0 AND due_at > max(created_at, coalesce(not_before, 0), :old) + {_DAY_US}
    """, _LANE, is_aged=True),
    Question("I12", "person {0} waits for a colleague: {1}; their lane waits since {2}", f"""
        SELECT person, iif(waits, 'yes', 'no'), coalesce({moment("waiting_since")}, 'never') FROM (SELECT person, waiting_since,
            coalesce(json_extract(nullif(state, ''), '$.waiting'), 0) AS waits FROM lane) WHERE waits <> (waiting_since IS NOT NULL)
    """, "The list of those who wait is wrong about them: look at the conversation. Then report it with the log."),
    Question("I12", "event {0} ({2}) of person {1} is not decided, though it could be since {3}", f"""
        SELECT i.id, i.person, i.kind, {moment("max(i.received_at, l.ready_at)")} FROM inbox i
        JOIN lane l ON l.person = i.person WHERE i.state = 'pending' AND i.received_at <= :old AND l.ready_at <= :old
    """, RUNNING, is_aged=True),
    Question("I12", "timer {1} of person {0} was due at {2} and has not fired", f"""
        SELECT t.person, t.name, {moment("t.due_at")} FROM timer t WHERE t.due_at <= :old AND NOT EXISTS (
            SELECT 1 FROM inbox i WHERE i.person = t.person AND i.state = 'pending' AND i.written_at < t.due_at)
    """, RUNNING, is_aged=True),
    Question("I12", "call {0} for person {1} was asked for at {2} and never made", f"""
        SELECT o.id, o.person, {moment("o.created_at")} FROM outbox o WHERE o.kind = 'call' AND o.state = 'queued'
        AND o.created_at <= :old AND NOT EXISTS (SELECT 1 FROM outbox f WHERE f.person = o.person AND f.kind = 'call'
            AND f.state IN ('sending', 'unknown'))
    """, RUNNING, is_aged=True),
    Question("I12", "the {0} {1} left at {2}, and how that ended was never recorded", f"""
        SELECT o.kind, o.id, {moment("a.started_at")} FROM outbox o JOIN attempt a ON a.outbox = o.seq AND a.outcome = ''
        WHERE o.state = 'sending' AND a.started_at <= :old - {_LEASE_US}
    """, "Restart the server: what was left open is then found and looked up.", is_aged=True),
    Question("I12", "message {0} is in doubt since {1}, and nobody looks it up", f"""
        SELECT id, {moment("look_at")} FROM outbox WHERE state = 'unknown' AND look_at <= :old - {_PATIENCE_US}
    """, RUNNING, is_aged=True),
    Question("I12", "the {0} {1} is in doubt, and nothing says when it is to be looked up", """
        SELECT kind, id FROM outbox WHERE state = 'unknown' AND look_at IS NULL
    """),
    Question("I12", "message {0} still waits for person {1} to write, though its time was over at {2}", f"""
        SELECT id, person, {moment("until")} FROM (
            SELECT id, person, coalesce(not_after, max(created_at, coalesce(not_before, 0)) + 604800000000) AS until
            FROM outbox WHERE kind = 'message' AND state = 'waiting'
        ) WHERE until <= :old - 60000000
    """, RUNNING, is_aged=True),
)  # fmt: skip
