"""What README.md and docs/ show is true: rules are checked and answered as told, commands exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot.cli import app, main
from bot.config import settings
from bot.core import reply as whatsapp
from bot.core.answer import TEXT_MAX as ANSWER_MAX
from bot.rulebook.load import load, load_files
from bot.rulebook.pattern import MOST_READINGS
from bot.rulebook.shape.ask import TRIES_MAX
from bot.rulebook.shape.reply import MESSAGES_MAX
from bot.rulebook.suite import failed_tests
from tests.pages import API_PAGE, PAGES, README, ROOT, RULES_PAGE, RULES_PAGES, Block, blocks, guide, named, prose

OURS = (README, *RULES_PAGES, API_PAGE)  # docs/commands.md shows how commands are written, not only lines to type
SHOP = load(ROOT / "rules").rulebook


# --- rules --------------------------------------------------------------------------------------------------------------


def sections(text: str) -> dict[str, str]:
    """The text of each section, by its name."""
    found = re.finditer(r"^(\w+):.*\n(?:(?!\w+:).*\n)*", text, re.MULTILINE)
    return {each[1]: each[0] for each in found}


# The page says that its examples count on its first whole file.
COUNTED_ON = next(block for block in named(RULES_PAGE, "yaml") if "settings" in sections(block.text))


def shop_around(block: Block) -> dict[str, bytes]:
    """The block as rules/shop.yaml, beside what it counts on: the page's settings, and rules of the sample shop to lead to."""
    text = f"rules:\n{block.text}" if block.text.startswith("- ") else block.text
    own = sections(text)
    around = {} if "settings" in own else sections(COUNTED_ON.text)
    mine = re.findall(r"\bname: (\w+)", text)
    assert SHOP is not None
    others = [name for name in SHOP.by_name if name not in mine]
    stubs = [
        f"- {{name: {name}, when: {{says_exactly: zz{at}}}, reply: {{say_nothing: true}}}}\n"
        for at, name in enumerate(others)
    ]
    files = {
        "rules/settings.yaml": "".join(each for name, each in around.items() if name not in own).encode(),
        "rules/shop.yaml": text.encode(),
        "rules/zz_others.yaml": "".join(["rules:\n", *stubs]).encode(),
    }
    return {name: written for name, written in files.items() if written}


def told(block: Block) -> list[str]:
    return [str(problem) for problem in load_files(shop_around(block)).problems]


@pytest.mark.parametrize("block", guide("yaml"), ids=str)
def test_an_example_has_no_mistake_and_its_tests_come_true(block: Block) -> None:
    reading = load_files(shop_around(block))
    assert [str(problem) for problem in reading.problems] == []
    assert [str(problem) for problem in failed_tests(reading)] == []
    assert len(reading.tests) == block.text.count("steps:")


def followed(info: str) -> Iterator[tuple[Block, str]]:
    """Each block of that kind in the guide, with the block below it: what a command prints about it."""
    for page in RULES_PAGES:
        for block, answer in pairwise(blocks(page)):
            if block.info == info:
                assert answer.info == "text", f"{block} is not followed by what is printed"
                yield block, answer.text


@pytest.mark.parametrize(("block", "answer"), list(followed("yaml mistake")), ids=str)
def test_a_mistake_is_told_as_the_page_says(block: Block, answer: str) -> None:
    assert answer
    assert told(block) == answer.splitlines()


@pytest.mark.parametrize(("block", "answer"), list(followed("yaml failing")), ids=str)
def test_a_failing_test_is_told_as_the_page_says(block: Block, answer: str, run: Run) -> None:
    shutil.rmtree("rules")
    for name, written in shop_around(block).items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(written)
    assert run(["test"])[:2] == (1, answer)


def test_every_block_of_the_guide_is_of_a_kind_that_is_tested() -> None:
    """``text`` stands below a mistake, a failing test, or (see test_docs_live.py) a command; test_docs_chats.py plays each ``chat``."""
    shown = [block for page in RULES_PAGES for block in blocks(page)]
    assert {block.info for block in shown} == {"", "yaml", "yaml mistake", "yaml failing", "text", "chat"}
    above = [block.info for block, answer in pairwise(shown) if answer.info == "text"]
    assert (above.count("yaml mistake"), above.count("yaml failing")) == (len(guide("yaml mistake")), 1)
    assert above.count("yaml mistake") >= 20
    assert [block for block, answer in pairwise(shown) if answer.info == "text" and block.info == ""] == [
        block for block, answer in pairwise(blocks(ROOT / "docs/rules/live.md")) if answer.info == "text"
    ]
    assert {"yaml mistake", "yaml failing", ""} == set(above)


