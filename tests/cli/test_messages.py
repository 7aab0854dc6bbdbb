"""``messages``: what left, what did not and who must act, read beside whatever runs on the database."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.cli.doctor import Mark, message_findings
from bot.cli.output import run
from bot.config import read_config
from bot.core.delivery import Policy
from bot.core.event import ContactKey, DeliveryReceipt, Reason
from bot.core.failures import rows
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.sqlite.archive import open_archive
from bot.store.units import Accepted, InboxKind, Incoming, NotAccepted, Outcome, Placed, Rejected, Started
from tests.cli.conftest import Command
from tests.store.making import TEMPLATE, answers, order

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
POLICY = Policy(marketing="not_stopped")


def person(number: int) -> ContactKey:
    return ContactKey("app", "WHATSAPP", f"4670000{number:04}")


class Office:
    """A store in which messages end as they are told to, one person each."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ids: dict[str, str] = {}

    async def sends(self, name: str, number: int) -> Started:
        asked = replace(order(who=person(number)), reply=TEMPLATE, reference=name, author="webshop")
        (placed,) = await self.store.place([asked], NOW)
        assert isinstance(placed, Placed)
        self.ids[name] = placed.outbox_id
        (started,) = await self.store.start(10, NOW, POLICY)
        return started

    async def ends(self, outcome: Outcome) -> None:
        await self.store.finish([outcome], NOW)

    async def fails(self, name: str, number: int, code: str, channel_code: str) -> None:
        started = await self.sends(name, number)
        await self.ends(Accepted(started.attempt_id, f"M-{name}"))
        why = Reason(code, "as WhatsApp says", "", channel_code)
        event = DeliveryReceipt(name, person(number), f"M-{name}", self.ids[name], "FAILED", NOW, NOW, why)
        await self.store.record([Incoming(event, InboxKind.RECEIPT, b"{}")], NOW)
        await self.store.decide_ready(10, NOW, answers())


async def a_day(path: Path) -> Mapping[str, str]:
    """Two numbers that do not use WhatsApp, one refused for the account, one that waits for the network, one that arrived."""
    store = await open_store(path, app="app")
    office = Office(store)
    await office.fails("gone1", 1, "RECIPIENT_NOT_REACHABLE", "131026")
    await office.fails("gone2", 2, "CHANNEL_REJECT", "131026")
    await office.ends(
        Rejected((await office.sends("prepaid", 3)).attempt_id, 403, "PERMISSION_DENIED", "Sinch says no.")
    )
    later = datetime.now(UTC) + timedelta(minutes=5)
    await office.ends(NotAccepted((await office.sends("offline", 4)).attempt_id, later, 0, "not_connected", "No road."))
    await office.ends(Accepted((await office.sends("fine", 5)).attempt_id, "M-fine"))
    await store.close()
    return office.ids


@pytest.fixture
def ids(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    monkeypatch.setenv("SINCH_APP_ID", "app")
    return run(lambda: a_day(folder / "parley.db"))


def plain(command: Command, *arguments: str) -> Any:
    ended = command("messages", *arguments, "--json")
    assert ended.code == 0, ended.err
    return orjson.loads(ended.out)


def test_they_are_listed_newest_first(ids: Mapping[str, str], command: Command) -> None:
    lines = command("messages", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        ids[name] for name in ("fine", "offline", "prepaid", "gone2", "gone1")
    ]
    assert "+46700000005" in lines[0]
    assert " sent " in lines[0]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--status", "FAILED"), ["prepaid", "gone2", "gone1"]),
        (("--status", "pending"), ["offline"]),
        (("--contact", "+46 70 000 00 02"), ["gone2"]),
        (("--reference", "prepaid"), ["prepaid"]),
        (("--since", "2h"), ["fine", "offline", "prepaid", "gone2", "gone1"]),
        (("--since", "1m"), []),
        (("--limit", "2"), ["fine", "offline"]),
    ],
)
def test_some_of_them_are_listed(
    ids: Mapping[str, str], command: Command, options: tuple[str, ...], names: list[str]
) -> None:
    assert [each["id"] for each in plain(command, "list", *options)] == [ids[name] for name in names]


def test_a_status_that_is_none_is_wrong_use(ids: Mapping[str, str], command: Command) -> None:
    ended = command("messages", "list", "--status", "gone")
    assert ended.code == 2
    assert '"gone" is not one of queued, sent' in ended.err


