"""Reading JSON back into values: every access names what it wants and fails with one sentence when the stored thing is no such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.errors import Failed

Plain = dict[str, object]  # JSON-ready: text, numbers, booleans, None, lists and mappings of these


class Unreadable(Failed):
    """Stored JSON is not what this program writes."""

    def __init__(self, wanted: str, found: object) -> None:
        super().__init__(f"Stored JSON should hold {wanted}, and holds {type(found).__name__}.", "unreadable")


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Unreadable("an object", value)
    return value


def items(value: object) -> Sequence[object]:
    """A JSON array; a missing one is empty."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise Unreadable("a list", value)
    return value


def text(value: object) -> str:
    """A JSON string; a missing one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable("a text", value)
    return value


def number(value: object, default: int = 0) -> int:
    """A whole JSON number."""
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable("a whole number", value)
    return value


def decimal(value: object) -> float:
    """A JSON number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Unreadable("a number", value)
    return float(value)


def flag(value: object) -> bool:
    """A JSON boolean; a missing one is false."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Unreadable("true or false", value)
    return value


def moment(value: object) -> datetime:
    """An aware time in ISO form."""
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        raise Unreadable("a time", value) from None
    if found.tzinfo is None:
        raise Unreadable("a time with its zone", value)
    return found


def maybe_moment(value: object) -> datetime | None:
    """As ``moment``; None where it is missing."""
    return None if value is None else moment(value)


def texts(value: object) -> Mapping[str, str]:
    """A JSON object of texts; a missing one is empty."""
    return {} if value is None else {key: text(each) for key, each in mapping(value).items()}


def iso(at: datetime | None) -> str | None:
    """How a time is written down."""
    return None if at is None else at.isoformat()


def without_blanks(plain: Plain) -> Plain:
    """``plain`` without what is empty, zero, false or None: reading gives these back."""
    return {key: value for key, value in plain.items() if value}
