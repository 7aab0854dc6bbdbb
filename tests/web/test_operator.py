"""The operator's socket: only this user may open it, and every answer is a sentence or what was asked for."""

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import Misconfigured, Refused
from bot.rulebook.load import load_files
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.web.api.backend import Backend
from bot.web.api.keys import hash_of
from bot.web.operator import Operator, OperatorSite, ask_server
from bot.work.clock import wall
from tests.web.api.conftest import ANNA, APP, RULES


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await open_store(tmp_path / "parley.db", app=APP)
    yield store
    await store.close()


@pytest.fixture
async def path(tmp_path: Path, store: Store) -> AsyncIterator[Path]:
    rulebook = load_files({"rules/rules.yaml": RULES.encode()}).rulebook
    assert rulebook is not None
    path = tmp_path / "parley.db.sock"
    path.write_text("left behind by a dead server")
    site = OperatorSite(Operator(Backend(store, lambda: rulebook, wall, APP)), path)
    await site.start()
    yield path
    await site.stop()
    assert not path.exists()


async def test_only_this_user_may_open_it(path: Path) -> None:
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_key_is_made_by_the_process_that_owns_the_database(path: Path, store: Store) -> None:
    answer = await ask_server(path, {"command": "keys.create", "name": "shop", "scopes": ["send"]})
    assert answer is not None
    key = await store.keys.find(hash_of(str(answer["key"])))
    assert key is not None
    assert (key.name, sorted(key.scopes)) == ("shop", ["send"])


async def test_an_event_is_recorded(path: Path, store: Store) -> None:
    event = {"name": "order.shipped", "to": ANNA, "data": {"first_name": "Åsa", "order_number": "1"}}
    answer = await ask_server(path, {"command": "events.send", "event": event})
    assert answer is not None
    assert answer["recipients"] == [{"to": ANNA, "status": "recorded", "remark": None}]
    assert (await store.counts()).inbox_pending == 1


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({}, "does not know this command"),
        ({"command": "rm"}, "does not know this command"),
        ({"command": "keys.create"}, "needs a scope"),
        ({"command": "keys.create", "name": "x", "scopes": ["root"]}, "root"),
        ({"command": "events.send"}, "JSON object"),
        ({"command": "events.send", "event": {"name": "nope", "to": ANNA}}, "nope"),
    ],
)
async def test_what_cannot_be_done_is_told_in_a_sentence(path: Path, request_: dict[str, object], told: str) -> None:
    with pytest.raises(Refused, match=told):
        await ask_server(path, request_)


async def test_without_a_server_there_is_no_answer(tmp_path: Path) -> None:
    assert await ask_server(tmp_path / "none.sock", {"command": "status"}) is None
    (tmp_path / "dead.sock").write_text("")
    assert await ask_server(tmp_path / "dead.sock", {"command": "status"}) is None


async def test_a_path_that_no_socket_can_have_is_told(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    rulebook = load_files({"rules/rules.yaml": RULES.encode()}).rulebook
    assert rulebook is not None
    site = OperatorSite(Operator(Backend(store, lambda: rulebook, wall, APP)), folder / "parley.db.sock")
    with pytest.raises(Misconfigured, match="too long"):
        await site.start()
    await site.stop()
