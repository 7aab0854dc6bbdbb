"""What the log tells of a mistake: where it was, never what somebody wrote."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog
from pydantic import BaseModel

from bot.cli.logs import start_logging
from bot.cli.mistakes import LEFT_OUT, told
from bot.errors import Misconfigured, Refused
from tests.cli.conftest import ROOT

WORDS = "the-canary-sings"


class Narrow(BaseModel):
    number: int


def broken(break_: Callable[[], object]) -> BaseException:
    try:
        break_()
    except Exception as error:
        return error
    raise AssertionError("It did not break.")


BREAKS: dict[str, Callable[[], object]] = {
    "key": lambda: dict[str, str]()[WORDS],
    "value": lambda: int(WORDS),
    "assertion": lambda: (_ for _ in ()).throw(AssertionError(f"What about {WORDS}?")),
    "validation": lambda: Narrow.model_validate({"number": WORDS}),
    "file": lambda: open(f"/nowhere/{WORDS}", encoding="utf-8"),  # noqa: SIM115
    "decoding": f"{WORDS}\udcff".encode,
    "refused": lambda: (_ for _ in ()).throw(Refused(f"{WORDS} is not a number.", "no-number")),
    "group": lambda: (_ for _ in ()).throw(ExceptionGroup(WORDS, [ValueError(WORDS), KeyError(WORDS)])),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_mistake_is_told_with_its_places_and_without_anybodys_words(kind: str) -> None:
    try:
        raise KeyError(WORDS) from broken(BREAKS[kind])
    except KeyError as error:
        line = told(error)
    assert WORDS not in line
    assert line.count("Traceback") == 2
    assert "test_mistakes.py" in line
    assert line.endswith(f"KeyError: {LEFT_OUT}")
    assert type(broken(BREAKS[kind])).__qualname__ in line


def test_what_the_program_itself_says_is_told() -> None:
    assert told(Misconfigured("Set PORT.")) == "Misconfigured: Set PORT."
    assert told(sqlite3.OperationalError("no such table: outbox")).endswith("no such table: outbox")
    assert told(PermissionError(13, "Permission denied", f"/home/{WORDS}")) == "PermissionError: Permission denied"
    assert told(TypeError("to +46 70 174 06 05")) == "TypeError: to +…0605"


def test_what_came_of_itself_ends() -> None:
    error, other = ValueError(), KeyError()
    error.__cause__, other.__cause__ = other, error
    assert told(error).count("ValueError") == 1


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    before, root = sys.excepthook, logging.getLogger()
    handlers = list(root.handlers)
    for each in handlers:
        root.removeHandler(each)
    start_logging("debug")
    yield lambda: capsys.readouterr().err
    for each in list(root.handlers):
        root.removeHandler(each)
    for each in handlers:
        root.addHandler(each)
    sys.excepthook = before


def test_our_own_lines_name_the_place(logged: Callable[[], str]) -> None:
    log = structlog.get_logger()
    try:
        raise ValueError(WORDS)
    except ValueError as error:
        log.exception("api_broke")
        log.error("api_broke", exc_info=error)
        log.error("api_broke", exc_info=(type(error), error, error.__traceback__))
    log.error("api_broke", exc_info=True)  # noqa: LOG014 - nothing broke
    lines = [json.loads(line) for line in logged().splitlines()]
    assert [line.get("exception", "").rpartition("\n")[2] for line in lines] == [f"ValueError: {LEFT_OUT}"] * 3 + [""]
    assert all("in test_our_own_lines" in line["exception"] for line in lines[:3])


async def test_a_task_that_nobody_waited_for_tells_no_words(logged: Callable[[], str]) -> None:
    async def breaks() -> None:
        raise ValueError(WORDS)

    task = asyncio.create_task(breaks())
    await asyncio.wait([task])
    del task
    gc.collect()
    said = logged()
    assert said.startswith("ERROR asyncio Task exception was never retrieved\nTraceback"), said
    assert said.endswith(f"ValueError: {LEFT_OUT}\n")
    assert WORDS not in said.replace("raise ValueError(WORDS)", "")


def test_what_ends_the_process_tells_no_words() -> None:
    script = f"from bot.cli.logs import start_logging; start_logging('error'); int({WORDS!r}.upper())"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"ValueError: {LEFT_OUT}\n")
    assert WORDS.upper() not in ended.stderr
