"""The pages that people read, and the fenced blocks on them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RULES_PAGE = ROOT / "docs" / "rules.md"
RULES_PAGES = [RULES_PAGE, *sorted((ROOT / "docs" / "rules").glob("*.md"))]
API_PAGE = ROOT / "docs" / "api.md"
API_PAGES = [
    API_PAGE,
    *sorted((ROOT / "docs" / "api").glob("*.md")),
    *(ROOT / "docs" / f"{name}.md" for name in ("campaigns", "privacy")),
]
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
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


def guide(*infos: str) -> list[Block]:
    """The blocks of the whole rule writer's guide whose fence says one of ``infos``; there is one."""
    found = [block for page in RULES_PAGES for block in blocks(page) if block.info in infos]
    assert found, f"the guide has no block called {infos}"
    return found


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def tables(text: str) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Head and rows of each table."""
    found = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    return [(_cells(lines[0]), [_cells(line) for line in lines[2:]]) for each in found if (lines := each.splitlines())]


def _cells(line: str) -> tuple[str, ...]:
    """A bar after a backslash is part of its cell."""
    return tuple(cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line[1:-1]))


def spans(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)
