"""Reading fields out of JSON that nobody has checked yet.

Protobuf's JSON mapping treats a field that is null like one that is absent, so these do too.
"""

from __future__ import annotations

Json = dict[str, object]


def object_in(source: Json, key: str) -> Json:
    """The object under ``key``; empty where there is none."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def text_in(source: Json, key: str) -> str:
    """The text under ``key``; empty where there is none."""
    value = source.get(key)
    return value if isinstance(value, str) else ""


def list_in(source: Json, key: str) -> list[object]:
    """The list under ``key``; empty where there is none."""
    value = source.get(key)
    return value if isinstance(value, list) else []


def objects_in(source: Json, key: str) -> list[Json]:
    """The objects of the list under ``key``; whatever else is in it is left out."""
    return [item for item in list_in(source, key) if isinstance(item, dict)]


def number_in(source: Json, key: str) -> float:
    """The number under ``key``; 0.0 where there is none."""
    value = source.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def present(source: Json, keys: tuple[str, ...]) -> list[str]:
    """Which of ``keys`` carry something other than null."""
    return [key for key in keys if source.get(key) is not None]


def texts_in(source: Json, key: str) -> dict[str, str]:
    """The text-to-text map under ``key``; other values are left out."""
    return {name: value for name, value in object_in(source, key).items() if isinstance(value, str)}
