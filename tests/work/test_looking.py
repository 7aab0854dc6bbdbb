"""What stored messages tell about rules, found without reading all that is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.rulebook.load import load_files
from bot.store.sqlite import tracing
from bot.store.sqlite.archive import open_archive
from bot.work.looking import lately, not_understood
from bot.work.survey import changes, compared, survey
from tests.sinch.payloads import APP
from tests.work.traffic import START, Traffic, traffic_in

RULES = """
rules:
  - name: hours
    when: {says: [opening hours]}
    reply: {text: "9 to 18."}
    examples: {match: [opening hours please]}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "Sorry?"}
tests:
  - {name: good, steps: [{says: opening hours, expect: {rule: hours}}]}
  - {name: bad, steps: [{says: opening hours, expect: {rule: otherwise}}]}
"""
FILES = {"rules/shop.yaml": RULES.encode()}
LONG_BEFORE, LONG_AFTER = START - timedelta(days=9), START + timedelta(days=9)


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[tuple[Path, Traffic]]:
    path = tmp_path / "parley.db"
    async with traffic_in(path, RULES) as traffic:
        yield path, traffic


async def test_only_what_was_not_understood_is_found_in_its_order(
    stored: tuple[Path, Traffic], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, traffic = stored
    monkeypatch.setattr(tracing, "PAGE", 2)
    for number in range(5):
        await traffic.says("opening hours", f"qwerty {number}", who=f"4670174060{number}")
    with closing(open_archive(path)) as archive:
        found = archive.unmatched(LONG_BEFORE, LONG_AFTER, 100)
        assert [trace.layer for trace in found] == ["nothing_matched"] * 5
        assert [trace.inbox_id for trace in found] == sorted(trace.inbox_id for trace in found)
        assert [trace.inbox_id for trace in archive.unmatched(LONG_BEFORE, LONG_AFTER, 3)] == [
            trace.inbox_id for trace in found[2:]
        ]
        assert archive.unmatched(found[1].decided_at, found[3].decided_at, 100) == found[1:3]
        assert not archive.unmatched(LONG_AFTER, LONG_AFTER, 100)


async def test_it_goes_by_the_index_of_what_was_not_understood(stored: tuple[Path, Traffic]) -> None:
    with closing(sqlite3.connect(stored[0])) as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {tracing._UNMATCHED}", {"before": 9, "page": 9, "app": "a"}
        ).fetchall()
    assert "USING INDEX trace_unmatched (inbox<?)" in str(plan)
    assert "SCAN trace" not in str(plan)


async def test_groups_come_with_a_rule(stored: tuple[Path, Traffic]) -> None:
    path, traffic = stored
    await traffic.says("gift cards", "gift cards?")
    await traffic.says("parking", who="447700900123")
    found = not_understood(path, APP, FILES, LONG_BEFORE, LONG_AFTER)
    assert [(group.count, group.people) for group in found.groups] == [(2, 1), (1, 1)]
    assert (found.messages, found.is_cut, found.more) == (3, False, 0)
    assert load_files({"rules/shop.yaml": RULES.encode()}).rulebook is not None
    assert found.groups[0].rule.startswith("- name: gift_cards\n")


async def test_what_a_rule_answered_lately(stored: tuple[Path, Traffic]) -> None:
    path, traffic = stored
    await traffic.says("opening hours", "qwerty", "opening hours!")
    found = lately(path, APP, traffic.rulebooks.live, "hours")
    assert [each.heard for each in found] == ["opening hours!", "opening hours"]
    assert found[0].person
    with closing(open_archive(path)) as archive:
        assert len(archive.answered_by("hours", 5, looked_at=1)) == 1, "so much is looked at and no more"
        assert len(archive.answered_by("hours", 1, looked_at=99)) == 1


async def test_versions_are_told_apart(stored: tuple[Path, Traffic]) -> None:
    path, traffic = stored
    await traffic.live(RULES.replace("9 to 18", "8 to 17"))
    found = changes(path, [(1, 2), (1, 9)])
    assert set(found) == {(1, 2)}
    assert found[1, 2].changed == ("hours",)


def test_files_are_compared_line_by_line() -> None:
    before = {"a": b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "gone": b"x\n"}
    after = {"a": b"1\n2\n3\n4\n5\n6\n7\neight\n9\n", "new": b"y\n"}
    changed, gone, new = compared(before, after)
    assert [(line.kind, line.text, line.old, line.new) for line in changed.lines if line.kind != "same"] == [
        ("gap", "", 0, 0),
        ("removed", "8", 8, 0),
        ("added", "eight", 0, 8),
    ]
    assert (gone.kind, [line.kind for line in gone.lines]) == ("removed", ["removed"])
    assert (new.kind, [line.kind for line in new.lines]) == ("added", ["added"])
    assert not compared(before, before)


def test_a_survey_has_tests_problems_and_the_picture() -> None:
    found = survey(FILES, "/rules?rule=")
    assert [(test.name, bool(test.misses)) for test in found.tests] == [("good", False), ("bad", True)]
    assert found.is_sound
    assert found.examples == 1
    assert 'href="/rules?rule=hours"' in found.image
    assert any('Test "bad"' in problem.sentence for problem in found.problems)
    broken = survey({"rules/a.yaml": b"rules: x\n"}, "")
    assert (broken.is_sound, broken.image) == (False, "")
    assert broken.problems
