"""An uploaded folder of rules: YAML files, or a ZIP of them. It is bounded, and stays in memory: no name of it ever becomes a path."""

from __future__ import annotations

import asyncio
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from aiohttp import BodyPartReader, MultipartReader, web

from bot.errors import Refused
from bot.rulebook.load import is_rule_file
from bot.rulebook.tree import BYTES_MAX
from bot.web.site.guard import UNREADABLE

TOTAL_MAX: Final = 8 * 1024 * 1024  # bytes as sent, and again unpacked
FILES_MAX: Final = 200
ENTRIES_MAX: Final = 2000  # of a ZIP, with all that is not rules
NAME_MAX: Final = 200
_FIELD_MAX: Final = 200
_PART: Final = re.compile(r"[^\x00-\x1f\x7f/\\:]+")
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(slots=True)
class Upload:
    """The form: its fields, and the rules by name below their folder (``rules/orders.yaml``)."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, content: bytes) -> None:
        """Take a file in; ``Refused`` where there are too many, or two of one name."""
        if name in self.files:
            raise _refused(f'Two files are called "{name}".', "Give each file a name of its own.")
        if len(self.files) >= FILES_MAX:
            raise _refused(f"These are more than {FILES_MAX} files.", "Leave out what is not rules.")
        if len(content) > BYTES_MAX:
            raise _refused(f'"{name}" is larger than 1 MiB.', "Split it into several files.")
        self.files[name] = content


async def read_upload(request: web.Request) -> Upload:
    """The form's content. ``Refused`` with a sentence where it is too large, damaged, or means to leave its folder."""
    if not request.content_type.startswith("multipart/"):
        raise _refused("This is no upload.", "Choose files on the page and send them from there.")
    upload, left = Upload(), TOTAL_MAX
    try:
        parts = await request.multipart()
        while (part := await parts.next()) is not None:
            if isinstance(part, MultipartReader):
                raise _refused("This upload holds parts within parts.", "Choose files on the page.")
            left -= await _take(part, upload, left)
    except UNREADABLE as error:
        raise _refused("The upload arrived damaged.", "Send it again.") from error
    upload.files = _below_one_folder(upload.files)
    return upload


async def _take(part: BodyPartReader, upload: Upload, left: int) -> int:
    """How many bytes it had."""
    if part.filename is None:
        text = await _read(part, _FIELD_MAX)
        upload.fields[part.name or ""] = text.decode("utf-8", "replace")
        return len(text) + len(part.name or "")
    content = await _read(part, left)
    if part.filename.lower().endswith(".zip") or content.startswith(_ZIP):
        unpacked = await asyncio.to_thread(unzipped, content)
        for name, each in unpacked.items():
            upload.add(name, each)
    elif content or part.filename:  # a browser sends an empty part where nothing was chosen
        name = safe_name(part.filename)
        if is_rule_file(name.rpartition("/")[2]):
            upload.add(name, content)
    return len(content)


async def _read(part: BodyPartReader, most: int) -> bytes:
    found = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        found += chunk
        if len(found) > most:
            raise _refused(f"The upload is larger than {TOTAL_MAX // 1024 // 1024} MiB.", "Send the rules alone.", 413)
    return bytes(found)


def unzipped(content: bytes) -> dict[str, bytes]:
    """The rule files of a ZIP by their names in it. What an entry claims of its size is not believed. Blocks for a moment."""
    found = Upload()
    left = TOTAL_MAX
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > ENTRIES_MAX:
                raise _refused(f"The ZIP holds more than {ENTRIES_MAX} files.", "Pack the rules alone.")
            for entry in entries:
                name = safe_name(entry.filename)
                if entry.is_dir() or not _is_wanted(name):
                    continue
                if entry.flag_bits & 1:
                    raise _refused("The ZIP is locked with a password.", "Pack it without one.")
                with archive.open(entry) as opened:
                    body = opened.read(min(left, BYTES_MAX) + 1)
                if len(body) > left:
                    raise _refused(f"Unpacked, the ZIP is larger than {TOTAL_MAX // 1024 // 1024} MiB.", "Pack less.")
                left -= len(body)
                found.add(name, body)
    # What zipfile and zlib raise at bytes that somebody made up; NotImplementedError is a way of packing that they do not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise _refused("The ZIP is damaged, or packed in a way that is not known here.", "Pack it anew.") from error
    return found.files


def _is_wanted(name: str) -> bool:
    """As the rules' own folder is read: no dot folders, no editors' files."""
    *folders, last = name.split("/")
    return is_rule_file(last) and not any(each.startswith(".") or each == "__MACOSX" for each in folders)


def safe_name(name: str) -> str:
    """``name`` with plain slashes. ``Refused`` where it would leave its folder, or is no name at all."""
    parts = name.replace("\\", "/").removesuffix("/").split("/")
    if len(name) > NAME_MAX or not all(_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        raise _refused(
            "A file in the upload has a name that leads out of its folder, or is no name.",
            "Rename it and send it again.",
        )
    return "/".join(parts)


def _below_one_folder(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Names begin with one folder, as those that are read from a disk do."""
    tops = {name.partition("/")[0] for name in files if "/" in name}
    if len(tops) == 1 and all("/" in name for name in files):
        return dict(files)
    return {f"rules/{name}": content for name, content in files.items()}


def _refused(sentence: str, cure: str, status: int = 422) -> Refused:
    return Refused(sentence, "bad_upload", cure, status)
