"""``events dead`` and ``events redrive``: through the running server, which then answers, and on the database while none runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bot.cli.output import run
from bot.core.event import InboundMessage, Text
from bot.store.sqlite import open_store
from bot.store.units import InboxKind, Incoming, Lane, Settled
from bot.web.operator import Operator
from bot.work.clock import wall
from tests.cli.conftest import Command
from tests.web.admin.office import office, person, posted


async def two_dead(path: Path) -> None:
    """Two events that were given up, and a refused webhook."""
    store = await open_store(path, app="app")
    for text in ("one", "two"):
        event = InboundMessage(f"in:{text}", replace(person(), app="app"), text, Text(text), wall(), wall())
        await store.record([Incoming(event, InboxKind.INBOUND, b"{}")], wall())

        def give_up(lane: Lane) -> Sequence[Settled]:
            return [Settled(each.inbox_id, dead="A rule is broken.") for each in lane.pending]

        await store.decide_ready(10, wall(), give_up)
    await store.refuse(b"{}", "Its signature is too old.", wall())
    await store.close()


@pytest.fixture
def dead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINCH_APP_ID", "app")
    run(lambda: two_dead(folder / "parley.db"))


@pytest.mark.usefixtures("dead")
def test_what_could_not_be_dealt_with_is_listed(command: Command) -> None:
    ended = command("events", "dead")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert [each.split()[0] for each in lines] == ["2", "1", "w1"]
    assert lines[0].endswith("inbound, person 1: A rule is broken.")
    assert lines[2].endswith("webhook: Its signature is too old.")
    found = orjson.loads(command("events", "dead", "--json").out)
    assert [each["raw"] for each in found["letters"]] == ["{}", "{}"]


@pytest.mark.usefixtures("dead")
def test_without_a_server_a_letter_waits_for_its_start_and_a_webhook_is_refused(command: Command) -> None:
    ended = command("events", "redrive", "1", "w1", "77")
    assert ended.code == 1
    first, second, third = ended.out.splitlines()
    assert first == "1: It is decided once the server runs."
    assert second.startswith("w1: No server runs that could read a webhook.")
    assert third.startswith("77: Event 77 is no dead letter.")
    assert [each.split()[0] for each in command("events", "dead").out.splitlines()] == ["2", "w1"]


@pytest.mark.usefixtures("dead")
def test_all_or_some_must_be_named(command: Command) -> None:
    assert command("events", "redrive").code == 2
    assert command("events", "redrive", "1", "--all").code == 2


async def test_the_running_server_decides_and_tells_by_which_rule(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        number = await desk.dies("hello")
    async with office(tmp_path, workers=True) as desk:
        await desk.app.store.refuse(posted("what is this", 2), "Its signature is too old.", desk.now())
        operator = Operator(desk.app.backend(), intake=desk.app.intake())
        answer = await operator.answer({"command": "events.redrive", "all": True, "who": "root"})
        assert answer["ok"]
        driven = answer["driven"]
        assert isinstance(driven, list)
        assert {each["id"]: each["sentence"] for each in driven} == {
            str(number): "It was decided by rule welcome.",
            "w1": "It was decided by rule otherwise.",
        }
        again = await operator.answer({"command": "events.redrive", "all": True, "who": "root"})
        assert again["driven"] == []
        assert [each.who for each in await desk.app.store.users.deeds(5)] == ["root", "root"]
