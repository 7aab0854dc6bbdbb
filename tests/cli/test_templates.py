"""``templates``, ``check --order`` and ``check --consent``; the templates are the emulator's."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sinch.emulator import Emulator
from bot.sinch.emulator.settings import EmulatorSettings
from bot.sinch.emulator.templates import Template, TemplateButton
from tests.cli.conftest import SERVER, Command

EN = Template("order_shipped", "en_US", "{{1}} is coming", buttons=(TemplateButton("quick_reply", "Track"),))
SV = Template("order_shipped", "sv_SE", "{{1}} kommer", buttons=EN.buttons, state="PAUSED")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """An account at the emulator, which runs beside the command on a loop of its own."""
    loop = asyncio.new_event_loop()
    emulator = Emulator(EmulatorSettings(port=0, templates=(EN, SV)))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(emulator.start(), loop).result()
    for name, value in {**SERVER, "SINCH_API_URL": emulator.url, "SINCH_AUTH_URL": emulator.url}.items():
        monkeypatch.setenv(name, value)
    yield
    asyncio.run_coroutine_threadsafe(emulator.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.usefixtures("account")
def test_the_list(command: Command) -> None:
    assert command("templates", "list").out.splitlines() == [
        "order_shipped  en_US  utility  approved  1 value",
        "order_shipped  sv_SE  utility  paused  1 value",
    ]


@pytest.mark.usefixtures("account")
def test_a_paused_template_names_the_rules_that_rely_on_it(command: Command) -> None:
    ended = command("templates", "sync")
    assert ended.code == 0, "it may come back by itself"
    assert ended.out.splitlines() == [
        (
            "rules/shop.yaml:4:3: Warning: Template order_shipped in sv_SE cannot be sent: WhatsApp paused it because of bad feedback "
            "(used by order_shipped). Mend it at WhatsApp, or use another one meanwhile."
        )
    ]
    assert ended.err.strip() == "1 template declared, 2 at WhatsApp; 1 problem."


@pytest.mark.usefixtures("account")
def test_a_template_that_does_not_fit_is_an_error(command: Command, folder: Path) -> None:
    rules = folder / "rules" / "shop.yaml"
    rules.write_text(rules.read_text().replace("sv: sv_SE", "sv: sv_FI"), encoding="utf-8")
    ended = command("templates", "sync", "--format", "json")
    assert ended.code == 1
    assert '"ok": false' in ended.out


def test_without_an_account(command: Command) -> None:
    ended = command("templates", "list")
    assert ended.code == 1
    assert "SINCH_PROJECT_ID" in ended.err


def test_the_order(command: Command) -> None:
    lines = command("check", "--order").out.splitlines()
    assert lines[0].startswith("1. STOP and START")
    assert [each.strip() for each in lines if each.startswith("     ")] == ["welcome", "hours", "order_shipped"]
    assert lines[-1].endswith("nothing_matched: otherwise")


def test_the_consent_words(command: Command) -> None:
    stop, start = command("check", "--consent").out.splitlines()
    assert "unsubscribe" in stop
    assert "sluta" in stop
    assert "unstop" in start


def test_check_runs_the_tests(command: Command, folder: Path) -> None:
    text = "tests: [{name: hello, steps: [{says: hello, expect: {rule: hours}}]}]\n"
    (folder / "rules" / "tests.yaml").write_text(text, encoding="utf-8")
    ended = command("check")
    assert ended.code == 1
    assert "rules/tests.yaml:1:" in ended.out