def test_the_limits_are_those_that_are_checked() -> None:
    table = RULES_PAGE.read_text(encoding="utf-8").partition("## Limits")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^\| (.+) \| (\d+) \|$", table, re.MULTILINE)) == {
        "text": str(whatsapp.TEXT_MAX),
        "text with buttons, a list or a link": str(whatsapp.BODY_MAX),
        "words with an image, a video or a document": str(whatsapp.CAPTION_MAX),
        "header, footer": str(whatsapp.HEADER_MAX),
        "buttons": str(whatsapp.BUTTONS_MAX),
        "a button's title, the button of a list, the title of a link": str(whatsapp.BUTTON_MAX),
        "rows of a list, all sections together": str(whatsapp.LIST_ROWS_MAX),
        "a row's title": str(whatsapp.ROW_TITLE_MAX),
        "a row's description": str(whatsapp.ROW_DESCRIPTION_MAX),
        "a section's title": str(whatsapp.SECTION_MAX),
        "a value of a template": str(whatsapp.TEMPLATE_BODY_MAX),
        "messages of one reply": str(MESSAGES_MAX),
        "sentences that one phrase stands for": str(MOST_READINGS),
        "a rule's name": "64",
        "choices of a question": str(whatsapp.LIST_ROWS_MAX),
        "tries of a question": str(TRIES_MAX),
        "an answer in words": str(ANSWER_MAX),
    }


# --- commands -----------------------------------------------------------------------------------------------------------


def command_lines(page: Path) -> list[list[str]]:
    """What follows run.py on every line that is shown, in blocks and in running text."""
    written = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^[^`\n]*?\brun\.py ([^`\n]+)$|`[^`\n]*\brun\.py ([^`\n]+)`", written, re.MULTILINE)
    typed = [shlex.split(first or second, comments=True) for first, second in lines]
    return [line[: line.index(">")] if ">" in line else line for line in typed]  # where it goes is the shell's business


LINES = [line for page in OURS for line in command_lines(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_is_shown_exists(page: Path) -> None:
    for line in command_lines(page):
        command: Any = typer.main.get_command(app)
        words = iter(line)
        while hasattr(command, "commands") and not (word := next(words, "--help")).startswith("-"):
            assert word in command.commands, f"{page.name} shows run.py {shlex.join(line)}"
            command = command.commands[word]


@pytest.mark.parametrize("line", LINES, ids=shlex.join)
def test_a_command_line_is_read(line: list[str], shop: Path) -> None:
    command: Any = typer.main.get_command(app)
    rest = list(line)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context("run.py", rest).close()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a newcomer stands: the sample shop, no settings."""
    for setting in settings().values():
        monkeypatch.delenv(setting.env, raising=False)
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Run:
    """Runs a command here; its exit code, what it printed and what it said aside."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, line: Sequence[str]) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(line)
        shown = self.capsys.readouterr()
        return ended.value.code, shown.out, shown.err


@pytest.fixture
def run(shop: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


NEEDS_NOTHING = ("check", "try", "test", "graph", "explain-rules", "schema")  # but the rules


@pytest.mark.parametrize(
    "line", [line for line in LINES if line[0] in NEEDS_NOTHING and "--record" not in line], ids=shlex.join
)
def test_a_command_that_needs_nothing_does_as_shown(line: list[str], run: Run) -> None:
    code, printed, aside = run(line)
    assert (code, bool(printed or aside)) == (0, True)


def test_the_first_rule_of_a_newcomer_goes_as_the_readme_tells(shop: Path, run: Run) -> None:
    readme = README.read_text(encoding="utf-8")
    new_rule, better_line = named(README, "yaml")
    wrong, right = named(README, "text")
    checking, trying = (line for line in command_lines(README) if line[0] in ("check", "try"))
    file = shop / "rules" / "shop.yaml"
    file.write_text(file.read_text().replace("rules:\n", f"rules:\n{new_rule.text}", 1))
    assert run(checking)[:2] == (1, wrong.text)
    old_line = next(line for line in new_rule.text.splitlines(keepends=True) if line.lstrip().startswith("when:"))
    file.write_text(file.read_text().replace(old_line, better_line.text, 1))
    code, printed, aside = run(checking)
    assert (code, printed) == (0, "")
    assert f"`{aside.strip()}`" in readme
    assert run(trying)[1] == right.text


# --- links --------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not re.match(r"[a-z]+:", target) and not (there.exists() and (not anchor or anchor in anchors(there))):
            dead.append(target)
    assert dead == []
