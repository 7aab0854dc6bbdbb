"""``check`` and ``try``."""

import json
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bot.cli.rules import answer_plain
from bot.cli.trying import CONTACT, Question, answer_to
from bot.core.codec import conversation_to_plain
from bot.core.decide import decide
from bot.core.event import Event, InboundMessage, OwnTap
from bot.core.rulebook import Rulebooks
from bot.rulebook.load import load
from bot.store.units import Claimed, InboxKind, Lane
from bot.work.inbox import Deciding, decide_lane
from tests.cli.conftest import Command

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)

BROKEN = """
rules:
  - name: a
    when: {says: hi}
    reply: {text: Hello, buttons: [{label: Go, goes_to: nowhere}]}
  - name: b
    wen: {says: ho}
"""


def test_check_is_quiet_on_stdout_when_all_is_well(command: Command) -> None:
    ended = command("check")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "4 rules in 1 file (en, sv); 0 errors, 0 warnings.\n"


def test_check_prints_one_problem_a_line_and_ends_with_1(command: Command, folder: Path) -> None:
    (folder / "rules" / "shop.yaml").write_text(BROKEN, encoding="utf-8")
    ended = command("check", "rules")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("rules/shop.yaml:") for line in lines)
    assert any(line.startswith("rules/shop.yaml:5:") and "nowhere" in line for line in lines)


def test_warnings_alone_end_with_0(command: Command, folder: Path) -> None:
    (folder / "rules" / "more.yaml").write_text("canned: {thanks: Thank you}\n", encoding="utf-8")
    ended = command("check")
    assert ended.code == 0
    assert ended.out.startswith("rules/more.yaml:1:18: Warning: ")


def test_the_order_and_the_words_of_consent_as_json(command: Command) -> None:
    found = json.loads(command("check", "--order", "--consent", "--format", "json").out)
    assert found["order"][-1] == "9. nothing_matched: otherwise"
    assert found["consent"][0].startswith("stop: ")


def test_check_as_json_holds_every_problem(command: Command, folder: Path) -> None:
    (folder / "rules" / "shop.yaml").write_text(BROKEN, encoding="utf-8")
    ended = command("check", "--format", "json")
    told = json.loads(ended.out)
    assert ended.code == 1
    assert told["ok"] is False
    assert {"file", "line", "column", "severity", "sentence"} == set(told["problems"][0])


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "nowhere"),
        ("check", "--format", "xml"),
        ("try",),
        ("try", "hi", "--event", "order.shipped"),
        ("try", "hi", "--language", "fi"),
        ("try", "hi", "--now", "noon"),
        ("try", "hi", "--now", "2026-01-05T10:00"),
        ("try", "hi", "--window", "ajar"),
        ("try", "--event", "order.shipped", "--data", "order_number"),
        ("try", "hi", "--data", "order_number=1"),
        ("try", "hi", "--now", "0001-01-01T00:00+14:00"),
        ("try", "hi", "--now", "9999-12-31T23:59Z"),
        ("nonsense",),
    ],
)
def test_wrong_use_ends_with_2_and_says_how(command: Command, arguments: tuple[str, ...]) -> None:
    ended = command(*arguments)
    assert ended.code == 2
    assert "Error" in ended.err
    assert "Traceback" not in ended.err


def test_a_folder_from_the_settings_that_is_missing_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULES_DIR", "elsewhere")
    ended = command("check")
    assert ended.code == 1
    assert 'There is no folder "elsewhere"' in ended.out


def test_try_shows_the_reply_and_why_with_file_and_line(command: Command) -> None:
    ended = command("try", "Hello!!", "--now", "2026-01-05T10:00+01:00")
    assert ended.code == 0
    assert ended.out.startswith("Hi there\n  1) Opening hours  -> hours\n\n")
    assert "  rules/shop.yaml:11:32: rule welcome (hello) answers.\n" in ended.out
    assert "window open" in ended.out


def test_try_answers_in_the_language_asked_for(command: Command) -> None:
    assert command("try", "open", "--language", "sv").out.startswith("Vi har öppet\n")


@pytest.mark.parametrize("title", ["Opening hours", "öppettider", "hours"])
def test_try_taps_a_button_by_its_title_or_rule(command: Command, title: str) -> None:
    ended = command("try", title, "--tap", "--language", "en")
    assert ended.out.startswith("We are open\n")
    assert "It was a tap" in ended.out


