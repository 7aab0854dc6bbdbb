"""What is uploaded stays in memory, within bounds, and cannot name a path."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from bot.errors import Refused
from bot.rulebook.tree import BYTES_MAX
from bot.web.admin.uploaded import ENTRIES_MAX, FILES_MAX, safe_name, unzipped

RULES = b"rules: []\n"


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return body.getvalue()


def test_rule_files_are_found_and_nothing_else() -> None:
    files = {
        "rules/a.yaml": RULES,
        "rules/sub/b.YML": RULES,
        "rules/README.md": b"x",
        "rules/.git/c.yaml": b"x",
        "__MACOSX/rules/._a.yaml": b"x",
        "rules/~a.yaml": b"x",
    }
    assert set(unzipped(packed(files))) == {"rules/a.yaml", "rules/sub/b.YML"}


@pytest.mark.parametrize(
    "name",
    [
        "../a.yaml",
        "rules/../../a.yaml",
        "/etc/a.yaml",
        "C:\\a.yaml",
        "..\\a.yaml",
        "rules//a.yaml",
        "a\n.yaml",
        "x" * 300 + ".yaml",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="leads out of its folder"):
        unzipped(packed({name: RULES}))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = packed({f"rules/{number}.yaml": bytes(BYTES_MAX) for number in range(20)})
    assert len(bomb) < 100_000
    with pytest.raises(Refused, match="larger than 8 MiB"):
        unzipped(bomb)


def test_a_file_that_says_it_is_small_is_not_believed() -> None:
    body = bytearray(packed({"a.yaml": bytes(4 * BYTES_MAX)}))
    size = (4 * BYTES_MAX).to_bytes(4, "little")
    while (at := body.find(size)) >= 0:
        body[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(Refused):
        unzipped(bytes(body))


@pytest.mark.parametrize(
    "body", [b"", b"PK\x03\x04", b"not a zip", packed({"a.yaml": RULES})[:-30]], ids=["empty", "begun", "other", "cut"]
)
def test_what_is_damaged_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="damaged"):
        unzipped(body)


def test_a_locked_zip_is_refused() -> None:
    body = bytearray(packed({"a.yaml": RULES}))
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refused, match="password"):
        unzipped(bytes(body))


def test_there_are_bounds_to_how_many() -> None:
    with pytest.raises(Refused, match=f"more than {FILES_MAX} files"):
        unzipped(packed({f"{number}.yaml": RULES for number in range(FILES_MAX + 1)}))
    with pytest.raises(Refused, match=f"more than {ENTRIES_MAX}"):
        unzipped(packed({f"{number}.txt": b"" for number in range(ENTRIES_MAX + 1)}, zipfile.ZIP_STORED))


def test_two_files_of_one_name_are_refused() -> None:
    body = packed({"a.yaml": RULES, "b.yaml": RULES}).replace(b"b.yaml", b"a.yaml")
    with pytest.raises(Refused, match="Two files"):
        unzipped(body)


def test_slashes_of_every_system_are_folders() -> None:
    assert safe_name("rules\\sub\\a.yaml") == "rules/sub/a.yaml"
