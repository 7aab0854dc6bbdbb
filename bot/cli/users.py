"""``users``: colleagues who may open the pages."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.database import ask_running, own_store
from bot.cli.output import aside, json_out, line, out, run, safe
from bot.config import Config, read_config
from bot.errors import Refused
from bot.store.port import Store
from bot.store.users import User
from bot.web.site import users as book
from bot.web.site.passwords import hashed, new_password

users = typer.Typer(no_args_is_help=True, help="Colleagues who may open the pages.")

FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Take the first line of the input as the password, instead of making one."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name, as `users list` tells it.")]
Plain = Mapping[str, Any]


@users.callback()
def group() -> None:
    """Colleagues who may open the pages."""


@users.command()
def create(
    name: Annotated[str, typer.Option(help="What they type to log in, such as anna.")],
    role: Annotated[str, typer.Option(help="view, answer or operate.")],
    password_stdin: FromStdin = False,
) -> None:
    """Make a user and print their password; it is shown this once."""
    if role not in book.ROLES:
        raise typer.BadParameter(f'"{role}" is not one of {", ".join(book.ROLES)}.', param_hint="--role")
    config = read_config()
    password = _password(password_stdin)
    hash_, who = hashed(password), _who()
    asked = {"command": "users.create", "name": name, "role": role, "hash": hash_, "who": who}
    run(lambda: _done(config, asked, lambda store, now: book.create(store, name, role, hash_, who, now)))
    aside(f'"{name}" may {_MEANS[role]}.')
    _tell(password, password_stdin)


@users.command("list")
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell who may open the pages, also those who were revoked; never a password."""
    config = read_config()
    known = run(lambda: _listed(config))
    if as_json:
        json_out(known)
    elif known:
        _table(known)
    else:
        aside("There are no users yet. Make one with `users create`.")


@users.command()
def role(
    name: Name,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="view, answer or operate.")],
) -> None:
    """Let a user do more or less; at once, also where they are logged in."""
    if role not in book.ROLES:
        raise typer.BadParameter(f'"{role}" is not one of {", ".join(book.ROLES)}.', param_hint="ROLE")
    config, who = read_config(), _who()
    asked = {"command": "users.role", "name": name, "role": role, "who": who}
    run(lambda: _done(config, asked, lambda store, now: book.set_role(store, name, role, who, now)))
    aside(f'"{name}" may {_MEANS[role]}.')


@users.command()
def password(
    name: Name,
    password_stdin: FromStdin = False,
) -> None:
    """Give a user another password and print it; it is shown this once."""
    config, who = read_config(), _who()
    new = _password(password_stdin)
    hash_ = hashed(new)
    asked = {"command": "users.password", "name": name, "hash": hash_, "who": who}
    run(lambda: _done(config, asked, lambda store, now: book.set_password(store, name, hash_, who, now)))
    aside(f'"{name}" has another password, and is logged out everywhere.')
    _tell(new, password_stdin)


@users.command()
def revoke(name: Name) -> None:
    """Let a user in no more; at once, also where they are logged in."""
    config, who = read_config(), _who()
    asked = {"command": "users.revoke", "name": name, "who": who}
    run(lambda: _done(config, asked, lambda store, now: book.revoke(store, name, who, now)))
    aside(f'"{name}" is let in no more.')


_MEANS: Mapping[str, str] = {
    "view": "look at everything, and change nothing",
    "answer": "look, and answer people",
    "operate": "look, answer people, and operate the bot",
}


def _password(from_stdin: bool) -> str:
    """Never an option's value, which everybody on the machine could read in the list of processes."""
    if not from_stdin:
        return new_password()
    typed = sys.stdin.buffer.readline()
    try:
        return typed.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refused("The password on the input is not text in UTF-8.", "bad-password", "Choose another.") from None


def _tell(password: str, from_stdin: bool) -> None:
    if not from_stdin:
        aside("Their password follows. Hand it over safely: it cannot be shown again.")
        line(password)


def _table(known: Sequence[Plain]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "role", "made", "last login", "revoked"):
        table.add_column(title)
    for user in known:
        days = (_minute(user[each]) for each in ("created_at", "last_login_at", "revoked_at"))
        table.add_row(safe(user["name"]), user["role"], *days)
    out.print(table)


def _minute(at: str | None) -> str:
    return "" if at is None else at[:16].replace("T", " ")


def _who() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


async def _done(config: Config, asked: Mapping[str, object], act: Callable[[Store, datetime], Awaitable[User]]) -> None:
    """Have it done by the running server, or do it on the file where none runs."""
    if await ask_running(config, asked) is None:
        async with own_store(config) as store:
            await act(store, datetime.now(UTC))


async def _listed(config: Config) -> Sequence[Plain]:
    answer = await ask_running(config, {"command": "users.list"})
    if answer is not None:
        known = answer.get("users")
        return known if isinstance(known, list) else []
    async with own_store(config) as store:
        return await book.listed(store)
