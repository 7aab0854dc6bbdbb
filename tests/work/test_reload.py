"""Going live: what is saved answers once it is approved, whole or not at all, and people keep the questions they were asked."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from watchfiles import awatch

from bot.core.conversation import OpenQuestion, State
from bot.core.event import ContactKey
from bot.core.phrasing import Place
from bot.errors import Misconfigured, Refused, StoreUnavailable
from bot.rulebook.approval import Approval
from bot.rulebook.problem import Problem
from bot.store.port import Store
from bot.store.sqlite import open_store
from bot.store.units import Lane, Settled
from bot.work import live as live_rules
from bot.work import reload
from bot.work.clock import RunningClock
from bot.work.live import LiveRules, rules_at_start
from bot.work.reload import Reloader
from tests.approving import approve_here, approve_stored_here
from tests.store.making import NOON, settled, wrote
from tests.work.still import StillClock

WITHIN_S = 30.0
SHOP = """
rules:
  - name: welcome
    when: {says_exactly: [hello]}
    reply: {text: TEXT}
  - name: track
    when: {says: [track]}
    ask:
      number: {text: Your number?, must_be: 8 digits, if_wrong: Eight digits.}
    reply:
      - {if: answered, text: "Thanks, {{number}}."}
      - {if: given_up, text: Sorry.}
  - name: otherwise
    when: {nothing_matched: true}
    reply: {text: What?}
"""
BROKEN = SHOP.replace("nothing_matched", "nothing_matches")
FAILING = """
tests:
  - name: greeting
    steps:
      - {says: hello, expect: {rule: otherwise}}
