"""What the emulator's truth file says, read line by line. A last line that breaks off was never answered, so it did not happen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEMPLATES = ("template_message",)


@dataclass(frozen=True, slots=True)
class Sent:
    """A send that the emulator accepted, in the order of ``n``; ``at`` in microseconds (0: not told), ``ttl_s`` None where it has none."""

    n: int
    message_id: str
    outbox_id: str
    identity: str
    app: str = ""
    at: int = 0
    is_free_form: bool = False
    ttl_s: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A callback that was answered 2xx. ``about``: a message's id, for a receipt with its status after a colon."""

    trigger: str
    about: str


def accepted_in(truth: Path) -> list[Sent]:
    """What was accepted."""
    return [_sent(entry) for entry in _entries(truth) if entry.get("kind") == "accepted"]


def taken_in(truth: Path) -> list[Taken]:
    """Which callbacks were acknowledged."""
    return [Taken(entry["trigger"], entry["about"]) for entry in _entries(truth) if entry.get("kind") == "acknowledged"]


def _entries(truth: Path) -> Iterator[Mapping[str, Any]]:
    for line in truth.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield orjson.loads(line)


def _sent(entry: Mapping[str, Any]) -> Sent:
    request = entry.get("request", {})
    ttl = request.get("ttl")
    return Sent(
        entry["n"],
        entry["message_id"],
        entry["metadata"],
        entry["identity"],
        entry.get("app_id", ""),
        us_of(entry.get("at")) or 0,
        "message" in request and not any(kind in request["message"] for kind in _TEMPLATES),
        None if ttl is None else float(str(ttl).removesuffix("s")),
    )


def us_of(text: object) -> int | None:
    """A time as Sinch writes it, in microseconds; None where it is none. What is finer than that is cut off."""
    if not isinstance(text, str):
        return None
    whole, point, rest = text.removesuffix("Z").partition(".")
    digits = rest.rstrip("Z")[:6].ljust(6, "0") if point else "000000"
    try:
        moment = datetime.fromisoformat(f"{whole}.{digits}+00:00")
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(microseconds=1)
