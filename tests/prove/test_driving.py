"""The driver of the proofs: what it keeps, what it takes up again, what it calls whole."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.machine import Machine
from tests.prove import running
from tests.prove.faults import FAULTS, CodeFault
from tests.prove.ledger import ROOT, CodeChanged, Entry, Ledger, code_digest, missing, tally
from tests.prove.proof import Proof, Share
from tests.prove.proofs import NAMES, proof_of
from tests.prove.report import page
from tests.prove.running import run_all

HERE = Machine("a processor", 2, "a system", "3", "3", "ext4", 100.0, 0.0)


async def never(seed: int, size: int, folder: Path) -> Share:
    raise AssertionError("a share is a process of its own")


TOSSES = Proof("tosses", "Tosses", "10 tosses: 0 lost", "tosses", 10, 4, never, must_happen={"heads": 10})
TOSS = """
import json, sys
size = int(sys.argv[2])
print(json.dumps({"done": size, "broken": [], "happened": {"heads": size}, "figures": {"high m": float(size)}}))
"""
BREAKS = "import json; print(json.dumps(dict(done=1, broken=['one was lost.'], happened={}, figures={})))"
DIES = "import sys; sys.stderr.write('on its way'); sys.exit(3)"


def command(script: str) -> list[str]:
    return [sys.executable, "-c", script]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl", lambda _: "a code")


async def prove(ledger: Ledger, folder: Path, script: str = TOSS, proof: Proof = TOSSES) -> list[Entry]:
    told: list[Entry] = []
    await run_all(
        [proof],
        ledger,
        2,
        told.append,
        folder,
        lambda proof, seed, size: [*command(script), str(seed), str(size)],
    )
    return told


def entry(share: Share, seed: int = 1, code: str = "a code") -> Entry:
    return Entry("tosses", seed, 4, share, 1.0, code, "2026-01-01T00:00:00+00:00")


async def test_a_proof_is_done_in_shares_whose_seeds_follow_one_another(ledger: Ledger, tmp_path: Path) -> None:
    told = await prove(ledger, tmp_path)
    assert sorted(one.size for one in told) == [2, 4, 4]
    seeds = sorted(one.seed for one in told)
    assert seeds == list(range(seeds[0], seeds[0] + 3))
    so_far = tally(ledger.of(TOSSES))
    assert (so_far.done, so_far.happened, so_far.figures) == (10, {"heads": 10}, {"high m": 4.0})
    assert missing(TOSSES, so_far) == []


async def test_what_is_done_is_not_done_again_after_an_interruption(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(entry(Share(4, happened={"heads": 4}), seed=7))
    ledger.add(entry(Share(4, happened={"heads": 4}), seed=8))
    again = Ledger(tmp_path / "ledger.jsonl", lambda _: "a code")
    assert [(one.seed, one.size) for one in await prove(again, tmp_path)] == [(9, 2)]


def test_shares_of_other_code_count_no_more_and_a_line_broken_off_neither(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(entry(Share(4)))
    ledger.add(entry(Share(4), code="other code"))
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b'{"proof": "toss')
    again = Ledger(tmp_path / "ledger.jsonl", lambda _: "a code")
    again.add(entry(Share(4), 2))  # in a line of its own, not in the one that was broken off
    assert [one.seed for one in Ledger(tmp_path / "ledger.jsonl", lambda _: "a code").entries] == [1, 2]


def test_what_ran_while_the_code_was_changed_does_not_count(tmp_path: Path) -> None:
    code = ["a code"]
    ledger = Ledger(tmp_path / "ledger.jsonl", lambda _: code[-1])
    assert ledger.code("tosses") == "a code"
    code.append("other code")
    with pytest.raises(CodeChanged):
        ledger.add(entry(Share(4)))
    assert not (tmp_path / "ledger.jsonl").exists()


FILES = {
    "bot/a.py": "",
    "tests/__init__.py": "",
    "tests/prove/storm.py": "from tests.faults import wind\n",
    "tests/faults/__init__.py": "",
    "tests/faults/conftest.py": "",
    "tests/faults/wind.py": "import tests.oracle\nSTARTED = 'tests.kill.launcher'\nRUN = ('tests/test_app.py',)\n",
    "tests/oracle.py": "",
    "tests/kill/launcher.py": "",
    "tests/test_app.py": "",
    "tests/faults/rain.py": "",
    "README.md": "",
}


def test_the_digest_follows_the_program_and_what_the_proof_is_made_of_alone(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = code_digest("storm", tmp_path)
    followed = set()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text + "# changed")
        if code_digest("storm", tmp_path) != before:
            followed.add(name)
        (tmp_path / name).write_text(text)
    assert FILES.keys() - followed == {"tests/faults/rain.py", "README.md"}


async def test_what_is_broken_is_told_with_its_seed_and_ends_its_proof(ledger: Ledger, tmp_path: Path) -> None:
    told = await prove(ledger, tmp_path, BREAKS)
    assert len(told) <= 2  # one for each that was at work
    first = min(one.seed for one in told)
    assert f"one was lost. (seed {first})" in missing(TOSSES, tally(ledger.of(TOSSES)))


async def test_a_share_that_dies_is_broken_and_leaves_what_it_wrote(ledger: Ledger, tmp_path: Path) -> None:
    (first, *_) = await prove(ledger, tmp_path, DIES)
    assert first.share.broken == (f"The share ended with 3 and told nothing; see tosses-{first.seed}.log.",)
    assert (tmp_path / f"tosses-{first.seed}.log").read_text() == "on its way"


async def test_a_proof_that_shows_nothing_does_not_hold(ledger: Ledger) -> None:
    measured = Proof("tosses", "Tosses", "", "tosses", 4, 4, never, {"heads": 1}, {"high m": 3.0, "wide m": 1.0})
    ledger.add(entry(Share(4, figures={"high m": 3.5})))
    assert missing(measured, tally(ledger.of(measured))) == [
        "heads happened 0 times; it shows something from 1 on.",
        "high m is 3.5; the most is 3.",
        "wide m was not measured.",
    ]


async def test_a_proof_that_does_less_than_asked_ends(ledger: Ledger, tmp_path: Path) -> None:
    await prove(ledger, tmp_path, 'print(\'{"done": 0, "broken": [], "happened": {}, "figures": {}}\')')
    assert missing(TOSSES, tally(ledger.of(TOSSES))) == ["0 of 10 tosses are done."]


def test_forgetting_leaves_the_other_shares(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(entry(Share(4), seed=1))
    ledger.add(entry(Share(4, ("lost",)), seed=2))
    ledger.forget([TOSSES], broken_only=True)
    assert [one.seed for one in Ledger(tmp_path / "ledger.jsonl", lambda _: "a code").entries] == [1]
    ledger.forget([TOSSES], broken_only=False)
    assert Ledger(tmp_path / "ledger.jsonl", lambda _: "a code").entries == []


async def test_what_was_broken_is_done_again_with_the_same_dice(ledger: Ledger, tmp_path: Path) -> None:
    """Else a fault that shows now and then would be gone with the dice that showed it."""
    ledger.add(entry(Share(0, ("lost",)), seed=7))
    ledger.add(entry(Share(4, happened={"heads": 4}), seed=8))
    ledger.forget([TOSSES], broken_only=True)
    again = Ledger(tmp_path / "ledger.jsonl", lambda _: "a code")  # also where it was interrupted in between
    assert [(one.seed, one.size) for one in await prove(again, tmp_path)] in ([(7, 4), (9, 2)], [(9, 2), (7, 4)])
    assert missing(TOSSES, tally(again.of(TOSSES))) == []
    assert [one.seed for one in Ledger(tmp_path / "ledger.jsonl", lambda _: "a code").of(TOSSES)] == [7, 8, 9]


def test_a_sentence_of_several_lines_leaves_the_table_whole(ledger: Ledger) -> None:
    ledger.add(entry(Share(0, ("a | b of\n\n| x | y |",)), seed=7))
    (row,) = [line for line in page([TOSSES], ledger, HERE).splitlines() if line.startswith("| [Tosses]")]
    assert row.endswith("**open**: a \\| b of \\| x \\| y \\| (seed 7) |")


def test_the_page_tells_what_holds_and_what_is_open(ledger: Ledger) -> None:
    assert "| 0 tosses | 0 | 0:00:00 | not run |" in page([TOSSES], ledger, HERE)
    ledger.add(entry(Share(8, happened={"heads": 8}), seed=3))
    assert "**open**: 8 of 10 tosses are done." in page([TOSSES], ledger, HERE)
    ledger.add(entry(Share(2, happened={"heads": 1200}), seed=4))
    told = page([TOSSES], ledger, HERE)
    assert "**holds**" in told
    assert "heads 1,208" in told
    assert "2 shares, seeds 3 to 4, code a code." in told


def test_the_page_tells_of_what_held_before_the_code_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, lambda _: "old").add(entry(Share(10, ("lost",)), code="old"))
    Ledger(path, lambda _: "newer").add(
        replace(entry(Share(10, happened={"heads": 10}), code="newer"), at="2026-02-01", revision="abc")
    )
    now = Ledger(path, lambda _: "a code")
    assert "**holds** (at revision abc; the code has changed since) |" in page([TOSSES], now, HERE)
    assert missing(TOSSES, tally(now.of(TOSSES))) != []
    now.forget([TOSSES], broken_only=False)
    now.add(entry(Share(1), seed=3))
    told = page([TOSSES], Ledger(path, lambda _: "a code"), HERE)
    assert "1 of 10 tosses" in told
    assert "abc" not in told


async def test_an_interrupted_run_ends_its_shares_and_their_children(ledger: Ledger, tmp_path: Path) -> None:
    """The child's child holds a pipe open; when nobody holds it any more, both are gone."""
    pipe = tmp_path / "pipe"
    script = (
        "import os, subprocess, sys\n"
        f"subprocess.Popen(['sleep', '60'], stdout=open({str(pipe)!r}, 'w'))\n"
        f"print('there', file=open({str(pipe)!r}, 'w')); import signal; signal.pause()"
    )
    os.mkfifo(pipe)
    work = asyncio.create_task(prove(ledger, tmp_path, script, Proof("tosses", "", "", "tosses", 1, 1, never)))
    reader = await asyncio.to_thread(pipe.open, "rb")
    with reader:
        assert await asyncio.to_thread(reader.readline) == b"there\n"
        work.cancel()
        await asyncio.wait([work])
        assert await asyncio.to_thread(reader.read) == b""  # nobody holds the other end
    assert ledger.entries == []


