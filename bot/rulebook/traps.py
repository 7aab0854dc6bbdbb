"""What YAML takes for its own syntax in a person's text, explained: which words, and which quotes to add.

libyaml says where it stopped and what it expected; the line itself shows what the writer meant. Each recogniser below knows one
face of that and answers with a sentence, or passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml

from bot.rulebook.alignment import left_of_all, misaligned
from bot.rulebook.foreign_marks import foreign_mark
from bot.rulebook.stop import OWN_DISK, Slip, Stop

_KEY: Final = r"^\s*(?:- +)*[\w .\"'-]+?:[ ]+"
_CLOSERS: Final = {"{": "}", "[": "]"}


def quote(text: str) -> str:
    """``text`` as YAML takes it for certain: in double quotes, or in single ones where it holds double ones."""
    if "\n" in text:
        return '"' + text.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def value_at(line: str, column: int) -> str:
    """The text that starts at ``column`` (from 0) as its writer meant it: to the end of the line, or of its place in braces."""
    opener = innermost(line[:column])
    if not opener:
        return re.sub(r"\s+#\s.*$", "", line[column:]).rstrip()
    return line[column : _end_inside(line, column, opener)].rstrip()


def masked(line: str) -> str:
    """``line`` with everything in straight quotes crossed out, each letter in its column."""
    return re.sub(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'', lambda found: "x" * len(found.group()), line)


def innermost(left: str) -> str:
    """The brace or bracket that is still open at the end of ``left``, or empty."""
    opened: list[str] = []
    for letter in masked(left):
        if letter in "{[":
            opened.append(letter)
        elif letter in "}]" and opened:
            opened.pop()
    return opened[-1] if opened else ""


def _end_inside(line: str, column: int, opener: str) -> int:
    depth = 0
    for at in range(column, len(line)):
        letter = line[at]
        if letter in "{[(":
            depth += 1
        elif letter in "}])":
            if depth == 0:
                return at
            depth -= 1
        elif letter == "," and depth == 0 and (opener == "[" or re.match(r",\s*([\w ]+:\s|\}|$)", line[at:])):
            return at
    return len(line)


def _value_start(left: str) -> int:
    """Where the value begins in which ``left`` ends: after the last ``key: ``, ``- ``, comma or bracket that opens a collection."""
    found = list(re.finditer(r"(?:^\s*(?:- +)+|:[ ]+|,[ ]*|(?:(?<=: )|(?<=[\[{,] )|(?<=[\[{,]))[\[{][ ]*)", left))
    return found[-1].end() if found else len(left) - len(left.lstrip())


def explain(error: yaml.YAMLError, lines: list[str]) -> Slip:
    """libyaml's complaint about ``lines`` as a sentence for the writer, at the place where the text should change."""
    mark: Any = getattr(error, "problem_mark", None)
    if mark is None:
        return _unprintable(lines)
    start: Any = getattr(error, "context_mark", None) or mark
    stop = Stop(lines, mark.line, mark.column, str(getattr(error, "problem", "")), str(getattr(error, "context", "") or ""),
                 start.line, start.column)  # fmt: skip
    for recognise in _RECOGNISERS:
        slip = recognise(stop)
        if slip is not None:
            return slip
    return stop.slip(
        stop.column, f"YAML cannot read this line ({stop.problem}). Put texts in quotes and check the indentation."
    )


def _unprintable(lines: list[str]) -> Slip:
    for number, line in enumerate(lines, 1):
        for column, letter in enumerate(line, 1):
            if not (letter.isprintable() or letter in "\u200d\u200c\u200e\u200f\ufeff\u00ad" or ord(letter) > 0x9F):
                return Slip(
                    number, column, f"This line holds an invisible control character (U+{ord(letter):04X}). Delete it."
                )
    return Slip(1, 1, "This file holds a character that YAML does not allow. Save it as plain UTF-8 text.")


