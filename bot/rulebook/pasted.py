"""What comes along when rules are pasted from Word, a mail, a web page or a spreadsheet.

Where only one meaning is possible it is read as meant, with a warning. No correction moves a letter that an editor shows, so that every
place told later is the place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from bot.core.rule import Place
from bot.rulebook.problem import Problems, counted
from bot.rulebook.stop import Slip
from bot.rulebook.traps import innermost, masked, quote

# Each opening mark and what may close it: German „…“, Swedish ”…”, French «…», English “…”, those of Asian keyboards.
CURLY: Final = {
    "“": "”“", "”": "”", "„": "“”", "«": "»", "»": "«", "‘": "’", "’": "’", "‚": "‘’", "＂": "＂", "「": "」",
}  # fmt: skip
_UNSEEN: Final = "\u200b\u2060\u00ad\ufeff"  # not the joiners, which Persian and emoji need
_LIKE_SPACES: Final = "\u00a0\u202f"
_OTHER_SPACES: Final = "\u2002\u2003\u2007\u2008\u2009\u3000"
# How a line begins before its own text: indentation, dashes, a key and the colon after it.
_GAP: Final = rf"[ {_LIKE_SPACES}{_UNSEEN}]"
_BEGINNING: Final = re.compile(rf"{_GAP}*(?:-{_GAP}+)*(?:(?:\w|-|{_GAP}){{1,40}}:(?![^\s{_UNSEEN}]){_GAP}*)?")
_BROKEN: Final = re.compile("[ÃÂ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u2013-\u203a]|â€.|\ufffd")
_PASSES: Final = 50
_FOREIGN_FILES: Final = {
    b"PK\x03\x04": "a Word, Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file",
    b"%PDF": "a PDF",
    b"{\\rtf": "a rich text file",
}


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8 with its line ends made one; ``Slip`` where it is something else."""
    kind = next((kind for start, kind in _FOREIGN_FILES.items() if content.startswith(start)), "")
    if kind:
        raise Slip(1, 1, f"This is {kind}, not a plain text. Copy the rules into a text editor and save them as UTF-8.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:2]:
        raise Slip(1, 1, 'This file is saved as UTF-16. Save it as "UTF-8" in your editor.')
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        letter = content[error.start : error.start + 1].decode("cp1252", "replace")
        sentence = f'This letter is not UTF-8 (it may be "{letter}"). Save the file as "UTF-8" in your editor.'
        raise Slip(line, column, sentence) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("^\ufeff+", "", text, flags=re.MULTILINE)  # files joined to one leave marks in the middle


def straightened(file: str, text: str, problems: Problems) -> str:
    """``text`` with spaces, tabs and quotation marks as YAML wants them; ``Slip`` where they could mean several things."""
    _doubt_letters(file, text, problems)
    if any(odd in text for odd in f"\t{_LIKE_SPACES}{_OTHER_SPACES}{_UNSEEN}"):
        text = _with_plain_spaces(file, text, problems)
    if any(opener in text for opener in CURLY):
        text = _with_straight_quotes(file, text, problems)
    return text


def _doubt_letters(file: str, text: str, problems: Problems) -> None:
    """``Ã¤`` for ``ä``: saved once with the wrong encoding."""
    found = next(_broken(text), None)
    if found is None:
        return
    line, column = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
    meant = _mended(found.group())
    cure = f'that was "{meant}"' if meant else "that was lost"
    problems.warning(
        Place(file, line, column),
        f'"{found.group()}" stands for a letter {cure}, because the file was once opened with a wrong encoding. '
        "Write these letters anew and save as UTF-8.",
    )


def _broken(text: str) -> Iterator[re.Match[str]]:
    return (found for found in _BROKEN.finditer(text) if found.group() == "\ufffd" or _mended(found.group()))


def _mended(letters: str) -> str:
    try:
        return letters.encode("cp1252").decode()
    except UnicodeError:
        return ""


# --- spaces and tabs ------------------------------------------------------------------------------------------------------


def _with_plain_spaces(file: str, text: str, problems: Problems) -> str:
    lines = text.split("\n")
    odd: list[Place] = []
    tabs: list[Place] = []
    for number, line in enumerate(lines, 1):
        _refuse_indentation(number, line)
        found = _BEGINNING.match(line)
        beginning = found.group() if found else ""
        if column := _first(beginning, _LIKE_SPACES):
            odd.append(Place(file, number, column))
        if "\t" in line and not line.lstrip().startswith("#"):
            tabs.append(Place(file, number, line.index("\t") + 1))
        kept = re.sub(f"[{_LIKE_SPACES}]", " ", re.sub(f"[{_UNSEEN}]", "", beginning))
        lines[number - 1] = (kept + line[len(beginning) :]).replace("\t", " ")
    for places, what in (
        (odd, "a space that only looks like one, often copied from a web page or from Word"),
        (tabs, "a tab, often copied from a spreadsheet"),
    ):
        if places:
            problems.warning(places[0], _read_as_spaces(what, len(places)))
    return "\n".join(lines)


def _read_as_spaces(what: str, lines: int) -> str:
    others = f" (as {counted(lines - 1, 'other line')} {'does' if lines == 2 else 'do'})" if lines > 1 else ""
    return f"This line holds {what}{others}. It is read as an ordinary space; type one in its place."


def _refuse_indentation(number: int, line: str) -> None:
    """A tab has no width that all editors agree on, and neither have the spaces of typesetters."""
    if not line.strip() or line.lstrip().startswith("#"):
        return
    indent = line[: len(line) - len(line.lstrip())]
    if column := _first(indent, _OTHER_SPACES):
        raise Slip(
            number,
            column,
            "This line starts with a space that only looks like one, often copied from a web page or from Word. "
            "Delete it and type ordinary spaces.",
        )
    if "\t" in indent:
        column = indent.index("\t") + 1
        raise Slip(number, column, "YAML does not allow tabs. Replace the tab with spaces, two for each step in.")


def _first(text: str, letters: str) -> int:
    """The column from 1 of the first of ``letters``, or 0."""
    return next((column for column, letter in enumerate(text, 1) if letter in letters), 0)


# --- quotation marks ------------------------------------------------------------------------------------------------------


def _with_straight_quotes(file: str, text: str, problems: Problems) -> str:
    """A text that stands whole in curly quotes, in straight ones. An error shows only what stands above it, hence several passes."""
    lines = text.split("\n")
    for _ in range(_PASSES):
        found = [pair for place in _starts(lines) if (pair := _pair(lines, *place))]
        if not found:
            break
        for line, start, end, sign in found:
            inside = lines[line][start + 1 : end]
            lines[line] = f"{lines[line][:start]}{sign}{inside}{sign}{lines[line][end + 1 :]}"
            problems.warning(
                Place(file, line + 1, start + 1),
                f"These curly quotes are not YAML's and were taken off. Write straight ones: {quote(inside.strip())}.",
            )
    return "\n".join(lines)


def _starts(lines: list[str]) -> Iterator[tuple[int, int, bool]]:
    """Where a text starts with a curly quote: line, column (both from 0), and whether in braces or brackets."""
    in_flow = [False]
    try:
        for event in yaml.parse("\n".join(lines), Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                in_flow.append(bool(event.flow_style))
            elif isinstance(event, yaml.CollectionEndEvent):
                in_flow.pop()
            elif isinstance(event, yaml.ScalarEvent) and not event.style and event.value[:1] in CURLY:
                start: Any = event.start_mark
                yield start.line, start.column, in_flow[-1]
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        if mark is not None and mark.line < len(lines):
            yield from _starts_on(lines[mark.line], mark.line)


def _starts_on(line: str, number: int) -> Iterator[tuple[int, int, bool]]:
    """The same on a line that YAML cannot read."""
    for found in re.finditer(rf"(?:^ *(?:- +)*|: +|[\[{{,] *)([{''.join(CURLY)}])", masked(line)):
        yield number, found.start(1), bool(innermost(line[: found.start(1)]))


def _pair(lines: list[str], line: int, start: int, in_flow: bool) -> tuple[int, int, int, str] | None:
    """Line, first and last column of a text in curly quotes, and the straight ones to put there; None where it does not end so."""
    text = lines[line]
    if start >= len(text) or text[start] not in CURLY:
        return None
    after = r"\s*(?:[,\]}]|$|:\s)" if in_flow else r"\s*(?:$|#|:\s|:$)"
    closers = CURLY[text[start]] + ("" if text[start] in "‘’‚" else '"')
    for end in range(start + 1, len(text)):
        if text[end] in closers and re.match(after, text[end + 1 :]):
            inside = text[start + 1 : end]
            sign = '"' if not re.search(r'["\\]', inside) else "'"
            return (line, start, end, sign) if sign == '"' or "'" not in inside else None
    return None