def test_try_sends_the_template_of_an_event_with_the_window_closed(command: Command) -> None:
    event = ("try", "--event", "order.shipped", "--data", "order_number=77")
    assert command(*event).out.startswith("77 has left\n")
    closed = command(*event, "--window", "closed").out
    assert closed.startswith("[template] order_shipped (en_US)\n77 is coming\n  1) Track  -> hours\n")


def test_try_says_when_nothing_is_answered(command: Command) -> None:
    ended = command("try", "--event", "unknown")
    assert ended.code == 2
    assert 'no rule waits for the event "unknown"; there is order.shipped.' in ended.err


def test_try_of_broken_rules_lists_the_problems(command: Command, folder: Path) -> None:
    (folder / "rules" / "shop.yaml").write_text(BROKEN, encoding="utf-8")
    ended = command("try", "hi")
    assert ended.code == 1
    assert ended.out.startswith("rules/shop.yaml:")


def test_try_takes_another_folder(command: Command, folder: Path) -> None:
    (folder / "rules").rename(folder / "other")
    assert command("try", "hello", "--rules", "other").code == 0


def test_try_as_json_holds_what_the_server_stores_and_decides_the_same(command: Command, folder: Path) -> None:
    now = datetime(2026, 1, 5, 10, tzinfo=UTC)
    rulebook = load(folder / "rules").rulebook
    assert rulebook is not None
    told = orjson.loads(command("try", "hello", "--now", now.isoformat(), "--json").out)
    answer = answer_to(Question("hello", now), rulebook)
    assert told == answer_plain(answer, now, rulebook)
    assert told["inputs"]["conversation"] == conversation_to_plain(answer.conversation)
    again = decide(answer.event, answer.conversation, Rulebooks(rulebook), now)
    assert again == answer.decision


@pytest.mark.parametrize(
    "question",
    [
        Question("Hello!!", NOW),
        Question("öppet", NOW, language="sv"),
        Question("hours", NOW, tap=True),
        Question("hello", NOW, window_open=False),
        Question("", NOW, event="order.shipped", data={"order_number": "77"}, window_open=False),
        Question("STOP", NOW),
        Question("who knows", NOW, first_contact=True),
    ],
    ids=lambda question: question.text or question.event,
)
def test_try_and_the_server_give_the_same_trace_byte_for_byte(folder: Path, question: Question) -> None:
    rulebook = load(folder / "rules").rulebook
    assert rulebook is not None
    answer = answer_to(question, rulebook)
    kind = InboxKind.API if question.event else InboxKind.INBOUND
    lane = Lane(answer.conversation, (Claimed(1, kind, b"", NOW, 1, event=answer.event),))
    deciding = Deciding(_never_read, lambda: Rulebooks(rulebook), b"k" * 32)
    [settled] = decide_lane(deciding, NOW, lane)
    told = answer_plain(answer, NOW, rulebook)
    assert orjson.dumps(told["inputs"]) == settled.inputs
    assert told["digest"] == settled.digest
    assert answer.decision == settled.decision


def _never_read(kind: InboxKind, raw: bytes, at: datetime) -> Event:
    raise AssertionError("the event is at hand")


def test_a_late_message_is_one_of_a_closed_window(folder: Path) -> None:
    now = datetime(2026, 1, 5, 10, tzinfo=UTC)
    rulebook = load(folder / "rules").rulebook
    assert rulebook is not None
    event = answer_to(Question("hello", now, window_open=False), rulebook).event
    assert isinstance(event, InboundMessage)
    assert (now - event.written_at).total_seconds() == 25 * 3600
    tapped = answer_to(Question("hours", now, tap=True), rulebook).event
    assert isinstance(tapped, InboundMessage)
    assert tapped.content == OwnTap("hours", 0, 0, "")
    assert tapped.contact == CONTACT


def test_stop_is_tried_as_it_is_recorded(command: Command) -> None:
    told = json.loads(command("try", "STOP", "--json").out)
    assert told["inputs"]["conversation"]["consent"]["stopped"] is True
    assert told["effects"][0]["confirms_stop"] is True
