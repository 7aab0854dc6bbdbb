"""Users: made, changed and revoked on the file where no server runs, and in the server where one does; passwords nowhere but
once on stdout."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from contextlib import closing
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from bot.web.site.passwords import PASSWORD_MAX, PASSWORD_MIN, verified
from tests.cli.conftest import SERVER, Command
from tests.cli.test_failures import server

APP = {"SINCH_APP_ID": "app"}
PASSWORD = re.compile(r"[a-z2-9]{6}(-[a-z2-9]{6}){3}\n")


def rows(folder: Path, question: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(f"{(folder / 'parley.db').as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def hash_of(folder: Path, name: str) -> str:
    return next(hash_ for user, hash_ in rows(folder, "SELECT name, password FROM users") if user == name)


def test_users_without_a_server(command: Command, folder: Path) -> None:
    none = command("users", "list", environment=APP)
    assert (none.code, none.out) == (0, "")
    assert "users create" in none.err
    made = command("users", "create", "--name", "anna", "--role", "answer")
    assert made.code == 0, made
    assert PASSWORD.fullmatch(made.out)
    assert '"anna" may look, and answer people.' in made.err
    assert made.out.strip() not in made.err
    assert verified(hash_of(folder, "anna"), made.out.strip())
    shown = command("users", "list")
    head, first = shown.out.splitlines()
    assert head.split() == ["name", "role", "made", "last", "login", "revoked"]
    assert re.fullmatch(r"anna +answer +\d{4}-\d\d-\d\d \d\d:\d\d *", first)
    told = json.loads(command("users", "list", "--json").out)
    assert [(each["name"], each["role"], each["last_login_at"], each["revoked_at"]) for each in told] == [
        ("anna", "answer", None, None)
    ]
    assert "argon2" not in shown.out + json.dumps(told)


def test_every_act_is_in_the_journal_and_no_password(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "root-of-the-shop")
    first = command("users", "create", "--name", "anna", "--role", "view", environment=APP).out.strip()
    assert command("users", "role", "anna", "operate").code == 0
    second = command("users", "password", "anna").out.strip()
    assert command("users", "revoke", "anna").err == '"anna" is let in no more.\n'
    assert first != second
    assert rows(folder, "SELECT who, what, subject FROM journal ORDER BY id") == [
        ("root-of-the-shop", what, "anna")
        for what in ("user_created", "user_role_operate", "user_password", "user_revoked")
    ]
    content = b"".join(path.read_bytes() for path in folder.glob("parley.db*") if path.is_file())
    assert first.encode() not in content
    assert second.encode() not in content
    for act in (("role", "anna", "view"), ("password", "anna"), ("revoke", "anna")):
        gone = command("users", *act)
        assert gone.code == 1
        assert 'no user "anna" in use' in gone.err
        assert gone.out == ""
    assert command("users", "create", "--name", "anna", "--role", "view").code == 0, "and comes back"


def test_a_password_of_ones_own_comes_on_the_input_alone(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def typing(typed: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(typed)))

    typing("  pass word of annå \r\nanother line\n".encode())
    made = command("users", "create", "--name", "anna", "--role", "view", "--password-stdin", environment=APP)
    assert (made.code, made.out) == (0, ""), made
    assert verified(hash_of(folder, "anna"), "  pass word of annå ")
    for typed in ("", "\n", "short\n", "x" * (PASSWORD_MIN - 1), "x" * (PASSWORD_MAX + 1), "å" * 5000):
        typing(typed.encode())
        refused = command("users", "password", "anna", "--password-stdin")
        assert refused.code == 1
        assert refused.err == f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters. Choose another.\n"
    typing(b"\xff\xfe0123456789\n")
    assert "is not text in UTF-8" in command("users", "password", "anna", "--password-stdin").err
    assert verified(hash_of(folder, "anna"), "  pass word of annå ")


@pytest.mark.parametrize(
    "name",
    ["admin", "Admin", "", " ", "an na", "anna\n", "an\u200bna", "a\u202enna", "../anna", "<b>", "x" * 65, "a\x00b"],
)
def test_a_name_that_nobody_may_have(command: Command, name: str) -> None:
    refused = command("users", "create", "--name", name, "--role", "view", environment=APP)
    assert (refused.code, refused.out) == (1, "")
    assert "Choose another name" in refused.err


def test_the_operators_own_user_is_not_changed_here(command: Command) -> None:
    for act in (("role", "admin", "view"), ("password", "admin"), ("revoke", "admin")):
        refused = command("users", *act, environment=APP)
        assert (refused.code, refused.out) == (1, "")
        assert "Change or remove ADMIN_PASSWORD and restart." in refused.err


def test_wrong_use_is_told(command: Command) -> None:
    for arguments in (("create", "--name", "a", "--role", "boss"), ("role", "a", "boss")):
        wrong = command("users", *arguments, environment=APP)
        assert wrong.code == 2
        assert "view, answer, operate" in " ".join(wrong.err.split())
    assert command("users", "create", "--name", "a", "--role", "view", "--password", "x", environment=APP).code == 2
    taken = ("users", "create", "--name", "a", "--role", "view")
    assert command(*taken).code == 0
    assert 'named "a" exists already' in command(*taken).err


def test_the_running_server_does_it_where_there_is_one(process: Command, folder: Path) -> None:
    with server(folder) as running:
        made = process("users", "create", "--name", "anna", "--role", "view", environment=SERVER)
        assert made.code == 0, made
        assert PASSWORD.fullmatch(made.out)
        assert process("users", "role", "anna", "operate", environment=SERVER).code == 0
        assert process("users", "revoke", "anna", environment=SERVER).code == 0
        told = json.loads(process("users", "list", "--json", environment=SERVER).out)
        running.terminate()
        _, err = running.communicate(timeout=30)
    assert [(each["name"], each["role"], each["revoked_at"] is not None) for each in told] == [
        ("anna", "operate", True)
    ]
    assert made.out.strip() not in err
    assert "argon2" not in err
