"""Lines that start in the wrong column, as YAML says it, and what their writer should move."""

from __future__ import annotations

import re

from bot.rulebook.stop import Slip, Stop


def left_of_all(stop: Stop) -> Slip | None:
    """A line further left than what it follows."""
    if "<document start>" not in stop.problem:
        return None
    return stop.slip(
        stop.column,
        "What began above is over before this line. Start every section, such as rules:, in the first column, without braces around it.",
    )


def _half_commented(stop: Stop) -> Slip | None:
    """The rest of a rule whose first lines were made a comment."""
    first = stop.line
    while first > 0 and stop.lines[first - 1].strip() and not stop.lines[first - 1].lstrip().startswith("#"):
        first -= 1
    if first in (0, stop.line) or not re.match(r"\s*#\s*(?:- +)?\w+:", stop.lines[first - 1]):
        return None
    column = len(stop.lines[first]) - len(stop.lines[first].lstrip())
    return stop.slip(
        column,
        f'The lines above this one are comments, and it goes on where they began. Put "#" before line {first + 1} too.',
        first,
    )


def misaligned(stop: Stop) -> Slip | None:
    """A line that starts in a column of its own."""
    if stop.left.strip() or "block" not in stop.context:
        return None
    if stop.right.startswith("- ") and (half := _half_commented(stop)):
        return half
    if stop.right.startswith("- ") and (dash := _other_dash(stop)):
        return dash
    if stop.context.endswith("collection"):
        return stop.slip(
            stop.column,
            f"This line does not line up with the lines above it, back to line {stop.from_line + 1}. Start it in the same column as "
            'the other keys of that item, or with "- " for a new item.',
        )
    return stop.slip(stop.column, f"This line does not line up with the others from line {stop.from_line + 1}. "
                                  "Keys of the same thing start in the same column.")  # fmt: skip


def _other_dash(stop: Stop) -> Slip | None:
    above = stop.lines[stop.from_line]
    column = len(above) - len(above.lstrip())
    if not above.lstrip().startswith("- ") or column == stop.column:
        return None
    return stop.slip(
        stop.column,
        f"This dash stands in column {stop.column + 1}, and the one on line {stop.from_line + 1} in column {column + 1}. "
        "Line the two up.",
    )
