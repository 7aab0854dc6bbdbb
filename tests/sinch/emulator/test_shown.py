"""Bubbles as JSON and in one line."""

from __future__ import annotations

import pytest

from bot.sinch.emulator.shown import File, Option, Place, Section, Shown


def test_empty_parts_are_left_out() -> None:
    assert Shown("text", "Hi").resource() == {"kind": "text", "text": "Hi"}


def test_parts_keep_their_names() -> None:
    rows = (Option("A", "a", "First"),)
    shown = Shown("list", "Pick", rows, menu="Topics", sections=(Section("One", rows),), place=Place(1.5, 2.5))
    row = {"title": "A", "postback": "a", "description": "First"}
    assert shown.resource() == {
        "kind": "list",
        "text": "Pick",
        "menu": "Topics",
        "place": {"latitude": 1.5, "longitude": 2.5, "title": "", "label": ""},
        "options": [row],
        "sections": [{"title": "One", "options": (row,)}],
    }


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (Shown("text", "two\n lines"), "two lines"),
        (Shown("text", "x" * 101), "x" * 99 + "…"),
        (Shown("media", file=File("voice", "https://x")), "Voice"),
        (Shown("location"), "Location"),
        (Shown("odd"), "Message"),
    ],
)
def test_in_one_line(shown: Shown, line: str) -> None:
    assert shown.line == line
