"""The oracle itself: it is silent about a sound run, and speaks of each thing that could be wrong with one."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest

from bot.core.decision import Send
from bot.core.event import ContactKey, InboundMessage
from bot.core.reply import TextReply
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Accepted, Incoming, Lane, Outcome, Settled, Started, Unknown, Verdict
from tests.oracle import Acknowledged, Judgement, judge
from tests.store.making import ANNA, BO, POLICY, at, settled, wrote

Entry = dict[str, object]


@dataclass
class Story:
    """A run's three witnesses."""

    folder: Path
    truth: list[Entry] = field(default_factory=list)
    told: list[Acknowledged] = field(default_factory=list)

    def accept(self, message_id: str, outbox_id: str, who: ContactKey) -> None:
        """Sinch takes a send."""
        request = {"message": {"text_message": {"text": "You said so."}}, "ttl": "80000s"}
        facts = {"message_id": message_id, "metadata": outbox_id, "identity": who.identity, "request": request}
        self.truth.append({"n": len(self.truth) + 1, "kind": "accepted", **facts})

    def judged(self) -> Judgement:
        path = self.folder / "truth.jsonl"
        path.write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in self.truth))
        return judge(self.folder / "parley.db", path, self.told)

    def tamper(self, statement: str) -> None:
        """Change the database behind the store's back."""
        with closing(sqlite3.connect(self.folder / "parley.db")) as connection, connection:
            assert connection.execute(statement).rowcount > 0


def said(text: str, who: ContactKey, seconds: float) -> Incoming:
    """A message whose id is its text, its webhook kept as it came."""
    when = at(seconds).isoformat().replace("+00:00", "Z")
    sender = {"channel": who.channel, "identity": f"+{who.identity}"}
    message = {"id": f"in-{text}", "channel_identity": sender, "accept_time": when}
    return replace(wrote(text, who, at(seconds), text), raw=orjson.dumps({"message": message, "event_time": when}))


def repeat(lane: Lane) -> list[Settled]:
    """Every message is answered by its own words."""
    answers = []
    for claimed in lane.pending:
        assert isinstance(claimed.event, InboundMessage)
        text = claimed.event.dedup.removeprefix("in:")
        send = Send(TextReply(f"You said {text}."), lane.conversation.contact, "rule", 0, confirms_stop=text == "STOP")
        answers.append(settled(claimed.inbox_id, send))
    return answers


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return asyncio.run(_lived(Story(tmp_path_factory.mktemp("sound"))))


async def _lived(story: Story) -> Story:
    """Anna writes twice. Bo's answer ends unknown and is sent again; then Bo says STOP."""
    store = await open_store(story.folder / "parley.db", app="APP")
    await store.save_rulebook("one", {"rules/shop.yaml": b"rules: []"}, at(0))
    await _record(store, story, [said("one", ANNA, 0), said("hello", BO, 0)], 1)
    await _record(store, story, [said("two", ANNA, 2)], 3)
    await store.decide_ready(10, at(4), repeat)
    for_anna, for_bo = await store.start(10, at(5), POLICY)
    await _end(store, story, for_anna, Accepted(for_anna.attempt_id, "M1"), "M1", 6)
    await _end(store, story, for_bo, Unknown(for_bo.attempt_id, at(40), 0, "No answer came."), "M2", 6)
    (for_anna,) = await store.start(10, at(7), POLICY)
    await _end(store, story, for_anna, Accepted(for_anna.attempt_id, "M3"), "M3", 8)
    await store.reconcile([Verdict(for_bo.outbox_id, resend=True)], at(41))
    (for_bo,) = await store.start(10, at(42), POLICY)
    await _end(store, story, for_bo, Accepted(for_bo.attempt_id, "M4"), "M4", 43)
    await _record(store, story, [said("STOP", BO, 50)], 51)
    await store.decide_ready(10, at(52), repeat)
    (for_bo,) = await store.start(10, at(53), POLICY)
    await _end(store, story, for_bo, Accepted(for_bo.attempt_id, "M5"), "M5", 54)
    await store.close()
    return story


