"""One RE2 expression as staff write it: read with its fault in words, found in a message, its named groups as slots.

RE2 takes time in proportion to the text, whatever the expression. What its signs mean, and which it lacks, RE2's page "Syntax" says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    Compiled = re2._Regexp[bytes]

MOST_CHARACTERS = 2_000
# Instructions of RE2's program. Compiling takes up to a microsecond for each, and nothing else runs in its process meanwhile.
MOST_INSTRUCTIONS = 20_000
_MOST_MEMORY = 2 << 20  # bytes for one expression
_MOST_MEMORY_TOGETHER = 8 << 20

_SLOT = re.compile(r"[a-z][a-z0-9_]{0,63}")
# One sign at a time: quoted text, an escape, a class of characters, a bracket with what it says of itself, a count, any other.
_SIGNS = re.compile(
    r"\\Q.*?(?:\\E|$)|\\[pPx](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\[pPx]\{[^}]*\}|\\.|[^\]\\])*\]"
    r"|\(\?P?<(?P<name>[^>]*)>|\(\?[\w-]*\)|\(\?[\w-]*:|\{\d+(?:,\d*)?\}|.",
    re.DOTALL,
)
_ESCAPES = re.compile(r"\\Q.*?(?:\\E|$)|\\(?P<sign>.)", re.DOTALL)
_MAY_BE_NONE = re.compile(r"[?*]|\{0(?:,|\})")


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, compiled; made by ``compile_expression``.

    ``slots`` are its named groups in their order, ``always`` those that catch something whenever the expression is found.
    """

    source: str
    slots: tuple[str, ...] = field(compare=False)
    always: frozenset[str] = field(compare=False)
    _compiled: Compiled = field(compare=False, repr=False)

    def find(self, text: str) -> Mapping[str, str] | None:
        """What its named groups catch, as written, where it is found first in the trimmed ``text``; None where it is not.

        Groups that took no part, or caught nothing, are missing.
        """
        found = self._compiled.search(encoded(text.strip()))
        if found is None:
            return None
        return {decoded(name): decoded(value) for name, value in found.groupdict().items() if value}

    def fits(self, text: str) -> bool:
        """Whether it takes the whole of the trimmed ``text``."""
        return self._compiled.fullmatch(encoded(text.strip())) is not None

    @property
    def size(self) -> int:
        """The instructions of its program: how long it takes to compile."""
        return self._compiled.programsize

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """By its source: what RE2 made of it stays in its process."""
        return _again, (self.source, self.slots, self.always)


@lru_cache(maxsize=2_000)  # several checks look at the same ones
def compile_expression(source: str) -> Expression | str:
    """The expression that ``source`` writes, case ignored; or what is wrong with it and what to write, in words."""
    fault = _fault(source)
    if fault:
        return fault
    try:
        compiled = _compiled(source)
    except re2.error as error:
        return _in_words(error)
    if compiled.programsize > MOST_INSTRUCTIONS:
        return _FAULTS["pattern too large"].format()
    always = frozenset(name for name in _always(source) if _is_never_empty(name, source))
    return Expression(
        source, tuple(map(decoded, sorted(compiled.groupindex, key=compiled.groupindex.__getitem__))), always, compiled
    )


def ascii_only(source: str) -> tuple[str, ...]:
    r"""Which of ``\b \w \d \s`` and their opposites stand in it, each once: RE2 knows them for ASCII alone.

    An escaped backslash begins none, and what stands between ``\Q`` and ``\E`` is plain text.
    """
    signs = (found["sign"] for found in _ESCAPES.finditer(source))
    return tuple(dict.fromkeys(f"\\{sign}" for sign in signs if sign and sign in "bBwWdDsS"))


def encoded(text: str) -> bytes:
    """The text for RE2. Half characters, which no UTF-8 has, stay what they are and are found by no expression."""
    return text.encode("utf-8", "surrogatepass")


def decoded(value: bytes) -> str:
    """What RE2 found, as it was written."""
    return value.decode("utf-8", "surrogatepass")


def _compiled(source: str) -> Compiled:
    return re2.compile(encoded(source), _options(_MOST_MEMORY))


