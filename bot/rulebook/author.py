"""Who saved the rules: the author of the last commit where the folder is a clean part of a repository, else whoever owns the file."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_GIT_WITHIN_S: Final = 5.0
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Author:
    """``who`` saved, and ``what`` they said of it (empty without a commit)."""

    who: str = ""
    what: str = ""

    def __str__(self) -> str:
        return f"{self.who} ({self.what})" if self.what else self.who


def author_of(folder: Path, files: Iterable[str]) -> Author:
    """The author of what ``folder`` holds; ``files`` are named below its parent, as ``Reading.files`` names them.

    With local changes a commit says nothing about them, so the owner of the file that was changed last counts. Runs git, which takes
    some hundredths of a second, and never fails: what cannot be found out is empty.
    """
    return _committed(folder) or Author(_owner([folder.resolve().parent / name for name in files]))


def _committed(folder: Path) -> Author | None:
    changes = _git(folder, "status", "--porcelain", "--", ".")
    if changes is None or changes.strip():
        return None
    told = _git(folder, "log", "-1", "--format=%an%x00%s", "--", ".")
    who, separator, what = (told or "").strip("\n").partition("\0")
    return Author(_short(who), _short(what)) if separator and who else None


def _git(folder: Path, *words: str) -> str | None:
    """What git says, or None where it refuses or is not there. It takes no locks and starts no program that the repository names."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-C", str(folder), *words]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        ended = subprocess.run(  # noqa: S603 our own words and a path
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.decode(errors="replace")


def _owner(paths: Iterable[Path]) -> str:
    """The owner of the file that was changed last."""
    found: list[tuple[float, int]] = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue  # gone since it was read
        found.append((status.st_mtime, status.st_uid))
    if not found:
        return ""
    number = max(found)[1]
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
