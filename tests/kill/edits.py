"""Staff who edit the rules while the server runs, dies and comes back: each save is an edition, and every answer names its own."""

from __future__ import annotations

from pathlib import Path

FIRST = "Edition 1."
_ANYWHERE = "http://127.0.0.1:1"


class Staff:
    """Has a rules folder of its own. ``saves`` counts editions; ``unsound`` are the words of those that must never answer anybody."""

    def __init__(self, folder: Path, rules: Path, backend: str) -> None:
        self.saves = 0
        self.unsound: list[str] = []
        self._file = folder / "shop.yaml"
        self._text = (rules / "shop.yaml").read_text().replace(_ANYWHERE, backend)
        folder.mkdir()
        self.save()

    def save(self) -> None:
        """A sound edition."""
        self._file.write_text(self._text.replace(FIRST, self._next()))

    def save_unsound(self) -> None:
        """One whose texts name a value that nothing gives."""
        words = self._next()
        self.unsound.append(words)
        self._file.write_text(self._text.replace(FIRST, words + " {{nobody_knows_this}}"))

    def _next(self) -> str:
        self.saves += 1
        return f"Edition {self.saves}."
