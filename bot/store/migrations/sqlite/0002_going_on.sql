-- What goes on after a message: calls under way, and the rulebooks that open questions are pinned to.

-- held: 1 while deciding it waits for the answer of a call, 2 once it did.
ALTER TABLE inbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1, 2));

-- pinned: the rulebook that the open question, or the call under way, goes on with; NULL where there is neither.
ALTER TABLE lane ADD COLUMN pinned INTEGER;
CREATE INDEX lane_pinned ON lane (pinned) WHERE pinned IS NOT NULL;

CREATE INDEX outbox_call ON outbox (person, seq) WHERE kind = 'call' AND state = 'queued';

-- Looking back at some days of everybody reads this index alone until it has found what it looks for.
DROP INDEX trace_person;
CREATE INDEX trace_person ON trace (person, inbox, decided_at);
