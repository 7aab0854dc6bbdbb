"""Everything that is expected to go wrong ends in a sentence on stderr and exit code 1, never in a traceback."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, SERVER, Command, Ended, clean_environment


def told(ended: Ended, *words: str) -> None:
    assert ended.code == 1, ended
    assert "Traceback" not in ended.err
    for word in words:
        assert word in ended.err


def test_a_missing_setting(process: Command) -> None:
    environment = {name: value for name, value in SERVER.items() if name != "SINCH_WEBHOOK_SECRET"}
    ended = process("serve", environment=environment)
    told(ended, "SINCH_WEBHOOK_SECRET is not set.")
    assert len(ended.err.splitlines()) == 1


def test_broken_rules_without_a_last_good_one(process: Command, folder: Path) -> None:
    (folder / "rules" / "shop.yaml").write_text("rules: [{name: a}]\n", encoding="utf-8")
    told(process("serve", environment=SERVER), "rules/shop.yaml:1:")


def test_a_taken_port(process: Command, command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told(process("serve", environment={**SERVER, "PORT": port}), f"Port {port}", "PORT")
        told(command("emulate", "--port", port), port, "--port")


def test_a_database_folder_that_cannot_be_written(process: Command, folder: Path) -> None:
    (folder / "file").write_text("")
    told(process("serve", environment={**SERVER, "DATABASE_URL": "sqlite:///file/parley.db"}), "file", "DATABASE_URL")


def test_a_database_that_is_none(command: Command, folder: Path) -> None:
    (folder / "parley.db").write_text("this is a letter to grandmother, not a database" * 100)
    told(command("migrate", environment=SERVER), "parley.db")


def test_postgresql_is_told_to_come_later(command: Command) -> None:
    told(command("serve", environment={**SERVER, "DATABASE_URL": "postgresql://u:hush@h/n"}), "PostgreSQL")


def test_events_need_a_server(command: Command) -> None:
    told(command("events", "send", "order.shipped", "--to", "+46701740605", environment=SERVER), "No server runs")
    ended = command("events", "send", "x", "--to", "+46701740605", "--url", "http://127.0.0.1:1", "--key", "k")
    told(ended, "http://127.0.0.1:1")


def test_sinch_out_of_reach(command: Command) -> None:
    told(command("webhooks", "register", "https://bot.example.com", environment=SERVER), "Sinch")


@contextmanager
def server(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running server, until it is told to stop."""
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "serve"],
        cwd=folder,
        env=clean_environment(SERVER),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("Parley answers at http://127.0.0.1:")
        yield running
    finally:
        running.kill()
        running.communicate()


def test_a_second_server_is_refused_and_commands_go_to_the_first(process: Command, folder: Path) -> None:
    with server(folder) as running:
        told(process("serve", environment=SERVER), "parley.db")
        made = process("keys", "create", "--name", "shop", "--scope", "send", "--scope", "read", environment=SERVER)
        assert made.code == 0, made
        assert made.out.splitlines()[-1].startswith("parley_")
        assert "parley_" not in made.err
        told(process("keys", "create", "--name", "shop", "--scope", "send", environment=SERVER), "shop")
        event = ("events", "send", "order.shipped", "--to", "+46701740605")
        told(process(*event, environment=SERVER), "order_number")
        sent = process(*event, "--data", "order_number=77", environment=SERVER)
        assert (sent.code, sent.out) == (0, "+46701740605: recorded\n")
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=30)
        assert running.returncode == 0, err
        assert out == "Parley has stopped.\n"
    assert not (folder / "parley.db.sock").exists()


def test_broken_rules_at_a_later_start_leave_the_last_good_ones(process: Command, folder: Path) -> None:
    with server(folder):
        pass
    (folder / "rules" / "shop.yaml").write_text("rules: [{name: a}]\n", encoding="utf-8")
    with server(folder):
        doctor = process("doctor", environment=SERVER)
    assert doctor.code == 1
    assert "it runs on this database" in doctor.out


def test_a_key_without_a_server_is_made_in_the_file(command: Command, folder: Path) -> None:
    made = command("keys", "create", "--name", "shop", "--scope", "send", environment={"SINCH_APP_ID": "app"})
    assert made.code == 0, made
    assert made.out.count("\n") == 1
    assert (folder / "parley.db").stat().st_mode & 0o777 == 0o600


def test_nobody_is_asked_about_a_restore_that_a_running_server_forbids(process: Command, folder: Path) -> None:
    assert process("restore", "monday.db", environment=SERVER).err == (
        "monday.db is no file; name one that `backup` wrote.\n"
    )
    with server(folder):
        assert process("backup", "monday.db", environment=SERVER).code == 0
        ended = process("restore", "monday.db", environment=SERVER)
        assert (ended.code, ended.out, "already using the database" in ended.err) == (1, "", True)


def test_scopes_in_one_word_are_told_how_to_write_them(command: Command) -> None:
    ended = command("keys", "create", "--name", "shop", "--scope", "send,read")
    assert (ended.code, "--scope send --scope read" in ended.err) == (2, True)


@pytest.mark.parametrize("scope", ["root", ""])
def test_an_unknown_scope_is_wrong_use(command: Command, scope: str) -> None:
    assert command("keys", "create", "--name", "shop", "--scope", scope).code == 2
