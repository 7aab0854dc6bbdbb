"""The house itself: who may import whom, what no file may hold, and that settings and locks are written down."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.import_rules import broken_imports, cycles, impure_calls, module_name

ROOT = Path(__file__).parents[1]

MOST_LINES = 420

ENVIRONMENT = set(
    "SINCH_PROJECT_ID SINCH_APP_ID SINCH_KEY_ID SINCH_KEY_SECRET SINCH_REGION SINCH_WEBHOOK_SECRET SINCH_API_URL "
    "SINCH_AUTH_URL SINCH_AUTH WEBHOOK_SCHEME DATABASE_URL RULES_DIR HOST PORT SEND_RATE "
    "ADMIN_PASSWORD LOG_LEVEL".split()
)

# Written in two pieces, so that this file does not hold what it looks for.
INDEX_HOSTS = re.compile(
    "|".join(re.escape(f"{name}.{end}") for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))),
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(
    r"(?<![\w.)}*~-])/(?:(?:work|farm|root)/[\w.-]|(?:home|Users|tmp/bash_jobs[\w.]*)/[\w.-]+)|\b[A-Z]:\\Users\\"
)


def files_of_the_repository() -> list[Path]:
    """What is committed or about to be: tracked files and new ones that .gitignore does not name."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def places_of(pattern: re.Pattern[str], path: Path, root: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()[:100]}"
        for number, line in enumerate(lines, 1)
        if pattern.search(line)
    ]


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "bot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_imports_go_one_way() -> None:
    found = broken_imports(ROOT)
    assert not found, "\n".join(found)


def test_core_reads_no_clock_and_does_no_io() -> None:
    found = [each for path in sorted(ROOT.glob("bot/core/**/*.py")) for each in impure_calls(path, ROOT)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("core/decide.py", "import bot.store\n", "bot/core/decide.py:1: imports go one way, store stands above core"),
        (
            "core/decide.py",
            "from bot import store\n",
            "bot/core/decide.py:1: imports go one way, store stands above core",
        ),
        (
            "core/decide.py",
            "from ..store import port\n",
            "bot/core/decide.py:1: imports go one way, store stands above",
        ),
        (
            "core/__init__.py",
            "from .. import store\n",
            "bot/core/__init__.py:1: imports go one way, store stands above",
        ),
        (
            "core/decide.py",
            "\ndef f():\n    import aiohttp\n",
            "bot/core/decide.py:3: core imports the standard library",
        ),
        ("core/decide.py", "import os.path\n", "bot/core/decide.py:1: core is pure, but imports os.path"),
        ("core/decide.py", "from time import time\n", "bot/core/decide.py:1: core is pure, but imports time.time"),
        ("errors.py", "from bot.core import event\n", "bot/errors.py:1: imports go one way, core stands above errors"),
        ("store/sqlite.py", "from bot.sinch import wire\n", "bot/store/sqlite.py:1: siblings do not import each other"),
        ("store/sqlite.py", "from bot import net\n", "bot/store/sqlite.py:1: siblings do not import each other"),
        (
            "store/sqlite.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.work.loop import Loop\n",
            "bot/store/sqlite.py:3: imports go one way, work stands above store",
        ),
        ("work/loop.py", "import bot.app as app\n", "bot/work/loop.py:1: imports go one way, app stands above work"),
        (
            "__init__.py",
            "from bot.errors import ParleyError\n",
            "bot/__init__.py:1: bot/__init__.py imports nothing of bot",
        ),
        ("web/api.py", "from tests import fakes\n", "bot/web/api.py:1: bot stands without tests"),
        (
            "sinch/emulator/server.py",
            "from bot.sinch.wire import events\n",
            "bot/sinch/emulator/server.py:1: the emulator",
        ),
        ("sinch/emulator/truth.py", "from .. import signature\n", "bot/sinch/emulator/truth.py:1: the emulator"),
        ("sinch/client.py", "from .emulator.server import Server\n", "bot/sinch/client.py:1: the emulator"),
        (
            "sinch/wire/events.py",
            "def f():\n    from bot.sinch import emulator\n",
            "bot/sinch/wire/events.py:2: the emulator",
        ),
        ("helpers.py", "", "bot/helpers: has no level yet"),
    ],
)
def test_a_broken_import_is_named_with_its_place(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    write_tree(
        tmp_path, dict.fromkeys(["store/__init__.py", "net.py", "app.py", "core/__init__.py"], "") | {name: text}
    )
    write_tree(tmp_path, {part: "" for part in ("sinch/__init__.py", "work/loop.py", "errors.py") if part != name})
    [found] = broken_imports(tmp_path)
    assert found.startswith(complaint)


def test_allowed_imports_are_let_through(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "__init__.py": "VERSION = '1'\n",
            "errors.py": "",
            "core/event.py": "from __future__ import annotations\nimport urllib.parse\nfrom bot import VERSION\n",
            "core/decide.py": "from . import event\nfrom bot import errors\n",
            "sinch/wire/events.py": "import aiohttp\nfrom ..signature import verify\nfrom bot.core import event\n",
            "sinch/emulator/server.py": "from .truth import Truth\nfrom bot.core.event import Inbound\n",
            "app.py": "from bot import core, sinch\nfrom bot.sinch.emulator.server import Server\n",
        },
    )
    assert broken_imports(tmp_path) == []


