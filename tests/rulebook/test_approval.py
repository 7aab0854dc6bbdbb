"""The child process that approves: what it finds goes live, whatever becomes of it is a sentence, and the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.core.phrasing import Place
from bot.rulebook import approval
from bot.rulebook.approval import Approval, approve, approve_stored
from bot.rulebook.load import digest_of, load
from bot.rulebook.parcel import unpack
from bot.rulebook.problem import Problem
from tests.bench.reloading import many_rules

GOOD = """
rules:
  - name: welcome
    when: {says: [hello]}
    reply: {text: Hi}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: What?}
"""
TESTED = """
tests:
  - name: greeting
    steps:
      - {says: hello, expect: {rule: EXPECTED}}
"""
ROOT = Path(__file__).parents[2]
MARK = "Save them again"


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    """What was approved is kept from the garbage collector, in a server for good."""
    yield
    gc.unfreeze()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "shop.yaml").write_text(GOOD, encoding="utf-8")
    return folder


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Process]:
    """Every child, as soon as it was started."""
    started: asyncio.Queue[Process] = asyncio.Queue()
    really = asyncio.create_subprocess_exec

    async def start(*command: str, **options: Any) -> Process:
        process = await really(*command, **options)
        started.put_nowait(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    return started


def is_failure(found: Approval, *words: str) -> None:
    assert found.rulebook is None
    [problem] = found.problems
    assert problem.severity == "error"
    for word in (*words, MARK):
        assert word in problem.sentence
    assert found.digest == "", "the same files may be tried again"


# --- what it finds ------------------------------------------------------------------------------------------------------


async def test_what_is_approved_is_what_the_folder_holds(rules: Path) -> None:
    gc.unfreeze()  # what other tests of this process left
    found = await approve(rules)
    assert gc.isenabled()
    assert gc.get_freeze_count()
    here = load(rules)
    assert found.rulebook is not None
    assert here.rulebook is not None
    assert (found.digest, found.files, found.problems) == (here.rulebook.digest, here.files, here.problems)
    assert found.rulebook.rules == here.rulebook.rules
    assert found.rulebook.version == 0


async def test_a_file_of_next_to_nothing_goes_through(rules: Path) -> None:
    (rules / "later.yaml").write_bytes(b"#")
    found = await approve(rules)
    assert found.rulebook is not None
    assert found.files["rules/later.yaml"] == b"#"


async def test_a_file_that_was_just_emptied_to_be_written_is_not_approved(rules: Path) -> None:
    (rules / "later.yaml").write_bytes(b"")
    found = await approve(rules)
    assert found.rulebook is None
    assert "This file holds nothing." in found.problems[0].sentence


async def test_every_problem_of_a_broken_folder_comes_back(rules: Path) -> None:
    (rules / "more.yaml").write_text(
        "rules:\n  - name: a\n    when: {say: [x]}\n    reply: {txt: y}\n", encoding="utf-8"
    )
    found = await approve(rules)
    assert found.rulebook is None
    assert found.files == {}
    assert found.problems == load(rules).problems
    assert found.digest == digest_of(load(rules).files)


async def test_a_folder_that_is_missing_is_a_problem_of_the_rules(tmp_path: Path) -> None:
    found = await approve(tmp_path / "rules")
    assert found.rulebook is None
    assert "There is no folder" in found.problems[0].sentence


async def test_tests_must_hold(rules: Path) -> None:
    (rules / "tests.yaml").write_text(TESTED.replace("EXPECTED", "otherwise"), encoding="utf-8")
    found = await approve(rules)
    assert found.rulebook is None
    assert any('Test "greeting"' in problem.sentence for problem in found.problems)
    (rules / "tests.yaml").write_text(TESTED.replace("EXPECTED", "welcome"), encoding="utf-8")
    assert (await approve(rules)).rulebook is not None


async def test_stored_files_are_approved_without_a_folder(rules: Path) -> None:
    files = load(rules).files
    found = await approve_stored(files)
    assert found.rulebook is not None
    assert (found.files, found.digest) == (files, digest_of(files))
    broken = await approve_stored({"rules/shop.yaml": b"rules: 7"})
    assert broken.rulebook is None
    assert broken.problems[0].place.file == "rules/shop.yaml"


async def test_more_problems_than_anybody_reads_are_cut_and_errors_stay() -> None:
    places = [Place("rules/a.yaml", number, 1) for number in range(2000)]
    warnings = [Problem(place, "odd", "warning") for place in places]
    error = Problem(places[-1], "wrong")
    told = approval._most_important([*warnings, error])
    assert len(told) == approval.TOLD_MOST
    assert error in told


# --- what becomes of the child ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_child_that_is_killed_is_a_sentence(
    rules: Path, children: asyncio.Queue[Process], number: signal.Signals
) -> None:
    trying = asyncio.create_task(approve(rules))
    (await children.get()).send_signal(number)
    is_failure(await trying, f"signal {number.value}")


async def test_a_child_that_hangs_is_ended(rules: Path, children: asyncio.Queue[Process]) -> None:
    trying = asyncio.create_task(approve(rules, within_s=0.2))
    process = await children.get()
    process.send_signal(signal.SIGSTOP)
    is_failure(await trying, "0.2 seconds")
    assert process.returncode == -signal.SIGKILL


async def test_a_child_that_fails_tells_how(rules: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'MemoryError: no more' >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    is_failure(await approve(rules), "MemoryError: no more")
    program.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    is_failure(await approve(rules), "exit code 3")


async def test_a_child_that_talks_nonsense_is_not_believed(
    rules: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nprintf '\\000\\000\\000\\003{x}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    is_failure(await approve(rules), "makes no sense")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    is_failure(await approve(rules), "could not be started")


async def test_who_gives_up_leaves_no_child_behind(rules: Path, children: asyncio.Queue[Process]) -> None:
    trying = asyncio.create_task(approve(rules))
    process = await children.get()
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    assert process.returncode == -signal.SIGKILL


def child(folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "bot.rulebook.approval", str(folder)]
    environment = approval._environment(ROOT)
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, **options)


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "many.yaml").write_text(many_rules(400, 4000, 0), encoding="utf-8")
    with child(rules) as process:
        out, _ = process.communicate(timeout=60)  # closes stdin, as the end of a parent does
    assert (process.returncode, out) == (1, b"")


def test_a_child_gives_way_and_keeps_no_secret(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = many_rules(100, 1000, 0).replace("otherwise", "other").replace("{text: ", "{text: " + "long " * 300)
    many = many.replace("nothing_matched: true", "says: pardon")  # the shop has such a rule
    (rules / "many.yaml").write_text(many, encoding="utf-8")
    monkeypatch.setenv("SINCH_KEY_SECRET", "not for children")
    with child(rules) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        head = orjson.loads(process.stdout.read(int.from_bytes(process.stdout.read(4), "big")))
        # What it has to tell is more than a pipe holds, so it is still there.
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 10
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"PYTHONPATH=" in environment
        assert b"not for children" not in environment
        process.stdout.read()
    assert head["approved"] is True
    assert process.returncode == 0


@pytest.mark.parametrize(
    "reaching", ["socket.create_connection(('127.0.0.1', 9))", "socket.gethostbyname('localhost')"]
)
def test_a_child_reaches_no_network(reaching: str) -> None:
    program = (
        f"import sys, socket; from bot.rulebook.approval import _refuse_network as no; sys.addaudithook(no); {reaching}"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "PermissionError: Checking rules reaches no network." in ended.stderr


# --- meanwhile ----------------------------------------------------------------------------------------------------------


async def test_others_have_their_turn_while_a_rulebook_is_put_together(
    rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slowly(parcels: Any) -> Any:
        nonlocal turns
        turns = 0
        yield from [None] * 5
        yield from unpack(parcels)

    monkeypatch.setattr(approval, "STEP_S", 0.0)
    monkeypatch.setattr(approval, "unpack", slowly)
    task = asyncio.create_task(others())
    assert (await approve(rules)).rulebook is not None
    task.cancel()
    assert turns >= 5
