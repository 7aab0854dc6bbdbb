"""Colleagues who may open the pages: made, changed and revoked by the machine's operator, each act written in the journal.

Nobody here sees a password: it is hashed where it was typed, and only the hash comes to the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, get_args

from bot.errors import Refused
from bot.store.port import Store
from bot.store.users import Deed, Role, User
from bot.web.api.backend import Backend
from bot.web.site.access import ADMIN, NAME_MAX
from bot.web.site.passwords import is_hash

ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SIGNS: Final = frozenset("._-+@")


def role_of(word: str) -> Role:
    """The role of that name; ``Refused`` where there is none."""
    for role in ROLES:
        if role == word:
            return role
    raise Refused(f'There is no role "{word}".', "unknown-role", f"Roles are {', '.join(ROLES)}.", 422)


async def create(store: Store, name: str, role: str, hash_: str, who: str, now: datetime) -> User:
    """A new user, or one who was revoked and comes back. ``who`` does it. Raises ``Refused``: name taken or none, no such role."""
    _check_name(name)
    user = await store.users.create(name, role_of(role), _hash(hash_), now)
    await store.users.did(Deed(now, who, "user_created", name))
    return user


async def set_role(store: Store, name: str, role: str, who: str, now: datetime) -> User:
    """From now on they may do what ``role`` may, also where they are logged in."""
    _check_not_admin(name)
    user = await store.users.change(name, now, role=role_of(role))
    await store.users.did(Deed(now, who, f"user_role_{role}", name))
    return user


async def set_password(store: Store, name: str, hash_: str, who: str, now: datetime) -> User:
    """From now on they log in with another password; wherever they are logged in, they are out."""
    _check_not_admin(name)
    user = await store.users.change(name, now, password=_hash(hash_))
    await store.users.did(Deed(now, who, "user_password", name))
    return user


async def revoke(store: Store, name: str, who: str, now: datetime) -> User:
    """From now on they are let in no more; wherever they are logged in, they are out."""
    _check_not_admin(name)
    user = await store.users.revoke(name, now)
    await store.users.did(Deed(now, who, "user_revoked", name))
    return user


async def listed(store: Store) -> list[dict[str, object]]:
    """Every user as JSON tells it, by name, also those revoked; never a password, nor its hash."""
    return [plain(user) for user in await store.users.listed()]


def plain(user: User) -> dict[str, object]:
    """One user as JSON tells it."""
    return {
        "name": user.name,
        "role": user.role,
        "created_at": _iso(user.created_at),
        "last_login_at": _iso(user.last_login_at),
        "revoked_at": _iso(user.revoked_at),
    }


def commands(backend: Backend) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
    """What the machine's own operator may have done with users in the running server."""
    store, now = backend.store, backend.now

    def words(request: Mapping[str, object], *names: str) -> list[str]:
        return [str(request.get(name, "")) for name in names]

    async def make(request: Mapping[str, object]) -> Mapping[str, object]:
        name, role, hash_, who = words(request, "name", "role", "hash", "who")
        return plain(await create(store, name, role, hash_, who, now()))

    async def change_role(request: Mapping[str, object]) -> Mapping[str, object]:
        name, role, who = words(request, "name", "role", "who")
        return plain(await set_role(store, name, role, who, now()))

    async def change_password(request: Mapping[str, object]) -> Mapping[str, object]:
        name, hash_, who = words(request, "name", "hash", "who")
        return plain(await set_password(store, name, hash_, who, now()))

    async def end(request: Mapping[str, object]) -> Mapping[str, object]:
        name, who = words(request, "name", "who")
        return plain(await revoke(store, name, who, now()))

    async def tell(_: Mapping[str, object]) -> Mapping[str, object]:
        return {"users": await listed(store)}

    return {
        "users.create": make,
        "users.role": change_role,
        "users.password": change_password,
        "users.revoke": end,
        "users.list": tell,
    }


def _check_name(name: str) -> None:
    if name.lower() == ADMIN:
        raise Refused(
            f'"{ADMIN}" is the user whose password is ADMIN_PASSWORD.', "bad-name", "Choose another name.", 422
        )
    if not 1 <= len(name) <= NAME_MAX or not all(each.isalnum() or each in _SIGNS for each in name):
        raise Refused(
            f"The name of a user has 1 to {NAME_MAX} letters, digits and {' '.join(sorted(_SIGNS))}.",
            "bad-name",
            "Choose another name, such as anna or anna@shop.example.",
            422,
        )


def _check_not_admin(name: str) -> None:
    if name == ADMIN:
        raise Refused(
            f'"{ADMIN}" is not kept in the database.', "admin", "Change or remove ADMIN_PASSWORD and restart.", 422
        )


def _hash(text: str) -> str:
    if not is_hash(text):
        raise Refused("That is no hash of a password.", "bad-password", "Update the program that sent it.", 422)
    return text


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
