"""The files people send: held in memory, each at an address that tells nothing, as Sinch's own are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bot.sinch.emulator.answers import Rejected
from bot.sinch.emulator.fields import Json
from bot.sinch.emulator.ids import new_id
from bot.sinch.emulator.media import MEDIA_TYPES, kind_of_type

FILE_MAX = 5 * 1024 * 1024
FILES_MAX = 64 * 1024 * 1024
NAME_MAX = 120
FOLDER = "/emulator/files/"
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_BAD_IN_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file somebody sends. ``recorded_as`` is what the phone's browser made, ``content_type`` what WhatsApp makes of it.

    The two differ for voice notes alone: WhatsApp turns them into Ogg, whatever recorded them; the bytes stay as they were.
    """

    id: str
    name: str
    content_type: str
    recorded_as: str
    body: bytes

    @property
    def kind(self) -> str:
        """image, video, audio, voice, document, sticker or file."""
        return kind_of_type(self.content_type)

    @property
    def path(self) -> str:
        """Where the emulator serves it."""
        return FOLDER + self.id

    def resource(self, origin: str) -> Json:
        """As JSON, without the bytes."""
        return {
            "id": self.id,
            "url": origin + self.path,
            "kind": self.kind,
            "content_type": self.content_type,
            "name": self.name,
            "size": len(self.body),
        }


class Files:
    """At most 5 MiB each and 64 MiB in all; beyond that the oldest are gone."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._size = 0

    def keep(self, body: bytes, content_type: str, now: datetime, name: str = "", is_voice: bool = False) -> StoredFile:
        """Keep a file. ``content_type`` may carry parameters, which are left off. Raises Rejected with 400 or 413."""
        plain = content_type.partition(";")[0].strip().lower()
        if not _TYPE.fullmatch(plain):
            raise Rejected(f"'{content_type[:80]}' is no content type; say for example image/jpeg.")
        if is_voice and not plain.startswith("audio/") and plain != "video/webm":
            raise Rejected(f"A voice note is a sound, not {plain}.")
        if not body:
            raise Rejected("The file is empty.")
        if len(body) > FILE_MAX:
            raise Rejected(f"A file may have up to {FILE_MAX // 1024**2} MiB.", 413)
        told_as = MEDIA_TYPES["voice"] if is_voice else plain
        file = StoredFile(new_id(now), _BAD_IN_NAME.sub("_", name)[:NAME_MAX], told_as, plain, body)
        self._by_id[file.id] = file
        self._size += len(body)
        self._drop_oldest()
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """A file, or None where it never was or is gone."""
        return self._by_id.get(file_id)

    def at(self, url: str) -> StoredFile | None:
        """The file an address leads to, or None."""
        try:
            path = urlsplit(url).path
        except ValueError:  # such as an address with half a pair of brackets
            return None
        return self._by_id.get(path.removeprefix(FOLDER)) if path.startswith(FOLDER) else None

    def _drop_oldest(self) -> None:
        while self._size > FILES_MAX:
            oldest = next(iter(self._by_id))
            self._size -= len(self._by_id.pop(oldest).body)
