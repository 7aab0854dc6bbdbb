"""Words that nobody else would ever write, drawn by a seed, and the search for them in all the forms they may be hidden in."""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import quote, quote_plus

SECRET_PART: Final = 12  # so many characters of a secret in a row are the secret given away
_BETWEEN_DIGITS: Final = re.compile(rb"(?<=\d)(?:[ .()/-]|%20|\\u00a0)+(?=\d)")
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person and all that they and others say about them; nobody shares a word of it."""

    number: str
    text: str
    name: str
    field: str
    file: str
    reference: str
    answer: str

    @property
    def words(self) -> tuple[str, ...]:
        """All of it."""
        return (self.number, self.text, self.name, self.field, self.file, self.reference, self.answer)


class Canaries:
    """Draws them, remembers them, finds them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.secrets: dict[str, str] = {}
        self.people: list[Someone] = []
        self.others: list[str] = []

    def someone(self) -> Someone:
        """Somebody new, with a Swedish mobile number."""
        words = [self._word(kind) for kind in ("säger", "heter Åsa", "fält", "fil", "ref", "svar")]
        made = Someone("4670" + "".join(self.dice.choices("0123456789", k=7)), *words)
        self.people.append(made)
        return made

    def word(self, kind: str = "ord") -> str:
        """Words that belong to nobody, such as those of a broken body."""
        self.others.append(self._word(kind))
        return self.others[-1]

    def secret(self, name: str, value: str = "") -> str:
        """A secret, or ``value``, which is one from now on."""
        self.secrets[name] = value or "".join(self.dice.choices(_LETTERS, k=40))
        return self.secrets[name]

    def names(self) -> list[str]:
        """Everything but secrets."""
        return [word for each in self.people for word in each.words] + self.others

    def found_in(self, content: bytes, *, secrets_only: bool = False) -> list[str]:
        """What stands in it, in words that a red run prints."""
        sought = [] if secrets_only else self.names()
        named = [*found(content, sought)]
        return named + [f"{name} in part" for name, value in self.secrets.items() if gives_away(content, value)]

    def _word(self, kind: str) -> str:
        return f"{kind} {''.join(self.dice.choices(_LETTERS, k=14))}"


def found(content: bytes, words: Iterable[str]) -> Iterator[str]:
    """Which of these words stand in it, and in which form. Of several in a row the last, odd one is looked for."""
    # Nobody writes a database's numbers with gaps, and to take them out of megabytes lasts.
    squeezed = _BETWEEN_DIGITS.sub(b"", content) if len(content) < 1_000_000 else content
    for word in words:
        odd = word.rpartition(" ")[2]
        sought = squeezed if odd.isdigit() else content
        form = next((name for name, form in forms(odd) if form in sought), None)
        if form is not None:
            yield f"{word!r} as {form}"


@cache
def forms(word: str) -> tuple[tuple[str, bytes], ...]:
    """A word as it stands, quoted for an address or for JSON, in base64 and in hex."""
    return tuple(_forms(word))


def _forms(word: str) -> Iterator[tuple[str, bytes]]:
    plain = word.encode()
    yield "plain", plain
    yield "escaped", json.dumps(word)[1:-1].encode()
    yield "quoted", quote(word).encode()
    yield "quoted with plus", quote_plus(word).encode()
    yield "hex", plain.hex().encode()
    yield "HEX", plain.hex().upper().encode()
    yield "UTF-16", word.encode("utf-16-le")
    yield "reversed", plain[::-1]
    for before in range(3):  # where it may stand among others of three bytes
        for encode in (b64encode, urlsafe_b64encode):
            whole = encode(b"\0" * before + plain)
            first, last = (0, 2, 3)[before], len(whole) - (4 if (before + len(plain)) % 3 else 0)
            yield "base64", whole[first:last]


def gives_away(content: bytes, secret: str) -> bool:
    """Whether a part of it stands there, in any form. Every part holds one of its blocks, which are looked for first: they are few."""
    return any(block in content for block in blocks(secret)) and any(part in content for part in parts(secret))


@cache
def blocks(secret: str) -> tuple[bytes, ...]:
    """What no part and no form can be without."""
    half = SECRET_PART // 2
    pieces = [secret[at : at + half].encode() for at in range(0, len(secret) - half + 1, half)]
    return (*pieces, *(form for name, form in forms(secret) if name != "plain"))


@cache
def parts(secret: str) -> frozenset[bytes]:
    """Every part of it that gives it away, and all its forms."""
    pieces = {secret[at : at + SECRET_PART].encode() for at in range(len(secret) - SECRET_PART + 1)}
    return frozenset(pieces | {form for _, form in forms(secret)})
