"""``contact``, ``backup`` and ``restore`` as one types them, on a shop's database."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import orjson
import pytest

from bot.cli import main
from bot.cli.output import run
from bot.config import settings
from tests.sinch.payloads import APP
from tests.work.traffic import traffic_in

RULES = """
rules:
  - name: hours
    when: {says: [opening hours]}
    reply: {text: "9 to 18"}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "What?"}
"""
ANNA = "+46701740605"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for setting in settings().values():
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("SINCH_APP_ID", APP)
    monkeypatch.chdir(tmp_path)

    async def a_morning() -> None:
        async with traffic_in(tmp_path / "parley.db", RULES) as traffic:
            await traffic.says("opening hours?", "nobody understands this")

    run(a_morning)
    return tmp_path


def typing(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_an_export_says_why_each_answer_came(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typing(capsys, "contact", "export", ANNA)
    told = orjson.loads(out)
    assert code == 0
    assert [each["heard"] for each in told["decisions"]] == ["opening hours?", "nobody understands this"]
    assert any("hours" in sentence for sentence in told["decisions"][0]["why"])
    assert [each["reply"]["text"] for each in told["sent"]] == ["9 to 18", "What?"]
    assert "opening hours?" in str(told["received"][0]["body"])


def test_an_export_into_a_file_is_for_this_user_alone(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = typing(capsys, "contact", "export", ANNA, "--out", "anna.json")
    assert (code, out) == (0, "")
    assert "anna.json holds everything" in err
    assert stat.S_IMODE(os.stat("anna.json").st_mode) == 0o600
    assert orjson.loads(Path("anna.json").read_bytes())["app"] == APP
    code, _, err = typing(capsys, "contact", "export", ANNA, "--out", "anna.json")
    assert code == 1
    assert "name a new file" in err


def test_showing_tells_in_short(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typing(capsys, "contact", "show", ANNA)
    assert code == 0
    assert "messages: 2 from them, 2 to them" in out
    assert "consent: neither STOP nor opted in; marketing unknown" in out


def test_erasing_without_a_server(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typing(capsys, "contact", "erase", ANNA, "--yes")
    assert (code, out) == (0, f"Erased: {ANNA}.\n")
    assert ANNA[1:].encode() not in b"".join(path.read_bytes() for path in shop.iterdir())
    code, out, _ = typing(capsys, "contact", "erase", ANNA, "--yes")
    assert (code, out) == (0, f"Nothing is kept about {ANNA}: they were erased before.\n")
    assert len((shop / "parley.db.erased").read_text().splitlines()) == 1
    code, _, err = typing(capsys, "contact", "show", ANNA)
    assert (code, err) == (
        1,
        f'Nothing is kept about "{ANNA}". Check the number; it has a + and its country, such as +46701740605.\n',
    )


def test_erasing_asks_first(shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.confirm", lambda question, abort: (_ for _ in ()).throw(KeyboardInterrupt()))
    code, _, _ = typing(capsys, "contact", "erase", ANNA)
    assert code != 0
    assert typing(capsys, "contact", "show", ANNA)[0] == 0


def test_a_backup_and_its_way_back(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typing(capsys, "backup", "monday.db", "--json")
    told = orjson.loads(out)
    assert (code, told["contacts"], told["file"]) == (0, 1, "monday.db")
    assert told["bytes"] == os.stat("monday.db").st_size
    assert typing(capsys, "contact", "erase", ANNA, "--yes")[0] == 0
    code, out, _ = typing(capsys, "restore", "monday.db", "--yes")
    assert code == 0
    assert "Erased again: 1." in out
    assert "parley.db.before-restore-" in out
    assert "STOPs since" not in out
    assert typing(capsys, "contact", "show", ANNA)[0] == 1


def test_a_lost_database_is_told_plainly(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typing(capsys, "backup", "monday.db")[0] == 0
    Path("parley.db").write_bytes(b"lost" * 2000)
    code, out, _ = typing(capsys, "restore", "monday.db", "--yes")
    assert code == 0
    assert "STOPs since the backup are not known" in out
    assert typing(capsys, "contact", "show", ANNA)[0] == 0


def test_a_backup_that_is_there_is_not_written_over(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typing(capsys, "backup", "monday.db")[0] == 0
    code, _, err = typing(capsys, "backup", "monday.db")
    assert (code, err) == (1, "monday.db is there already. Name a new file, or move that one away.\n")
