"""Words with holes, filled: values are put in as data and never read again, and what is too long is cut where that is allowed.

WhatsApp refuses texts over its limits. A value is then cut with an ellipsis, the longest ones first, and a note says so; words that staff
wrote are never touched. Where nothing may be cut (button titles, URLs, template values) or nothing is left to cut, ``Unsayable`` is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from urllib.parse import quote

from bot.core import hours
from bot.core.rule import LocalText, Phrasing, Placeholder
from bot.core.scene import Scene
from bot.errors import Failed

ELLIPSIS = "…"
URL_MAX = 2000


class Unsayable(Failed):
    """These words cannot be sent to this person; the sentence says which of them and why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, "unsayable")


def fill(text: LocalText, scene: Scene, most: int, what: str) -> str:
    """``text`` in the scene's language within ``most`` characters, values cut where needed; ``what`` names it in notes."""
    phrasing = wording(text, scene) if text.others else text.in_language(scene.language)
    if len(phrasing) == 1 and isinstance(phrasing[0], str):
        return _within(phrasing[0], most, what)
    return _not_empty(_fitted(phrasing, _pieces(phrasing, scene), most, what, scene), what)


def fill_optional(text: LocalText | None, scene: Scene, most: int, what: str) -> str:
    """As ``fill`` for a part that may be missing: empty where there is none, or nothing in it."""
    if text is None:
        return ""
    phrasing = wording(text, scene)
    return _fitted(phrasing, _pieces(phrasing, scene), most, what, scene).strip()


def fill_whole(text: LocalText, scene: Scene, most: int, what: str) -> str:
    """As ``fill``, but nothing is cut: longer than ``most`` is ``Unsayable``."""
    phrasing = wording(text, scene)
    return _not_empty(_within("".join(_pieces(phrasing, scene)), most, what), what)


def fill_url(text: LocalText, scene: Scene, what: str) -> str:
    """A URL: values are percent-encoded, save one that begins it and so brings the address itself."""
    phrasing = wording(text, scene)
    pieces = _pieces(phrasing, scene)
    encoded = (
        quote(piece, safe="", errors="replace") if at and isinstance(part, Placeholder) else piece
        for at, (part, piece) in enumerate(zip(phrasing, pieces, strict=True))
    )
    return _within("".join(encoded).strip(), URL_MAX, what)


def wording(text: LocalText, scene: Scene) -> Phrasing:
    """``text`` in the scene's language; of several wordings the one that the event's key chooses, so that a replay says the same."""
    if text.others:
        text = text.wording(int.from_bytes(blake2b(scene.key.encode("utf-8", "surrogatepass"), digest_size=4).digest()))
    return text.in_language(scene.language)


def value_of(name: str, scene: Scene) -> str:
    """The value a placeholder stands for, as written; empty when there is none. Values of people and backends come before our own."""
    value = scene.value(name)
    if value.strip():
        return value
    match name:
        case "closing_time":
            return hours.closing_time(scene.rulebook, scene.hours, scene.now)
        case "next_opening":
            return hours.next_opening(scene.rulebook, scene.hours, scene.now, scene.language)
        case "today":
            return hours.today(scene.rulebook, scene.now)
        case _:
            return ""


def _pieces(phrasing: Phrasing, scene: Scene) -> list[str]:
    return [part if isinstance(part, str) else _filled(part, scene) for part in phrasing]


def _filled(placeholder: Placeholder, scene: Scene) -> str:
    value = value_of(placeholder.name, scene)
    if value:
        return value
    if placeholder.default is None:
        scene.notes.append(f"There was no value for {placeholder.name}, and no default.")
        return ""
    return placeholder.default


def _not_empty(text: str, what: str) -> str:
    if not text.strip():
        raise Unsayable(f"The {what} is empty once its values are filled in. Give its placeholders a default.")
    return text


def _within(text: str, most: int, what: str) -> str:
    if len(text) > most:
        raise Unsayable(
            f"The {what} has {len(text)} characters; WhatsApp takes at most {most}, and none of it may be cut."
        )
    return text


def _fitted(phrasing: Phrasing, pieces: list[str], most: int, what: str, scene: Scene) -> str:
    """``pieces`` joined, with the values among them cut to an equal length, as long as it may be."""
    joined = "".join(pieces)
    total = len(joined)
    if total <= most:
        return joined
    values = [at for at, part in enumerate(phrasing) if isinstance(part, Placeholder)]
    lengths = [len(pieces[at]) for at in values]
    share = _share(lengths, most - (total - sum(lengths)))
    if share < 1:
        raise Unsayable(
            f"The {what} has over {most} characters without any value in it; WhatsApp takes at most {most}."
        )
    for at in values:
        if len(pieces[at]) > share:
            scene.notes.append(
                f"{_name(phrasing[at])} was cut from {len(pieces[at])} to {share} characters: the {what} was too long."
            )
            pieces[at] = pieces[at][: share - 1] + ELLIPSIS
    return "".join(pieces)


def _name(part: str | Placeholder) -> str:
    return part.name if isinstance(part, Placeholder) else part


def _share(lengths: Sequence[int], room: int) -> int:
    """The most that each value may keep so that all fit into ``room``; short ones leave their part to the others."""
    left = len(lengths)
    for length in sorted(lengths):
        if length * left > room:
            return room // left
        room -= length
        left -= 1
    return max(lengths, default=0)
