"""The curl lines of a page, read as a shell reads them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.pages import blocks

PORT = ":8080"
_WITH_A_VALUE = {"-H", "-d", "-X", "--data-binary", "-o"}


@dataclass(frozen=True, slots=True)
class Curl:
    """One request as it is shown; ``body`` is None where there is none."""

    shown_in: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None

    def __str__(self) -> str:
        return self.shown_in


def curls(page: Path) -> Iterator[Curl]:
    """Every curl line of a page, in order."""
    for block in blocks(page):
        for number, command in enumerate(re.findall(r"^curl .*\n(?: .*\n)*", block.text, re.MULTILINE), 1):
            yield _read(f"{block} curl {number}", shlex.split(command.replace("\\\n", " ")))


def _read(shown_in: str, words: list[str]) -> Curl:
    headers: dict[str, str] = {}
    method, url, body = "", "", None
    rest = iter(words[1:])
    for word in rest:
        value = next(rest) if word in _WITH_A_VALUE else ""
        match word:
            case "-H":
                name, _, text = value.partition(": ")
                headers[name] = text
            case "-X":
                method = value
            case "-d" | "--data-binary":
                body = value
            case "-o":
                pass
            case _:
                assert not word.startswith("-"), f"{shown_in}: this test does not know {word}"
                url = word
    return Curl(shown_in, method or ("POST" if body is not None else "GET"), url.partition(PORT)[2], headers, body)
