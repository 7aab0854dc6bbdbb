"""Wrong settings and places that cannot be used: one clear sentence each on stderr, exit code 1, no traceback.

A folder that nobody may write, whoever runs the tests, is one that is no folder (a file stands in its place) or that the system keeps to
itself (``/proc``): mode bits bind everybody but root.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sinch.emulator import Emulator, EmulatorSettings
from tests.cli.conftest import SERVER, Command, Ended


def one_sentence(ended: Ended, *words: str) -> None:
    assert ended.code == 1, ended
    assert ended.out == ""
    [sentence] = [line for line in ended.err.splitlines() if not line.startswith("{")]  # those are the log's
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence


@pytest.fixture
def locked_emulator() -> Iterator[str]:
    """An emulator, in a thread of its own, that knows one key only."""
    emulator = Emulator(EmulatorSettings(key_id="key", key_secret="the right one"))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(emulator.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield emulator.url
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(emulator.stop())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_a_wrong_secret_of_the_account(process: Command, locked_emulator: str) -> None:
    environment = {**SERVER, "SINCH_API_URL": locked_emulator, "SINCH_AUTH_URL": locked_emulator}
    ended = process("webhooks", "register", "https://bot.example.com", environment=environment)
    one_sentence(ended, "SINCH_KEY_SECRET")
    assert SERVER["SINCH_KEY_SECRET"] not in ended.err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SINCH_WEBHOOK_SECRET": " , "}, ["SINCH_WEBHOOK_SECRET", "not set"]),
        ({"SINCH_PROJECT_ID": ""}, ["SINCH_PROJECT_ID", "not set"]),
        ({"SINCH_REGION": "asia"}, ["SINCH_REGION", '"us", "eu"']),
        ({"SINCH_API_URL": "nowhere"}, ["SINCH_API_URL", "address"]),
        ({"PORT": "eighty"}, ["PORT", "whole number"]),
        ({"PORT": "70000"}, ["PORT", "at most 65535"]),
        ({"SEND_RATE": "-1"}, ["SEND_RATE", "at least 0"]),
        ({"DATABASE_URL": "parley.db"}, ["DATABASE_URL", "sqlite:///"]),
        ({"WEBHOOK_SCHEME": "none"}, ["WEBHOOK_SCHEME", '"sinch"']),
        ({"LOG_LEVEL": "loud"}, ["LOG_LEVEL", '"debug"']),
        ({"HOST": "256.0.0.1"}, ["256.0.0.1", "HOST"]),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_a_wrong_setting(command: Command, changes: dict[str, str], words: list[str]) -> None:
    one_sentence(command("serve", environment={**SERVER, **changes}), *words)


def test_everything_that_is_missing_is_told_at_once(command: Command) -> None:
    ended = command("serve")
    assert ended.code == 1
    assert [line.split()[0] for line in ended.err.splitlines()] == [
        "SINCH_PROJECT_ID",
        "SINCH_APP_ID",
        "SINCH_KEY_ID",
        "SINCH_KEY_SECRET",
        "SINCH_WEBHOOK_SECRET",
    ]


@pytest.mark.parametrize(
    "where", ["sqlite:///file/parley.db", "sqlite:////proc/parley.db", "sqlite:///nowhere/parley.db"]
)
@pytest.mark.parametrize("line", [["serve"], ["migrate"], ["keys", "create", "--name", "a", "--scope", "send"]])
def test_a_folder_that_cannot_be_written(command: Command, folder: Path, where: str, line: list[str]) -> None:
    (folder / "file").write_text("")
    one_sentence(command(*line, environment={**SERVER, "DATABASE_URL": where}), "DATABASE_URL", where.split("/")[-2])


def test_a_database_that_is_a_folder(command: Command, folder: Path) -> None:
    (folder / "parley.db").mkdir()
    one_sentence(command("serve", environment=SERVER), "parley.db")


def test_a_folder_of_rules_that_is_not_there(command: Command) -> None:
    ended = command("serve", environment={**SERVER, "RULES_DIR": "nowhere"})
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("The rules in nowhere have errors")


def test_what_the_doctor_finds_stays_json_when_sinch_refuses(process: Command, locked_emulator: str) -> None:
    environment = {**SERVER, "SINCH_API_URL": locked_emulator, "SINCH_AUTH_URL": locked_emulator}
    ended = process("doctor", "--json", environment=environment)
    assert ended.code == 1
    assert any(each["what"] == "Sinch" and each["mark"] == "error" for each in json.loads(ended.out))


def test_rules_that_are_no_text(command: Command, folder: Path) -> None:
    (folder / "rules" / "shop.yaml").write_bytes(b"\xff\xfe\x00rules")
    ended = command("serve", environment=SERVER)
    assert ended.code == 1
    assert "shop.yaml" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "line", [["sreve"], ["serve", "--prot", "1"], ["check", "nowhere"], ["emulate", "--port", "x"]]
)
def test_a_line_that_is_no_command_is_wrong_use(command: Command, line: list[str]) -> None:
    ended = command(*line)
    assert ended.code == 2
    assert line[-1] in ended.err or line[-2] in ended.err
    assert "Traceback" not in ended.err
