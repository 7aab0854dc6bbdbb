"""``explain``, ``replay`` and ``unmatched`` on a database that a server left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.cli.output import run
from tests.cli.conftest import Command
from tests.sinch.payloads import APP
from tests.work.traffic import traffic_in

RULES = """
settings: {time_zone: Europe/Stockholm}
rules:
  - name: hours
    when: {says: [opening hours]}
    reply: {text: "9 to 18."}
  - name: track
    when: {says: [track]}
    ask: {order_number: {text: "Number?", must_be: 8 digits}}
    reply: [{if: answered, text: "Order {{order_number}}."}, {text: "Sorry."}]
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "Sorry?"}
"""
PERIOD = ("--since", "2026-01-01", "--as-of", "2026-02-01")


@pytest.fixture
def told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The folder's database has a day of traffic; the ids of its messages by their words."""
    monkeypatch.setenv("SINCH_APP_ID", APP)
    (folder / "rules" / "shop.yaml").write_text(RULES, encoding="utf-8")
    ids: dict[str, str] = {}

    async def a_day() -> None:
        async with traffic_in(folder / "parley.db", RULES) as traffic:
            for text in ("opening hours", "do you have gift cards?", "gift cards please", "track", "123"):
                ids[text] = await traffic.says(text)
            await traffic.says("Do you sell gift cards", "cancel", "what about gift cards", who="447700900123")

    run(a_day)
    return ids


def edited(folder: Path, change: Callable[[str], str]) -> None:
    (folder / "rules" / "shop.yaml").write_text(change(RULES), encoding="utf-8")


def test_explain_tells_the_rule_its_place_and_what_else_was_looked_at(told: dict[str, str], command: Command) -> None:
    ended = command("explain", told["opening hours"], "--every-rule")
    assert ended.code == 0
    assert '"opening hours"' in ended.out.splitlines()[0]
    assert "    9 to 18." in ended.out.splitlines()
    assert "  rules/shop.yaml:5:19: rule hours (opening hours) answers." in ended.out.splitlines()
    assert "rule track was not asked: nothing in its when speaks to the message." in ended.out


def test_explain_a_wrong_answer_to_a_question(told: dict[str, str], command: Command) -> None:
    ended = command("explain", told["123"])
    assert "  It belonged to the question that is open." in ended.out.splitlines()
    assert "Note: It is no 8 digits." in ended.out


def test_explain_as_json(told: dict[str, str], command: Command) -> None:
    found: dict[str, Any] = orjson.loads(command("explain", told["track"], "--format", "json").out)
    assert (found["heard"], found["layer"], found["path"], found["rulebook"]) == ("track", "rules", ["track"], 1)
    assert found["effects"][0]["reply"]["text"] == "Number?"


def test_explain_takes_what_was_copied_with_a_blank_and_a_phone_number(told: dict[str, str], command: Command) -> None:
    assert command("explain", f" {told['track']} ").out == command("explain", told["track"]).out
    assert '"what about gift cards"' in command("explain", "+44 7700 900123").out.splitlines()[0]


def test_explain_what_nobody_knows(told: dict[str, str], command: Command) -> None:
    ended = command("explain", "nonsense")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith('No decision is known about "nonsense".')


def test_replay_of_unchanged_rules(told: dict[str, str], command: Command) -> None:
    ended = command("replay", *PERIOD)
    assert ended.code == 0
    assert ended.out.startswith("8 events of 2 conversations since ")
    assert ended.out.rstrip().endswith("nothing changes.")


def test_replay_shows_both_sides(told: dict[str, str], command: Command, folder: Path) -> None:
    edited(folder, lambda rules: rules.replace("[opening hours]", "[gift]").replace("9 to 18.", "We have them."))
    lines = command("replay", *PERIOD).out.splitlines()
    assert "1 message would no longer be understood." in lines
    assert "+46…605" in lines
    shown = lines[next(at for at, each in enumerate(lines) if "gift cards?" in each) :]
    assert [each.split() for each in shown[1:3]] == [
        ["then", "otherwise", "Sorry?"],
        ["now", "hours", "We", "have", "them."],
    ]


def test_replay_as_json(told: dict[str, str], command: Command, folder: Path) -> None:
    edited(folder, lambda rules: rules.replace('"Sorry?"', '"What?"'))
    found: dict[str, Any] = orjson.loads(command("replay", *PERIOD, "--format", "json").out)
    assert (found["decided"], found["conversations_changed"], found["without_answer_now"]) == (8, 2, 0)
    assert found["differences"][0]["before"]["replies"][0]["text"] == "Sorry?"
    assert found["differences"][0]["now"]["replies"][0]["text"] == "What?"


def test_replay_a_part(told: dict[str, str], command: Command) -> None:
    assert command("replay", *PERIOD, "--limit", "3").out.startswith("3 events of 1 conversation ")
    assert command("replay", "--since", "7d").out.startswith("Nothing was decided from 20")


def test_replay_of_broken_rules_tells_their_mistakes(told: dict[str, str], command: Command, folder: Path) -> None:
    edited(folder, lambda rules: rules.replace("ask:", "aks:"))
    ended = command("replay", *PERIOD)
    assert ended.code == 1
    assert 'unknown key "aks". Did you mean "ask"?' in ended.out


@pytest.mark.parametrize("since", ["yesterday", "7", "7 horses", "2026-01-01T10:00", f"{10**11}d", "0001-01-01"])
def test_a_time_that_is_none(told: dict[str, str], command: Command, since: str) -> None:
    ended = command("replay", "--since", since)
    assert ended.code == 2
    assert "--since" in ended.err
    assert command("unmatched", "--since", since).code == 2


def test_without_a_database(command: Command, folder: Path) -> None:
    ended = command("replay")
    assert ended.code == 1
    assert ended.err.startswith("There is no database parley.db yet; start the server once")


def test_unmatched_groups_what_is_alike_with_a_rule_to_paste(told: dict[str, str], command: Command) -> None:
    lines = command("unmatched", *PERIOD).out.splitlines()
    assert lines[0] == "5 messages in 2 groups fell to nothing_matched."
    assert lines[2] == "1. 4 messages of 2 conversations, language en"
    assert '       when: {says: ["gift cards"]}' in lines
    assert "     Replay: this rule would have answered 4 messages, and nothing else changes." in lines


def test_the_rule_that_unmatched_offers_can_be_pasted(told: dict[str, str], command: Command, folder: Path) -> None:
    (first, *_) = orjson.loads(command("unmatched", *PERIOD, "--format", "json").out)
    assert (first["count"], first["would_answer"], first["would_change_else"]) == (4, 4, 0)
    as_it_is = "".join(f"  {line}\n" for line in first["rule"].splitlines())
    (folder / "rules" / "zz.yaml").write_text(f"rules:\n{as_it_is}", encoding="utf-8")
    assert 'is only "...": write what people are to read.' in command("check").out
    pasted = as_it_is.replace("...", "We do.")
    (folder / "rules" / "zz.yaml").write_text(f"rules:\n{pasted}", encoding="utf-8")
    assert command("check").code == 0
    lines = command("unmatched", *PERIOD).out.splitlines()
    assert lines[0] == "5 messages in 2 groups fell to nothing_matched.", "it tells what was, not what would be"
