"""What docs/rules/live.md shows of commands that look back is what they print, on a database with the traffic that the page tells of."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.output import run
from bot.config import settings
from bot.rulebook.load import digest_of
from tests.pages import RULES_PAGE, Block, blocks, named
from tests.sinch.payloads import APP
from tests.work.traffic import traffic_in

PAGE = RULES_PAGE.parent / "rules" / "live.md"
[RULES] = [block.text for block in named(PAGE, "yaml")]
SUNDAY = RULES.replace("from 9 to 18.", "from 9 to 18, and closed on Sunday.")
GIFTS = RULES.replace("[opening hours]", "[opening hours, gift cards]")
WHO = "Åsa Berg (Say that we are closed on Sunday)"
MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d UTC)?")


def shown() -> Iterator[tuple[list[str], Block]]:
    """The words of each command on the page that is followed by what it prints."""
    for block, answer in pairwise(blocks(PAGE)):
        if answer.info == "text":
            [line] = block.text.splitlines()
            yield shlex.split(line.partition(" run.py ")[2]), answer


SHOWN = list(shown())


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the program is started, after a morning with two people and two saves."""
    for setting in settings().values():
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("SINCH_APP_ID", APP)
    monkeypatch.setenv("TZ", "Europe/Stockholm")
    time.tzset()
    (tmp_path / "rules").mkdir()
    monkeypatch.chdir(tmp_path)

    async def a_morning() -> None:
        async with traffic_in(tmp_path / "parley.db", RULES) as traffic:
            await traffic.says("opening hours?", "do you have gift cards?")
            await traffic.says("gift cards please", "track", "1234", who="447700900123")
            files = {"rules/shop.yaml": SUNDAY.encode()}
            await traffic.store.save_rulebook(digest_of(files), files, traffic.now, WHO)

    run(a_morning)
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


def printed(line: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main(line)
    return ended.value.code, capsys.readouterr().out


@pytest.mark.parametrize(("line", "answer"), SHOWN, ids=[shlex.join(line) for line, _ in SHOWN])
def test_a_command_prints_what_the_page_shows(
    line: list[str], answer: Block, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = {"replay": GIFTS, "rules": SUNDAY}.get(line[0], RULES)
    (shop / "rules" / "shop.yaml").write_text(folder, encoding="utf-8")
    code, out = printed(line, capsys)
    assert (code, MOMENT.sub("then", out).rstrip()) == (0, MOMENT.sub("then", answer.text).rstrip())


def test_everything_that_looks_back_is_shown() -> None:
    assert {line[0] for line, _ in SHOWN} >= {"rules", "explain", "replay", "unmatched", "try", "explain-rules"}
