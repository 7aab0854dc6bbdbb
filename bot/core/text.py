"""What a message says once its looks are taken off: the words that rules, consent words and titles are compared by.

Ignored are case, accents, punctuation, emoji, width, digit scripts and invisible characters. What was typed stays in
``Words.text``, and ``spans`` tells where each word stands in it. What a character is, Python's Unicode database says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import eq

from bot.core.value import quick


@quick
@dataclass(frozen=True, slots=True)
class Words:
    """A text and its normalised tokens in order.

    A token is a word, or one character (with the marks on it) of a script written without spaces. ``plain`` is the
    tokens with a space between. ``held``: a letter is held down somewhere. Three or more equal letters in a row are three
    in ``keys`` and stand there for any number (``alike`` compares so). ``emoji``: emoji count as tokens here, because
    there is nothing else or because ``with_emoji`` was asked.
    """

    text: str
    keys: tuple[str, ...]
    plain: str
    held: bool = False
    emoji: bool = False

    def __hash__(self) -> int:
        """Of the text alone: it remembers its hash, a row of tokens works it out anew each time."""
        return hash(self.text)


# --- characters -------------------------------------------------------------------------------------------------------

_APOSTROPHES = frozenset("'`´‘’‛ʹʻʼʽˈ′＇")
# Letters by category that show nothing: Hangul fillers, and the Arabic stroke that only makes a word longer.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u0640")
# Unicode takes these apart neither as accent nor by case; without ``ı`` the Turkish I would not equal its small letter.
_STROKES = {"ø": "o", "ł": "l", "đ": "d", "ı": "i"}
# Signs that stand for letters by compatibility, yet are typed as pictures.
_PICTURES_OF_LETTERS = "™℠ℹⓂ"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"

# Marks on Latin, Greek and Cyrillic, points of Hebrew and Arabic, and what only changes how a sign is drawn. All others
# (vowel signs of Hindi, Tamil, Thai …) are letters and stay.
_DROPPED_MARKS = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x0897, 0x089F),
    (0x08CA, 0x08FF),
    (0x180B, 0x180F),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFB1E, 0xFB1E),
    (0xFE00, 0xFE0F),
    (0xFE20, 0xFE2F),
    (0xE0100, 0xE01EF),
)
# Thai, Lao, Burmese, Khmer, kana, and Chinese characters with their extensions.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_SPACELESS_BLOCKS = (range(0x0E00, 0x0F00), range(0x1000, 0x10A0), range(0x1780, 0x1800), range(0x3099, 0x309B))
_EMOJI_BLOCKS = (range(0x00A9, 0x3300), range(0x1F000, 0x1FC00))


def _is_picture(char: str) -> bool:
    if char in _PICTURES_OF_LETTERS:
        return True
    category = unicodedata.category(char)
    if category == "Sk":
        return "\U0001f3fb" <= char <= "\U0001f3ff"
    return category == "So" and unicodedata.normalize("NFKD", char) == char and char != "\u2800"


_PICTURES = frozenset(char for block in _EMOJI_BLOCKS for char in map(chr, block) if _is_picture(char))
_PICTURE = "[" + "".join(sorted(_PICTURES)) + "]"
# One emoji as it is seen: a flag of two letters, or a picture with its tones and what is joined to it.
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}(?:[\ufe0e\ufe0f{_SKIN_TONES}\U000e0020-\U000e007f]|\u200d{_PICTURE})*"
)
_LOOKS = re.compile(f"(?<=.)[\ufe0e\ufe0f{_SKIN_TONES}]")

_MARKS_ON_SPACELESS = "".join(
    char for block in _SPACELESS_BLOCKS for char in map(chr, block) if unicodedata.category(char)[0] == "M"
)
_CHARACTER = rf"[{_SPACELESS}][{_MARKS_ON_SPACELESS}]*"
_CHARACTERS = re.compile(_CHARACTER)
_ENDINGS = "(?:s|t|d|m|re|ve|ll)(?![^ '])"
# Apostrophes of a short form: people leave them out. Others ("l'heure", "O'Brien") stand between two words.
_SHORT_FORM = re.compile(f"(?<=[^ '])'(?={_ENDINGS})")
_TOKEN = re.compile(f"{_CHARACTER}|[^ '{_SPACELESS}]+(?:'{_ENDINGS})*")
_CHARACTER_OR_WORD = re.compile(f"{_CHARACTER}|[^ {_SPACELESS}]+")
_THREE = re.compile(r"(.)\1\1")  # a quick look before the exact one
_HELD = re.compile(r"([^\W\d_])\1\1+")
_HELD_ASCII = re.compile(r"([a-z])\1\1")  # the exact one in half the time, for tokens of ASCII
_RUN = re.compile(r"([^\W\d_])\1+")


def _mark_is_dropped(char: str) -> bool:
    code = ord(char)
    return any(low <= code <= high for low, high in _DROPPED_MARKS)


def _fold_simple(char: str) -> str:
    """One character that compatibility and case leave alone."""
    if char in _APOSTROPHES:
        return "'"
    if char in _BLANK_LETTERS:
        return ""
    match unicodedata.category(char):
        case "Nd":
            return str(unicodedata.digit(char))
        case "Mn" | "Mc" | "Me":
            return "" if _mark_is_dropped(char) else char
        case "Ll" | "Lo" | "Lm" | "Lu" | "Lt" | "Nl" | "No":
            return _STROKES.get(char, char)
        case "Cf":
            return ""
        case "Cc":
            return " " if char.isspace() else ""
        case _:
            return " "


def _fold(char: str) -> str:
    """What a character counts as: letters taken apart, a space where it separates, nothing where it is not seen."""
    if char in _APOSTROPHES:
        return "'"
    if char in _PICTURES or char.isspace():
        return " "
    apart = unicodedata.normalize("NFKD", char)
    return "".join(map(_fold_simple, unicodedata.normalize("NFKD", apart.casefold())))


class _Folds(dict[int, str]):
    """``_fold`` for ``str.translate``, remembered; bounded, as hostile texts can hold every character there is."""

    _MOST = 32_768

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < self._MOST:
            self[code] = folded
        return folded


_FOLDS = _Folds()
_ASCII = {code: _fold(chr(code)) for code in range(128)}
# The same for bytes, which are translated twice as fast as text.
_ASCII_BYTES = bytes(ord(_ASCII.get(code) or " ") for code in range(256))
_ASCII_UNSEEN = bytes(code for code, folded in _ASCII.items() if not folded)


# --- words ------------------------------------------------------------------------------------------------------------


def normalise(text: str) -> Words:
    """The words of ``text``; it never fails, also for text that is no valid Unicode, and may find none.

    Emoji are words only where the text holds nothing else (punctuation aside).
    """
    return _remembered(text) if len(text) <= _MOST_REMEMBERED else _normalised(text)


_MOST_REMEMBERED = 64  # characters; longer texts hardly come twice, and would make the memory large


@lru_cache(maxsize=256)  # a larger one drops what has left the processor's cache, which costs every new text more
def _remembered(text: str) -> Words:
    """A message is normalised where it is recorded and again where it is decided, and many people write the same."""
    return _normalised(text)


def _normalised(text: str) -> Words:
    if text.isascii():
        return _normalised_ascii(text)
    held = False
    folded = _joined(text.translate(_FOLDS))
    if _CHARACTERS.search(folded):
        folded = " ".join(_CHARACTER_OR_WORD.findall(folded))
        keys, held = _without_long_runs(unicodedata.normalize("NFC", folded).split())
    else:
        keys = unicodedata.normalize("NFC", folded).split()
    if not keys and has_emoji(text):
        return with_emoji(text)
    plain = " ".join(keys)
    if _THREE.search(plain) and _HELD.search(plain):
        plain, held = _HELD.sub(r"\1\1\1", plain), True
        keys = plain.split(" ")
    return Words(text, tuple(keys), plain, held)


def _normalised_ascii(text: str) -> Words:
    """As ``_normalised``; most texts are of nothing but ASCII."""
    keys = _joined(text.encode("ascii").translate(_ASCII_BYTES, _ASCII_UNSEEN).decode("ascii")).split()
    plain = " ".join(keys)
    if _HELD_ASCII.search(plain) is None:
        return Words(text, tuple(keys), plain)
    plain = _HELD.sub(r"\1\1\1", plain)
    return Words(text, tuple(plain.split(" ")), plain, held=True)


def has_emoji(text: str) -> bool:
    """Whether an emoji, or another picture sign, stands anywhere in the text."""
    return not text.isascii() and _EMOJI.search(text) is not None


def with_emoji(text: str) -> Words:
    """The words of ``text`` with each emoji, skin tone aside, as a word among them."""
    keys = tuple(key for key, _, _ in _pieces(text, emoji=True))
    held = any(map(_HELD.search, keys)) or bool(held_positions(keys))
    return Words(text, keys, " ".join(keys), held, True)


def _joined(folded: str) -> str:
    """With no apostrophe left: short forms are one word, others two."""
    return _SHORT_FORM.sub("", folded).replace("'", " ") if "'" in folded else folded


def is_character(key: str) -> bool:
    """Whether a token is one letter of a script without spaces."""
    return key[0].isalpha() and _CHARACTERS.fullmatch(key) is not None


def _without_long_runs(keys: list[str]) -> tuple[list[str], bool]:
    """The tokens with every run of one character cut to three, and whether a run has three."""
    if True not in map(eq, keys, keys[2:]):
        return keys, False
    kept: list[str] = []
    held = False
    for key, run in groupby(keys):
        count = sum(1 for _ in run)
        if count > 2 and is_character(key):
            count, held = 3, True
        kept.extend([key] * count)
    return kept, held


def held_positions(keys: Sequence[str]) -> frozenset[int]:
    """The tokens that may as well be missing: second and third of three equal characters of a script without spaces."""
    found: set[int] = set()
    for at in range(2, len(keys)):
        if keys[at] == keys[at - 1] == keys[at - 2] and is_character(keys[at]):
            found.update((at - 1, at))
    return frozenset(found)


# --- letters held down ------------------------------------------------------------------------------------------------


def alike(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two rows of tokens are equal, three or more of a letter on either side standing for any number of it."""
    return left == right or _runs_are_alike(_runs(left), _runs(right))


