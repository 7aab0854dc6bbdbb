-- The other half of a business bot: what backends, campaigns and colleagues send, who is told of it, and what is kept and erased.

-- author: the API key, colleague or command that asked for it.
ALTER TABLE outbox ADD COLUMN author TEXT NOT NULL DEFAULT '';
-- Of all kinds on purpose: were it of messages alone, the planner would take it for what is due, in place of the small outbox_head.
CREATE INDEX outbox_person ON outbox (person, seq);
CREATE INDEX outbox_reference ON outbox (reference, seq) WHERE reference <> '';
CREATE INDEX outbox_amiss ON outbox (seq) WHERE kind = 'message'
    AND (state IN ('failed', 'expired', 'cancelled', 'held') OR delivery = 9);
CREATE INDEX inbox_person ON inbox (person, id) WHERE kind = 'inbound';
CREATE INDEX inbox_operator ON inbox (person, id) WHERE kind = 'operator';

-- waiting_since: since when a colleague must look at the conversation; NULL where nobody must.
ALTER TABLE lane ADD COLUMN waiting_since INTEGER;
CREATE INDEX lane_waiting ON lane (waiting_since, person) WHERE waiting_since IS NOT NULL;
UPDATE lane SET waiting_since = coalesce((SELECT max(wrote_at) FROM identity i WHERE i.person = lane.person), 0)
    WHERE state LIKE '%"waiting":true%';

-- Every erasure leaves a row, so that a restored backup can be erased again; stopped: the person had said STOP (1),
-- wanted no marketing (2), or both (3).
ALTER TABLE erased ADD COLUMN stopped INTEGER NOT NULL DEFAULT 1 CHECK (stopped BETWEEN 0 AND 3);

-- News: what subscribed backends are to be told, written in the transaction in which it happened, and taken out in the one in which it
-- becomes a callback for each subscription that wants it. id never comes again: backends put what they are told in order by it.
CREATE TABLE news (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL,
    person  INTEGER NOT NULL REFERENCES person (id),
    at      INTEGER,
    inbox   INTEGER,
    outbox  INTEGER,
    content TEXT    NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX news_person ON news (person);

-- A backend that listens. events: a JSON array of kinds, or ["*"]. While failures > 0 it is only probed, from resume_at on.
ALTER TABLE subscription ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscription ADD COLUMN resume_at INTEGER;
ALTER TABLE subscription ADD COLUMN old_secret TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN old_secret_until INTEGER;
ALTER TABLE subscription ADD COLUMN paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1));
ALTER TABLE subscription ADD COLUMN paused_why TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN last_success_at INTEGER;
ALTER TABLE subscription ADD COLUMN last_failure TEXT NOT NULL DEFAULT '';
CREATE INDEX subscription_listening ON subscription (events) WHERE revoked_at IS NULL;

-- One callback in flight a subscription and person: a person's events arrive in order while all is well, and nobody waits for others.
DROP INDEX outbox_one_callback;
CREATE UNIQUE INDEX outbox_one_callback ON outbox (subscription, person) WHERE kind = 'callback' AND state IN ('sending', 'unknown');
CREATE INDEX outbox_callback ON outbox (subscription, due_at, seq) WHERE kind = 'callback' AND state = 'queued';
CREATE INDEX outbox_callback_end ON outbox (not_after) WHERE kind = 'callback' AND state = 'queued';
CREATE INDEX outbox_callback_dead ON outbox (subscription, seq) WHERE kind = 'callback' AND state = 'failed';
CREATE INDEX outbox_callback_over ON outbox (ended_at) WHERE kind = 'callback' AND ended_at IS NOT NULL;
CREATE INDEX outbox_callback_person ON outbox (person) WHERE kind = 'callback';

-- What makes news, each asking first whether anybody listens.
CREATE TRIGGER news_received AFTER INSERT ON inbox
    WHEN new.kind = 'inbound' AND new.state = 'pending' AND EXISTS (SELECT 1 FROM subscription
        WHERE revoked_at IS NULL AND (instr(events, '"message.received"') OR instr(events, '"*"')))
BEGIN
    INSERT INTO news (kind, person, at, inbox) VALUES ('message.received', new.person, new.written_at, new.id);
END;

CREATE TRIGGER news_unmatched AFTER INSERT ON trace
    WHEN new.layer = 'nothing_matched' AND EXISTS (SELECT 1 FROM subscription
        WHERE revoked_at IS NULL AND (instr(events, '"message.unmatched"') OR instr(events, '"*"')))
BEGIN
    INSERT INTO news (kind, person, at, inbox) VALUES ('message.unmatched', new.person, new.decided_at, new.inbox);
END;

CREATE TRIGGER news_consent AFTER INSERT ON consent
    WHEN EXISTS (SELECT 1 FROM subscription
        WHERE revoked_at IS NULL AND (instr(events, '"consent.changed"') OR instr(events, '"*"')))