def test_one_is_shown_with_what_happened_to_it_and_who_must_act(ids: Mapping[str, str], command: Command) -> None:
    shown = command("messages", "show", ids["gone2"]).out
    assert shown.startswith(f"{ids['gone2']} to +46700000002: failed\n  utility, from webshop, ")
    assert "reference gone2" in shown
    assert "try 1: sent, HTTP 200" in shown
    assert "FAILED CHANNEL_REJECT 131026: as WhatsApp says" in shown
    assert "What happened: WhatsApp cannot deliver to this number" in shown
    assert "Staff:         Check the number" in shown


def test_nothing_is_amiss_with_what_left(ids: Mapping[str, str], command: Command) -> None:
    assert "What happened" not in command("messages", "show", ids["fine"]).out


def test_one_that_is_tried_again_names_what_stands_in_its_way(ids: Mapping[str, str], command: Command) -> None:
    shown = command("messages", "show", ids["offline"]).out
    assert "What happened: Sinch could not be reached." in shown
    assert "Operator:      Check that this machine reaches the internet" in shown


def test_an_unknown_id_is_told(ids: Mapping[str, str], command: Command) -> None:
    ended = command("messages", "show", "nothing")
    assert ended.code == 1
    assert ended.err == 'There is no message "nothing"; `messages list` shows those that there are.\n'


def test_failures_are_grouped_by_cause_those_first_that_need_somebody(ids: Mapping[str, str], command: Command) -> None:
    found = plain(command, "failures")
    assert [(each["count"], each["who"], each["codes"], each["example"]) for each in found] == [
        (1, "operator", ["not_connected"], ids["offline"]),
        (1, "operator", ["HTTP 403"], ids["prepaid"]),
        (2, "staff", ["131026"], ids["gone2"]),
    ]
    text = command("messages", "failures").out
    assert text.startswith("4 messages since ")
    assert "2 messages (131026), the last " in text
    assert "  Staff:         Check the number with the person, or reach them otherwise." in text


def test_what_sinch_says_of_single_messages_makes_no_more_counts(folder: Path) -> None:
    async def refused() -> None:
        store = await open_store(folder / "parley.db", app="app")
        office = Office(store)
        for number in range(3):
            started = await office.sends(f"refused{number}", number)
            await office.ends(Rejected(started.attempt_id, 400, "INVALID_ARGUMENT", f"Sinch refuses number {number}."))
        await store.close()

    run(refused)
    with closing(open_archive(folder / "parley.db")) as archive:
        [found] = archive.amiss("app", NOW)
        assert archive.amiss("another", NOW) == []
    assert (found.count, found.status, found.code, found.is_template) == (3, 400, "INVALID_ARGUMENT", True)


def test_what_ended_before_is_not_told_of_but_what_is_refused_now_is(ids: Mapping[str, str], command: Command) -> None:
    assert [each["example"] for each in plain(command, "failures", "--since", "5m")] == [ids["offline"]]


def test_the_doctor_tells_of_what_an_operator_can_mend(ids: Mapping[str, str]) -> None:
    found = list(message_findings(read_config(), datetime.now(UTC)))
    assert [(each.mark, each.sentence) for each in found] == [
        (Mark.DOUBT, "1 message did not get through in the last day. Sinch could not be reached."),
        (Mark.DOUBT, "1 message did not get through in the last day. Sinch knows the key but does not let it send."),
    ]
    assert found[1].cure.endswith(f"The last was {ids['prepaid']}.")
    later = list(message_findings(read_config(), datetime.now(UTC) + timedelta(days=2)))
    assert len(later) == 1  # what is still being refused


def test_without_a_database_the_doctor_has_no_messages_to_look_at(folder: Path) -> None:
    assert list(message_findings(read_config(), datetime.now(UTC))) == []


def test_without_failures_that_is_told(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINCH_APP_ID", "app")

    async def empty() -> None:
        await (await open_store(folder / "parley.db", app="app")).close()

    run(empty)
    assert command("messages", "failures").out.startswith("Nothing went amiss since ")
    ended = command("messages", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "There is no such message.\n")


@pytest.mark.parametrize("code", sorted({row.code for row in rows()}))
def test_every_code_of_the_table_is_explained(command: Command, code: str) -> None:
    expected = [row.step.cause for row in rows() if row.code == code]
    shown = command("messages", "explain-code", code)
    assert shown.code == 0
    assert all(f"What happened: {cause}" in shown.out for cause in expected)


def test_a_code_is_explained_as_json(command: Command) -> None:
    (free, template) = plain(command, "explain-code", "131047")
    assert (free["is_template"], template["is_template"]) == (False, True)
    assert free["who"] == "staff"


def test_a_code_that_nobody_knows_is_told_as_such(command: Command) -> None:
    ended = command("messages", "explain-code", "139999")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "The reason given is 139999, which this version of Parley does not know. "
        "Read the description beside it with `messages show`, or look the code up at Sinch or Meta.\n"
    )
