"""Small parts of a sentence: lists, times, and the beginning of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from bot.core.rule import LocalText, Phrase, Phrasing
from bot.rulebook.problem import listed

SHORT: Final = 70  # of a text, so much is read back
MOST_PHRASES: Final = 4
_UNITS: Final = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def span(time: timedelta) -> str:
    """``4 hours``, ``90 minutes``, ``1 week``: in the largest unit that goes without a rest."""
    seconds = int(time.total_seconds())
    size, unit = next(each for each in _UNITS if seconds % each[0] == 0)
    return f"{seconds // size} {unit}{'' if seconds == size else 's'}"


def quoted(text: LocalText, language: str) -> str:
    """The beginning of a text in one language, in quotes, and how many other wordings there are."""
    found = f"“{shortened(plain(_in(text, language)))}”"
    if text.others:
        found += f" (or one of {len(text.others)} other wordings)" if len(text.others) > 1 else " (or another wording)"
    return found


def title(text: LocalText, language: str) -> str:
    """A short text in one language, whole."""
    return plain(_in(text, language))


def plain(phrasing: Phrasing) -> str:
    """A text as staff wrote it, on one line."""
    parts = (part if isinstance(part, str) else _hole(part.name, part.default) for part in phrasing)
    return " ".join("".join(parts).split())


def shortened(text: str, most: int = SHORT) -> str:
    """``text``, or its beginning up to a whole word and an ellipsis."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    whole = cut.rpartition(" ")[0] if " " in cut[most // 2 :] else cut
    return f"{whole.rstrip(' ,.;:')}…"


def phrases(found: Sequence[Phrase], most: int = MOST_PHRASES, joint: str = "or") -> str:
    """The first few phrases in quotes, and how many more there are."""
    texts = list(dict.fromkeys(phrase.pattern for phrase in found))
    shown = [f"“{text}”" for text in texts[: most if len(texts) > most + 1 else most + 1]]
    rest = len(texts) - len(shown)
    return listed([*shown, f"{rest} more"] if rest else shown, joint)


def one_of(values: Iterable[str]) -> str:
    """``home``, ``home or work``."""
    return listed(list(values), "or")


def _in(text: LocalText, language: str) -> Phrasing:
    """A text that only some languages read may lack this one."""
    found = text.by_language.get(language)
    return found if found is not None else next(iter(text.by_language.values()))


def _hole(name: str, default: str | None) -> str:
    return f"{{{{{name}}}}}" if default is None else f"{{{{{name}|{default}}}}}"
