"""Keys: made, listed and revoked on the file where no server runs, and in the server where one does."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import SERVER, Command
from tests.cli.test_failures import server

APP = {"SINCH_APP_ID": "app"}


def names(shown: str) -> list[str]:
    """The first word of each line below the head."""
    return [line.split()[0] for line in shown.splitlines()[1:]]


def test_keys_without_a_server(command: Command) -> None:
    none = command("keys", "list", environment=APP)
    assert (none.code, none.out) == (0, "")
    assert "keys create" in none.err
    made = command("keys", "create", "--name", "web [shop]", "--scope", "read", "--scope", "send", "--rate", "20")
    assert made.code == 0, made
    assert (
        made.err
        == 'The key "web [shop]" may read and send, 20 times a second. Keep it safe: it cannot be shown again.\n'
    )
    command("keys", "create", "--name", "crm", "--scope", "admin")
    shown = command("keys", "list")
    assert shown.code == 0, shown
    head, first, second = shown.out.splitlines()
    assert head.split() == ["name", "scopes", "requests", "a", "second", "made", "revoked"]
    assert re.fullmatch(r"web \[shop\] +send, read +20 +\d{4}-\d\d-\d\d \d\d:\d\d *", first)
    assert re.fullmatch(r"crm +admin +no limit +\d{4}-\d\d-\d\d \d\d:\d\d *", second)
    assert made.out.strip() not in shown.out


def test_a_revoked_key_is_listed_and_its_name_is_free(command: Command) -> None:
    command("keys", "create", "--name", "shop", "--scope", "send", environment=APP)
    revoked = command("keys", "revoke", "shop")
    assert (revoked.code, revoked.out, revoked.err) == (0, "", 'The key "shop" opens nothing any more.\n')
    told = json.loads(command("keys", "list", "--json").out)
    assert [(each["name"], each["scopes"], each["rate"]) for each in told] == [("shop", ["send"], 0)]
    assert told[0]["created_at"] <= told[0]["revoked_at"]
    again = command("keys", "revoke", "shop")
    assert again.code == 1
    assert 'no API key "shop" in use' in again.err
    assert "keys list" in again.err
    assert command("keys", "create", "--name", "shop", "--scope", "send").code == 0
    assert names(command("keys", "list").out) == ["shop", "shop"]


def test_json_of_no_keys_is_an_empty_list(command: Command) -> None:
    assert json.loads(command("keys", "list", "--json", environment=APP).out) == []


@pytest.mark.parametrize("rate", ["-1", "1.5", "many", "1000001"])
def test_a_rate_that_is_none_is_wrong_use(command: Command, rate: str) -> None:
    made = command("keys", "create", "--name", "shop", "--scope", "send", "--rate", rate, environment=APP)
    assert made.code == 2
    assert "--rate" in made.err


def test_the_running_server_does_it_where_there_is_one(process: Command, folder: Path) -> None:
    with server(folder):
        made = process("keys", "create", "--name", "shop", "--scope", "send", "--rate", "5", environment=SERVER)
        assert made.code == 0, made
        assert process("keys", "revoke", "shop", environment=SERVER).code == 0
        told = json.loads(process("keys", "list", "--json", environment=SERVER).out)
    assert [(each["name"], each["rate"], each["revoked_at"] is not None) for each in told] == [("shop", 5, True)]