async def test_an_interrupted_run_waits_for_the_end_of_each_share(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = [], []
    both, first_ended, end = asyncio.Event(), asyncio.Event(), running._ended_with_us

    @asynccontextmanager
    async def one_after_another(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
        begun.append(process)
        if len(begun) == 2:
            both.set()
        try:
            async with end(process):
                yield
        finally:
            if process is begun[1]:
                await first_ended.wait()
                for _ in range(10):  # turns of the loop, in which the run could be over already
                    await asyncio.sleep(0)
            first_ended.set()
            ended.append(process)

    monkeypatch.setattr(running, "_ended_with_us", one_after_another)
    work = asyncio.create_task(prove(ledger, tmp_path, "import signal; signal.pause()"))
    await both.wait()
    work.cancel()
    await asyncio.wait([work])
    assert ended == begun


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
async def test_a_share_ends_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    """With whatever it started: a pipe that both hold ends only with the last of them."""
    pipe = tmp_path / "pipe"
    share = (
        "import signal, subprocess; from tests.prove.share import _end_with_the_driver; _end_with_the_driver()\n"
        f"subprocess.Popen(['sleep', '60'], stdout=open({str(pipe)!r}, 'w'))\n"
        f"print('there', file=open({str(pipe)!r}, 'w')); signal.pause()"
    )
    driver = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {share!r}], start_new_session=True)"
    os.mkfifo(pipe)
    process = await asyncio.create_subprocess_exec(*command(driver), cwd=ROOT)
    with await asyncio.to_thread(pipe.open, "rb") as reader:
        assert await asyncio.to_thread(reader.readline) == b"there\n"
        process.kill()
        await process.wait()
        assert await asyncio.to_thread(reader.read) == b""


def test_the_guarantees_name_every_proof() -> None:
    page = (ROOT / "docs" / "guarantees.md").read_text().partition("## How it is proved")[2]
    assert tuple(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)) == NAMES
    for path in re.findall(r"`(tests/[\w/.]+)`", page):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_deliberate_fault_has_its_place_and_tests(fault: CodeFault) -> None:
    assert (ROOT / fault.file).read_text().count(fault.old) == 1
    assert all((ROOT / path).exists() for path in fault.tests)


@pytest.mark.parametrize("name", NAMES)
def test_every_proof_says_what_it_is(name: str) -> None:
    proof = proof_of(name)
    assert proof.full >= proof.share > 0
    assert proof.title
    assert proof.aim
    assert proof.unit