"""


class Told:
    """The log's words as they come, each with its values."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    def note(self, logger: object, level: str, line: MutableMapping[str, Any]) -> str:
        self.lines.put_nowait(line)
        raise structlog.DropEvent

    async def next(self) -> MutableMapping[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            return await self.lines.get()

    async def comes(self, word: str) -> MutableMapping[str, Any]:
        line = await self.next()
        assert line["event"] == word, line
        return line


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    structlog.configure(processors=[told.note])
    yield told
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Approves in this process where the test does not ask for the ``child``: starting one takes half a second each time."""
    monkeypatch.setattr(reload, "QUIET_S", 0.1)
    if "child" not in request.fixturenames:
        monkeypatch.setattr(reload, "approve", approve_here)
        monkeypatch.setattr(reload, "approve_stored", approve_stored_here)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    save(folder, "first")
    return folder


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path / "parley.db", app="APP")
    yield opened
    await opened.close()


def save(folder: Path, text: str, shop: str = SHOP, name: str = "shop.yaml") -> None:
    (folder / name).write_text(shop.replace("TEXT", text), encoding="utf-8")


def move(folder: Path, to: Path) -> None:
    folder.rename(to)


def greeting(live: LiveRules) -> str:
    rule = live.live.rule("welcome")
    assert rule is not None
    return str(rule.reply[0].says[0].text.by_language[""][0])  # type: ignore[union-attr]


async def in_the_middle(store: Store, identity: str, version: int, rule: str = "track") -> None:
    """Somebody whom that version asked a question and who has not answered."""
    question = OpenQuestion(rule, "number", version, NOON, None, 0, {})
    await decided(store, identity, State(question=question))


async def decided(store: Store, identity: str, state: State) -> None:
    await store.record([wrote(f"{identity} {state.question}", ContactKey("APP", "WHATSAPP", identity))], NOON)

    def decide(lane: Lane) -> list[Settled]:
        return [settled(claimed.inbox_id, state=state) for claimed in lane.pending]

    await store.decide_ready(10, NOON, decide)


@asynccontextmanager
async def reloading(rules: Path, store: Store) -> AsyncIterator[tuple[LiveRules, Reloader]]:
    clock = RunningClock()
    live = await rules_at_start(rules, store, clock.now())
    reloader = Reloader(rules, store, live, clock)
    task = asyncio.create_task(reloader.run())
    try:
        yield live, reloader
    finally:
        reloader.stop()
        async with asyncio.timeout(WITHIN_S):
            await task


async def looked_at(reloader: Reloader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return when the folder was looked at, and done with what it held: when it is looked at once more."""
    looks, really = asyncio.Semaphore(0), reload._digest
    loop = asyncio.get_running_loop()

    def look(folder: Path) -> str:
        loop.call_soon_threadsafe(looks.release)
        return really(folder)

    monkeypatch.setattr(reload, "_digest", look)
    async with asyncio.timeout(WITHIN_S):
        for _ in range(2):
            reloader.wake()
            await looks.acquire()


# --- a save -------------------------------------------------------------------------------------------------------------


async def test_a_save_goes_live(child: None, rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (live, _):
        save(rules, "second")
        line = await told.comes("rules_live")
        assert (line["version"], live.live.version, greeting(live)) == (2, 2, "second")
    assert [release.number for release in await store.releases(9)] == [2, 1]


async def test_a_broken_save_leaves_the_last_good_one_and_the_next_one_mends_it(
    child: None, rules: Path, store: Store, told: Told
) -> None:
    async with reloading(rules, store) as (live, reloader):
        save(rules, "second", BROKEN)
        line = await told.comes("rules_refused")
        assert (line["serving"], greeting(live)) == (1, "first")
        assert len(live.problems) == line["errors"] > 0
        state = await reloader.state()
        assert (state.version, state.problems) == (1, live.problems)
        save(rules, "third")
        await told.comes("rules_live")
        assert (greeting(live), live.problems) == ("third", ())


async def test_a_test_that_fails_keeps_a_save_from_going_live(
    child: None, rules: Path, store: Store, told: Told
) -> None:
    async with reloading(rules, store) as (live, _):
        save(rules, "", FAILING, "tests.yaml")
        await told.comes("rules_refused")
        assert 'Test "greeting"' in live.problems[0].sentence
        assert live.live.version == 1


async def test_taking_a_mistake_back_ends_the_problems(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (_, reloader):
        save(rules, "second", BROKEN)
        await told.comes("rules_refused")
        save(rules, "first")
        async with asyncio.timeout(WITHIN_S):
            while (await reloader.state()).problems:
                pass
    assert told.lines.empty()
    assert len(await store.releases(9)) == 1


async def test_going_back_by_hand_to_what_was_live_before_is_a_save_like_any(
    rules: Path, store: Store, told: Told
) -> None:
    async with reloading(rules, store) as (live, _):
        for text in ("second", "first"):
            save(rules, text)
            await told.comes("rules_live")
        assert (live.live.version, greeting(live)) == (1, "first")
    assert [release.number for release in await store.releases(9)] == [1, 2, 1]


async def test_two_hundred_files_at_once_are_one_reload(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (live, _):
        (rules / "north").mkdir()
        for number in range(200):
            shop = f"rules: [{{name: r{number}, when: {{says: [word{number}x]}}, reply: {{text: yes}}}}]"
            save(rules, "", shop, f"north/{number:03}.yaml")
            await asyncio.sleep(0.001)
        await told.comes("rules_live")
        assert live.live.rule("r199") is not None
        save(rules, "last")
        await told.comes("rules_live")
        assert live.live.version == 3


async def test_a_folder_that_is_replaced_is_watched_again(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = asyncio.Semaphore(0)

    def counted(folder: Path, **options: Any) -> Any:
        watched.release()
        return awatch(folder, **options)

    monkeypatch.setattr(reload, "awatch", counted)
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.2)
    async with reloading(rules, store) as (live, _):
        await watched.acquire()
        fresh = rules.with_name("fresh")
        fresh.mkdir()
        save(fresh, "second")
        move(rules, rules.with_name("gone"))
        move(fresh, rules)
        await told.comes("rules_live")
        assert greeting(live) == "second"
        async with asyncio.timeout(WITHIN_S):
            await watched.acquire()
        save(rules, "third")
        await told.comes("rules_live")
        assert greeting(live) == "third"


async def test_a_folder_that_is_gone_for_a_while_is_a_problem_until_it_is_back(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.1)
    async with reloading(rules, store) as (live, _):
        move(rules, rules.with_name("away"))
        words = {(await told.next())["event"] for _ in range(2)}
        assert words == {"rules_refused", "rules_unwatched"}, "each once, however long it is gone"
        save(rules.with_name("away"), "back")
        move(rules.with_name("away"), rules)
        await told.comes("rules_live")
        assert greeting(live) == "back"


@pytest.mark.parametrize("name", [".shop.yaml.swp", "#shop.yaml#", "shop.yaml~", ".#shop.yaml", "~shop.yaml", "4913"])
async def test_what_editors_leave_beside_the_rules_is_nothing_new(
    name: str, rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []

    async def counted(folder: Path) -> Approval:
        tried.append(folder)
        return await approve_here(folder)

    monkeypatch.setattr(reload, "approve", counted)
    async with reloading(rules, store):
        save(rules, "", BROKEN, name)
        await asyncio.sleep(reload.QUIET_S)
        save(rules, "second")
        await told.comes("rules_live")
    assert len(tried) == 1


async def test_a_save_while_another_is_approved_takes_its_place_one_child_at_a_time(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end, running = asyncio.Semaphore(0), asyncio.Semaphore(0), 0

    async def gated(folder: Path) -> Approval:
        nonlocal running
        running += 1
        assert running == 1
        found = await approve_here(folder)
        begun.release()
        await may_end.acquire()
        running -= 1
        return found

    monkeypatch.setattr(reload, "approve", gated)
    async with reloading(rules, store) as (live, _):
        save(rules, "second")
        await begun.acquire()
        save(rules, "third")
        save(rules, "fourth")
        may_end.release()
        await begun.acquire()
        may_end.release()
        assert (await told.comes("rules_live"))["version"] == 2
        assert greeting(live) == "fourth", (
            "what was no longer in the folder never answered: it may have been half of a save"
        )


async def test_somebody_who_saves_without_a_pause_is_not_waited_for_for_ever(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    async def saved_again(folder: Path) -> Approval:
        nonlocal tried
        found, tried = await approve_here(folder), tried + 1
        save(rules, f"edition {tried}")
        return found

    monkeypatch.setattr(reload, "approve", saved_again)
    async with reloading(rules, store):
        save(rules, "edition 0")
        await told.comes("rules_live")
    assert tried == reload.MOST_RESTLESS + 1


async def test_trouble_of_the_database_delays_a_save_and_loses_none(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reloading(rules, store) as (live, _):
        really = store.save_rulebook

        async def once(*given: Any) -> int:
            monkeypatch.setattr(store, "save_rulebook", really)
            raise StoreUnavailable("The disk is full.")

        monkeypatch.setattr(store, "save_rulebook", once)
        save(rules, "second")
        await told.comes("rules_store_unavailable")
        assert greeting(live) == "first"
        await told.comes("rules_live")
        assert greeting(live) == "second"


async def test_a_child_that_died_is_told_and_waking_tries_again(
    child: None, rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = asyncio.create_subprocess_exec

    async def kill(*command: str, **options: Any) -> Process:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", really)
        process = await really(*command, **options)
        process.kill()
        return process

    async with reloading(rules, store) as (live, reloader):
        monkeypatch.setattr(asyncio, "create_subprocess_exec", kill)
        save(rules, "second")
        await told.comes("rules_refused")
        assert "signal 9" in live.problems[0].sentence
        reloader.wake()
        await told.comes("rules_live")
        assert (greeting(live), live.problems) == ("second", ())


async def test_what_was_refused_is_not_tried_again_until_it_changes(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reloading(rules, store) as (_, reloader):
        save(rules, "second", BROKEN)
        await told.comes("rules_refused")
        await looked_at(reloader, monkeypatch)
        assert told.lines.empty()
        save(rules, "third", BROKEN)
        await told.comes("rules_refused")


async def test_a_folder_that_nobody_touches_is_not_read_again(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reloading(rules, store):
        save(rules, "second")
        await told.comes("rules_live")
        await asyncio.sleep(3 * reload.QUIET_S)  # what the system still had to tell of that save
        monkeypatch.delattr(reload, "_digest")
        await asyncio.sleep(3 * reload.QUIET_S)


async def test_what_a_child_failed_at_is_tried_again_by_and_by(
    rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(folder: Path) -> Approval:
        monkeypatch.setattr(reload, "approve", approve_here)
        return Approval(None, (Problem(Place("rules", 1, 1), "Checking the rules failed."),))

    monkeypatch.setattr(reload, "approve", failing)
    clock = StillClock(NOON)
    live = await rules_at_start(rules, store, NOON)
    reloader = Reloader(rules, store, live, clock)
    task = asyncio.create_task(reloader.run())
    save(rules, "second")
    await told.comes("rules_refused")
    async with asyncio.timeout(WITHIN_S):
        assert await clock.until_waiting() == NOON + reload.CHILD_PAUSE
    clock.advance(reload.CHILD_PAUSE.total_seconds())
    await told.comes("rules_live")
    assert greeting(live) == "second"
    reloader.stop()
    await task


async def test_stopping_in_the_middle_of_a_save_leaves_it_to_the_next_start(
    child: None, rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[Process] = []
    started = asyncio.Event()
    really = asyncio.create_subprocess_exec

    async def note(*command: str, **options: Any) -> Process:
        children.append(await really(*command, **options))
        started.set()
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", note)
    async with reloading(rules, store) as (live, _):
        started.clear()  # of the one that looked at the rules as the server started
        save(rules, "second")
        await started.wait()
    assert len(children) == 2
    assert children[-1].returncode == -9
    assert greeting(live) == "first"
    assert greeting(await rules_at_start(rules, store, NOON)) == "second"


async def test_a_fault_of_its_own_ends_it_loudly(rules: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(reload, "_digest", broken)
    live = await rules_at_start(rules, store, NOON)
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(WITHIN_S):
            await Reloader(rules, store, live, RunningClock()).run()


# --- people in the middle of a question ---------------------------------------------------------------------------------


async def test_the_version_that_asked_is_kept_until_nobody_is_in_the_middle_of_it(
    rules: Path, store: Store, told: Told
) -> None:
    async with reloading(rules, store) as (live, reloader):
        await in_the_middle(store, "1", 1)
        for text in ("second", "third"):
            save(rules, text)
            await told.comes("rules_live")
        assert live.rulebooks.older.keys() == {1, 2}
        assert live.rulebooks.at(1).version == 1
        state = await reloader.state()
        assert (state.version, state.people, state.on_older) == (3, {1: {"track": 1}}, 1)
        await decided(store, "1", State())
        save(rules, "fourth")
        await told.comes("rules_live")
        assert live.rulebooks.older.keys() == {3}, "the one just replaced stays for what is being decided"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("Your number?", "Your order number?", "changes the questions of rule track while 2 people are in the middle"),
        (
            "must_be: 8 digits",
            "must_be: 7 digits",
            "changes the questions of rule track while 2 people are in the middle",
        ),
        ("name: track", "name: trace", "removes rule track while 2 people are in the middle"),
    ],
)
async def test_a_save_that_changes_a_question_tells_how_many_people_it_finds_in_it(
    before: str, after: str, words: str, rules: Path, store: Store, told: Told
) -> None:
    async with reloading(rules, store) as (live, reloader):
        for identity in ("1", "2"):
            await in_the_middle(store, identity, 1)
        save(rules, "second", SHOP.replace(before, after))
        assert (await told.comes("rules_question_changed"))["rules"] == 1
        await told.comes("rules_live")
        [problem] = (await reloader.state()).problems
        assert problem.severity == "warning"
        assert words in problem.sentence
        assert live.problems == ()


async def test_a_question_that_only_moved_is_not_changed(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (_, reloader):
        await in_the_middle(store, "1", 1)
        save(rules, "second", "\n\n" + SHOP.replace("Thanks", "Many thanks"))
        await told.comes("rules_live")
        assert (await reloader.state()).problems == ()


async def test_a_version_that_is_asked_for_and_not_held_is_fetched(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (live, _):
        save(rules, "second")
        await told.comes("rules_live")
        save(rules, "third")
        await told.comes("rules_live")
        assert 1 not in live.rulebooks.older
        await in_the_middle(store, "1", 1)
        save(rules, "fourth")
        await told.comes("rules_live")
        assert greeting(LiveRules(live.rulebooks.at(1))) == "first"
        assert live.rulebooks.at(1).version == 1


# --- rolling back -------------------------------------------------------------------------------------------------------


async def three(rules: Path, told: Told) -> None:
    for text in ("second", "third"):
        save(rules, text)
        await told.comes("rules_live")


async def test_a_rollback_answers_at_once_and_stays_until_a_file_changes(
    child: None, rules: Path, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reloading(rules, store) as (live, reloader):
        await three(rules, told)
        assert await reloader.roll_back(1, "anna") == 3
        await told.comes("rules_rolled_back")
        assert (live.live.version, greeting(live)) == (1, "first")
        os.utime(rules / "shop.yaml")
        await looked_at(reloader, monkeypatch)
        assert told.lines.empty()
        assert live.live.version == 1
        state = await reloader.state()
        assert (state.who, state.rolled_back_from) == ("anna", 3)
    restarted = await rules_at_start(rules, store, NOON)
    assert (greeting(restarted), restarted.problems) == ("first", ())
    save(rules, "fourth")
    assert greeting(await rules_at_start(rules, store, NOON)) == "fourth"


async def test_a_save_after_a_rollback_goes_live(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (live, reloader):
        await three(rules, told)
        await reloader.roll_back(1, "anna")
        await told.comes("rules_rolled_back")
        save(rules, "fourth")
        await told.comes("rules_live")
        assert (live.live.version, greeting(live)) == (4, "fourth")


async def test_rolling_back_twice_keeps_the_folder_out_as_well(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (_, reloader):
        await three(rules, told)
        await reloader.roll_back(2, "anna")
        await reloader.roll_back(1, "bo")
    assert greeting(await rules_at_start(rules, store, NOON)) == "first"


@pytest.mark.parametrize(("number", "word"), [(7, "no rulebook 7"), (3, "live already")])
async def test_a_rollback_that_makes_no_sense_is_refused(
    number: int, word: str, rules: Path, store: Store, told: Told
) -> None:
    async with reloading(rules, store) as (live, reloader):
        await three(rules, told)
        with pytest.raises(Refused, match=word):
            await reloader.roll_back(number, "anna")
        assert live.live.version == 3
    assert len(await store.releases(9)) == 3


async def test_a_rulebook_that_is_not_sound_any_more_is_not_gone_back_to(rules: Path, store: Store, told: Told) -> None:
    async with reloading(rules, store) as (live, reloader):
        unsound = await store.save_rulebook("d" * 64, {"rules/shop.yaml": BROKEN.encode()}, NOON)
        with pytest.raises(Refused, match=r"cannot go live any more: rules/shop\.yaml:"):
            await reloader.roll_back(unsound, "anna")
        assert live.live.version == 1


# --- starting -----------------------------------------------------------------------------------------------------------


async def test_a_start_with_failing_tests_serves_the_last_good_one(rules: Path, store: Store) -> None:
    await rules_at_start(rules, store, NOON)
    save(rules, "second")
    save(rules, "", FAILING, "tests.yaml")
    live = await rules_at_start(rules, store, NOON)
    assert greeting(live) == "first"
    assert 'Test "greeting"' in live.problems[0].sentence


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a folder with the word DEADLY in it dies, as of a fault in a C library."""
    program = tmp_path / "python"
    program.write_text(
        f'#!/bin/sh\nfor folder in "$@"; do :; done\n'
        f'grep -qrs DEADLY "$folder" && kill -SEGV $$\nexec "{sys.executable}" "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


async def test_rules_that_kill_whoever_loads_them_leave_the_last_good_ones_in_service(
    child: None, deadly: None, rules: Path, store: Store
) -> None:
    assert greeting(await rules_at_start(rules, store, NOON)) == "first"
    save(rules, "DEADLY")
    live = await rules_at_start(rules, store, NOON)
    assert (greeting(live), live.live.version) == ("first", 1)
    assert "was ended by the system (signal 11)" in live.problems[0].sentence
    save(rules, "second")
    live = await rules_at_start(rules, store, NOON)
    assert (greeting(live), live.problems) == ("second", ())


async def test_a_first_start_with_rules_that_kill_is_refused_in_a_sentence(
    child: None, deadly: None, rules: Path, store: Store
) -> None:
    save(rules, "DEADLY")
    with pytest.raises(Misconfigured, match=r"no earlier rulebook to serve:\n.*signal 11"):
        await rules_at_start(rules, store, NOON)


async def test_the_last_good_rules_are_not_approved_again(
    rules: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rules_at_start(rules, store, NOON)
    monkeypatch.delattr(live_rules, "approve")
    assert greeting(await rules_at_start(rules, store, NOON)) == "first"


async def test_a_first_start_with_failing_tests_is_refused(rules: Path, store: Store) -> None:
    save(rules, "", FAILING, "tests.yaml")
    with pytest.raises(Misconfigured, match='Test "greeting"'):
        await rules_at_start(rules, store, NOON)


async def test_a_start_finds_the_versions_that_people_are_in_the_middle_of(rules: Path, store: Store) -> None:
    await rules_at_start(rules, store, NOON)
    await in_the_middle(store, "1", 1)
    save(rules, "second")
    live = await rules_at_start(rules, store, NOON)
    assert (greeting(live), greeting(LiveRules(live.rulebooks.at(1)))) == ("second", "first")


async def test_people_of_a_version_that_cannot_be_used_go_on_with_the_live_one(
    rules: Path, store: Store, told: Told
) -> None:
    unusable = await store.save_rulebook("d" * 64, {"rules/shop.yaml": BROKEN.encode()}, NOON)
    await in_the_middle(store, "1", unusable)
    live = await rules_at_start(rules, store, NOON)
    assert (await told.comes("rules_version_unusable"))["version"] == unusable
    assert live.rulebooks.at(unusable) is live.live


async def test_a_rollback_to_what_cannot_be_used_gives_way_to_a_sound_folder(rules: Path, store: Store) -> None:
    first = (await rules_at_start(rules, store, NOON)).live.version
    unusable = await store.save_rulebook("d" * 64, {"rules/shop.yaml": BROKEN.encode()}, NOON)
    await store.go_back(first, "anna", NOON)
    await store.go_back(unusable, "anna", NOON)
    assert greeting(await rules_at_start(rules, store, NOON)) == "first"


async def test_a_restart_alone_is_no_release(rules: Path, store: Store) -> None:
    for _ in range(3):
        await rules_at_start(rules, store, NOON)
    [release] = await store.releases(9)
    assert (release.number, release.who) == (1, pwd.getpwuid(os.getuid()).pw_name)
