-- Times are microseconds since 1970-01-01 UTC. "app" stands in every outside key, so that one database may serve several apps.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A person, however many addresses they write from. Consent and what staff know live here.
CREATE TABLE person (
    id          INTEGER PRIMARY KEY,
    app         TEXT    NOT NULL,
    language    TEXT    NOT NULL DEFAULT '',
    time_zone   TEXT    NOT NULL DEFAULT '',
    fields      TEXT    NOT NULL DEFAULT '{}',
    tags        TEXT    NOT NULL DEFAULT '[]',
    stopped     INTEGER NOT NULL DEFAULT 0 CHECK (stopped IN (0, 1)),
    opted_in    INTEGER NOT NULL DEFAULT 0 CHECK (opted_in IN (0, 1)),
    marketing   TEXT    NOT NULL DEFAULT 'unknown' CHECK (marketing IN ('unknown', 'opted_in', 'stopped')),
    consent_at  INTEGER,
    consent_by  TEXT    NOT NULL DEFAULT '',
    first_inbox INTEGER,
    merged_into INTEGER REFERENCES person (id),
    created_at  INTEGER NOT NULL
) STRICT;

-- An address of a person, with its customer service window.
CREATE TABLE identity (
    app        TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    identity   TEXT    NOT NULL,
    person     INTEGER NOT NULL REFERENCES person (id),
    contact_id TEXT    NOT NULL DEFAULT '',
    closes_at  INTEGER,
    wrote_at   INTEGER,
    PRIMARY KEY (app, channel, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_person ON identity (person);
CREATE INDEX identity_contact ON identity (app, contact_id) WHERE contact_id <> '';

-- The lane of a person: what is ready to be decided, what is ready to leave, and the conversation's state.
-- ready_at, send_at: NULL when there is nothing (or, for send_at, while a message is in flight).
CREATE TABLE lane (
    person   INTEGER PRIMARY KEY REFERENCES person (id),
    state    TEXT    NOT NULL DEFAULT '',
    ready_at INTEGER,
    send_at  INTEGER
) STRICT;
CREATE INDEX lane_ready ON lane (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX lane_send ON lane (send_at) WHERE send_at IS NOT NULL;

-- ready_at: not decided before then. media_kind: what kind of file its server says it is, where nothing else tells.
CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY,
    app         TEXT    NOT NULL,
    dedup       TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('inbound', 'receipt', 'timer', 'call_result', 'api', 'operator')),
    person      INTEGER REFERENCES person (id),
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'decided', 'ignored', 'dead')),
    tries       INTEGER NOT NULL DEFAULT 0,
    written_at  INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    ready_at    INTEGER NOT NULL,
    settled_at  INTEGER,
    why         TEXT    NOT NULL DEFAULT '',
    raw         BLOB,
    media_kind  TEXT    NOT NULL DEFAULT '' CHECK (media_kind IN
                ('', 'image', 'video', 'voice', 'audio', 'document', 'sticker', 'file')),
    UNIQUE (app, dedup),
    CHECK ((state = 'pending') = (settled_at IS NULL)),
    CHECK (state <> 'pending' OR person IS NOT NULL)
) STRICT;
CREATE INDEX inbox_pending ON inbox (person, written_at, id) WHERE state = 'pending';
CREATE INDEX inbox_dead ON inbox (settled_at) WHERE state = 'dead';

-- Authentic but too old when it came; a person may drive it again.
CREATE TABLE refused (
    id          INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    why         TEXT    NOT NULL,
    raw         BLOB    NOT NULL
) STRICT;

-- Why: all inputs of decide, and a digest of what came out.
CREATE TABLE trace (
    inbox      INTEGER PRIMARY KEY REFERENCES inbox (id),
    person     INTEGER NOT NULL REFERENCES person (id),
    version    INTEGER NOT NULL,
    pinned     INTEGER NOT NULL DEFAULT 0,
    decided_at INTEGER NOT NULL,
    layer      TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    inputs     BLOB    NOT NULL,
    digest     TEXT    NOT NULL
) STRICT;
CREATE INDEX trace_person ON trace (person, inbox);

