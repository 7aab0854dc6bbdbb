"""What must hold after whatever happens, asked of the database beside the store and of the books."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from bot.core.conversation import MARGIN
from bot.core.delivery import delivery_name
from bot.core.reply import is_template
from bot.store.sqlite.times import from_us_or_none, to_us
from bot.store.units import Started
from tests.store.books import Books
from tests.store.business import Business


def may_leave(business: Business, books: Books, started: Started) -> None:
    """This attempt was allowed to start now."""
    identity = started.contact.identity
    assert identity not in books.flying, "two messages at once"
    ((confirms, category, person, seq),) = business.rows(
        "SELECT confirms_stop, category, person, seq FROM outbox WHERE id = ?", started.outbox_id
    )
    if books.counts(identity, "all") == "stopped":
        assert confirms, "it left after STOP"
    if "sale" in str(started.reply) or category == "marketing":
        assert books.counts(identity, "marketing") == "opted_in", "marketing without consent"
    if not is_template(started.reply):
        closes = books.closes.get(identity)
        assert closes is not None, "own words to somebody who never wrote"
        assert business.now < closes - MARGIN, "own words outside the window"
        assert started.ttl_s is not None
        assert timedelta(seconds=started.ttl_s) <= closes - business.now
    assert started.outbox_id not in books.too_late, "an answer left after the window of its message"
    placed = books.placed.get(started.outbox_id)
    if placed is not None:
        assert not placed.gone, "it was deleted"
        assert placed.at is None or business.now >= placed.at, "before its time"
        assert placed.upto is None or business.now < placed.upto, "after its time"
    overtaken = business.rows(
        "SELECT seq FROM outbox WHERE person = ? AND kind = 'message' AND state = 'queued' AND attempts = 0 AND seq < ?"
        " AND max(coalesce(not_before, 0), due_at) <= ? AND (SELECT attempts FROM outbox WHERE seq = ?) = 1",
        person, seq, to_us(business.now), seq,
    )  # fmt: skip
    assert not overtaken, "it overtook another"


def in_line(business: Business, books: Books, started: Started) -> None:
    """Nothing that was decided or asked for before it, and could leave, is still waiting for its first try."""
    line = books.line.get(started.contact.identity, [])
    if started.number > 1 or started.outbox_id not in line:
        return
    place = line.index(started.outbox_id)
    for id_ in line[:place]:
        assert state_of(business, id_) != ("queued", 0), f"{started.outbox_id} overtook {id_}"
    del line[:place]


def consent_adds_up(business: Business, books: Books) -> None:
    """What the gate asks is what the words add up to."""
    rows = business.rows(
        "SELECT i.identity, p.stopped, p.opted_in, p.marketing FROM identity i JOIN person p ON p.id = i.person"
    )
    for identity, stopped, opted_in, marketing in rows:
        counts = books.counts(identity, "all")
        assert (stopped, opted_in) == (counts == "stopped", counts == "opted_in"), identity
        assert marketing == (books.counts(identity, "marketing") or "unknown"), identity


def lanes_wake_in_time(business: Business) -> None:
    """Whatever is due is looked at by then, or now."""
    late = business.rows(
        "SELECT l.person FROM lane l WHERE NOT EXISTS (SELECT 1 FROM outbox f WHERE f.person = l.person AND f.kind = 'message'"
        " AND f.state IN ('sending', 'unknown')) AND coalesce(l.send_at, 1 << 62) > max(?, (SELECT coalesce("
        " (SELECT q.due_at FROM outbox q WHERE q.person = l.person AND q.kind = 'message' AND q.state = 'queued' AND q.attempts > 0),"
        " (SELECT min(q.due_at) FROM outbox q WHERE q.person = l.person AND q.kind = 'message' AND q.state = 'queued'))))",
        to_us(business.now),
    )
    assert not late, f"lanes {late} sleep too long"
    deaf = business.rows(
        "SELECT l.person FROM lane l WHERE coalesce(l.ready_at, 1 << 62) > max(?, (SELECT i.ready_at FROM inbox i"
        " WHERE i.person = l.person AND i.state = 'pending' ORDER BY i.held = 1, i.written_at, i.id LIMIT 1))",
        to_us(business.now),
    )
    assert not deaf, f"lanes {deaf} do not listen"


def news_tell_each_status_once(business: Business, books: Books) -> None:
    """Backends hear of every status, and of none twice in a row."""
    told: dict[int, list[str]] = {}
    for id_, seq, state, rank in business.rows(
        "SELECT id, outbox, json_extract(content, '$.state'), json_extract(content, '$.delivery') FROM news"
        " WHERE kind = 'message.status' AND id > ? ORDER BY id", books.told,
    ):  # fmt: skip
        told.setdefault(seq, []).append(_status(state, rank))
        books.told = id_
    for seq, state, rank in business.rows("SELECT seq, state, delivery FROM outbox WHERE kind = 'message'"):
        now, before = _status(state, rank), books.status.get(seq, "queued")
        steps = [before, *told.get(seq, ())]
        assert steps[-1] == now, f"message {seq} is {now} and backends know {steps}"
        assert all(a != b for a, b in pairwise(steps)), f"message {seq}: {steps}"
        books.status[seq] = now


def _status(state: str, delivery: int) -> str:
    if state == "sent" or delivery:
        return delivery_name(delivery)
    return "queued" if state in ("queued", "waiting", "sending", "unknown") else state


def next_moment(business: Business) -> datetime | None:
    """When something is due next; None where nothing is."""
    ((at,),) = business.rows(
        "SELECT min(at) FROM (SELECT min(send_at) AS at FROM lane UNION ALL SELECT min(ready_at) FROM lane UNION ALL"
        " SELECT min(look_at) FROM outbox WHERE state = 'unknown' UNION ALL SELECT min(due_at) FROM timer UNION ALL"
        " SELECT min(coalesce(not_after, max(created_at, coalesce(not_before, 0)) + 604800000000)) FROM outbox"
        " WHERE kind = 'message' AND state = 'waiting')"
    )
    return from_us_or_none(at)


def state_of(business: Business, id_: str) -> tuple[str, int]:
    """The state of a message and how often it was tried; empty where it is gone."""
    rows = business.rows("SELECT state, attempts FROM outbox WHERE id = ?", id_)
    return rows[0] if rows else ("", 0)
