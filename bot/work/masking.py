"""What others say in their errors, made fit for our log: they like to repeat the number that was written to, and what was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Final

MOST: Final = 300
REPEATED: Final = 10  # so many characters in a row of what was sent are a part of it, and not a word that anybody uses
_NUMBER: Final = re.compile(r"\d(?:[\s().-]{0,2}\d){6,}")  # seven digits or more, however they are grouped


def masked(text: str, sent: object = "") -> str:
    """``text`` in one line, at most ``MOST`` signs of it, with the last four digits of a number at most: ``…0605``. What it repeats of the
    texts within ``sent`` (dataclasses, sequences and mappings) is left out as well."""
    line = _without(" ".join(text.split()), [" ".join(each.split()) for each in _texts(sent)])[:MOST]
    return _NUMBER.sub(lambda found: "…" + re.sub(r"\D", "", found.group())[-4:], line)


def _without(line: str, said: Iterable[str]) -> str:
    """``line`` with an ellipsis for each part that is repeated: ``REPEATED`` characters or more, or a whole text of fewer."""
    repeated = bytearray(len(line))
    for text in said:
        size = min(REPEATED, len(text))
        pieces = {text[at : at + size] for at in range(len(text) - size + 1)} if size > 3 else set()
        for at in range(len(line) - size + 1):
            if line[at : at + size] in pieces:
                repeated[at : at + size] = b"\1" * size
    kept = "".join("\0" if gone else sign for sign, gone in zip(line, repeated, strict=True))
    return re.sub("\0+", "…", kept)


def _texts(sent: object) -> Iterator[str]:
    if isinstance(sent, str):
        yield sent
    elif isinstance(sent, Mapping):
        yield from (text for each in sent.values() for text in _texts(each))
    elif isinstance(sent, list | tuple):
        yield from (text for each in sent for text in _texts(each))
    elif is_dataclass(sent):
        yield from (text for each in fields(sent) for text in _texts(getattr(sent, each.name)))
