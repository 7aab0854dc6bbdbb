"""The oracle's third part itself: windows that it reckons from bytes, receipts that were taken, and who got nothing."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bot.core.event import ContactKey
from bot.store.sqlite import open_store
from bot.store.sqlite.people import identity_hmac
from bot.store.sqlite.times import to_us
from bot.store.units import Accepted, Incoming
from tests.oracle import judge
from tests.oracle_truth import us_of
from tests.store.making import ANNA, BO, POLICY, answers, at, receipt, wrote

Entry = dict[str, object]
HOUR = 3600.0


def stamp(seconds: float) -> str:
    return at(seconds).isoformat().replace("+00:00", "Z")


def said(id_: str, who: ContactKey, seconds: float, **message: object) -> Incoming:
    sender = {"channel": who.channel, "identity": f"+{who.identity}"}
    told = {"id": id_, "channel_identity": sender, "accept_time": stamp(seconds + 1), **message}
    return replace(wrote(id_, who, at(seconds), id_), raw=orjson.dumps({"message": told, "event_time": stamp(seconds)}))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    asyncio.run(_lived(folder))
    return folder


async def _lived(folder: Path) -> None:
    """Anna writes and is answered 20 hours later, which she reads. Bo writes an hour before it reaches us."""
    truth: list[Entry] = []
    store = await open_store(folder / "parley.db", app="APP")
    await store.save_rulebook("one", {"rules/shop.yaml": b"rules: []"}, at(0))
    for id_, who, written, now in (("one", ANNA, 0.0, 1.0), ("two", BO, 19 * HOUR, 20 * HOUR)):
        await store.record([said(id_, who, written)], at(now))
        note(truth, "acknowledged", trigger="MESSAGE_INBOUND", about=id_)
    await store.decide_ready(10, at(20 * HOUR), answers("Here you are."))
    for n, started in enumerate(await store.start(10, at(20 * HOUR), POLICY), 1):
        request: Entry = {"message": {"text_message": {"text": "Here you are."}}, "ttl": f"{started.ttl_s}s"}
        facts = {"message_id": f"M{n}", "metadata": started.outbox_id, "identity": started.contact.identity}
        note(truth, "accepted", **facts, app_id="APP", at=stamp(20 * HOUR), request=request)
        await store.finish([Accepted(started.attempt_id, f"M{n}")], at(20 * HOUR + 1))
        for status in ("DELIVERED", "READ") if n == 1 else ("FAILED",):
            await store.record([receipt(status, started.outbox_id, f"M{n}", who=started.contact)], at(20 * HOUR + 2))
            note(truth, "acknowledged", trigger="MESSAGE_DELIVERY", about=f"M{n}:{status}")
    await store.decide_ready(10, at(20 * HOUR + 3), answers())
    await store.close()
    (folder / "truth.jsonl").write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in truth))


def note(truth: list[Entry], kind: str, **facts: object) -> None:
    truth.append({"n": len(truth) + 1, "kind": kind, **facts})


@pytest.fixture
def story(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def judged(story: Path) -> tuple[str, ...]:
    return judge(story / "parley.db", story / "truth.jsonl").broken


def test_a_sound_run_leaves_it_silent(story: Path) -> None:
    assert judged(story) == ()


def tamper(story: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(story / "parley.db")) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def rewritten(message: Callable[[Entry], None]) -> Callable[[Path], None]:
    """Anna's webhook, as if it had come otherwise."""

    def change(story: Path) -> None:
        with closing(sqlite3.connect(story / "parley.db")) as connection:
            body = orjson.loads(connection.execute("SELECT raw FROM inbox WHERE id = 1").fetchone()[0])
        message(body)
        tamper(story, "UPDATE inbox SET raw = ? WHERE id = 1", orjson.dumps(body))

    return change


def changed(n: int, **facts: object) -> Callable[[Path], None]:
    """The ``n``-th thing that the emulator accepted, as if it had been otherwise."""

    def change(story: Path) -> None:
        entries = [orjson.loads(line) for line in (story / "truth.jsonl").read_bytes().splitlines()]
        [entry for entry in entries if entry["kind"] == "accepted"][n - 1].update(facts)
        (story / "truth.jsonl").write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in entries))

    return change