def test_an_impure_call_is_named_with_its_place(tmp_path: Path) -> None:
    write_tree(tmp_path, {"core/decide.py": "at = datetime.now(UTC)\n\nprint(date.today())\n"})
    assert sorted(impure_calls(tmp_path / "bot/core/decide.py", tmp_path)) == [
        "bot/core/decide.py:1: core is given `now`, but calls now().",
        "bot/core/decide.py:3: core does no I/O, but calls print().",
        "bot/core/decide.py:3: core is given `now`, but calls today().",
    ]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
@pytest.mark.parametrize("pattern", [INDEX_HOSTS, MACHINE_PATHS], ids=["package index", "machine path"])
def test_no_file_names_a_package_index_or_a_machine_path(pattern: re.Pattern[str]) -> None:
    files = files_of_the_repository()
    assert Path(__file__) in files
    found = [place for path in files for place in places_of(pattern, path, ROOT)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "parts", "found"),
    [
        (INDEX_HOSTS, ("https:", "", "files.pythonhosted" + ".org", "simple"), True),
        (INDEX_HOSTS, ("from PyPI" + ".ORG",), True),
        (INDEX_HOSTS, ("a package from the index",), False),
        (MACHINE_PATHS, ("see ", "home", "anna", "parley"), True),
        (MACHINE_PATHS, ("sqlite:", "", "", "", "work", "parley.db"), True),
        (MACHINE_PATHS, ('"', "root", ".env"), True),
        (MACHINE_PATHS, ("bot", "work", "inbox.py"), False),
        (MACHINE_PATHS, ("{rules}", "root", "x"), False),
        (MACHINE_PATHS, ("sqlite:", "", "", "", "var", "lib", "parley.db"), False),
    ],
)
def test_what_counts_as_an_index_or_a_machine_path(
    tmp_path: Path, pattern: re.Pattern[str], parts: tuple[str, ...], found: bool
) -> None:
    text = "/".join(parts)
    (tmp_path / "page.md").write_text(f"\n{text}\n", encoding="utf-8")
    assert places_of(pattern, tmp_path / "page.md", tmp_path) == ([f"page.md:2: {text.strip()}"] if found else [])


def test_any_module_can_be_imported_first() -> None:
    assert cycles(ROOT) == []


def test_every_module_is_imported_without_a_warning() -> None:
    modules = [module_name(path, ROOT) for path in sorted(ROOT.glob("bot/**/*.py"))]
    program = f"import importlib\nfor name in {modules!r}:\n    importlib.import_module(name)"
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True, timeout=120)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"first.py": "from bot.second import B\n", "second.py": "import bot.first\n"}, True),
        ({"first.py": "from bot.second import B\n", "second.py": "def f():\n    import bot.first\n"}, False),
        (
            {
                "first.py": "from bot.second import B\n",
                "second.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bot.first\n",
            },
            False,
        ),
        ({"part/__init__.py": "from bot.part.a import A\n", "part/a.py": "from bot.part.b import B\n"}, False),
        ({"part/__init__.py": "from bot.part.a import A\n", "part/a.py": "import bot.c\n", "c.py": "import bot.part.a\n"}, True),
        ({"part/__init__.py": "import bot.c\n", "part/a.py": "", "c.py": "from bot.part.a import A\n"}, True),
    ],
)  # fmt: skip
def test_what_counts_as_a_circle(tmp_path: Path, files: dict[str, str], found: bool) -> None:
    write_tree(tmp_path, {"__init__.py": "", "part/b.py": "", **files})
    assert bool(cycles(tmp_path)) is found


def long_files(root: Path) -> list[str]:
    counted = {path: len(path.read_bytes().splitlines()) for path in sorted(root.glob("bot/**/*.py"))}
    return [
        f"{path.relative_to(root)} has {lines} lines; split it by noun."
        for path, lines in counted.items()
        if lines > MOST_LINES
    ]


def test_no_file_of_bot_is_too_long() -> None:
    found = long_files(ROOT)
    assert not found, "\n".join(found)


def test_a_long_file_is_found(tmp_path: Path) -> None:
    write_tree(tmp_path, {"core/most.py": "\n" * MOST_LINES, "core/more.py": "\n" * (MOST_LINES + 1)})
    assert long_files(tmp_path) == ["bot/core/more.py has 421 lines; split it by noun."]


def explained_variables(text: str) -> set[str]:
    """The variables of a .env file that have a sentence right above them."""
    return set(re.findall(r"^# [A-Z].*[.\"]\n#?([A-Z][A-Z_]*)=", text, re.MULTILINE))


def test_env_example_explains_every_variable_of_the_contract() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z][A-Z_]*)=", text, re.MULTILINE))
    assert explained_variables(text) == named == ENVIRONMENT


def test_config_asks_for_no_variable_that_env_example_leaves_out() -> None:
    settings = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    asked = set(re.findall(r"\$\{([A-Z][A-Z_]*)\}", json.dumps(settings)))
    assert asked
    assert asked <= ENVIRONMENT


@pytest.mark.parametrize(("lock", "extra"), [("requirements.lock", None), ("requirements-dev.lock", "dev")])
def test_lock_pins_every_dependency_by_hash_and_names_no_place(lock: str, extra: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else [])]
    text = (ROOT / lock).read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==[^\n]*?\\\n +--hash=(sha256):", text, re.MULTILINE))
    assert {re.split(r"[^a-z0-9-]", each)[0] for each in wanted} - pinned.keys() == set(), "run `make lock`"
    assert [line for line in text.splitlines() if line.startswith("-") or "://" in line] == []