CREATE TABLE outbox (
    seq           INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    kind          TEXT    NOT NULL CHECK (kind IN ('message', 'call', 'callback')),
    origin        TEXT    NOT NULL CHECK (origin IN ('rule', 'api', 'campaign', 'person', 'timer')),
    origin_id     TEXT    NOT NULL,
    position      INTEGER NOT NULL,
    replaces      TEXT    NOT NULL DEFAULT '',
    person        INTEGER NOT NULL REFERENCES person (id),
    app           TEXT    NOT NULL,
    channel       TEXT    NOT NULL,
    identity      TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN
                  ('queued', 'waiting', 'sending', 'unknown', 'sent', 'failed', 'expired', 'cancelled', 'held')),
    delivery      INTEGER NOT NULL DEFAULT 0,
    payload       TEXT    NOT NULL,
    if_closed     TEXT    NOT NULL DEFAULT '"fail"',
    category      TEXT    NOT NULL,
    rule          TEXT    NOT NULL DEFAULT '',
    version       INTEGER NOT NULL DEFAULT 0,
    reference     TEXT    NOT NULL DEFAULT '',
    confirms_stop INTEGER NOT NULL DEFAULT 0 CHECK (confirms_stop IN (0, 1)),
    answers       INTEGER NOT NULL DEFAULT 0 CHECK (answers IN (0, 1)),
    at_most_once  INTEGER NOT NULL DEFAULT 0 CHECK (at_most_once IN (0, 1)),
    created_at    INTEGER NOT NULL,
    not_before    INTEGER,
    not_after     INTEGER,
    due_at        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    submissions   INTEGER NOT NULL DEFAULT 0 CHECK (submissions <= 2),
    looks         INTEGER NOT NULL DEFAULT 0,
    look_at       INTEGER,
    owner         TEXT    NOT NULL DEFAULT '',
    lease_until   INTEGER,
    subscription  INTEGER,
    ended_at      INTEGER,
    reason        TEXT    NOT NULL DEFAULT '',
    UNIQUE (origin, origin_id, position, replaces)
) STRICT;
-- One message in flight a person, one call a person, one callback a subscription: the guarantee itself, not a hint.
CREATE UNIQUE INDEX outbox_one_message ON outbox (person) WHERE kind = 'message' AND state IN ('sending', 'unknown');
CREATE UNIQUE INDEX outbox_one_call ON outbox (person) WHERE kind = 'call' AND state IN ('sending', 'unknown');
CREATE UNIQUE INDEX outbox_one_callback ON outbox (subscription) WHERE kind = 'callback' AND state IN ('sending', 'unknown');
CREATE INDEX outbox_head ON outbox (person, seq) WHERE kind = 'message' AND state = 'queued';
CREATE INDEX outbox_waiting ON outbox (person, seq) WHERE kind = 'message' AND state = 'waiting';
CREATE INDEX outbox_doubtful ON outbox (look_at) WHERE state = 'unknown';
CREATE INDEX outbox_held ON outbox (ended_at) WHERE state = 'held';

-- Every try to hand a message over, committed before its first byte leaves. outcome '' while it runs.
CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    outbox     INTEGER NOT NULL REFERENCES outbox (seq),
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT    NOT NULL DEFAULT '' CHECK (outcome IN ('', 'sent', 'retry', 'failed', 'unknown')),
    status     INTEGER NOT NULL DEFAULT 0,
    code       TEXT    NOT NULL DEFAULT '',
    sentence   TEXT    NOT NULL DEFAULT '',
    message_id TEXT    NOT NULL DEFAULT '',
    delivery   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (outbox, number),
    CHECK ((outcome = '') = (ended_at IS NULL))
) STRICT;
CREATE INDEX attempt_message ON attempt (message_id) WHERE message_id <> '';

-- Every delivery receipt, in the order it came. outbox NULL while nobody knows whose it is.
CREATE TABLE receipt (
    inbox      INTEGER PRIMARY KEY REFERENCES inbox (id),
    outbox     INTEGER REFERENCES outbox (seq),
    message_id TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    reason     TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX receipt_outbox ON receipt (outbox) WHERE outbox IS NOT NULL;
CREATE INDEX receipt_orphan ON receipt (message_id) WHERE outbox IS NULL;

-- Append-only. person.stopped, opted_in and marketing are what its rows add up to.
CREATE TABLE consent (
    id          INTEGER PRIMARY KEY,
    person      INTEGER NOT NULL REFERENCES person (id),
    purpose     TEXT    NOT NULL CHECK (purpose IN ('all', 'marketing')),
    state       TEXT    NOT NULL CHECK (state IN ('stopped', 'opted_in')),
    source      TEXT    NOT NULL,
    proof       TEXT    NOT NULL DEFAULT '',
    at          INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    inbox       INTEGER REFERENCES inbox (id)
) STRICT;
CREATE INDEX consent_person ON consent (person, id);
CREATE INDEX consent_inbox ON consent (inbox) WHERE inbox IS NOT NULL;

-- HMAC-SHA256 under the installation key of identities that were erased after they said STOP.
CREATE TABLE erased (
    identity_hmac BLOB PRIMARY KEY,
    erased_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE timer (
    person  INTEGER NOT NULL REFERENCES person (id),
    name    TEXT    NOT NULL,
    due_at  INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    content TEXT    NOT NULL DEFAULT '{}',
    PRIMARY KEY (person, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_due ON timer (due_at);

-- Every rulebook that was checked and went live. The last row of rulebook_live names the last good one.
CREATE TABLE rulebook (
    number     INTEGER PRIMARY KEY,
    digest     TEXT    NOT NULL UNIQUE,
    files      TEXT    NOT NULL,
    checked_at INTEGER NOT NULL
) STRICT;
CREATE TABLE rulebook_live (
    id        INTEGER PRIMARY KEY,
    number    INTEGER NOT NULL REFERENCES rulebook (number),
    live_from INTEGER NOT NULL,
    who       TEXT    NOT NULL DEFAULT '',
    why       TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE api_key (
    id         INTEGER PRIMARY KEY,
    app        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    hash       BLOB    NOT NULL UNIQUE,
    scopes     TEXT    NOT NULL,
    rate       INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX api_key_name ON api_key (app, name) WHERE revoked_at IS NULL;

CREATE TABLE idempotency (
    api_key    INTEGER NOT NULL REFERENCES api_key (id),
    key        TEXT    NOT NULL,
    body_hash  TEXT    NOT NULL,
    outbox     INTEGER NOT NULL REFERENCES outbox (seq),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (api_key, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE INDEX idempotency_outbox ON idempotency (outbox);

CREATE TABLE users (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    password   TEXT    NOT NULL,
    role       TEXT    NOT NULL CHECK (role IN ('view', 'answer', 'operate')),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE TABLE subscription (
    id         INTEGER PRIMARY KEY,
    app        TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    secret     TEXT    NOT NULL,
    events     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
