"""Bubbles in a terminal: theirs on the left, mine on the right, ticks below, options numbered under their message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from bot.cli.phone import Bubble

_WIDEST: Final = 64
_KINDS: Final = {
    "media": "[file]",
    "location": "[place]",
    "contact": "[contact]",
    "products": "[basket]",
    "flow": "[form]",
    "raw": "[message]",
}


def draw(bubble: Bubble, console: Console) -> None:
    """Print one bubble, ticks as they are now."""
    most = min(_WIDEST, max(24, console.width * 3 // 4))
    foot = None if bubble.mine else _foot(bubble)
    words = len(max(lines(bubble), key=len, default="")) + 4
    least = 0 if foot is None else foot.cell_len + 6  # what stands in the lower edge must not be cut
    body = Panel(
        _inside(bubble),
        box=box.ROUNDED,
        border_style="green" if bubble.mine else "bright_black",
        subtitle=foot,
        subtitle_align="right",
        title="template" if bubble.kind == "template" else None,
        title_align="left",
        padding=(0, 1),
        expand=words < least,
        width=None if least <= words < most else min(max(words, least), most),
    )
    console.print(Align.right(body) if bubble.mine else body)


def _inside(bubble: Bubble) -> RenderableType:
    parts: list[RenderableType] = []
    if bubble.header:
        parts.append(Text(bubble.header, style="bold"))
    if words := _words(bubble):
        parts.append(Text(words))
    if bubble.footer:
        parts.append(Text(bubble.footer, style="dim"))
    parts += [_option(at, bubble) for at in range(len(bubble.options))]
    return Group(*parts)


def _words(bubble: Bubble) -> str:
    mark = _KINDS.get(bubble.kind, "")
    if bubble.kind == "raw":
        return mark
    # Who sent a file knows where from.
    return " ".join(part for part in (mark, bubble.text, "" if bubble.mine else bubble.url) if part)


def _option(at: int, bubble: Bubble) -> Text:
    option = bubble.options[at]
    line = Text(f" {at + 1} ", style="reverse cyan")
    line.append(f" {option.title}", style="cyan not reverse")
    if option.description:
        line.append(f"  {option.description}", style="dim not reverse")
    return line


def _foot(bubble: Bubble) -> Text:
    if bubble.failed:
        return Text(f"✗ {bubble.failed}", style="red")
    marks = {0: "…", 1: "✓", 2: "✓✓", 3: "✓✓"}[min(bubble.ticks, 3)]
    foot = Text(f"{bubble.at.astimezone():%H:%M} ", style="dim")
    foot.append(marks, style="bright_cyan" if bubble.ticks >= 3 else "dim")
    return foot


def lines(bubble: Bubble) -> Sequence[str]:
    """The bubble's words, one a line, without looks."""
    shown = [*bubble.header.splitlines(), *_words(bubble).splitlines(), *bubble.footer.splitlines()]
    numbered = [f"  {at}) {option.title}" + (f" - {option.description}" if option.description else "")
                for at, option in enumerate(bubble.options, 1)]  # fmt: skip
    return [*shown, *numbered]


def plain(bubble: Bubble) -> str:
    """The bubble for a pipe: ``>`` what I wrote, ``<`` what came, ``x`` what never arrived."""
    sign = ">" if bubble.mine else "x" if bubble.failed else "<"
    mark = "(template) " if bubble.kind == "template" else ""
    first, *rest = lines(bubble) or [""]
    failed = f" ({bubble.failed})" if bubble.failed else ""
    return "\n".join([f"{sign} {mark}{first}{failed}", *(f"  {line}" for line in rest)])
