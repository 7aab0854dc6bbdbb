"""Stored traffic decided again: the same rules give the same to the byte, edited ones show what would be different."""

import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bot.core.reply import TextReply
from bot.rulebook.load import load_files
from bot.store.sqlite.archive import open_archive
from bot.work import replay_jobs
from bot.work.explain import explained
from bot.work.replay import Replay, Report, heard_in
from bot.work.replay_jobs import Job, deciding_of, replayed
from bot.work.rulebook_shelf import Shelf
from tests.sinch.payloads import APP
from tests.work.traffic import START, Traffic, traffic_in

RULES = """
settings: {time_zone: Europe/Stockholm}
connections: {orders: {url: "https://erp.example/{{order_number}}", results: [status]}}
rules:
  - name: track
    when: {says: [track]}
    ask: {order_number: {text: "Number?", must_be: 8 digits, if_wrong: "Not 8 digits."}}
    call: orders
    reply:
      - {if: found, text: "It is {{status}}."}
      - {text: "Sorry, no."}
  - name: hours
    when: {says: [opening hours]}
    reply: {text: "9 to 18."}
    then: {tag: asked_hours}
  - name: vip
    when: {says: [discount]}
    reply: [{tag: asked_hours, text: "10 %"}, {text: "0 %"}]
  - name: shipped
    when: {event: shipped}
    reply: {text: "Shipped!"}
    if_closed: skip
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: "Sorry?"}
"""
ANN, BO = "46701740605", "447700900123"


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[tuple[Path, Traffic]]:
    path = tmp_path / "parley.db"
    async with traffic_in(path, RULES) as traffic:
        await traffic.says("opening hours", "discount", "qwerty")
        await traffic.says("track", "123", "12345678")
        await traffic.says("are you there?")  # waits for the call's answer
        await traffic.call_answers(status="packed")
        await traffic.event("shipped")
        await traffic.says("STOP", "opening hours", "START")
        await traffic.says("opening hours", "track", who=BO)
        yield path, traffic


def over(path: Path, rules: str = RULES) -> Report:
    edited = load_files({"rules/shop.yaml": rules.encode()})
    assert edited.rulebook is not None, "\n".join(map(str, edited.problems))
    with closing(open_archive(path)) as archive:
        deciding = deciding_of(APP, edited.rulebook, archive.installation_key)
        traces = archive.traces(START - timedelta(days=1), START + timedelta(days=1))
        return Replay(edited.rulebook, Shelf(archive.rulebook), deciding).over(traces)


def changed(report: Report) -> list[tuple[str, list[str], list[str]]]:
    def words(replies: object) -> list[str]:
        return [reply.text for reply in replies if isinstance(reply, TextReply)]  # type: ignore[attr-defined]

    return [(each.heard, words(each.before.replies), words(each.now.replies)) for each in report.differences]


async def test_unchanged_rules_decide_the_same_to_the_byte(stored: tuple[Path, Traffic]) -> None:
    report = over(stored[0])
    assert (report.decided, report.same, report.differences, report.people) == (14, 14, [], 2)


async def test_one_reply_changed(stored: tuple[Path, Traffic]) -> None:
    report = over(stored[0], RULES.replace("9 to 18.", "10 to 19."))
    assert changed(report) == [("opening hours", ["9 to 18."], ["10 to 19."])] * 2
    assert {each.identity for each in report.differences} == {ANN, BO}
    assert report.same == report.decided - 2


async def test_what_other_rules_would_have_left_goes_on(stored: tuple[Path, Traffic]) -> None:
    report = over(stored[0], RULES.replace("then: {tag: asked_hours}", "then: {tag: something_else}"))
    assert changed(report) == [("discount", ["10 %"], ["0 %"])], "a tag alone is no difference that anybody sees"


async def test_a_message_that_would_be_understood_and_one_that_would_not(stored: tuple[Path, Traffic]) -> None:
    report = over(stored[0], RULES.replace("[discount]", "[qwerty]"))
    assert changed(report) == [("discount", ["10 %"], ["Sorry?"]), ("qwerty", ["Sorry?"], ["10 %"])]
    assert [each.is_missed for each in report.differences] == [True, False]


async def test_a_message_that_would_get_no_answer(stored: tuple[Path, Traffic]) -> None:
    silent = RULES.replace('reply: {text: "Sorry?"}', "reply: {say_nothing: true}")
    report = over(stored[0], silent)
    assert [(each.heard, each.loses_its_answer) for each in report.differences] == [
        ("qwerty", True),
        ("are you there?", True),
    ]


