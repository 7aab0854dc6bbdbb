"""``rules``: the history, going back, and how the rules stand, with the server and without it."""

from __future__ import annotations

import gc
import logging
import re
import threading
from asyncio import Event, new_event_loop
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from bot.app import serve
from bot.cli.output import run
from bot.config import SERVER as NEEDED
from bot.config import read_config
from bot.store.sqlite import open_store
from bot.store.sqlite.connection import socket_path
from bot.work.clock import RunningClock
from bot.work.live import rules_at_start
from tests.cli.conftest import GOOD, SERVER, Command
from tests.work.test_reload import in_the_middle

ASKS = """
  - name: track
    when: {says: [track]}
    ask:
      number: {text: {en: Your number?, sv: Ditt nummer?}, must_be: 8 digits, if_wrong: {en: Eight., sv: Åtta.}}
    reply: {text: {en: Thanks, sv: Tack}}
"""
EDITED = GOOD.replace("We are open", "We are open now") + ASKS
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


def went_live(folder: Path, *texts: str, asked: int = 0) -> None:
    """Each text was live, one after the other, as servers of the past left it; ``asked`` people are in the middle of a question."""

    async def live() -> None:
        store = await open_store(folder / "parley.db", app="app")
        version = 0
        for text in texts:
            (folder / "rules" / "shop.yaml").write_text(text, encoding="utf-8")
            version = (await rules_at_start(folder / "rules", store, datetime.now(UTC))).live.version
        for number in range(asked):
            await in_the_middle(store, str(number), version)
        await store.close()

    run(live)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Starts the server beside the command, on a thread of its own."""
    loop, until, threads = new_event_loop(), Event(), list[threading.Thread]()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # it shares our stdout
    threshold = gc.get_threshold()  # which a server sets for its whole process

    def start() -> None:
        for name, value in SERVER.items():
            monkeypatch.setenv(name, value)
        ready = threading.Event()
        config = read_config(needs=NEEDED)
        work = serve(config, RunningClock(), until, lambda _: ready.set())
        threads.append(threading.Thread(target=lambda: loop.run_until_complete(work)))
        threads[0].start()
        assert ready.wait(30)

    yield start
    loop.call_soon_threadsafe(until.set)
    for thread in threads:
        thread.join(30)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    gc.unfreeze()
    gc.set_threshold(*threshold)
    assert not socket_path(folder / "parley.db").exists()


# --- history ------------------------------------------------------------------------------------------------------------


def test_the_history_tells_who_saved_what_and_when(folder: Path, command: Command) -> None:
    went_live(folder, GOOD, EDITED)
    ended = command("rules", "history")
    assert ended.code == 0
    newest, files, added, changed, oldest, first = ended.out.splitlines()
    owner = (folder / "rules" / "shop.yaml").owner()
    assert re.fullmatch(rf"   2  {MOMENT}  {re.escape(owner)}", newest)
    assert (files.strip(), added.strip(), changed.strip()) == (
        "files: rules/shop.yaml",
        "rules added: track",
        "rules changed: hours",
    )
    assert oldest.startswith("   1  ")
    assert first.strip() == "the first rules"


def test_the_history_can_be_cut(folder: Path, command: Command) -> None:
    went_live(folder, GOOD, EDITED, GOOD)
    lines = command("rules", "history", "--limit", "1").out.splitlines()
    assert lines[0].startswith("   1  ")
    assert [each.strip() for each in lines[1:]] == [
        "files: rules/shop.yaml",
        "rules changed: hours",
        "rules removed: track",
    ]


def test_many_names_are_cut_short(folder: Path, command: Command) -> None:
    more = "".join(ASKS.replace("track", f"track{number}") for number in range(12))
    went_live(folder, GOOD, GOOD + more)
    assert "track7 and 4 more" in command("rules", "history").out


def test_a_history_of_nothing_is_a_sentence(folder: Path, command: Command) -> None:
    ended = command("rules", "history")
    assert ended.code == 1
    assert ended.err.startswith("There is no database ")


# --- rollback -----------------------------------------------------------------------------------------------------------


def test_without_a_server_a_rollback_counts_from_the_next_start(folder: Path, command: Command) -> None:
    went_live(folder, GOOD, EDITED)
    ended = command("rules", "rollback", "1")
    assert (ended.code, ended.out) == (
        0,
        "Rulebook 1 is live again, in place of 2. It stays until a rule file is changed.\n",
    )
    assert "rolled back from 2" in command("rules", "history").out.splitlines()[0]
    assert re.match(
        rf"Rulebook 1 is live since {MOMENT} by \S+, rolled back from 2\.",
        command("rules", "status").out.splitlines()[1],
    )


@pytest.mark.parametrize("with_server", [False, True])
def test_a_rollback_that_cannot_be_is_a_sentence_and_code_1(
    with_server: bool, folder: Path, command: Command, server: Callable[[], None]
) -> None:
    went_live(folder, GOOD)
    if with_server:
        server()
    for number, sentence in (
        ("9", "There is no rulebook 9. `rules history` lists them.\n"),
        ("1", "Rulebook 1 is live already. `rules history` lists the others.\n"),
    ):
        ended = command("rules", "rollback", number)
        assert (ended.code, ended.err) == (1, sentence)
        assert with_server or ended.out == ""  # a server in this process logs there


def test_a_number_that_is_none_is_wrong_use(command: Command) -> None:
    assert command("rules", "rollback", "first").code == 2
    assert command("rules", "rollback", "0").code == 2
    assert command("rules", "rollback", "9" * 30).code == 2


def test_with_a_server_a_rollback_counts_at_once(folder: Path, command: Command, server: Callable[[], None]) -> None:
    went_live(folder, GOOD, EDITED)
    server()
    assert command("rules", "status").out.startswith("Rulebook 2 is live since ")
    assert command("rules", "rollback", "1").code == 0
    assert re.match(rf"Rulebook 1 is live since {MOMENT} by \S+, rolled back from 2\.", command("rules", "status").out)


# --- status -------------------------------------------------------------------------------------------------------------


def test_the_status_tells_why_the_folder_is_not_live_and_whom_it_finds_in_a_question(
    folder: Path, command: Command, server: Callable[[], None]
) -> None:
    went_live(folder, EDITED, asked=2)
    (folder / "rules" / "shop.yaml").write_text(EDITED.replace("goes_to: hours", "goes_to: house"), encoding="utf-8")
    stopped = command("rules", "status")
    server()
    running = command("rules", "status")
    assert stopped.out == "The server is not running.\n" + running.out
    live, head, *problems, people = running.out.splitlines()
    assert re.fullmatch(rf"Rulebook 1 is live since {MOMENT} by \S+\.", live)
    assert head == "What the folder holds is not live:"
    assert all(problem.startswith("  rules/shop.yaml:") for problem in problems)
    assert any('"house"' in problem for problem in problems)
    assert people == "2 people are in the middle of rule track."
    assert stopped.code == running.code == 1


def test_people_of_older_versions_are_told_apart(folder: Path, command: Command) -> None:
    went_live(folder, EDITED, asked=1)
    went_live(folder, EDITED.replace("Thanks", "Many thanks"))
    assert command("rules", "status").out.splitlines()[-1] == "1 person is in the middle of rule track of rulebook 1."


def test_looking_makes_no_database(folder: Path, command: Command) -> None:
    assert command("rules", "status").code == 0
    ended = command("rules", "rollback", "1")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("There is no database parley.db yet; ")
    assert sorted(path.name for path in folder.iterdir()) == ["rules"]


def test_before_any_start_nothing_is_live(folder: Path, command: Command) -> None:
    assert command("rules", "status").out.splitlines()[:2] == [
        "The server is not running.",
        "No rules have been live yet.",
    ]
