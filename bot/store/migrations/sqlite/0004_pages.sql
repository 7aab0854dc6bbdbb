-- What people look at in the browser: conversations by when they last moved, numbers by time, and who did what.

-- active_at: when the person last wrote or a colleague last did something; NULL where neither ever did. seen_at: when a colleague last
-- looked; what moved since is unread.
ALTER TABLE lane ADD COLUMN active_at INTEGER;
ALTER TABLE lane ADD COLUMN seen_at INTEGER;
UPDATE lane SET active_at = (SELECT max(wrote_at) FROM identity i WHERE i.person = lane.person);
UPDATE lane SET seen_at = active_at;
-- seen_at is in it so that looking for what is unread reads nothing else.
CREATE INDEX lane_active ON lane (active_at, person, seen_at) WHERE active_at IS NOT NULL;
CREATE INDEX lane_silent ON lane (person) WHERE active_at IS NULL;
-- Whom a team has, or had last, as a conversation's state spells it.
CREATE INDEX lane_team ON lane (active_at, person) WHERE instr(state, '"team":["') > 0;
CREATE INDEX person_stopped ON person (id) WHERE stopped = 1;
CREATE INDEX trace_unmatched ON trace (inbox) WHERE layer = 'nothing_matched';

-- Dead letters are listed by number, newest first, and asked for by person.
DROP INDEX inbox_dead;
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
CREATE INDEX inbox_dead_person ON inbox (person, id) WHERE state = 'dead';

-- How often something happened, added up in the transaction in which it happened. at: the beginning of five minutes (kinds without names)
-- or of an hour (kinds with names). part: whoever counts, so that several instances do not wait for one another.
CREATE TABLE tally (
    kind  TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    name  TEXT    NOT NULL DEFAULT '',
    part  INTEGER NOT NULL DEFAULT 0,
    count INTEGER NOT NULL,
    PRIMARY KEY (kind, at, name, part)
) STRICT, WITHOUT ROWID;

-- Counted as a message that surely never arrived, so that it counts once.
ALTER TABLE outbox ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;

-- How a campaign went, every five minutes: counted as its messages get so far, by when they did. name: the campaign's number.
CREATE TRIGGER tally_campaign_sent AFTER UPDATE OF state ON outbox
    WHEN new.origin = 'campaign' AND new.state = 'sent' AND old.state <> 'sent'
BEGIN
    INSERT INTO tally (kind, at, name, count) VALUES ('campaign_sent', new.ended_at - new.ended_at % 300000000, new.origin_id, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER tally_campaign_delivery AFTER UPDATE OF delivery ON outbox
    WHEN new.origin = 'campaign' AND new.delivery IN (2, 3) AND new.delivery <> old.delivery
BEGIN
    INSERT INTO tally (kind, at, name, count)
        SELECT k.value, r.at - r.at % 300000000, new.origin_id, 1
        FROM json_each(CASE WHEN new.delivery = 2 THEN '["campaign_delivered"]' WHEN old.delivery = 2 THEN '["campaign_read"]'
            ELSE '["campaign_delivered","campaign_read"]' END) k
        JOIN (SELECT max(at) AS at FROM receipt WHERE outbox = new.seq AND status IN ('DELIVERED', 'READ')) r
        WHERE r.at IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER tally_campaign_failed AFTER UPDATE OF lost ON outbox WHEN new.origin = 'campaign' AND new.lost > old.lost
BEGIN
    INSERT INTO tally (kind, at, name, count)
        SELECT 'campaign_failed', t.at - t.at % 300000000, new.origin_id, 1
        FROM (SELECT coalesce((SELECT max(at) FROM receipt WHERE outbox = new.seq AND status = 'FAILED'), new.ended_at) AS at) t
        WHERE t.at IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- What colleagues and the operator did in the browser or by command, for whoever asks later. subject: what it was done to, in words
-- that name no person: a person's number, a campaign, a rulebook.
CREATE TABLE journal (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    who     TEXT    NOT NULL,
    what    TEXT    NOT NULL,
    subject TEXT    NOT NULL DEFAULT ''
) STRICT;

-- An authentic body that was refused for its age, and then driven again all the same.
ALTER TABLE refused ADD COLUMN driven_at INTEGER;
ALTER TABLE refused ADD COLUMN driven_by TEXT NOT NULL DEFAULT '';

ALTER TABLE users ADD COLUMN last_login_at INTEGER;

-- Whose key a form of our own pages sends under, so that one sent twice counts once. Nobody can have it, and no list shows it.
INSERT INTO api_key (id, app, name, hash, scopes, created_at, revoked_at) VALUES (0, '', 'pages', x'', '', 0, 0);
