"""The oracle's second half itself: silent about a sound run of calls, timers and rulebooks, and loud about each thing wrong with one."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.decision import Call, SetTimer
from bot.core.event import ContactKey
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Lane, Settled, StartedCall
from tests.oracle_later import Asked, Witness, later
from tests.store.making import ANNA, BO, CALL, Seen, asks, at, settled, told, wrote

CY = ContactKey("APP", "WHATSAPP", "46700000003")
BUY = replace(CALL, key="k2", method="POST", url="https://erp.example/buy", body={"number": "2"})
PAY = replace(CALL, key="k3", method="POST", url="https://erp.example/buy", body={"number": "3"})
LOOK = Asked("GET", CALL.url, {})
BOUGHT = Asked("POST", BUY.url, BUY.body)
PAID = Asked("POST", PAY.url, PAY.body)
ASKED = (BOUGHT, LOOK, PAID, LOOK)
SOUND = Witness(ASKED, (at(0), at(23)), ("never to be said",))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "parley.db"
    asyncio.run(_lived(path))
    return path


async def _lived(path: Path) -> None:
    """Anna buys, and writes on meanwhile; then a timer of hers fires. The server dies while it asks for Bo (GET) and Cy (POST)."""
    store = await open_store(path, app="APP")
    await store.save_rulebook("one", {"rules/shop.yaml": b"rules: []"}, at(0))
    (for_anna,) = await _calls(store, (ANNA, BUY), 1)
    await store.finish_call(told(for_anna), at(3))
    await store.decide_ready(10, at(3), Seen())
    await store.decide_ready(10, at(3), _remind)
    await store.fire_timers(10, at(10))
    await store.decide_ready(10, at(10), Seen())
    await _calls(store, (BO, CALL), 20)
    await _calls(store, (CY, PAY), 20)
    await store.recover_calls(at(23))
    (for_bo,) = await store.start_calls(10, at(24))
    await store.finish_call(told(for_bo), at(25))
    await store.decide_ready(10, at(25), Seen())
    await store.decide_ready(10, at(25), Seen())
    await store.close()


async def _calls(store: Store, asking: tuple[ContactKey, Call], seconds: float) -> Sequence[StartedCall]:
    """Somebody writes twice, of which the first leads to a call and the second is held."""
    who, call = asking
    await store.record([wrote("one", who, at(seconds - 1)), wrote("two", who, at(seconds - 0.5))], at(seconds))
    await store.decide_ready(10, at(seconds), asks(call, seconds))
    return await store.start_calls(10, at(seconds + 1))


def _remind(lane: Lane) -> list[Settled]:
    return [settled(one.inbox_id, SetTimer("remind:shop", at(9))) for one in lane.pending]


def judged(path: Path, witness: Witness = SOUND) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(later(connection, witness))


def test_a_sound_run_leaves_it_silent(sound: Path) -> None:
    assert judged(sound) == []
    with closing(sqlite3.connect(sound)) as connection:
        kinds = connection.execute("SELECT kind, state, count(*), sum(held > 0) FROM inbox GROUP BY 1, 2").fetchall()
    assert kinds == [("call_result", "decided", 3, 0), ("inbound", "decided", 6, 3), ("timer", "decided", 1, 0)]


COPIED = (
    "INSERT INTO inbox SELECT 99, app, dedup || ':again', kind, person, state, tries, written_at, received_at, ready_at,"
    " settled_at, why, raw, media_kind, held FROM inbox WHERE kind = 'timer'"
)
OF_ANNA = "(SELECT person FROM identity WHERE identity = '46700000001')"
OF_BO = "(SELECT seq FROM outbox WHERE kind = 'call' AND identity = '46700000002')"
OF_CY = "(SELECT seq FROM outbox WHERE kind = 'call' AND identity = '46700000003')"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (COPIED, "fired 2 times"),
        ("UPDATE inbox SET received_at = received_at - 2000000 WHERE kind = 'timer'", "fired before it was due"),
        (
            f"UPDATE inbox SET settled_at = settled_at - 1 WHERE kind = 'inbound' AND held AND person = {OF_ANNA}",
            "I4: inbound 2 was decided while call",
        ),
        (
            f"UPDATE inbox SET settled_at = settled_at - 2000000 WHERE kind = 'inbound' AND held AND person = {OF_ANNA}",
            "I4: inbound 2 was decided while call",
        ),
        (
            "UPDATE inbox SET state = 'pending', settled_at = NULL WHERE kind = 'call_result'",
            "its answers are ['pending']",
        ),
        ("UPDATE inbox SET dedup = 'lost' || id WHERE kind = 'call_result'", "its answers are []"),
        (f"DELETE FROM attempt WHERE outbox = {OF_BO} AND number = 2", "had time left when its server died"),
        (f"DELETE FROM attempt WHERE outbox = {OF_BO} AND number = 2", "got call"),
        (
            "UPDATE inbox SET raw = CAST(replace(CAST(raw AS TEXT), '\"failed\"', '\"found\"') AS BLOB) WHERE kind = 'call_result'",
            "was open when its server died, and then it was found by 1 attempts",
        ),
        (
            f"UPDATE outbox SET payload = (SELECT payload FROM outbox WHERE seq = {OF_CY}) WHERE seq = {OF_BO}",
            "ask the same",
        ),
        ("UPDATE trace SET version = 7", "with rulebooks [7], which are not stored"),
        ("UPDATE trace SET pinned = 7", "with rulebooks [7], which are not stored"),
        ("UPDATE rulebook_live SET live_from = live_from + 15000000", "with rulebook 1 (0) before it was live"),
        ("UPDATE rulebook SET files = 'never to be said'", 'rulebook 1 is stored, and holds "never to be said"'),
        ("UPDATE outbox SET payload = replace(payload, 'orders', 'never to be said')", 'says "never to be said"'),
    ],
)
def test_a_database_that_tells_otherwise_is_found_out(sound: Path, tmp_path: Path, statement: str, found: str) -> None:
    path = Path(shutil.copy(sound, tmp_path))
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement).rowcount > 0
    assert any(found in sentence for sentence in judged(path)), judged(path)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((*ASKED, BOUGHT), "I9: a backend got the POST of call"),
        ((*ASKED, LOOK), "I9: a backend got the GET of call"),
        ((*ASKED, Asked("GET", "https://erp.example/9", {})), "no call of that is there"),
        ((LOOK, PAID, LOOK), "was answered, and nobody was asked"),
    ],
)
def test_a_backend_that_tells_otherwise_is_found_out(sound: Path, asked: Sequence[Asked], found: str) -> None:
    assert any(found in sentence for sentence in judged(sound, Witness(asked))), judged(sound, Witness(asked))


def test_a_server_that_goes_on_with_an_older_rulebook_than_the_last_good_one_is_found_out(
    sound: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(sound, tmp_path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO rulebook VALUES (2, 'two', '{}', 0)")
        connection.execute(
            "INSERT INTO rulebook_live (number, live_from) SELECT 2, live_from + 22000000 FROM rulebook_live"
        )
    assert any("2 was live when its server started" in sentence for sentence in judged(path))
    assert judged(path, replace(SOUND, started_at=(at(0),))) == []


@pytest.mark.parametrize(("team", "broken"), [("support", 0), ("", 1)])
def test_a_colleague_who_takes_over_ends_the_waiting(sound: Path, tmp_path: Path, team: str, broken: int) -> None:
    shutil.copy(sound, tmp_path / "taken.db")
    with closing(sqlite3.connect(tmp_path / "taken.db")) as connection:
        early = f"kind = 'inbound' AND held AND person = {OF_ANNA}"
        connection.execute(f"UPDATE inbox SET settled_at = settled_at - 1 WHERE {early}")
        connection.execute(
            "INSERT INTO inbox SELECT 98, app, 'acted', 'operator', person, state, 1, written_at, received_at, ready_at,"
            f" settled_at, '', CAST(? AS BLOB), '', 0 FROM inbox WHERE {early}",
            (f'{{"colleague":"took_over","team":"{team}"}}',),
        )
        connection.commit()
    assert sum(sentence.startswith("I4") for sentence in judged(tmp_path / "taken.db")) == broken
