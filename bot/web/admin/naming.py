"""What people are called where colleagues look at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.core.event import ContactKey
from bot.web.site.words import masked

NAME_MAX: Final = 60
_WHOLE: Final = ("name", "full_name", "display_name", "customer_name", "namn", "nombre", "nom")
_FIRST: Final = ("first_name", "given_name", "firstname", "fornamn", "vorname")
_LAST: Final = ("last_name", "family_name", "surname", "lastname", "efternamn", "nachname")


def name_of(fields: Mapping[str, str]) -> str:
    """The name among a person's fields; empty where none of them is one."""
    whole = _first_of(_WHOLE, fields)
    if whole:
        return whole
    first = _first_of(_FIRST, fields)
    return _short(f"{first} {_first_of(_LAST, fields)}".strip()) if first else ""


def called(fields: Mapping[str, str], contact: ContactKey) -> str:
    """Their name, else as much of their address as tells them apart."""
    return name_of(fields) or masked(contact.identity)


def _first_of(names: tuple[str, ...], fields: Mapping[str, str]) -> str:
    return next((found for name in names if (found := _short(fields.get(name, "")))), "")


def _short(value: str) -> str:
    """One line that fits."""
    line = " ".join(value.split())
    return line if len(line) <= NAME_MAX else f"{line[: NAME_MAX - 1]}…"
