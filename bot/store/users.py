"""Colleagues who may open the pages, and what was done there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Role = Literal["view", "answer", "operate"]


@dataclass(frozen=True, slots=True)
class User:
    """A colleague. ``password`` is its argon2 hash, never the password. ``revoked_at``: from then on they cannot log in."""

    name: str
    role: Role
    password: str
    created_at: datetime
    revoked_at: datetime | None = None
    last_login_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that somebody did. ``what`` is a stable word, ``subject`` what it was done to, naming no person but by number.
    ``id`` is given when it is written down."""

    at: datetime
    who: str
    what: str
    subject: str = ""
    id: int = 0


class Users(Protocol):
    """Who may open the pages. See ``bot.store.port`` for what every method promises."""

    async def create(self, name: str, role: Role, password: str, now: datetime) -> User:
        """Store a user; one of that name who was revoked comes back so. ``Refused`` when one that was not revoked has the name."""
        ...

    async def change(self, name: str, now: datetime, role: Role | None = None, password: str | None = None) -> User:
        """Another role or password from this commit on; ``Refused`` where no user in use has the name."""
        ...

    async def revoke(self, name: str, now: datetime) -> User:
        """From this commit on they are let in no more; ``Refused`` where no user in use has the name."""
        ...

    async def find(self, name: str) -> User | None:
        """The user in use of that name. Asked for every page, so it is quick."""
        ...

    async def listed(self) -> Sequence[User]:
        """Every user by name, also those revoked."""
        ...

    async def logged_in(self, name: str, now: datetime) -> None:
        """Remember when they last logged in; nothing for a name that is no user's."""
        ...

    async def did(self, deed: Deed) -> None:
        """Write down what somebody did."""
        ...

    async def deeds(self, limit: int, before: int | None = None) -> Sequence[Deed]:
        """What was done, newest first; ``before`` is the ``id`` of the last one of the page before."""
        ...
