"""What kind of file a name or a URL tells by its ending; Sinch names no type with what people send."""

from __future__ import annotations

from bot.core.event import MediaKind

_ENDINGS = {
    MediaKind.IMAGE: "jpg jpeg png gif heic heif bmp",
    MediaKind.VIDEO: "mp4 3gp 3gpp mov m4v avi mkv webm",
    MediaKind.VOICE: "ogg oga opus",  # WhatsApp records voice notes so, and people rarely send such files otherwise
    MediaKind.AUDIO: "mp3 m4a aac amr wav flac",
    MediaKind.STICKER: "webp",  # pictures come as JPEG or PNG
    MediaKind.DOCUMENT: "pdf doc docx xls xlsx ppt pptx odt ods odp txt csv rtf zip vcf ics xml json",
}
_BY_ENDING = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


def media_kind(url: str, filename: str = "") -> MediaKind | None:
    """The kind by the file's name, else by the end of the URL's path; None where neither tells."""
    return _by_ending(filename) or _by_ending(url.partition("?")[0].partition("#")[0])


def _by_ending(name: str) -> MediaKind | None:
    return _BY_ENDING.get(name.rpartition(".")[2].lower()) if "." in name else None
