"""A folder of files becomes one rulebook, or every problem that keeps it from being one."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.core.rule import AtMost, Heard
from bot.rulebook.load import Reading, digest_of, load, load_files

HELLO = b'rules:\n  - name: hello\n    when: {says: hello}\n    reply: {text: "Hi"}\n'
BYE = b'rules:\n  - name: bye\n    when: {says: bye}\n    reply: {text: "Bye"}\n'
SAMPLE = Path(__file__).parent / "language_sample.yaml"
SHOP = Path(__file__).parents[2] / "rules"


def told(reading: Reading) -> list[str]:
    return [str(problem) for problem in reading.problems]


def test_files_are_read_in_alphabetical_order_with_subfolders(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    for name, rule in {"b.yaml": "one", "a/z.yml": "two", "a.yaml": "three", "c/A.YAML": "four"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(HELLO.replace(b"hello", rule.encode()))
    reading = load(folder)
    assert told(reading) == []
    assert list(reading.files) == ["rules/a/z.yml", "rules/a.yaml", "rules/b.yaml", "rules/c/A.YAML"]
    assert reading.rulebook is not None
    assert [rule.name for rule in reading.rulebook.rules] == ["two", "three", "one", "four"]


def test_dot_files_and_what_editors_leave_behind_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_bytes(HELLO)
    (tmp_path / ".git").mkdir()
    for name in (
        ".hidden.yaml",
        "hello.yaml~",
        ".#hello.yaml",
        "#hello.yaml#",
        "hello.yaml.swp",
        "~$hello.yaml",
        "notes.txt",
        ".git/x.yaml",
    ):
        (tmp_path / name).write_bytes(HELLO)
    assert list(load(tmp_path).files) == [f"{tmp_path.name}/hello.yaml"]


def test_a_missing_and_an_empty_folder_are_problems(tmp_path: Path) -> None:
    missing, empty = load(tmp_path / "nowhere"), load(tmp_path)
    assert missing.rulebook is None
    assert empty.rulebook is None
    assert "There is no folder" in told(missing)[0]
    assert "holds no .yaml file" in told(empty)[0]


def test_a_subfolder_that_cannot_be_looked_into_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a save would quietly go live without its rules. Whoever runs the tests may look everywhere, so the system is bent."""
    (tmp_path / "a.yaml").write_text("rules: [{name: a, when: {says: a}, reply: {text: A}}]")
    (tmp_path / "closed").mkdir()
    look = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    reading = load(tmp_path)
    assert told(reading) == [
        f"{tmp_path.name}/closed:1:1: This folder cannot be read (Permission denied). Check who may read it."
    ]
    assert reading.rulebook is None


def test_an_empty_file_and_files_without_a_rule_are_doubted() -> None:
    empty = load_files({"rules/a.yaml": HELLO, "rules/b.yaml": b"# soon\n"})
    assert empty.rulebook is not None
    assert told(empty) == [
        "rules/b.yaml:1:1: Warning: This file holds nothing. Write the rules into it and save it, or delete it."
    ]
    saving = load_files({"rules/a.yaml": HELLO, "rules/b.yaml": b" \n"})
    assert saving.rulebook is None, "a file without a byte in it is being saved right now"
    ruleless = load_files({"rules/a.yaml": b"teams: [support]", "rules/b.yaml": b"rules: []"})
    assert ruleless.rulebook is not None
    assert told(ruleless) == [
        "rules/a.yaml:1:1: Warning: There is no rule in any file, so the bot answers nobody. Add rules: with a first rule."
    ]


def test_the_whole_sample_of_the_language_goes_live() -> None:
    reading = load_files({"rules/shop.yaml": SAMPLE.read_bytes()})
    assert told(reading) == []
    book = reading.rulebook
    assert book is not None
    assert list(book.connections) == ["orders"]
    track, person, still_there = (book.rule(name) for name in ("track_order", "person", "still_there"))
    assert track is not None
    assert person is not None
    assert still_there is not None
    assert (track.goes_on, track.call, [question.slot for question in track.ask]) == (True, "orders", ["order_number"])
    assert person.anytime
    assert still_there.at_most == AtMost(1, timedelta(weeks=1))
    assert book.on_window_closing == (book.by_name["still_there"],)
    assert book.by_example == {"hej": (book.by_name["welcome"],), "hello there": (book.by_name["welcome"],)}


