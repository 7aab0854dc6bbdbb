"""The files people send: what is kept, for how long, and what is refused."""

from __future__ import annotations

import pytest

from bot.sinch.emulator import Files, Rejected
from bot.sinch.emulator.files import FILE_MAX, FILES_MAX
from tests.sinch.emulator.conftest import START


def test_a_picture() -> None:
    files = Files()
    file = files.keep(b"\xff\xd8", "Image/JPEG; charset=binary", START, "cat.jpg")
    assert (file.kind, file.content_type, file.recorded_as, file.name) == (
        "image",
        "image/jpeg",
        "image/jpeg",
        "cat.jpg",
    )
    assert files.get(file.id) == files.at(f"http://127.0.0.1:9{file.path}?x=1") == file


@pytest.mark.parametrize("recorded", ["audio/webm;codecs=opus", "audio/ogg", "audio/mp4", "video/webm"])
def test_a_voice_note_is_told_as_whatsapp_records_it(recorded: str) -> None:
    file = Files().keep(b"sound", recorded, START, is_voice=True)
    assert (file.kind, file.content_type) == ("voice", "audio/ogg")
    assert file.recorded_as == recorded.partition(";")[0]


@pytest.mark.parametrize(
    ("body", "content_type", "is_voice", "status"),
    [
        (b"x", "", False, 400),
        (b"x", "nonsense", False, 400),
        (b"x", "text/html\r\nX-Evil: 1", False, 400),
        (b"x", "image/png", True, 400),
        (b"", "image/png", False, 400),
        (b"x" * (FILE_MAX + 1), "image/png", False, 413),
    ],
)
def test_refused(body: bytes, content_type: str, is_voice: bool, status: int) -> None:
    with pytest.raises(Rejected) as refused:
        Files().keep(body, content_type, START, is_voice=is_voice)
    assert refused.value.status == status


def test_names_lead_nowhere() -> None:
    assert Files().keep(b"x", "text/plain", START, "../a\\b\r\nc" + "d" * 200).name == (".._a_b__c" + "d" * 200)[:120]


def test_the_oldest_go_when_it_is_too_much() -> None:
    files = Files()
    body = b"x" * FILE_MAX
    kept = [files.keep(body, "video/mp4", START) for _ in range(FILES_MAX // FILE_MAX + 2)]
    assert [files.get(file.id) is None for file in kept] == [True, True] + [False] * (len(kept) - 2)


@pytest.mark.parametrize("url", ["", "http://[", "/emulator/files/", "/emulator/files/nosuch", "https://x/y"])
def test_elsewhere_is_nothing_of_ours(url: str) -> None:
    assert Files().at(url) is None
