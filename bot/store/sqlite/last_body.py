"""Which webhook's body is being read at this moment, and which ones earlier processes died with.

Kept in the lock file behind the event that is being decided, for the same reason and in the same way: see ``last_event``. A body that
ends the process was not recorded yet, so Sinch sends it again and again; only this tells that it is the same one.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from pathlib import Path

from bot.store.sqlite.last_event import FORM, mapped

_DIGEST = 8
_BEGINS = FORM.size
_KNOWN = struct.Struct(f"<{_DIGEST}sI")  # a body's digest, and how many processes died with it
_KNOWN_MOST = 8  # bodies that take turns must not make each other forgotten
_KNOWN_BEGIN = _BEGINS + _DIGEST
_SIZE = _KNOWN_BEGIN + _KNOWN_MOST * _KNOWN.size
_NONE = bytes(_DIGEST)


class LastBody:
    """The note in the file ``path``; without one it is kept for this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._note = mapped(path, _SIZE)
        self._deaths = dict(self._known())
        last = bytes(self._note[_BEGINS:_KNOWN_BEGIN])
        if last != _NONE:
            self._strike(last)
            self.ends()  # afterwards: where this process dies in between it is counted once more, and never lost

    def begins(self, body: bytes) -> int:
        """This one is being read now, by the one thread that reads. How many earlier processes died with it."""
        digest = blake2b(body, digest_size=_DIGEST).digest()
        self._note[_BEGINS:_KNOWN_BEGIN] = digest
        return self._deaths.get(digest, 0) if self._deaths else 0

    def ends(self) -> None:
        """None is."""
        self._note[_BEGINS:_KNOWN_BEGIN] = _NONE

    def _known(self) -> list[tuple[bytes, int]]:
        found = _KNOWN.iter_unpack(self._note[_KNOWN_BEGIN:_SIZE])
        return [(digest, deaths) for digest, deaths in found if deaths]

    def _strike(self, digest: bytes) -> None:
        """One more process died with it; what was longest ago is forgotten."""
        self._deaths[digest] = self._deaths.pop(digest, 0) + 1
        for oldest in list(self._deaths)[:-_KNOWN_MOST]:
            del self._deaths[oldest]
        told = b"".join(_KNOWN.pack(*each) for each in self._deaths.items())
        self._note[_KNOWN_BEGIN:_SIZE] = told.ljust(_SIZE - _KNOWN_BEGIN, b"\0")
