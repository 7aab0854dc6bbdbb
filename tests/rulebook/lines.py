"""Rules in a few lines, and every line that is told about them."""

from __future__ import annotations

from bot.rulebook.load import load_files


def told(text: str, **others: str) -> list[str]:
    files = {"rules/x.yaml": text, **{f"rules/{name}.yaml": other for name, other in others.items()}}
    return [str(problem) for problem in load_files({name: text.encode() for name, text in files.items()}).problems]


def rules(*lines: str) -> str:
    return "rules:\n" + "".join(f"  - {line}\n" for line in lines)


def says(name: str, phrases: str, more: str = "") -> str:
    return f"{{name: {name}, when: {{says: [{phrases}]}}, {more}reply: {{text: x}}}}"