def _foreign(stop: Stop) -> Slip | None:
    """Bullets, ``//``, ``>``, arrows: where a line starts that YAML cannot read, or the one above that it belongs to."""
    if "flow" in stop.context or "quoted" in stop.context:
        return None
    above = next((n for n in range(stop.line - 1, -1, -1) if stop.lines[n].strip()), stop.line)
    for number in dict.fromkeys((stop.from_line, stop.line, above)):
        if number < len(stop.lines) and (number >= above) and (found := foreign_mark(stop.lines[number])):
            return stop.slip(*found, number)
    return None


def _after_value(stop: Stop) -> Slip | None:
    """``reply: {text: Hello},`` and ``[a],`` as in JSON, ``} // every day``, ``[a,, b]``."""
    if re.match(r"\s*(?://|<!--)", stop.right) and stop.left.strip():
        return stop.slip(stop.column, 'A comment starts with "#", not with "//". Put "# " before it, or delete it.')
    sign = stop.right.strip()
    if re.fullmatch(r"[,;.]+", sign) and re.search(r"[\]}\"']\s*$", stop.left):
        return stop.slip(
            stop.column, f'After this value stands a "{sign}" too many. Delete it: each key has its own line.'
        )
    if stop.right.startswith(",") and re.search(r"[,\[{]\s*$", stop.left):
        return stop.slip(stop.column, "Here is a comma with nothing before it. Delete it.")
    return None


def _sign(stop: Stop) -> Slip | None:
    """``*Sale*``, ``& more``, ``%5``, ``@home``: signs that mean something else at the start of a text."""
    if "alias" in stop.context or "anchor" in stop.context or "tag" in stop.context:
        line, column = stop.from_line, stop.from_column
    elif "cannot start any token" in stop.problem:
        line, column = stop.line, stop.column
    else:
        return None
    text = stop.lines[line]
    value = value_at(text, column)
    if len(value) > 2 and value[0] == value[-1] == "`":
        return stop.slip(column, f"Backticks are no quotation marks in YAML. Write: {quote(value[1:-1])}.", line)
    return stop.slip(
        column,
        f'A text may not start with "{text[column]}" in YAML. Put the whole text in quotes: {quote(value)}.',
        line,
    )


def _dash(stop: Stop) -> Slip | None:
    if not re.match(r"- ", stop.right) or not stop.left.strip():
        return None
    value = value_at(stop.text, stop.column)
    return stop.slip(
        stop.column, f'"- " at the start of a text means a list to YAML. Put the whole text in quotes: {quote(value)}.'
    )


def _question(stop: Stop) -> Slip | None:
    if "mapping keys are not allowed" not in stop.problem and not re.match(r"\?\s", stop.right):
        return None
    value = value_at(stop.text, stop.column)
    return stop.slip(
        stop.column, f'"? " at the start of a text means something else to YAML. Put it in quotes: {quote(value)}.'
    )


def _curly(stop: Stop) -> Slip | None:
    found = re.search(r"[“„”][^“”„]*[”“]", stop.text)
    if not found or "block sequence" in stop.problem:
        return None
    inside = found.group()[1:-1]
    return stop.slip(
        found.start(), f"These curly quotes do not count as quotes in YAML. Write straight ones: {quote(inside)}."
    )


def _unclosed_quote(stop: Stop) -> Slip | None:
    if "quoted scalar" not in stop.context:
        return None
    if "escape" in stop.problem and re.search(
        r"(?:image|video|audio|document|sticker|url): *[\"']?[A-Za-z]:\\", stop.text
    ):
        return stop.slip(stop.from_column, OWN_DISK)
    if "escape" in stop.problem:
        return stop.slip(
            stop.column,
            'Inside double quotes "\\" has a meaning of its own. Write it twice, "\\\\", or use single quotes.',
        )
    line = stop.lines[stop.from_line]
    sign = line[stop.from_column]
    if curly := re.match(r"[\"']([^\"']*)[“”„»’]\s*[,\]}]*\s*$", line[stop.from_column :]):
        return stop.slip(
            stop.from_column,
            f"This text starts with a straight {sign} and ends with a curly one. Write straight ones: {quote(curly[1])}.",
            stop.from_line,
        )
    return stop.slip(
        stop.from_column, f"This text starts with {sign} and never ends. Add the closing {sign}.", stop.from_line
    )


