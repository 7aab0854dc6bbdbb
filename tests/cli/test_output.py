"""What commands print, whatever reads it: a terminal of another time, a pipe that closes early."""

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import GOOD, ROOT, clean_environment

TESTS = """
tests:
  - {name: Öppet, steps: [{says: öppet, expect: {rule: hours}}]}
"""


def piped(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's line in which ``parley`` is the program, failing where any part of it fails."""
    told = f'set -o pipefail; parley() {{ "{sys.executable}" "{ROOT / "run.py"}" "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", told],
        cwd=folder,
        env=clean_environment(environment),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_a_pipe_gets_every_character_whatever_the_language_of_the_machine(folder: Path) -> None:
    (folder / "rules" / "shop.yaml").write_text(GOOD + TESTS, encoding="utf-8")
    ended = piped(folder, "parley test", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (ended.returncode, ended.stdout) == (0, "✓ Öppet\n")


def test_who_reads_no_further_changes_no_exit_code(folder: Path) -> None:
    assert piped(folder, "parley schema | head -n 1").returncode == 0
    (folder / "rules" / "shop.yaml").write_text("rules: 5", encoding="utf-8")
    assert piped(folder, "parley check --format json | true").returncode == 1


def test_ctrl_c_while_it_is_still_starting_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bot" / "cli").mkdir(parents=True)
    (tmp_path / "bot" / "cli" / "__init__.py").write_text("raise KeyboardInterrupt")
    copy = tmp_path / "run.py"
    copy.write_bytes((ROOT / "run.py").read_bytes())
    ended = subprocess.run([sys.executable, str(copy), "check"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (130, "")