def _options(memory: int) -> re2.Options:
    chosen = re2.Options()
    chosen.case_sensitive = False
    chosen.log_errors = False
    chosen.max_mem = memory
    return chosen


def _again(source: str, slots: tuple[str, ...], always: frozenset[str]) -> Expression:
    return Expression(source, slots, always, _compiled(source))


# --- many at once -------------------------------------------------------------------------------------------------------

# What goes into one RE2 Set: it is compiled in about two milliseconds then.
_MOST_IN_A_SET = 128
_MOST_INSTRUCTIONS_IN_A_SET = 4_000
_MOST_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Together:
    """A few expressions, looked for at once where RE2's Set was seen to find what each of them finds alone.

    A Set that runs out of memory finds nothing and says nothing. So it holds one expression more, which any text fits: where that is
    missing from what it found, each expression is tried alone.
    """

    expressions: tuple[Expression, ...]
    is_trusted: bool
    _all: re2.Set | None = field(compare=False, repr=False)

    def found(self, data: bytes) -> Sequence[int]:
        """The positions of those that could be found in a text; the others surely are not."""
        every = range(len(self.expressions))
        if self._all is None:
            return every
        positions = self._all.Match(data)
        return sorted(positions)[:-1] if positions and len(self.expressions) in positions else every

    @property
    def size(self) -> int:
        """The instructions of the Set's program, about: how long it takes to compile."""
        return sum(each.size for each in self.expressions) // 2 if self._all is not None else 0

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """By its expressions, as these: what RE2 made of them stays in its process."""
        return _together, (self.expressions, self.is_trusted)


def together(expressions: Sequence[Expression], samples: Sequence[str]) -> tuple[Together, ...]:
    """The expressions in groups, in their order; each group is tried on its own sources and the ``samples`` before it is trusted."""
    groups = (_together(each, True) for each in _grouped(expressions))
    return tuple(each if _agrees(each, samples) else _together(each.expressions, False) for each in groups)


def _grouped(expressions: Sequence[Expression]) -> Iterator[tuple[Expression, ...]]:
    group: list[Expression] = []
    size = 0
    for each in expressions:
        size += each.size
        if group and (size > _MOST_INSTRUCTIONS_IN_A_SET or len(group) == _MOST_IN_A_SET):
            yield tuple(group)
            group, size = [], each.size
        group.append(each)
    if group:
        yield tuple(group)


def _together(expressions: tuple[Expression, ...], is_trusted: bool) -> Together:
    return Together(expressions, is_trusted, _set_of(expressions) if is_trusted and len(expressions) > 1 else None)


def _set_of(expressions: Sequence[Expression]) -> re2.Set | None:
    """An RE2 Set of these and, last, of one that fits any text; None where RE2 does not take them together."""
    made = re2.Set.SearchSet(_options(_MOST_MEMORY_TOGETHER))
    try:
        for each in (*(expression.source for expression in expressions), ""):
            made.Add(encoded(each))
        made.Compile()
    except re2.error:
        return None
    return made