def _quote_inside(stop: Stop) -> Slip | None:
    """``'it's'`` and ``"He said "hi""``: the text ended at a quote sign meant as a letter."""
    found = re.search(r"(?:^|[\s\[{,])((['\"])(?:(?!\2).)*\2)\s*$", stop.left)
    if not found or not stop.right.strip() or stop.right[0] in "}]":
        return None
    start, sign = found.start(1), found.group(2)
    whole = value_at(stop.text, start)
    if not whole.endswith(sign) or len(whole) < len(found.group(1)) + 2:
        return stop.slip(stop.column, f"The text ended at the closing {sign} and something follows. "
                                      f"Put the whole text in one pair of quotes: {quote(whole.replace(sign, ''))}.")  # fmt: skip
    inside = re.sub(r'""+', '"', whole[1:-1])  # doubled as spreadsheets do
    cure = quote(inside) if sign == '"' or '"' not in inside else '"' + inside.replace('"', '\\"') + '"'
    name = "apostrophe" if sign == "'" else "quotation mark"
    return stop.slip(start, f"The {name} inside this text ends it for YAML. Write: {cure}.")


def _placeholder(stop: Stop) -> Slip | None:
    """``{{name}}, hi`` and, in braces, ``Hi {{name}}``."""
    if found := re.search(r"\{\{[^{}]*\}\}\s*$", stop.left):
        start = found.start()
    elif stop.right.startswith("{{"):
        start = _value_start(stop.left)
    else:
        return None
    value = value_at(stop.text, start)
    return stop.slip(
        start, f"Braces mean a mapping to YAML, so a text with a placeholder needs quotes: {quote(value)}."
    )


def _pattern(stop: Stop) -> Slip | None:
    """``[when] are you open``, ``{n} please``, ``[A-Z]{2}`` and, in brackets, ``track [my] order``."""
    found = re.search(r"(\[[^\[\]]*\]|\{[^{}]*\})\s*$", stop.left)
    if stop.right[:1] in ("[", "{") and stop.left.strip() and stop.left.rstrip()[-1] not in ":,[{-":
        start = min(_value_start(stop.left), found.start() if found else len(stop.left))
    elif found and re.match(r"\s*[^\s,\]}]", stop.right):
        start = found.start()
    else:
        return None
    sign = "[" if "[" in stop.text[start:] else "{"
    value = value_at(stop.text, start)
    return stop.slip(start, f'"{sign}" means something else to YAML, so this pattern needs quotes: {quote(value)}.')


def _colon(stop: Stop) -> Slip | None:
    """``text: Note: closed``, in a block and in braces."""
    inside = stop.right.startswith(":") and innermost(stop.left)
    if "mapping values are not allowed" not in stop.problem and not inside:
        return None
    key = re.match(_KEY, stop.left) if not inside else None
    start = key.end() if key else _value_start(stop.left)
    if not inside and not key:
        return _line_above(stop)
    value = value_at(stop.text, start)
    return stop.slip(
        start,
        f"This text holds a colon followed by a space, which means something to YAML. Put it in quotes: {quote(value)}.",
    )


