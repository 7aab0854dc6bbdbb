"""Kinds of files."""

from __future__ import annotations

import pytest

from bot.sinch.emulator.media import MEDIA_TYPES, kind_of_name, kind_of_type


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        *((content_type, kind) for kind, content_type in MEDIA_TYPES.items()),
        ("image/svg+xml", "image"),
        ("text/plain", "document"),
        ("application/octet-stream", "file"),
        ("model/gltf", "file"),
    ],
)
def test_by_content_type(content_type: str, kind: str) -> None:
    assert kind_of_type(content_type) == kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("https://example.org/a/photo.JPG?size=2",), "image"),
        (("https://example.org/voice.ogg",), "voice"),
        (("", "https://example.org/a.pdf#page=2"), "document"),
        (("invoice.pdf", "https://example.org/a.jpg"), "document"),
        (("https://example.org/unknown",), "file"),
        (("https://example.org/a.b/c",), "file"),
    ],
)
def test_by_name(names: tuple[str, ...], kind: str) -> None:
    assert kind_of_name(*names) == kind
