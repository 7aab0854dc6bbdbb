-- The other half of a business bot: what backends, campaigns and colleagues send, who is told of it, and what is kept and erased.

-- author: the API key, colleague or command that asked for it.
ALTER TABLE outbox ADD COLUMN author TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_person ON outbox (person, seq) WHERE kind = 'message';
CREATE INDEX outbox_reference ON outbox (reference, seq) WHERE reference <> '';
CREATE INDEX outbox_amiss ON outbox (seq) WHERE kind = 'message'
    AND (state IN ('failed', 'expired', 'cancelled', 'held') OR delivery = 9);
CREATE INDEX inbox_person ON inbox (person, id) WHERE kind = 'inbound';

-- Every erasure leaves a row, so that a restored backup can be erased again; stopped: the person had said STOP.
ALTER TABLE erased ADD COLUMN stopped INTEGER NOT NULL DEFAULT 1 CHECK (stopped IN (0, 1));

-- News: what subscribed backends are to be told, written in the transaction in which it happened, and taken out in the one in which it
-- becomes a callback for each subscription that wants it.
CREATE TABLE news (
    id      INTEGER PRIMARY KEY,
    kind    TEXT    NOT NULL,
    person  INTEGER NOT NULL REFERENCES person (id),
    at      INTEGER,
    inbox   INTEGER,
    outbox  INTEGER,
    content TEXT    NOT NULL DEFAULT '{}'
) STRICT;

-- A backend that listens. wants: a JSON array of kinds. While failures > 0 it is only probed, from resume_at on.
ALTER TABLE subscription ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscription ADD COLUMN resume_at INTEGER;
ALTER TABLE subscription ADD COLUMN old_secret TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN old_secret_until INTEGER;
ALTER TABLE subscription ADD COLUMN paused_why TEXT NOT NULL DEFAULT '';

-- One callback in flight a subscription and person: a person's events arrive in order while all is well, and nobody waits for others.
DROP INDEX outbox_one_callback;
CREATE UNIQUE INDEX outbox_one_callback ON outbox (subscription, person) WHERE kind = 'callback' AND state IN ('sending', 'unknown');
CREATE INDEX outbox_callback ON outbox (subscription, due_at, seq) WHERE kind = 'callback' AND state = 'queued';
CREATE INDEX outbox_callback_dead ON outbox (subscription, seq) WHERE kind = 'callback' AND state = 'failed';

-- A campaign: one template to many people. Its messages are outbox rows of origin 'campaign', origin_id its id, position the line.
CREATE TABLE campaign (
    id         INTEGER PRIMARY KEY,
    app        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    template   TEXT    NOT NULL,
    category   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    rate       REAL    NOT NULL DEFAULT 0,
    quiet      TEXT    NOT NULL DEFAULT '',
    state      TEXT    NOT NULL CHECK (state IN ('running', 'paused', 'done', 'cancelled')),
    why        TEXT    NOT NULL DEFAULT '',
    author     TEXT    NOT NULL DEFAULT '',
    starts_at  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX campaign_running ON campaign (starts_at) WHERE state = 'running';

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
CREATE INDEX recipient_identity ON recipient (identity);

-- What WhatsApp thinks of our sender, as its channel events tell.
CREATE TABLE quality (
    app        TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    rating     TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (app, channel)
) STRICT, WITHOUT ROWID;