async def _record(store: Store, story: Story, incoming: Sequence[Incoming], seconds: float) -> None:
    await store.record(incoming, at(seconds))
    for item in incoming:
        assert isinstance(item.event, InboundMessage)
        text = item.event.dedup.removeprefix("in:")
        story.told.append(Acknowledged(f"in-{text}", item.event.contact.identity, f"said {text}"))


async def _end(store: Store, story: Story, started: Started, outcome: Outcome, message_id: str, seconds: float) -> None:
    story.accept(message_id, started.outbox_id, started.contact)
    await store.finish([outcome], at(seconds))


@pytest.fixture
def story(sound: Story, tmp_path: Path) -> Story:
    """A copy to tamper with."""
    shutil.copytree(sound.folder, tmp_path / "copy")
    return Story(tmp_path / "copy", [dict(entry) for entry in sound.truth], list(sound.told))


def outbox_id(story: Story, message_id: str) -> str:
    return next(str(entry["metadata"]) for entry in story.truth if entry["message_id"] == message_id)


def test_a_sound_run_leaves_it_silent(story: Story) -> None:
    assert story.judged() == Judgement((), (outbox_id(story, "M2"),))


def test_a_last_line_of_the_truth_that_breaks_off_did_not_happen(story: Story) -> None:
    story.judged()
    path = story.folder / "truth.jsonl"
    path.write_bytes(path.read_bytes() + orjson.dumps({**story.truth[0], "n": 9, "message_id": "M9"})[:60])
    assert judge(story.folder / "parley.db", path, story.told).broken == ()


def test_it_leaves_the_database_as_it_is(story: Story) -> None:
    before = (story.folder / "parley.db").read_bytes()
    story.judged()
    assert (story.folder / "parley.db").read_bytes() == before


ANNAS_FIRST = "outbox WHERE payload LIKE '%said one%'"
TWICE_IN_THE_INBOX = (
    "INSERT INTO inbox SELECT id + 100, app, dedup || '2', kind, person, state, tries, written_at, received_at, ready_at,"
    " settled_at, why, raw, media_kind, held FROM inbox WHERE id = 1"
)
A_SECOND_REPLY = (
    "INSERT INTO outbox (id, kind, origin, origin_id, position, person, app, channel, identity, state, payload, category,"
    " created_at, due_at) SELECT 'X', kind, origin, origin_id, 1, person, app, channel, identity, 'cancelled', payload,"
    f" category, created_at, due_at FROM {ANNAS_FIRST}"
)
BOS = "outbox WHERE payload LIKE '%said hello%'"


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            TWICE_IN_THE_INBOX,
            "I2: message in-one is in the inbox 2 times, as rows [1, 101].",
        ),
        ("DELETE FROM inbox WHERE id = 1", "I1: message in-one was acknowledged and is not in the inbox."),
        (
            "UPDATE inbox SET state = 'pending', settled_at = NULL WHERE id = 1",
            "I3: message in-one was acknowledged and is pending.",
        ),
        ("UPDATE inbox SET state = 'dead' WHERE id = 1", "I3: message in-one was acknowledged and is dead."),
        (
            A_SECOND_REPLY,
            "I3: message in-one has 2 replies",
        ),
        (f"DELETE FROM {ANNAS_FIRST}", "I3: message in-one was acknowledged and has no reply."),
        (
            "UPDATE outbox SET payload = replace(payload, 'one', 'two') WHERE payload LIKE '%said one%'",
            "which does not hold 'said one'.",
        ),
        (
            "UPDATE inbox SET written_at = written_at - 9000000 WHERE id = 3",
            "I4: inbox row 3 of person 1 was decided after row 1, which was written later.",
        ),
        (f"UPDATE attempt SET outcome = 'retry' WHERE outbox = (SELECT seq FROM {ANNAS_FIRST})", "committed attempts say ['retry']"),
        (f"DELETE FROM attempt WHERE outbox = (SELECT seq FROM {ANNAS_FIRST})", "committed attempts say []"),
        (
            f"UPDATE attempt SET outcome = 'sent' WHERE outbox = (SELECT seq FROM {BOS})",
            "twice, and no attempt before the last ended unknown.",
        ),
        (
            f"UPDATE attempt SET message_id = 'M9' WHERE outbox = (SELECT seq FROM {ANNAS_FIRST})",
            "ended sent as M9, which Sinch did not accept for it.",
        ),
        (
            f"UPDATE attempt SET started_at = started_at + 90000000 WHERE outbox = (SELECT seq FROM {BOS})",
            "for person 2 after their STOP was committed.",
        ),
        (f"UPDATE outbox SET confirms_stop = 1 WHERE seq = (SELECT seq FROM {BOS})", "I7: person 2 was sent 2 confirmations of 1 STOPs."),
        ("UPDATE outbox SET submissions = 1 WHERE submissions = 2", "I9: outbox row"),
    ],
)  # fmt: skip
def test_a_database_that_tells_otherwise_is_found_out(story: Story, statement: str, found: str) -> None:
    story.tamper(statement)
    speaks_of(story, found)


