"""Words as WhatsApp shows them: *bold*, _italic_, ~strike~, `code`, links; and JSON as one likes to read it. Everything is escaped here.

text -> ``` blocks -> links -> marks around words -> HTML
"""

from __future__ import annotations

import re
from typing import Final

import orjson
from markupsafe import Markup, escape

LONG: Final = 1500  # characters after which WhatsApp folds a message
_BLOCK: Final = re.compile(r"```(.+?)```", re.DOTALL)
_LINK: Final = re.compile(r"https?://[^\s<>\"'`\x00-\x1f]{1,2000}", re.IGNORECASE)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_AFTER_LINK: Final = ".,;:!?)]}*_~"
_MARK: Final = re.compile(r"(?<![\w*_~`])([*_~`])(?=\S)([^\n]{1,600}?)(?<=\S)\1(?!\w)")
_TAGS: Final = {"*": "strong", "_": "em", "~": "s", "`": "code"}
_TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*+")(\s*:)?|(-?\d[\d.eE+-]*+|true|false|null)')


def written(text: str) -> Markup:
    """A message's words."""
    parts = _BLOCK.split(printable(text))
    return Markup("").join(
        Markup("<code class=block>{}</code>").format(part) if at % 2 else _linked(part) for at, part in enumerate(parts)
    )


def folded(text: str) -> tuple[Markup, Markup]:
    """A message's words, and the rest that is read on demand; cut between words where there are any."""
    if len(text) <= LONG:
        return written(text), Markup("")
    at = text.rfind(" ", LONG - 200, LONG)
    at = LONG if at < 0 else at
    return written(text[:at]), written(text[at:])


def printable(text: str) -> str:
    """Without what no page can carry: half characters, and control characters but line breaks and tabs."""
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return _UNPRINTABLE.sub("�", whole.replace("\r\n", "\n"))


def is_link(address: str) -> bool:
    """Whether it may be a link: another scheme could run a script."""
    return _LINK.fullmatch(address) is not None


def pretty(body: str) -> Markup:
    """JSON, indented and coloured; what is no JSON as it is."""
    try:
        text = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, TypeError, ValueError):
        return escape(printable(body))
    found, end = [], 0
    for token in _TOKEN.finditer(text):
        found += [escape(text[end : token.start()]), _coloured(token)]
        end = token.end()
    return Markup("").join([*found, escape(text[end:])])


def _coloured(token: re.Match[str]) -> Markup:
    words, colon, plain = token.groups()
    if plain is not None:
        return Markup("<b>{}</b>").format(plain)
    if colon is None:
        return Markup("<i>{}</i>").format(printable(words))
    return Markup("<u>{}</u>{}").format(printable(words), colon)


def _linked(text: str) -> Markup:
    found, end = [], 0
    for link in _LINK.finditer(text):
        address = link[0].rstrip(_AFTER_LINK)
        shown = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(address)
        found += [_marked(text[end : link.start()]), shown]
        end = link.start() + len(address)
    return Markup("").join([*found, _marked(text[end:])])


def _marked(text: str, depth: int = 0) -> Markup:
    found, end = [], 0
    for mark in _MARK.finditer(text):
        tag = _TAGS[mark[1]]
        inner = escape(mark[2]) if tag == "code" or depth == 2 else _marked(mark[2], depth + 1)
        found += [escape(text[end : mark.start()]), Markup(f"<{tag}>{{}}</{tag}>").format(inner)]  # noqa: S704 our own tags
        end = mark.end()
    return Markup("").join([*found, escape(text[end:])])
