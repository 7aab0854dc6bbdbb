"""The pages that people read, and the fenced blocks on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RULES_PAGE = ROOT / "docs" / "rules.md"
API_PAGE = ROOT / "docs" / "api.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: the words after its fence, its text, and the line of the page that its text starts on."""

    page: Path
    info: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    written = page.read_text(encoding="utf-8")
    return [
        Block(page, each[1], each[2], written.count("\n", 0, each.start(2)) + 1) for each in _FENCED.finditer(written)
    ]


def named(page: Path, *infos: str) -> list[Block]:
    """The blocks whose fence says one of ``infos``; there is one."""
    found = [block for block in blocks(page) if block.info in infos]
    assert found, f"{page.name} has no block called {infos}"
    return found


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))
