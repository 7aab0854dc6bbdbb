"""Who saved the rules: by the repository where it tells the truth about the files, else by the file's owner."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from bot.rulebook.author import Author, author_of

OWNER = pwd.getpwuid(os.getuid()).pw_name
NAMES = ("rules/shop.yaml",)


def git(folder: Path, *words: str) -> None:
    named = ["-c", "user.name=Anna Berg", "-c", "user.email=anna@shop.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *named, *words], check=True, capture_output=True)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "rules"
    folder.mkdir(parents=True)
    (folder / "shop.yaml").write_text("rules: []\n", encoding="utf-8")
    return folder


@pytest.fixture
def committed(rules: Path) -> Path:
    git(rules.parent, "init", "-q")
    git(rules.parent, "add", "rules")
    git(rules.parent, "commit", "-q", "-m", "Open on Sundays\n\nAs agreed.")
    return rules


def test_outside_a_repository_the_owner_counts(rules: Path) -> None:
    assert author_of(rules, NAMES) == Author(OWNER, "")


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_of_several_files_the_one_that_was_changed_last_counts(rules: Path) -> None:
    (rules / "other.yaml").write_text("rules: []\n", encoding="utf-8")
    os.chown(rules / "other.yaml", 54321, -1)
    os.utime(rules / "other.yaml", (1, 1))
    names = ("rules/other.yaml", *NAMES)
    assert author_of(rules, names).who == OWNER
    os.utime(rules / "shop.yaml", (0, 0))
    assert author_of(rules, names).who == "user 54321"


def test_the_last_commit_that_touched_the_folder_counts(committed: Path) -> None:
    (committed.parent / "other.txt").write_text("x", encoding="utf-8")
    git(committed.parent, "add", "other.txt")
    git(committed.parent, "commit", "-q", "-m", "Something else")
    assert author_of(committed, NAMES) == Author("Anna Berg", "Open on Sundays")


@pytest.mark.parametrize("name", ["shop.yaml", "new.yaml"])
def test_with_local_changes_the_owner_counts(committed: Path, name: str) -> None:
    (committed / name).write_text("rules: [] # mine\n", encoding="utf-8")
    assert author_of(committed, NAMES) == Author(OWNER, "")


def test_changes_elsewhere_in_the_repository_do_not_count(committed: Path) -> None:
    (committed.parent / "mine.txt").write_text("x", encoding="utf-8")
    assert author_of(committed, NAMES).who == "Anna Berg"


def test_a_program_that_the_repository_names_is_not_started(committed: Path) -> None:
    trap = committed.parent / "sprung"
    git(committed.parent, "config", "core.fsmonitor", f"touch {trap};")
    author_of(committed, NAMES)
    assert not trap.exists()


def test_what_cannot_be_found_out_is_empty(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert author_of(rules, NAMES) == Author(OWNER, "")
    assert author_of(rules, ("rules/gone.yaml",)) == Author()


def test_an_owner_without_a_name_is_a_number(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> object:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert author_of(rules, NAMES) == Author(f"user {os.getuid()}")


def test_a_long_subject_is_cut(committed: Path) -> None:
    git(committed.parent, "commit", "-q", "--amend", "-m", "long " * 100)
    assert len(author_of(committed, NAMES).what) == 120
