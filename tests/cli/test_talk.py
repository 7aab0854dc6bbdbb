"""``chat`` as a rule writer meets it: the rules of a folder on a phone, over a pipe."""

import asyncio
import json
from pathlib import Path

import pytest
import structlog

from bot.cli.logs import start_logging
from bot.cli.running import running
from bot.cli.talk import _greeting
from bot.cli.talking import SHOWN, TOLD_IN_CHAT, _saved, what_came_of_it
from bot.rulebook.load import load
from bot.sinch.admin import SinchAdmin
from tests.cli.conftest import ROOT, Command

SCRIPT = """\
hello
/tap 1
/why
/later 25h
/event order.shipped order_number=77
/as sv
hej
/send image
"""


def test_a_phone_for_the_rules_of_a_folder(folder: Path, process: Command) -> None:
    (folder / "rules").rename(folder / "mine")
    ended = process("chat", "--rules", "mine", stdin=SCRIPT)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert "4 rules from mine (en and sv)" in lines[0]
    assert [line for line in lines if line[:2] in ("> ", "< ", "x ")][:8] == [
        "> hello",
        "< Hi there",
        "> Opening hours",
        "< We are open",
        "< (template) 77 is coming",
        "> hej",
        "< Hej du",
        "> [file]",
    ]
    assert any("rule hours" in line and "mine/shop.yaml" in line for line in lines)


def test_it_takes_the_folder_of_the_settings_and_keeps_nothing(folder: Path, process: Command) -> None:
    (folder / "rules").rename(folder / "others")
    before = sorted(path.name for path in folder.rglob("*"))
    ended = process("chat", environment={"RULES_DIR": "others"}, stdin="hello\n")
    assert ended.code == 0, ended
    assert "< Hi there" in ended.out
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_it_says_in_a_terminal_what_one_can_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rulebook = load(folder / "rules").rulebook
    assert rulebook is not None
    assert "/later" not in _greeting(Path("rules"), rulebook)
    monkeypatch.setattr("bot.cli.talk.in_terminal", lambda: True)
    told = _greeting(Path("rules"), rulebook)
    assert "Save a file" in told
    assert "/later 25h" in told
    assert "curl" not in told


async def test_a_save_while_one_chats_is_told_and_its_templates_are_approved(folder: Path) -> None:
    file = folder / "rules" / "shop.yaml"
    good = file.read_text(encoding="utf-8")
    async with asyncio.timeout(30), running(folder / "rules", folder / "chat.db", 0, 0) as here:
        saved = _saved(here)
        file.write_text(good.replace("goes_to: hours", "goes_to: house"), encoding="utf-8")
        head, *problems = await saved()
        assert head == "What was saved is not live; the rules before it go on answering:"
        assert problems[0].startswith("  rules/shop.yaml:")
        assert '"house"' in problems[0]
        file.write_text(good, encoding="utf-8")
        assert await saved() == ["Saved: the 4 rules in the folder answer now."]
        file.write_text(good.replace("order_shipped", "order_sent"), encoding="utf-8")
        assert await saved() == ["Saved: the 4 rules in the folder answer now."]
        approved = await SinchAdmin(here.app.client, here.app.config.template_url).whatsapp_templates(
            here.app.config.provisioning_url
        )
        assert {each.name for each in approved} == {"order_sent"}


def test_many_problems_of_a_save_leave_the_chat_on_the_screen(folder: Path) -> None:
    (folder / "rules" / "many.yaml").write_text("".join(f"word{at}: 1\n" for at in range(SHOWN + 3)), encoding="utf-8")
    rulebook = load(ROOT / "rules").rulebook
    assert rulebook is not None
    told = what_came_of_it(load(folder / "rules").problems, rulebook)
    assert len(told) == SHOWN + 2
    assert told[-1] == "  and 3 more, which `check` lists."


def test_the_refusal_of_a_save_is_no_log_line_in_a_chat(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("error", told_otherwise=TOLD_IN_CHAT)
    structlog.get_logger().error("rules_refused")
    structlog.get_logger().error("worker_died")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["worker_died"]
