"""``test --record``: what the server kept of a conversation, as a test that the same rules pass."""

import asyncio
from pathlib import Path

import pytest

from bot.cli import main
from bot.config import settings
from bot.rulebook.load import load_files
from bot.rulebook.suite import run_tests
from tests.journeys.shop import ANNA, APP, RULES, open_shop


@pytest.fixture
async def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with Anna's conversation in it; the id of one of her messages."""
    for setting in settings().values():
        monkeypatch.delenv(setting.env, raising=False)
    async with open_shop(tmp_path) as shop:
        anna = shop.guest(ANNA)
        await anna.says("hej")
        await anna.taps(await anna.reads(), "Öppettider")
        await anna.asks(f"vad? jag har nummer {ANNA}")
        shop.later(hours=3)
        assert await shop.tells("order.shipped", ANNA, first_name="Åsa", order_number="12345678") == 202
        await anna.reads()
        await anna.asks("STOP")
        await shop.rests()
        [(dedup,)] = shop.rows("SELECT dedup FROM inbox WHERE kind = 'inbound' ORDER BY id LIMIT 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("SINCH_APP_ID", APP)
    return str(dedup).removeprefix("in:")


def recorded(what: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["test", "--record", what])
    shown = capsys.readouterr()
    return ended.value.code if isinstance(ended.value.code, int) else 0, shown.out, shown.err


async def test_a_message_and_a_number_give_a_test_that_comes_true(
    stored: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, notes = await asyncio.to_thread(recorded, stored, capsys)
    assert code == 0, notes
    assert "Note" not in notes
    assert ANNA not in text
    assert "says: hej\n" in text
    assert 'taps: "Öppettider"' in text
    assert "later: 179 minutes" in text or "later: 3 hours" in text
    assert "event: {order.shipped: {first_name:" in text
    assert "opted_out: true" in text
    assert (await asyncio.to_thread(recorded, f"+{ANNA}", capsys))[:2] == (0, text)
    files = {f"rules/{path.name}": path.read_bytes() for path in RULES.glob("*.yaml")}
    reading = load_files({**files, "rules/recorded.yaml": text.encode()})
    assert reading.rulebook is not None, reading.problems
    [test] = [each for each in reading.tests if each.place.file == "rules/recorded.yaml"]
    assert len(test.steps) >= 5
    assert [problem for result in run_tests(reading.rulebook, [test]) for problem in result.problems()] == []


async def test_what_is_not_stored_is_told(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("01NOSUCHMESSAGE", "+447700900555"):
        code, text, told = await asyncio.to_thread(recorded, what, capsys)
        assert (code, text) == (1, "")
        assert told.startswith(f'Nothing is stored of "{what}".')


def test_without_a_database_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    code, text, told = recorded("01X", capsys)
    assert (code, text) == (1, "")
    assert "There is no database" in told
