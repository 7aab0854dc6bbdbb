"""The demo as a newcomer meets it: the real server, the emulator and the chat over a pipe."""

import importlib
import re
import signal
import socket
import subprocess
import sys
import urllib.request
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.cli.running import free_port, templates_of
from tests.cli.conftest import ROOT, Command, clean_environment

demo_command = importlib.import_module("bot.cli.demo")  # the package's own name for it is the command
SCRIPT = """\
hello
1
/why
/tap 1
STOP
hello
START
/later 25h
/event order.shipped order_number=77
/as sv
hej
/quit
"""


def test_a_day_with_the_bot(process: Command) -> None:
    ended = process("demo", "--port", "0", "--emulator-port", "0", stdin=SCRIPT)
    assert ended.code == 0, ended
    assert "Traceback" not in ended.err
    lines = [line for line in ended.out.splitlines() if line[:2] in ("> ", "< ", "x ")]
    assert lines == [
        "> hello",
        "< Hi there",
        "> 1",
        "< We are open",
        "> Opening hours",
        "< We are open",
        "> STOP",
        lines[7],
        "> hello",
        "> START",
        lines[10],
        "< (template) 77 is coming",
        "> hej",
        "< Hej du",
    ]
    assert "no more messages" in lines[7]
    assert lines[10].startswith("< Welcome back")
    assert "rule hours" in ended.out


def test_without_a_terminal_it_serves_until_a_signal_on_the_next_free_port(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), "demo", "--port", str(port), "--emulator-port", str(port)],
            cwd=folder,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert running.stdout is not None
            first = running.stdout.readline()
            addresses = re.findall(r"http://\S+", first)
            url = addresses[0].removesuffix("/phone/")
            assert addresses == [f"{url}/phone/", f"{url}/admin/", f"{url}/docs"], first
            assert any(re.search(r"Bearer parley_\S+'", line) for line in iter(running.stdout.readline, "\n"))
            assert int(url.rpartition(":")[2]) > port
            with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:  # noqa: S310 our own server
                assert answer.status == 200
            for address in (url, *addresses):
                with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 our own server
                    assert answer.status == 200
                    assert answer.url == (addresses[0] if address == url else address)
            running.send_signal(signal.SIGTERM)
            out, err = running.communicate(timeout=30)
        finally:
            running.kill()
            running.communicate()
    assert (running.returncode, err) == (0, "")
    assert out.endswith("The demo has stopped.\n")


def test_a_taken_port_moves_to_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) < port + 50
    assert free_port(0) == 0


def test_the_emulator_knows_the_declared_templates(folder: Path) -> None:
    english, swedish = templates_of(folder / "rules")
    assert (english.name, english.language, english.body) == ("order_shipped", "en_US", "{{1}} is coming")
    assert (swedish.language, swedish.body) == ("sv_SE", "{{1}} kommer")
    assert [button.text for button in english.buttons] == ["Track"]


@pytest.mark.parametrize(("sits_there", "opened"), [(True, ["http://127.0.0.1:8080/phone/"]), (False, [])])
async def test_the_browser_is_opened_only_where_somebody_sits(
    monkeypatch: pytest.MonkeyPatch, sits_there: bool, opened: list[str]
) -> None:
    async def greet(demo: object) -> None:
        greeted.append(demo)

    greeted: list[object] = []
    found: list[str] = []
    monkeypatch.setattr(demo_command, "_greet", greet)
    monkeypatch.setattr(demo_command, "in_terminal", lambda: sits_there)
    monkeypatch.setattr(webbrowser, "open", found.append)
    here = SimpleNamespace(url="http://127.0.0.1:8080")
    await demo_command._greet_and_open(here)
    assert (greeted, found) == ([here], opened)