def test_rules_are_found_by_what_sets_them_off() -> None:
    whens = {
        "silent": "silent_for: 2 hours",
        "closing": "window_closes_in: 2 hours",
        "back": "opts_in: true",
        "gone": "opts_out: true",
        "lost": "delivery_failed: true",
    }
    rules = "".join(f"  - {{name: {name}, when: {{{when}}}, then: {{tag: x}}}}\n" for name, when in whens.items())
    book = load_files({"rules/a.yaml": f"canned: {{thanks: Thank you!}}\nrules:\n{rules}".encode()}).rulebook
    assert book is not None
    assert (book.on_silence, book.on_window_closing, book.on_opt_in, book.on_opt_out, book.on_delivery_failed) == (
        (0,), (1,), (2,), (3,), (4,),
    )  # fmt: skip
    assert book.canned["thanks"].in_language("en") == ("Thank you!",)


def test_a_name_used_twice_across_files_shows_both_places() -> None:
    reading = load_files({"rules/a.yaml": HELLO, "rules/b.yaml": HELLO})
    assert told(reading) == [
        "rules/b.yaml:2:11: Rule hello is already written at rules/a.yaml:2:11. Give one of the two another name."
    ]


def test_a_setting_written_in_two_files_shows_both_places() -> None:
    reading = load_files(
        {"rules/a.yaml": b"settings: {languages: [en]}", "rules/b.yaml": b"settings: {languages: [sv]}"}
    )
    assert told(reading) == [
        'rules/b.yaml:1:12: "languages" of settings is already written at rules/a.yaml:1:12. Keep one of the two.'
    ]


def test_all_files_tell_their_syntax_error_and_references_wait() -> None:
    broken = b"rules:\n  - name: c\n    reply: {text: *x*}\n"
    leads = HELLO.replace(b'{text: "Hi"}', b"{goes_to: c}")
    reading = load_files({"rules/a.yaml": leads, "rules/b.yaml": broken, "rules/c.yaml": broken})
    assert [str(problem.place) for problem in reading.problems] == ["rules/b.yaml:3:19", "rules/c.yaml:3:19"]


def test_a_rule_broken_in_its_shape_still_counts_as_known() -> None:
    leads = HELLO.replace(b'{text: "Hi"}', b"{goes_to: bye}")
    reading = load_files({"rules/a.yaml": leads, "rules/b.yaml": BYE.replace(b"reply", b"replay")})
    assert told(reading) == ['rules/b.yaml:4:5: Rule bye has an unknown key "replay". Did you mean "reply"?']


def test_problems_come_by_place_and_as_json() -> None:
    reading = load_files({"rules/b.yaml": b"rulez: []\nruls: []", "rules/a.yaml": b"setings: {}"})
    assert [str(problem.place) for problem in reading.problems] == [
        "rules/a.yaml:1:1",
        "rules/b.yaml:1:1",
        "rules/b.yaml:2:1",
    ]
    assert reading.problems[0].as_plain() == {
        "file": "rules/a.yaml",
        "line": 1,
        "column": 1,
        "severity": "error",
        "sentence": 'There is no section "setings". Did you mean "settings"?',
    }


def test_the_digest_is_of_names_and_bytes_in_any_order() -> None:
    files = {"rules/a.yaml": HELLO, "rules/b.yaml": BYE}
    digest = digest_of(files)
    assert digest == digest_of(dict(reversed(list(files.items()))))
    swapped = {"rules/a.yaml": BYE, "rules/b.yaml": HELLO}
    reworded = {"rules/a.yaml": HELLO.replace(b"Hi", b"Ho"), "rules/b.yaml": BYE}
    renamed = {"rules/a.yaml": HELLO, "rules/c.yaml": BYE}
    joined = {"rules/a.yaml": HELLO + BYE}
    assert len({digest, *map(digest_of, (swapped, reworded, renamed, joined))}) == 5


def test_stored_bytes_give_the_same_rulebook_again() -> None:
    first = load(SHOP)
    again = load_files(dict(reversed(list(first.files.items()))))
    assert first.rulebook is not None
    assert again.rulebook is not None
    assert again.rulebook.digest == first.rulebook.digest
    assert again.rulebook.rules == first.rulebook.rules


def test_the_sample_shop_is_sound() -> None:
    reading = load(SHOP)
    assert told(reading) == []
    assert reading.rulebook is not None
    assert reading.rulebook.settings.languages == ("en", "sv")
    names = ("hours", "track_number", "order_shipped", "voice_notes", "welcome", "otherwise")
    assert all(reading.rulebook.rule(name) is not None for name in names)