def _agrees(group: Together, samples: Sequence[str]) -> bool:
    sources = [each.source for each in group.expressions]
    for text in (*sources[:: 1 + len(sources) // _MOST_SAMPLES], *samples[:_MOST_SAMPLES]):
        positions = set(group.found(encoded(text.strip())))
        if any(each.find(text) is not None and at not in positions for at, each in enumerate(group.expressions)):
            return False
    return True


# --- slots --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Bracket:
    """An open bracket, or the whole: the groups that take part whenever it does, as far as it has no ``|``."""

    name: str | None = None
    groups: set[str] = field(default_factory=set)
    splits: bool = False

    def taking_part(self) -> set[str]:
        return (set() if self.splits else self.groups) | ({self.name} if self.name else set())


def _always(source: str) -> set[str]:
    """The named groups without which the expression is never found."""
    signs = list(_SIGNS.finditer(source))
    open_brackets = [_Bracket()]
    for at, sign in enumerate(signs):
        match sign.group():
            case "|":
                open_brackets[-1].splits = True
            case ")" if len(open_brackets) > 1:
                closed = open_brackets.pop()
                behind = signs[at + 1].group() if at + 1 < len(signs) else ""
                if not _MAY_BE_NONE.match(behind):
                    open_brackets[-1].groups |= closed.taking_part()
            case text if text.startswith("(") and not re.fullmatch(r"\(\?[\w-]*\)", text):
                open_brackets.append(_Bracket(sign["name"]))
            case _:
                pass
    return open_brackets[0].taking_part()


def _is_never_empty(name: str, source: str) -> bool:
    """Whether a group must catch something, judged alone: what takes nothing out of these texts takes nothing anywhere."""
    inside = _inside(name, source)
    alone = _compiled(f"(?:{inside})")
    return all(found.group() for text in (b"", b"a", b" ", b"a b") for found in alone.finditer(text))


def _inside(name: str, source: str) -> str:
    """What stands in the group's brackets."""
    depth, start = 0, -1
    for sign in _SIGNS.finditer(source):
        text = sign.group()
        if sign["name"] == name:
            depth, start = 0, sign.end()
        elif start >= 0 and text.startswith("(") and not re.fullmatch(r"\(\?[\w-]*\)", text):
            depth += 1
        elif start >= 0 and text == ")":
            if not depth:
                return source[start : sign.start()]
            depth -= 1
    return ""


# --- faults -------------------------------------------------------------------------------------------------------------


def _fault(source: str) -> str:
    """What is wrong before RE2 looks; empty for nothing."""
    if not source.strip():
        return "The expression is empty, so any message would do. Write what to look for."
    if len(source) > MOST_CHARACTERS:
        return f"The expression has {len(source)} characters, more than {MOST_CHARACTERS}. Split it into several."
    if any(found["sign"] == "C" for found in _ESCAPES.finditer(source)):
        return "\\C takes a part of a character, which is no text. Write . for any character."
    names = [sign["name"] for sign in _SIGNS.finditer(source) if sign["name"] is not None]
    for at, name in enumerate(names):
        if _SLOT.fullmatch(name) is None:
            return f'"{name}" cannot name a slot. Write a to z, 0 to 9 and _, a letter first: (?P<order_number>[0-9]+).'
        if name in names[:at]:
            return f"Slot {name} stands twice in one expression. Give the second one another name."
    return ""


_FAULTS = {
    "missing )": 'A "(" is never closed. Write ")" after what belongs together, or "\\(" for the sign itself.',
    "unexpected )": 'A ")" closes nothing. Write "(" before it, or "\\)" for the sign itself.',
    "missing ]": 'A "[" is never closed. Write "]" after the last of its characters, or "\\[" for the sign itself.',
    "invalid repetition size": "{about} repeats too often; the most is 1000. Write a smaller number.",
    "bad repetition operator": "{about} repeats twice. Write one of ?, *, +, or brackets around the first.",
    "no argument for repetition operator": '{about} has nothing before it to repeat. Write "\\" before it for the sign itself.',
    "invalid perl operator": "RE2 does not know {about}; it cannot look ahead or behind. Write it another way, or as two rules.",
    "invalid escape sequence": "RE2 does not know {about}. It cannot look back at a group; before a sign that is meant as "
    'it stands, write one "\\".',
    "invalid character class range": "{about} is no range or name of characters. Write for example [a-z], \\pL or \\p{{Greek}}.",
    "invalid character class": "{about} is no class of characters. Write for example [a-z].",
    "trailing \\": 'The expression ends with "\\". Write the sign that is meant after it, or take it away.',
    "invalid named capture group": "{about} is no named group. Write (?P<order_number>[0-9]+).",
    "pattern too large": "The expression is too large. Split it into several, or repeat without counting, \\pL+ for \\pL{{1,40}}.",
}


def _in_words(error: re2.error) -> str:
    """RE2's complaint as a sentence with a cure."""
    said = error.args[0] if error.args else ""
    written = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    kind, _, about = written.partition(":")
    sentence = next((cure for start, cure in _FAULTS.items() if kind.startswith(start)), None)
    if sentence is None:
        return f"RE2 cannot read the expression ({written}). Correct it, or write a plain phrase under says."
    return sentence.format(about=f'"{about.strip()}"')
