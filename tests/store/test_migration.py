"""A database of an earlier Parley is brought up to date with all that it holds."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store.sqlite import audit, open_store
from bot.store.sqlite.connection import migrations, schema_version
from tests.store.making import ANNA, POLICY, Seen, answers, asks, at, told, wrote

# What the first schema held after somebody was answered and wrote again.
_LIVED = """
    INSERT INTO setting VALUES ('installation_key', randomblob(32));
    INSERT INTO person (id, app, created_at, first_inbox, tags) VALUES (1, 'APP', 1, 1, '["vip"]');
    INSERT INTO identity VALUES ('APP', 'WHATSAPP', '46700000001', 1, 'C1', 1767700000000000, 1767614400000000);
    INSERT INTO lane VALUES (1, '{"v":1,"rule":"hello"}', 1767614401000000, NULL);
    INSERT INTO inbox VALUES (1, 'APP', 'in:1', 'inbound', 1, 'decided', 1, 1767614400000000, 1767614400000000,
        1767614400000000, 1767614400000000, '', x'6869', '');
    INSERT INTO inbox VALUES (2, 'APP', 'in:2', 'inbound', 1, 'pending', 0, 1767614401000000, 1767614401000000,
        1767614401000000, NULL, '', x'616761696e', '');
    INSERT INTO trace VALUES (1, 1, 1, 0, 1767614400000000, 'rules', 'hello', x'7b7d', 'd');
    INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload,
        category, rule, version, created_at, due_at) VALUES (1, 'O1', 'message', 'rule', '1', 0, 1, 'APP', 'WHATSAPP',
        '46700000001', 'queued', '{"kind":"text","text":"hello"}', 'utility', 'hello', 1, 1767614400000000,
        1767614400000000);
    UPDATE lane SET send_at = 1767614400000000;
"""


def lived(path: Path) -> None:
    (_, first), *_ = migrations()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{first} {_LIVED} PRAGMA user_version = 1;")


async def test_what_the_first_schema_held_goes_on(tmp_path: Path) -> None:
    lived(tmp_path / "parley.db")
    store = await open_store(tmp_path / "parley.db", app="APP")
    (started,) = await store.start(10, at(3), POLICY)
    assert started.outbox_id == "O1"
    seen = Seen()
    await store.decide_ready(10, at(3), seen)
    assert seen.raws == [b"again"]
    trace = await store.trace(1)
    assert trace is not None
    assert (trace.pinned, trace.person, trace.layer) == (0, 1, "rules")
    assert await store.asking() == {}
    await store.record([wrote("track", when=at(4)), wrote("hello?", when=at(5))], at(5))
    await store.decide_ready(10, at(5), asks(seconds=5))
    (call,) = await store.start_calls(10, at(6))
    await store.finish_call(told(call), at(7))
    assert (await store.decide_ready(10, at(7), answers())).settled == 1
    assert (await store.standing(ANNA)).person_id == 1
    await store.close()


async def test_every_step_is_taken_and_leaves_a_sound_database(tmp_path: Path) -> None:
    lived(tmp_path / "parley.db")
    await (await open_store(tmp_path / "parley.db", app="APP")).close()
    await (await open_store(tmp_path / "new.db", app="APP")).close()
    with closing(sqlite3.connect(tmp_path / "parley.db")) as old, closing(sqlite3.connect(tmp_path / "new.db")) as new:
        assert schema_version(old) == schema_version(new) == len(migrations()) > 1
        tables = "SELECT name, sql FROM sqlite_schema ORDER BY name"
        assert old.execute(tables).fetchall() == new.execute(tables).fetchall()
        assert list(audit.broken(old)) == []
