"""What kind of file something is, as WhatsApp tells them apart: by content type, or by how a name ends."""

from __future__ import annotations

MEDIA_TYPES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "document": "application/pdf",
    "sticker": "image/webp",
}
"""A content type of each kind; WhatsApp records voice notes as Ogg."""

SAFE_INLINE = frozenset(
    """image/jpeg image/png image/webp image/gif video/mp4 video/3gpp video/webm video/quicktime audio/ogg audio/mpeg
    audio/mp4 audio/aac audio/amr audio/webm audio/wav application/pdf""".split()
)
"""What a browser only shows or plays; a page or a drawing (SVG) could run a script instead."""

_ENDINGS = {
    "image": "jpg jpeg png gif heic heif bmp",
    "video": "mp4 3gp 3gpp mov m4v avi mkv webm",
    "voice": "ogg oga opus",
    "audio": "mp3 m4a aac amr wav flac",
    "sticker": "webp",
    "document": "pdf doc docx xls xlsx ppt pptx odt ods odp txt csv rtf zip vcf ics xml json",
}
_KIND_BY_ENDING = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}


def kind_of_type(content_type: str) -> str:
    """The kind of a content type without parameters; ``file`` where it tells none."""
    major, _, minor = content_type.partition("/")
    if content_type in ("audio/ogg", "audio/opus", "application/ogg"):
        return "voice"
    if content_type == "image/webp":
        return "sticker"
    if major in ("image", "video", "audio"):
        return major
    return "document" if major in ("application", "text") and minor != "octet-stream" else "file"


def kind_of_name(*names: str) -> str:
    """The kind that the first telling ending among these names and addresses says; ``file`` where none does."""
    for name in names:
        path = name.partition("?")[0].partition("#")[0]
        ending = path.rpartition("/")[2].rpartition(".")[2].lower()
        if kind := _KIND_BY_ENDING.get(ending):
            return kind
    return "file"