BEGIN
    INSERT INTO news (kind, person, at, content) VALUES ('consent.changed', new.person, new.at,
        json_object('purpose', new.purpose, 'state', new.state, 'source', new.source));
END;

-- The status as it is told outside, see bot/core/delivery.py: told when it becomes another one.
CREATE TRIGGER news_status AFTER UPDATE OF state, delivery ON outbox
    WHEN new.kind = 'message' AND (new.state <> old.state OR new.delivery <> old.delivery) AND EXISTS (SELECT 1 FROM subscription
        WHERE revoked_at IS NULL AND (instr(events, '"message.status"') OR instr(events, '"*"')))
    AND CASE WHEN new.state = 'sent' OR new.delivery > 0
            THEN CASE new.delivery WHEN 2 THEN 'delivered' WHEN 3 THEN 'read' WHEN 9 THEN 'failed' ELSE 'sent' END
            WHEN new.state IN ('queued', 'waiting', 'sending', 'unknown') THEN 'queued' ELSE new.state END
     <> CASE WHEN old.state = 'sent' OR old.delivery > 0
            THEN CASE old.delivery WHEN 2 THEN 'delivered' WHEN 3 THEN 'read' WHEN 9 THEN 'failed' ELSE 'sent' END
            WHEN old.state IN ('queued', 'waiting', 'sending', 'unknown') THEN 'queued' ELSE old.state END
BEGIN
    INSERT INTO news (kind, person, outbox, content, at) VALUES ('message.status', new.person, new.seq,
        json_object('state', new.state, 'delivery', new.delivery, 'reason', new.reason),
        coalesce((SELECT at FROM receipt WHERE outbox = new.seq AND status =
            CASE new.delivery WHEN 2 THEN 'DELIVERED' WHEN 3 THEN 'READ' WHEN 9 THEN 'FAILED' END ORDER BY inbox DESC LIMIT 1),
            new.ended_at));
END;

-- A campaign: one template to many people. Its messages are outbox rows of origin 'campaign', origin_id its id, position the line.
-- storing: its recipients are being written; nobody sees it, and after a crash it is taken away. declared: a digest of the template as it
-- was when the values were checked. content: the values that all rows share.
CREATE TABLE campaign (
    id         INTEGER PRIMARY KEY,
    app        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    template   TEXT    NOT NULL,
    declared   TEXT    NOT NULL,
    language   TEXT    NOT NULL DEFAULT '',
    content    TEXT    NOT NULL DEFAULT '{}',
    category   TEXT    NOT NULL,
    rate       REAL    NOT NULL DEFAULT 0,
    quiet      TEXT    NOT NULL DEFAULT '',
    total      INTEGER NOT NULL DEFAULT 0,
    state      TEXT    NOT NULL CHECK (state IN ('storing', 'running', 'paused', 'done', 'cancelled')),
    why        TEXT    NOT NULL DEFAULT '',
    author     TEXT    NOT NULL DEFAULT '',
    api_key    INTEGER,
    key        TEXT    NOT NULL DEFAULT '',
    body_hash  TEXT    NOT NULL DEFAULT '',
    starts_at  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX campaign_running ON campaign (starts_at) WHERE state = 'running';
CREATE INDEX campaign_storing ON campaign (id) WHERE state = 'storing';
CREATE INDEX campaign_key ON campaign (api_key, key, created_at) WHERE api_key IS NOT NULL;

-- Who is to get it. pending: not yet in the outbox, and not before due_at; placed: see the outbox; skipped: why says the reason.
CREATE TABLE recipient (
    campaign  INTEGER NOT NULL REFERENCES campaign (id),
    line      INTEGER NOT NULL,
    channel   TEXT    NOT NULL,
    identity  TEXT    NOT NULL,
    language  TEXT    NOT NULL DEFAULT '',
    time_zone TEXT    NOT NULL DEFAULT '',
    content   TEXT    NOT NULL DEFAULT '{}',
    state     TEXT    NOT NULL CHECK (state IN ('pending', 'placed', 'skipped')),
    why       TEXT    NOT NULL DEFAULT '',
    due_at    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (campaign, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipient_pending ON recipient (campaign, due_at, line) WHERE state = 'pending';
CREATE INDEX recipient_skipped ON recipient (campaign, why, line) WHERE state = 'skipped';
CREATE INDEX recipient_identity ON recipient (identity);
CREATE INDEX outbox_campaign ON outbox (origin, origin_id, state, delivery) WHERE origin = 'campaign';

-- What WhatsApp thinks of our sender, as its channel events tell.
CREATE TABLE quality (
    app        TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    rating     TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (app, channel)
) STRICT, WITHOUT ROWID;