def test_what_was_held_for_a_call_may_be_decided_after_what_came_later(story: Story) -> None:
    story.tamper("UPDATE inbox SET written_at = written_at - 9000000 WHERE id = 3")
    assert story.judged().broken
    story.tamper("UPDATE inbox SET held = 2 WHERE id = 3")
    assert story.judged().broken == ()


def test_a_call_is_nothing_that_sinch_could_have_accepted(story: Story) -> None:
    story.tamper(
        "INSERT INTO outbox (seq, id, kind, origin, origin_id, position, person, app, channel, identity, state, payload,"
        " category, created_at, due_at, attempts, submissions) SELECT 99, 'C', 'call', origin, origin_id, -1, person, app,"
        f" channel, identity, 'sent', '{{}}', category, created_at, due_at, 1, 1 FROM {ANNAS_FIRST}"
    )
    story.tamper(
        "INSERT INTO inbox (app, dedup, kind, person, state, written_at, received_at, ready_at, settled_at) SELECT app,"
        " 'call:C', 'call_result', person, 'ignored', written_at, received_at, ready_at, settled_at FROM inbox WHERE id = 1"
    )
    story.tamper(
        "INSERT INTO attempt (outbox, number, started_at, owner, ended_at, outcome) SELECT 99, 1, started_at, owner,"
        f" ended_at, 'sent' FROM attempt WHERE outbox = (SELECT seq FROM {ANNAS_FIRST})"
    )
    assert story.judged().broken == ()


def forget(message_id: str) -> Callable[[Story], None]:
    def change(story: Story) -> None:
        story.truth = [entry for entry in story.truth if entry["message_id"] != message_id]

    return change


def again(message_id: str, as_id: str) -> Callable[[Story], None]:
    def change(story: Story) -> None:
        story.accept(as_id, outbox_id(story, message_id), ANNA)

    return change


def to_bo(story: Story) -> None:
    story.truth[0]["identity"] = BO.identity


def of_nobody(story: Story) -> None:
    story.accept("M9", "nobody's", ANNA)


def the_other_way_round(story: Story) -> None:
    first, third = (next(entry for entry in story.truth if entry["message_id"] == id_) for id_ in ("M1", "M3"))
    first["n"], third["n"] = third["n"], first["n"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (of_nobody, 'I5: Sinch accepted M9 for outbox id "nobody\'s", which is not there.'),
        (to_bo, f"for {BO.identity}, and it is for {ANNA.identity}."),
        (again("M1", "M9"), "2 times, and its committed attempts say ['sent']."),
        (again("M2", "M9"), "3 times; 2 is the most."),
        (again("M4", "M4"), "I9: the truth holds M4 more than once."),
        (forget("M1"), "ended sent as M1, which Sinch did not accept for it."),
        (forget("M1"), "is sent, and Sinch never accepted it."),
        (the_other_way_round, "to person 1 left after"),
    ],
)
def test_a_truth_that_tells_otherwise_is_found_out(story: Story, change: Callable[[Story], None], found: str) -> None:
    change(story)
    speaks_of(story, found)


def test_what_was_acknowledged_and_never_recorded_is_found_out(story: Story) -> None:
    story.told.append(Acknowledged("in-lost", ANNA.identity, "said lost"))
    speaks_of(story, "I1: message in-lost was acknowledged and is not in the inbox.")


def speaks_of(story: Story, found: str) -> None:
    broken = story.judged().broken
    assert any(found in sentence for sentence in broken), broken