def tight(keys: Sequence[str]) -> str:
    """The tokens as their script is written: spaces between words, none between characters."""
    written = " ".join(keys)
    return written if written.isascii() else "".join(_units(keys))


def is_held(key: str) -> bool:
    """Whether a letter of a word is held down."""
    return _HELD.search(key) is not None


def skeleton(key: str) -> str:
    """A token with each run of a letter as one: equal for all tokens that can be ``alike``."""
    return _RUN.sub(r"\1", key)


def _runs_are_alike(left: list[tuple[str, int]], right: list[tuple[str, int]]) -> bool:
    if len(left) != len(right):
        return False
    return all(
        mine == yours and (few == many or (max(few, many) > 2 and mine[0].isalpha()))
        for (mine, few), (yours, many) in zip(left, right, strict=True)
    )


def _runs(keys: Sequence[str]) -> list[tuple[str, int]]:
    return [(unit, sum(1 for _ in run)) for unit, run in groupby(_units(keys))]


def _units(keys: Sequence[str]) -> Iterator[str]:
    """Letters of words, with a space between words; characters of scripts without spaces follow each other directly."""
    after_word = False
    for at, key in enumerate(keys):
        single = _CHARACTERS.fullmatch(key) is not None
        if at and (after_word or not single):
            yield " "
        if single:
            yield key
        else:
            yield from key
        after_word = not single


