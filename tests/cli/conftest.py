"""Commands in this process (``command``) and as real processes (``process``)."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import main
from bot.config import settings

ROOT = Path(__file__).parents[2]
GOOD = """
settings: {time_zone: Europe/Stockholm, languages: [en, sv]}
templates:
  order_shipped:
    languages: {en: en_US, sv: sv_SE}
    parameters: [order_number]
    body: {en: "{{order_number}} is coming", sv: "{{order_number}} kommer"}
    buttons: [{quick_reply: Track, goes_to: hours}]
rules:
  - name: welcome
    when: {says_exactly: {en: [hello], sv: [hej]}}
    reply:
      text: {en: "Hi {{first_name|there}}", sv: "Hej {{first_name|du}}"}
      buttons: [{label: {en: Opening hours, sv: Öppettider}, goes_to: hours}]
  - name: hours
    when: {says: {en: [open], sv: [öppet]}}
    reply: {text: {en: We are open, sv: Vi har öppet}}
  - name: order_shipped
    when: {event: order.shipped, needs: [order_number]}
    reply: {text: {en: "{{order_number}} has left", sv: "{{order_number}} har gått"}}
    if_closed: {template: order_shipped}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: {en: What?, sv: Va?}}
"""
SERVER = {
    "SINCH_PROJECT_ID": "project",
    "SINCH_APP_ID": "app",
    "SINCH_KEY_ID": "key",
    "SINCH_KEY_SECRET": "key-secret",
    "SINCH_WEBHOOK_SECRET": "a-long-webhook-secret",
    "SINCH_API_URL": "http://127.0.0.1:1",
    "SINCH_AUTH_URL": "http://127.0.0.1:1",
    "PORT": "0",
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


def clean_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without any setting of ours, and ``changes``."""
    ours = {setting.env for setting in settings().values()}
    return {name: value for name, value in os.environ.items() if name not in ours} | dict(changes or {})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program is started: good rules, no settings."""
    for setting in settings().values():
        monkeypatch.delenv(setting.env, raising=False)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process."""

    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        shown = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, shown.out, shown.err)

    return run


@pytest.fixture
def process(folder: Path) -> Command:
    """Run a command as a process of its own, to its end."""

    def run(*arguments: str, environment: Mapping[str, str] | None = None, stdin: str = "") -> Ended:
        ended = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments],
            cwd=folder,
            env=clean_environment(environment),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run
