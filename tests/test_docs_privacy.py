"""What docs/privacy.md shows is what the commands print, and what it tells of times is what the program does."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.output import run
from bot.config import default_of, settings
from bot.store.sqlite.forgetting import NO_LONGER_KEPT
from bot.web.api.privacy import OPERATIONS
from bot.web.api.problems import PROBLEMS
from bot.work.retention import CALLBACKS, DEAD_LETTERS, IDEMPOTENCY, SLICE
from tests.cli.test_contact import RULES
from tests.pages import ROOT, blocks
from tests.sinch.payloads import APP
from tests.work.traffic import traffic_in

PAGE = ROOT / "docs" / "privacy.md"
SHOWN = [
    (shlex.split(command.text.partition(" run.py ")[2]), answer.text if answer.info == "text" else None)
    for command, answer in pairwise([*blocks(PAGE), blocks(PAGE)[0]])
    if command.info == ""
]


def test_what_is_typed_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From top to bottom, on one database."""
    for setting in settings().values():
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("SINCH_APP_ID", APP)
    monkeypatch.chdir(tmp_path)

    async def a_morning() -> None:
        async with traffic_in(tmp_path / "parley.db", RULES) as traffic:
            await traffic.says("opening hours?", "nobody understands this")

    run(a_morning)
    for words, shown in SHOWN:
        with pytest.raises(SystemExit) as ended:
            main(words)
        out = capsys.readouterr().out
        assert ended.value.code == 0
        assert shown is None or out == shown
    assert [words[0] for words, _ in SHOWN] == ["contact", "contact", "backup", "restore"]


def test_what_may_be_refused_is_told_as_the_api_knows_it() -> None:
    told = re.findall(r"^\| (\d{3}) \| `([\w-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    [erasing] = [each for each in OPERATIONS if each.method == "DELETE"]
    assert {code for _, code in told} == {"not-found", *erasing.refusals}
    assert all(PROBLEMS[code].status == int(status) for status, code in told)


def test_the_times_are_those_of_the_program() -> None:
    page = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
    assert f"`retention.messages` ({default_of('retention_messages_days')} days)" in page
    assert f"`retention.keys` ({default_of('retention_keys_days')} days)" in page
    assert f"live {IDEMPOTENCY.days} days, callbacks to backends {CALLBACKS.days} days" in page
    assert f"at least {DEAD_LETTERS.days} days" in page
    assert (NO_LONGER_KEPT in page, SLICE) == (True, 100)
