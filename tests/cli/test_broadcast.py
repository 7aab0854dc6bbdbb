"""``broadcast``: what a person at a terminal sees of a campaign, with the server and without it."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.cli.campaign_source import source
from bot.config import Config
from bot.errors import Refused
from bot.rulebook.load import load_files
from bot.store.sqlite import open_store
from bot.web.api.backend import Backend
from bot.web.api.keys import make_key
from bot.web.api.routes import api_app
from tests.cli.conftest import GOOD, SERVER, Command, Ended
from tests.cli.test_failures import server

LIST = "to;language;order_number\n+46701740605;;1\n+447700900123;en;2\n+46701740605;;3\n"


@pytest.fixture
def people(folder: Path) -> str:
    (folder / "people.csv").write_text(LIST, encoding="utf-8-sig")
    return "people.csv"


def start(command: Command, people: str, *more: str) -> Ended:
    return command("broadcast", "start", people, "--template", "order_shipped", *more, environment=SERVER)


def next_month() -> tuple[str, str]:
    return "--at", (datetime.now(UTC) + timedelta(days=30)).isoformat()


def test_from_the_list_to_the_report(command: Command, folder: Path, people: str) -> None:
    with server(folder):
        tried = start(command, people, "--dry-run")
        assert tried.out.splitlines() == [
            "2 of 3 in the list get order_shipped.",
            "  1 skipped: The same person as an earlier line.",
            "The first one, +46701740605, reads: 1 is coming",
        ]
        unasked = start(command, people)
        assert (unasked.code, "add --yes" in unasked.err) == (2, True)
        assert "no campaigns yet" in command("broadcast", "list").out
        past = start(command, people, "--yes", "--at", "2020-01-01T10:00Z")
        assert (past.code, past.err) == (
            1,
            "--at means 2020-01-01 10:00 UTC, which is past. Leave it out to send at once.\n",
        )
        begun = start(command, people, "--yes", "--name", "Spring", "--rate", "2", *next_month())
        assert begun.code == 0, begun
        (when,) = re.findall(r"It begins (\S+ \S+ \S+)\. `broadcast watch 1` shows", begun.out)
        assert f"It begins {when}." in command("broadcast", "show", "1").out
        assert "Campaign 1 is stored: 2 messages." in begun.out
        assert command("broadcast", "list").out.split() == "1 running 0 of 2 Spring (order_shipped)".split()
        assert command("broadcast", "pause", "1").out == "Campaign 1 is paused.\n"
        shown = command("broadcast", "show", "1").out.splitlines()
        assert shown[0] == "Campaign 1, Spring: paused, 3 recipients."
        assert shown[1].startswith("Paused by ")
        assert [line.split() for line in shown[2:4]] == [["2", "pending"], ["1", "skipped"]]
        assert shown[4].strip() == "1  skipped: The same person as an earlier line"
        assert command("broadcast", "resume", "1").out == "Campaign 1 is running.\n"
    # The server is gone, and its database can still be looked at and decided upon.
    assert command("broadcast", "recipients", "1").out == (
        "2\t+46701740605\tpending\n3\t+447700900123\tpending\n4\t+46701740605\tskipped\tThe same person as an earlier line: 2.\n"
    )
    assert command("broadcast", "recipients", "1", "--status", "skipped").out.startswith("4\t")
    assert command("broadcast", "cancel", "1").out == "Campaign 1 is cancelled.\n"
    watched = command("broadcast", "watch", "1")
    assert "cancelled, 3 recipients" in watched.out
    refused = command("broadcast", "resume", "1")
    assert (refused.code, "stays so" in refused.err) == (1, True)
    unknown = command("broadcast", "show", "9")
    assert (unknown.code, "no campaign of this id" in unknown.err) == (1, True)
    without = start(command, people, "--yes")
    assert (without.code, "No server runs" in without.err) == (1, True)


def test_mistakes_in_the_list_are_told_with_their_lines(command: Command, folder: Path) -> None:
    (folder / "bad.csv").write_text("to,order_number\n0701740605,1\n+447700900123,\n", encoding="utf-8")
    with server(folder):
        refused = start(command, "bad.csv", "--yes")
        assert refused.code == 1
        assert [line.partition(":")[0] for line in refused.out.splitlines()] == ["line 2", "line 3"]
        assert "Nothing was sent: 2 lines of the list must be mended." in refused.err
        assert "leave them out with --skip-bad" in refused.err
        nobody = start(command, "bad.csv", "--yes", "--skip-bad").err
        assert nobody == "Nobody would get it. A mistake in the list (2).\n"
        (folder / "lacks.csv").write_text("to,order_no\n+46701740605,1\n", encoding="utf-8")
        lacks = start(command, "lacks.csv", "--yes")
        assert (lacks.code, "start again." in lacks.err, "--skip-bad" in lacks.err) == (1, True, False)
        (folder / "long.csv").write_text("to,order_number\n" + "0701740605,1\n" * 1001, encoding="utf-8")
        assert "at least 1000 lines of the list must be mended" in start(command, "long.csv", "--yes").err
        unknown = command("broadcast", "start", "bad.csv", "--template", "order_shiped", "--yes")
        assert 'Did you mean "order_shipped"?' in unknown.err


async def test_another_machines_server_is_asked_over_http(
    tmp_path: Path, aiohttp_server: Callable[[web.Application], Awaitable[TestServer]]
) -> None:
    rulebook = load_files({"rules/shop.yaml": GOOD.encode()}).rulebook
    assert rulebook is not None
    store = await open_store(tmp_path / "parley.db", app="app")
    root = web.Application()
    root.add_subapp("/v1", api_app(Backend(store, lambda: rulebook, lambda: datetime.now(UTC), "app")))
    there = await aiohttp_server(root)
    key = await make_key(store, "away", ["send", "read"], datetime.now(UTC))
    ask = source(Config(), str(there.make_url("/")), key)
    query = {"template": "order_shipped", "skip_bad": False}
    assert (await ask("start", csv=LIST, query={**query, "dry_run": True}))["going"] == 2
    wrong = await ask("start", csv="to,order_number\n12,1\n", query=query)
    assert [where for where, _ in wrong["errors"]] == ["line 2"]
    id_ = (await ask("start", csv=LIST, query=query))["id"]
    assert [each["id"] for each in (await ask("list", query={"limit": 5}))["campaigns"]] == [id_]
    assert (await ask("recipients", id=id_, query={"status": "skipped"}))["recipients"][0]["line"] == 4
    for what, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert (await ask(what, id=id_))["state"] == (await ask("show", id=id_))["state"] == state
    with pytest.raises(Refused, match="no campaign of this id"):
        await ask("show", id="../../x")
    await store.close()


def test_a_server_that_is_not_there_is_named(command: Command) -> None:
    for each in (("list",), ("show", "1"), ("pause", "1"), ("recipients", "1")):
        ended = command("broadcast", *each, "--url", "http://127.0.0.1:1", "--key", "k")
        assert (ended.code, "No Parley answers at http://127.0.0.1:1" in ended.err) == (1, True)


def test_ctrl_c_leaves_it_running_and_says_how_to_look_again(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["bot.cli.broadcast"], "_follow", interrupted)
    ended = command("broadcast", "watch", "7", environment=SERVER)
    assert (ended.code, "broadcast watch 7" in ended.err) == (130, True)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("list", "--url", "http://x"), "--key"),
        (("recipients", "1", "--status", "gone"), "--status"),
        (("start", "none.csv", "--template", "t", "--value", "x"), "--value"),
        (("start", "people.csv", "--template", "t", "--at", "soon"), "--at"),
    ],
)
def test_wrong_use_names_the_option(command: Command, people: str, arguments: tuple[str, ...], what: str) -> None:
    ended = command("broadcast", *arguments, environment=SERVER)
    assert (ended.code, what in ended.err) == (2, True)
    assert people == "people.csv"
