"""``connections``: the backends that rules may ask, as declared by an administrator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

from bot.core.rule import LocalText
from bot.core.rulebook import Connection
from bot.rulebook.node import Entry, Fields, Node, Scalar
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.placeholders import phrasing
from bot.rulebook.shape.value import choice, duration, fields, name, value_names, word

TIMEOUT_MAX: Final = timedelta(seconds=10)
_EXAMPLE: Final = 'orders: {url: "https://erp.example/orders/{{order_number}}", results: [status]}'
_HOST: Final = re.compile(r"https?://[^\s/?#@]+(?:[/?#]\S*)?")
_SECRET: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")


def connections(sections: Sequence[Node], scope: Scope) -> dict[str, Connection]:
    """All declared connections by name."""
    found: dict[str, Connection] = {}
    for section in sections:
        mapping = fields(section, "connections", f"connections: {{{_EXAMPLE}}}", scope)
        for entry in mapping.entries if mapping else ():
            called = name(Scalar(entry.key, entry.place), "The name of a connection", scope)
            scope.notes.define("connection", entry.key, entry.place)
            node = fields(entry.value, f"Connection {entry.written}", _EXAMPLE, scope)
            connection = _connection(entry, node, scope) if node and called else None
            if connection is not None:
                found.setdefault(connection.name, connection)
    return found


def _connection(entry: Entry, node: Fields, scope: Scope) -> Connection | None:
    what = f"Connection {entry.written}"
    keys = Keys(node, what, scope)
    url = _url(keys.need("url", 'url: "https://..."'), what, scope)
    method = _method(keys.take("method"), what, scope)
    send = value_names(keys.take("send"), f"{what}: send", scope)
    if send and method == "GET":
        scope.error(
            keys.place_of("send"),
            f"{what} is asked by GET, which sends no values but those in its url. Add method: POST, or delete send.",
        )
    results = value_names(keys.take("results"), f"{what}: results", scope)
    may_give = value_names(keys.take("may_give"), f"{what}: may_give", scope)
    for twice in sorted(set(results) & set(may_give)):
        scope.error(
            keys.place_of("may_give"),
            f'{what} has "{twice}" in results and in may_give. Keep it in results if it always comes, else in may_give.',
        )
    timeout = _timeout(keys.take("timeout"), what, scope)
    secret = _secret(keys.take("secret"), what, scope)
    keys.finish()
    if url is None:
        return None
    if secret and str(url.by_language[""][0]).lower().startswith("http:"):
        scope.warning(
            url.place, f"{what} sends its secret where others may read it. Write https:// if that server can do it."
        )
    return Connection(entry.key, url, entry.place, method, send, results, may_give, timeout, secret)


def _method(node: Node | None, what: str, scope: Scope) -> Literal["GET", "POST"]:
    return choice(node, f"{what}: method", ("GET", "POST"), scope) or "GET"


def _url(node: Node | None, what: str, scope: Scope) -> LocalText | None:
    """An address whose host is fixed: what a person wrote may choose an order, never a server."""
    text = word(node, f"{what}: url", scope)
    if text is None or node is None:
        return None
    parts = phrasing(text, node.place, scope)
    host = re.match(r"[a-zA-Z]+://[^/?#]*", text)
    if host and "{{" in host.group():
        scope.error(
            node.place, f"{what}: a placeholder cannot choose the server. Write its name out: https://erp.example/..."
        )
        return None
    if host and "@" in host.group():
        scope.error(
            node.place,
            f"{what}: a name and password do not stand in an address that everybody reads. Write secret: and the name of an environment "
            "variable.",
        )
        return None
    if not _HOST.fullmatch(re.sub(r"\{\{.*?\}\}", "x", text)):
        scope.error(
            node.place,
            f'{what}: "{text}" is not an address. Write the whole of it, without spaces, such as https://erp.example/orders.',
        )
        return None
    return LocalText({"": parts}, node.place)


def _timeout(node: Node | None, what: str, scope: Scope) -> timedelta:
    usual = timedelta(seconds=4)
    text = word(node, f"{what}: timeout", scope)
    if text is None or node is None:
        return usual
    if re.fullmatch(r"\d{1,6}", text):
        scope.error(node.place, f'{what}: timeout "{text}" has no unit. Write timeout: {min(int(text), 10) or 4} s.')
        return usual
    found = duration(node, f"{what}: timeout", scope) or usual
    if found > TIMEOUT_MAX:
        scope.error(
            node.place,
            f"{what}: a person waits for the answer, so timeout may be 10 s at most, not {text}. Write 10 s or less.",
        )
        return usual
    return found


def _secret(node: Node | None, what: str, scope: Scope) -> str:
    """The name of an environment variable. What is none may be the secret itself and is not repeated."""
    text = word(node, f"{what}: secret", scope)
    if text is None or node is None or _SECRET.fullmatch(text):
        return text or ""
    scope.error(
        node.place,
        f"{what}: secret names the environment variable that holds the token, in capitals, and never the token itself. Write for "
        "example secret: ERP_TOKEN; if this was the real token, have it replaced.",
    )
    return ""