def _line_above(stop: Stop) -> Slip | None:
    above = next(
        (
            n
            for n in range(stop.line - 1, -1, -1)
            if stop.lines[n].strip() and not stop.lines[n].lstrip().startswith("#")
        ),
        -1,
    )
    if above < 0:
        return None
    line = stop.lines[above]
    column = len(line) - len(line.lstrip())
    glued = re.match(r"^\s*(?:- +)*([\w-]+):(\S.*)$", line)
    if glued:
        fixed = f"{glued.group(1)}: {glued.group(2)}"
        return stop.slip(column, f'A space is missing after the colon. Write "{fixed}".', above)
    if not re.match(_KEY, line) and not line.rstrip().endswith(":"):
        return stop.slip(
            column, f'This line has no colon after its first word. Write "{line.split()[0]}: ..." here.', above
        )
    return stop.slip(
        len(stop.text) - len(stop.text.lstrip()),
        f"This line is indented deeper than line {above + 1}, which already has its value. Line the two up.",
    )


def _cut(stop: Stop) -> Slip | None:
    """A text in braces cut short by `` #``, so that its bracket never closes."""
    if "flow" not in stop.context or stop.line <= stop.from_line:
        return None
    for number in range(stop.from_line, min(stop.line, len(stop.lines))):
        line = stop.lines[number]
        bare = masked(line)
        hash_at = re.search(r"(?<=\S)\s+#", bare)
        if hash_at and re.search(r"[\]}]", bare[hash_at.end() :]):
            start = _value_start(bare[: hash_at.start()])
            value = value_at(line, start)
            return stop.slip(
                start,
                f'This text is cut short at " #", which starts a comment. Put it in quotes: {quote(value)}.',
                number,
            )
    return None


def _unclosed_bracket(stop: Stop) -> Slip | None:
    if "flow" not in stop.context or "expected ','" not in stop.problem:
        return None
    opener = stop.lines[stop.from_line][stop.from_column]
    if opener not in _CLOSERS or (stop.line == stop.from_line and stop.right.strip()):
        return None
    before = stop.lines[stop.line - 1].rstrip()
    if re.match(r"\s*[\"'{]", stop.text) and not stop.left.strip() and before.endswith(('"', "'", "]", "}")):
        return stop.slip(len(before), "A comma is missing at the end of this line. Add it.", stop.line - 1)
    return stop.slip(
        stop.from_column,
        f'This "{opener}" is never closed. Add "{_CLOSERS[opener]}" where it should end.',
        stop.from_line,
    )


def _extra_closer(stop: Stop) -> Slip | None:
    if stop.right[:1] not in ("]", "}") or "did not find expected" not in stop.problem:
        return None
    if "flow" in stop.context:
        opener = stop.lines[stop.from_line][stop.from_column]
        closer = _CLOSERS.get(opener, "")
        return stop.slip(
            stop.from_column,
            f'This "{opener}" is never closed. Add "{closer}" before the "{stop.right[0]}".',
            stop.from_line,
        )
    return stop.slip(stop.column, f'There is a "{stop.right[0]}" too many here. Delete it, or put the text in quotes.')


def _block_text(stop: Stop) -> Slip | None:
    if "block scalar" not in stop.context:
        return None
    sign = stop.lines[stop.from_line][stop.from_column]
    value = value_at(stop.lines[stop.from_line], stop.from_column)
    return stop.slip(
        stop.from_column,
        f'After "{sign}" YAML expects the text on the lines below, indented. Move it there, or put it in quotes: {quote(value)}.',
        stop.from_line,
    )


def _no_colon(stop: Stop) -> Slip | None:
    if "could not find expected ':'" not in stop.problem:
        return None
    line = stop.lines[stop.from_line]
    column = len(line) - len(line.lstrip())
    return stop.slip(
        column,
        "This line has no colon after its first word, and no text goes on here. Write a key such as text: before it, "
        "or put a text of several lines in quotes.",
        stop.from_line,
    )


_RECOGNISERS: Final[tuple[Callable[[Stop], Slip | None], ...]] = (
    _foreign,
    _after_value,
    _unclosed_quote,
    _block_text,
    _curly,
    _cut,
    _sign,
    _dash,
    _question,
    _quote_inside,
    _placeholder,
    _pattern,
    _colon,
    _extra_closer,
    _unclosed_bracket,
    _no_colon,
    left_of_all,
    misaligned,
)