async def test_a_question_that_is_no_longer_asked_and_its_call(stored: tuple[Path, Traffic]) -> None:
    gone = RULES.replace("[track]", "[trace]")
    report = over(stored[0], gone)
    assert changed(report)[:3] == [
        ("track", ["Number?"], ["Sorry?"]),
        ("123", ["Not 8 digits."], ["Sorry?"]),
        ("12345678", [], ["Sorry?"]),
    ]
    assert report.differences[2].before.asked == ("orders",)
    assert not report.would_ask


async def test_a_call_without_a_stored_answer_is_told_and_not_guessed(stored: tuple[Path, Traffic]) -> None:
    other = RULES.replace("https://erp.example/", "https://new.example/")
    report = over(stored[0], other)
    (asked, answered) = report.differences
    assert (asked.heard, asked.would_ask) == ("12345678", ("orders",))
    assert report.would_ask == {"orders": 1}
    assert (answered.before.is_silent, answered.now.is_silent) == (False, True), "nobody waits for the stored answer"


async def test_a_timer_that_would_be_set_is_counted(stored: tuple[Path, Traffic]) -> None:
    waits = RULES + "  - {name: nudge, when: {silent_for: 3 hours}, reply: {text: Still there?}}\n"
    report = over(stored[0], waits)
    assert report.differences == []
    assert report.timers_set["silent:nudge"] > 5


async def test_what_colleagues_did_counts_in_a_replay(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    async with traffic_in(path, RULES) as traffic:
        await traffic.says("track")
        await traffic.colleague("took_over", "support")
        await traffic.says("opening hours")
        await traffic.colleague("wrote")
        await traffic.colleague("gave_back")
        await traffic.says("opening hours")
        report = over(path)
        assert (report.decided, report.same) == (6, 6)
        report = over(path, RULES.replace("9 to 18.", "10 to 19."))
        assert changed(report) == [("opening hours", ["9 to 18."], ["10 to 19."])], "nobody answers for the team"
        trace = await traffic.store.trace(2)
        assert trace is not None
        with closing(open_archive(path)) as archive:
            found = explained(trace, archive, APP)
    assert heard_in(found.kept.event) == "(Ida took over)"
    assert found.why[0] == "A colleague acted, and the bot says nothing to that."
    assert "Note: The question for order_number is dropped: a colleague takes over." in found.why


async def test_questions_of_a_rulebook_before_the_period_stay_on_it(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    async with traffic_in(path, RULES) as traffic:
        await traffic.says("track")
        await traffic.live(RULES.replace("Not 8 digits.", "Edited."))
        await traffic.says("123")
    with closing(open_archive(path)) as archive:
        shelf = Shelf(archive.rulebook)
        deciding = deciding_of(APP, shelf.rulebook(2), archive.installation_key)
        late = archive.traces(START + timedelta(seconds=15), START + timedelta(days=1))
        report = Replay(shelf.rulebook(2), shelf, deciding).over(late)
    assert (report.decided, report.same) == (1, 1)


async def test_processes_side_by_side_find_the_same(
    stored: tuple[Path, Traffic], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_jobs, "FEWEST_PEOPLE", 2)
    edited = {"rules/shop.yaml": RULES.replace("9 to 18.", "10 to 19.").encode()}
    job = Job(stored[0], APP, edited, START - timedelta(days=1), START + timedelta(days=1))
    steps: list[tuple[int, int]] = []
    one = replayed(job, 1, lambda done, of: steps.append((done, of)))
    two = replayed(job, 2, lambda done, of: steps.append((done, of)))
    assert (one.decided, one.same, one.people) == (two.decided, two.same, two.people)
    assert sorted(one.differences, key=lambda each: each.inbox_id) == sorted(
        two.differences, key=lambda each: each.inbox_id
    )
    assert steps == [(1, 1), *((done, 8) for done in range(1, 9))]


async def test_ctrl_c_leaves_no_process_behind(stored: tuple[Path, Traffic], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_jobs, "FEWEST_PEOPLE", 2)
    job = Job(stored[0], APP, {"rules/shop.yaml": RULES.encode()}, START - timedelta(days=1), START + timedelta(days=1))
    at_work: list[BaseProcess] = []

    def interrupt(done: int, of: int) -> None:
        at_work.extend(multiprocessing.active_children())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replayed(job, 2, interrupt)
    assert [process.exitcode for process in at_work] == [-signal.SIGTERM, -signal.SIGTERM]
    assert multiprocessing.active_children() == []
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