# --- as written -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def spans(words: Words) -> tuple[tuple[int, int], ...]:
    """Where each token stands in ``words.text``: start and end of its letters, marks included."""
    if words.text.isascii():
        folded = words.text.translate(_ASCII)
        if len(folded) == len(words.text):
            if "'" not in folded and not words.held:
                return _places(words.keys, folded)
            return tuple(token.span() for token in _TOKEN.finditer(folded))
    return tuple((start, end) for _, start, end in _pieces(words.text, words.emoji))


def _places(keys: Sequence[str], folded: str) -> tuple[tuple[int, int], ...]:
    """Where tokens stand that are in ``folded`` letter by letter; most messages are so, and this is quicker than looking for tokens."""
    found: list[tuple[int, int]] = []
    end = 0
    for key in keys:
        start = folded.index(key, end)
        end = start + len(key)
        found.append((start, end))
    return tuple(found)


def _pieces(text: str, emoji: bool) -> list[tuple[str, int, int]]:
    """Tokens with their places: slower than ``normalise`` and equal to it (a property test compares)."""
    found: list[tuple[str, int, int]] = []
    at = 0
    for unit in _EMOJI.finditer(text) if emoji else ():
        found.extend(_word_pieces(text, at, unit.start()))
        found.append((_LOOKS.sub("", unit.group()), unit.start(), unit.end()))
        at = unit.end()
    found.extend(_word_pieces(text, at, len(text)))
    return _with_runs_joined(found)


def _word_pieces(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    folded: list[str] = []
    owners: list[int] = []
    for at in range(start, end):
        piece = _FOLDS[ord(text[at])]
        folded.append(piece)
        owners.extend([at] * len(piece))
    for token in _TOKEN.finditer("".join(folded)):
        key = _HELD.sub(r"\1\1\1", unicodedata.normalize("NFC", token.group().replace("'", "")))
        last = owners[token.end() - 1] + 1
        while last < end and unicodedata.category(text[last])[0] == "M" and not _FOLDS[ord(text[last])]:
            last += 1
        yield key, owners[token.start()], last


def _with_runs_joined(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """From the fourth on, equal characters belong to the third."""
    joined: list[tuple[str, int, int]] = []
    for key, start, end in pieces:
        if [each[0] for each in joined[-3:]] == [key] * 3 and is_character(key):
            joined[-1] = (key, joined[-1][1], end)
        else:
            joined.append((key, start, end))
    return joined