def test_every_rule_of_the_shop_that_hears_words_has_examples() -> None:
    rulebook = load(SHOP).rulebook
    assert rulebook is not None
    heard = [rule for rule in rulebook.rules if any(isinstance(trigger, Heard) for trigger in rule.triggers)]
    assert len(heard) >= 10
    assert [rule.name for rule in heard if not rule.examples_match] == []


def test_the_indexes_find_rules_by_what_sets_them_off() -> None:
    text = b"""
rules:
  - {name: a, when: {taps: ["Spara Order!", Yes], sends: [voice, media]}, reply: {text: "A"}}
  - {name: b, when: {taps: YES, first_contact: true}, reply: {text: "B"}}
  - {name: c, when: [{event: order.shipped}, {event: order.lost}], reply: {text: "C"}, if_closed: skip}
  - {name: d, when: {nothing_matched: true, sends: voice}, reply: {text: "D"}}
"""
    rulebook = load_files({"rules/a.yaml": text}).rulebook
    assert rulebook is not None
    assert rulebook.by_tap == {"spara order": (0,), "yes": (0, 1)}
    assert rulebook.by_sent == {"voice": (0, 3), "media": (0,)}
    assert rulebook.by_event == {"order.shipped": (2,), "order.lost": (2,)}
    assert rulebook.on_first_contact == (1,)
    assert rulebook.on_nothing_matched == (3,)


def test_a_thousand_rules_load_in_seconds() -> None:
    rule = """
  - name: rule_{0}
    when: {{says: {{en: [topic{0}, "[tell me] about thing{0}"], sv: [ämne{0}]}}}}
    reply:
      text: {{en: "Answer {0} for {{{{first_name|you}}}}", sv: "Svar {0} till {{{{first_name|dig}}}}"}}
      buttons: [{{label: {{en: Next, sv: Nästa}}, goes_to: rule_0}}]
    examples: {{match: ["tell me about thing{0}"], no_match: [nothing]}}"""
    text = "settings: {languages: [en, sv]}\nrules:" + "".join(rule.format(number) for number in range(1000))
    began = time.process_time()
    reading = load_files({"rules/a.yaml": text.encode()})
    assert told(reading) == []
    assert time.process_time() - began < 4  # half of it on an idle machine


SETTINGS = b"settings: {languages: [en, sv]}\n"
TWO_LANGUAGES = b"""
rules:
  - name: welcome
    when: {says: {en: [menu], sv: [meny]}}
    reply: {text: {en: Hi, sv: Hej}, buttons: [{label: {en: Hours, sv: Tider}, goes_to: hours}]}
tests:
  - name: hours
    steps:
      - {says: menu, expect: {rule: welcome}}
"""
HOURS_RULE = (
    b"rules:\n  - {name: hours, when: {says: {en: [hours], sv: [tider]}}, reply: {text: {en: 9 to 5, sv: 9 till 5}}}\n"
)
WHOLE = {"rules/a.yaml": SETTINGS, "rules/b.yaml": TWO_LANGUAGES, "rules/c.yaml": HOURS_RULE}


@pytest.mark.parametrize("name", WHOLE)
def test_of_an_empty_file_nothing_is_told_but_that_it_is_empty(name: str) -> None:
    assert told(load_files(WHOLE)) == []
    assert told(load_files({**WHOLE, name: b" \n"})) == [
        f"{name}:1:1: This file holds nothing. Write the rules into it and save it, or delete it."
    ]


def test_where_the_settings_cannot_be_read_no_text_is_blamed() -> None:
    (only,) = told(load_files({**WHOLE, "rules/a.yaml": b"settings: {{\n"}))
    assert only.startswith("rules/a.yaml:")


def test_what_a_broken_rule_would_have_set_is_not_missed() -> None:
    rules = """
rules:
  - {name: order, when: {says: [order]}, reply: {text: Yes}, then: {set: {last_order: today}}}
  - {name: last, when: {says: [last]}, reply: {text: "It was {{last_order|none}}."}, then: {forget: [last_order]}}
"""
    assert told(load_files({"rules/a.yaml": rules.encode()})) == []
    (only,) = told(load_files({"rules/a.yaml": rules.replace("then: {set", "thn: {set").encode()}))
    assert 'unknown key "thn"' in only