def by(statement: str) -> Callable[[Path], None]:
    return lambda story: tamper(story, statement)


TEXT = {"text_message": {"text": "Here you are."}}
OF_ANNA = "(SELECT seq FROM outbox WHERE person = 1)"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (rewritten(lambda body: body.update(event_time=stamp(-5 * HOUR))), "after its window had closed"),
        (rewritten(lambda body: body.update(event_time=stamp(-5 * HOUR))), "free-form, outside the window."),
        (rewritten(lambda body: body["message"].update(accept_time=stamp(-5 * HOUR))), "after its window"),  # type: ignore[attr-defined]
        (rewritten(lambda body: body["message"].update(injected=True)), "was tried long after its window"),  # type: ignore[attr-defined]
        (rewritten(lambda body: body.update(event=body.pop("message"))), "was tried long after its window"),
        (by(f"UPDATE attempt SET started_at = started_at + 14400000000 - 119000000 WHERE outbox = {OF_ANNA}"), "1.0 s after"),
        (changed(1, request={"message": TEXT}), "free-form, without a ttl."),
        (changed(1, request={"message": TEXT, "ttl": "14401s"}), "the ttl of M1"),
        (changed(2, request={"message": TEXT, "ttl": "82801s"}), "is 82801 s, and its window was open for 82800 s"),
        (by("DELETE FROM receipt WHERE status = 'READ'"), "I10: the receipt READ of M1 was acknowledged and is not there."),
        (by("UPDATE outbox SET delivery = 2 WHERE delivery = 3"), "shows delivery 2, and its receipts told"),
        (by("UPDATE outbox SET delivery = 9 WHERE delivery = 3"), "shows delivery 9, and its receipts told"),
        (by("UPDATE outbox SET delivery = 0 WHERE delivery = 9"), "shows delivery 0, and its receipts told"),
        (by("UPDATE inbox SET dedup = 'lost' WHERE id = 2"), "I1: message two was acknowledged to Sinch and is not in the inbox."),
        (by("DELETE FROM rulebook"), "events were decided by rules, and no rulebook is stored."),
    ],
)  # fmt: skip
def test_what_tells_otherwise_is_found_out(story: Path, change: Callable[[Path], None], found: str) -> None:
    change(story)
    sentences = judged(story)
    assert any(found in sentence for sentence in sentences), sentences


def test_who_got_nothing_is_told(story: Path) -> None:
    tamper(story, "UPDATE trace SET rule = '', layer = 'nothing_matched' WHERE inbox = 2")
    tamper(story, "DELETE FROM attempt WHERE outbox = (SELECT seq FROM outbox WHERE person = 2)")
    tamper(story, "DELETE FROM outbox WHERE person = 2")
    assert "I12: inbox row 2 of person 2 was decided, and nobody answered it." in judged(story)


def test_the_window_of_whom_a_body_was_forgotten_is_not_known(story: Path) -> None:
    tamper(story, "UPDATE inbox SET raw = NULL WHERE id = 1")
    assert judged(story) == ()


@pytest.mark.parametrize(("seconds", "broken"), [(20 * HOUR + 4, False), (19 * HOUR, True)])
def test_what_left_before_an_erasure_needs_no_row(story: Path, seconds: float, broken: bool) -> None:
    for table, column in (("attempt", f"outbox = {OF_ANNA}"), ("receipt", f"outbox = {OF_ANNA}")):
        tamper(story, f"DELETE FROM {table} WHERE {column}")
    tamper(story, "DELETE FROM outbox WHERE person = 1")
    with closing(sqlite3.connect(story / "parley.db")) as connection:
        [key] = connection.execute("SELECT value FROM setting WHERE name = 'installation_key'").fetchone()
    tamper(
        story,
        "INSERT INTO erased (identity_hmac, erased_at) VALUES (?, ?)",
        identity_hmac(key, ANNA),
        to_us(at(seconds)),
    )
    assert any("I5: Sinch accepted M1" in sentence for sentence in judged(story)) == broken


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("soon", None),
        (None, None),
    ],
)
def test_times_are_read_as_sinch_writes_them(text: object, microseconds: int | None) -> None:
    assert us_of(text) == microseconds
