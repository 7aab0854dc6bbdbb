"""From the inbox to the books and back: what was recorded, what each turn of deciding led to, and how far receipts climbed."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from bot.core.event import BusinessEvent, CallAnswered, ColleagueActed, TimerFired
from bot.store.sqlite.times import from_us
from tests.store.books import Books
from tests.store.business import Business
from tests.store.talk import DAY, MARGIN, Pending, Said

REFUSED = "refused:"  # our own word that Sinch refused a message


def takes_in(business: Business, books: Books) -> None:
    """What is new in the inbox is what was to come, each once."""
    rows = business.rows(
        "SELECT i.id, i.kind, coalesce(d.identity, ''), i.dedup, i.raw, i.state, i.written_at, i.ready_at FROM inbox i"
        " LEFT JOIN identity d ON d.person = i.person WHERE i.id > ? ORDER BY i.id", books.seen,
    )  # fmt: skip
    found: Counter[tuple[str, str]] = Counter()
    for id_, kind, who, dedup, raw, state, written_at, ready_at in rows:
        books.seen = id_
        if kind == "receipt":
            books.came[dedup] = id_
        event = Pending(id_, kind, from_us(written_at), from_us(ready_at))
        if kind == "inbound":
            written = books.written[dedup.partition(":")[2]]
            assert (who, event.written_at) == (written.who, written.at), f"inbox row {id_} is not as it was written"
            event.word, event.key = written.text, dedup
        elif kind != "receipt":
            _reads(books, event, who, business.reads(kind, bytes(raw)))
        if not dedup.startswith(REFUSED) and kind != "call_result":
            found[kind, "" if kind in ("receipt", "timer") else who] += 1
        if state == "pending":
            event.key = event.key or dedup
            books.talk(who).pending.append(event)
    assert found == books.expected, f"recorded were {found}, and {books.expected} were told"
    books.expected = Counter()


def _reads(books: Books, event: Pending, who: str, own: object) -> None:
    match own:
        case BusinessEvent(name=name):
            event.word = name
        case ColleagueActed(what=what, team=team, give_back_after=lasts):
            event.word, event.team, event.lasts = what, team, lasts
        case CallAnswered(key=key, outcome=outcome, dedup=dedup):
            event.word, event.key = outcome, key
            assert dedup not in books.called, "a call has two answers"
            books.called.add(dedup)
        case TimerFired(name=name, due_at=due_at):
            event.word, event.due_at = name, due_at
            fired = (who, name, due_at)
            assert fired not in books.fired, f"the timer {fired} fired twice"
            books.fired.add(fired)
        case _:
            raise AssertionError(f"nobody told of {own}")


def turned(business: Business, books: Books, now: datetime) -> None:
    """One turn of deciding said what the rules make of it: to whom, what, in what order, how often."""
    rows = business.rows(
        "SELECT o.seq, o.id, CAST(o.origin_id AS INTEGER), o.payload, o.confirms_stop, o.identity FROM outbox o"
        " WHERE o.seq > ? AND o.kind = 'message' AND o.origin = 'rule' AND o.replaces = '' ORDER BY o.seq", books.answered,
    )  # fmt: skip
    said: dict[int, list[str]] = {}
    lines: dict[str, list[tuple[int, str, str]]] = {}
    for seq, id_, inbox, payload, _, who in rows:
        books.answered = seq
        words = _words(orjson.loads(payload))
        said.setdefault(inbox, []).append(words)
        lines.setdefault(who, []).append((inbox, words, id_))
    for who, talk in books.talks.items():
        told = talk.turn(
            now,
            business.edition,
            books.standing(who),
            lambda inbox: tuple(said.get(inbox, ())),
            partial(_question_is_open, business, who),
        )
        expected = [(event.id, words) for event, said_ in told for words in said_]
        actual = lines.pop(who, [])
        assert [each[:2] for each in actual] == expected, f"{who} was told {actual}, and not {expected}"
        books.line.setdefault(who, []).extend(id_ for _, _, id_ in actual)
        books.receipts_count(event.key for event, _ in told if event.kind == "receipt")
        for event, reply in told:
            _settles(business, books, who, event, reply, now, [id_ for inbox, _, id_ in actual if inbox == event.id])
    assert not lines, f"nobody wrote, and {lines} answers"


def _settles(
    business: Business, books: Books, who: str, event: Pending, words: Said, now: datetime, ids: list[str]
) -> None:
    if event.kind == "inbound" and words == ("You are out.",) and books.counts(who, "all") != "stopped":
        books.says(who, "all", "stopped", event.written_at, event.key)
    if event.kind == "inbound" and now >= event.written_at + DAY - MARGIN:
        books.too_late.update(ids)
    ((state,),) = business.rows("SELECT state FROM inbox WHERE id = ?", event.id)
    assert state in ("decided", "ignored"), f"inbox row {event.id} had its turn and is {state}"


def _words(payload: dict[str, Any]) -> str:
    return str(payload.get("text") or payload.get("name") or payload)


def _question_is_open(business: Business, who: str, timer: int) -> bool:
    """Whether it is, once the turn is over; also where it ended later in the turn than this timer, which came to nothing and ends none."""
    ((fate,),) = business.rows("SELECT state FROM inbox WHERE id = ?", timer)
    if fate == "ignored":
        return True
    ((state,),) = business.rows(
        "SELECT l.state FROM lane l JOIN identity i ON i.person = l.person WHERE i.identity = ?", who
    )
    return bool(state) and "question" in orjson.loads(state)


def questions_are_watched(business: Business, books: Books) -> None:
    """Whoever is asked something has one timer for it, due when nobody waits for the answer any longer; nobody else has one."""
    timers = dict(
        business.rows(
            "SELECT i.identity, t.due_at FROM timer t JOIN identity i ON i.person = t.person WHERE t.name = 'question'"
        )
    )
    for who, talk in books.talks.items():
        due_at = timers.pop(who, None)
        if talk.asked is None:
            assert due_at is None, f"{who} is asked nothing, and a timer is set"
            talk.is_quiet = False
        elif due_at is not None:
            assert from_us(due_at) == talk.asked.deadline, f"the timer of {who} is not that of the question"
            talk.is_quiet = False
        else:
            fired = (who, "question", talk.asked.deadline) in books.fired
            assert fired or talk.is_quiet, f"nobody watches the question to {who}"
    assert not timers


def receipts_add_up(business: Business, books: Books) -> None:
    """What messages show is what their receipts say, whatever order they came in."""
    for id_, delivery in business.rows("SELECT id, delivery FROM outbox WHERE kind = 'message'"):
        shown = books.shown(id_)
        assert delivery in shown, f"message {id_} shows {delivery}, and its receipts say {shown}"


def starts_anew(business: Business, books: Books) -> None:
    """What waited by a clock that was wrong waits no more once a server starts."""
    ready_at = dict(business.rows("SELECT id, ready_at FROM inbox WHERE state = 'pending'"))
    for talk in books.talks.values():
        for event in talk.pending:
            told = from_us(ready_at[event.id])
            assert told <= event.ready_at, f"inbox row {event.id} waits longer than it did"
            event.ready_at = told


def all_had_their_turn(business: Business, books: Books) -> None:
    """Nothing is pending that the books know to be over, and the other way round."""
    pending = {row[0] for row in business.rows("SELECT id FROM inbox WHERE state = 'pending'")}
    on_the_books = {event.id for talk in books.talks.values() for event in talk.pending}
    assert pending == on_the_books, f"pending are {pending ^ on_the_books} in one place alone"
