"""``tests``: from what is written to ``Test`` values; every mistake with its place, its fault and its cure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Final

from bot.core.phrasing import Place
from bot.rulebook.node import Fields, Node
from bot.rulebook.problem import listed, seen_from
from bot.rulebook.shape.keys import Keys, joined
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import language_code
from bot.rulebook.shape.value import choice, fields, listing, word, words, yes_no
from bot.rulebook.suite.expect import EXPECTATIONS, wanted
from bot.rulebook.suite.happening import ACTS, act, mocks
from bot.rulebook.suite.test import Given, Test, TestStep

FIRST_DAY: Final = date(2026, 1, 5)  # a Monday
FIRST_HOUR: Final = time(10)
_EXAMPLE: Final = "tests: [{name: hello, steps: [{says: hi, expect: {rule: welcome}}]}]"
_CLOCK: Final = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[T ]?)?(?:(\d{1,2})[:.](\d{2}))?(Z|[+-]\d{2}:\d{2})?")


def tests(sections: Sequence[Node], scope: Scope) -> tuple[Test, ...]:
    """All tests of all files, in the order written."""
    nodes = [node for section in sections for node in listing(section, "tests", _EXAMPLE, scope)]
    found = [shaped for node in nodes if (shaped := _test(node, scope)) is not None]
    _refuse_twins(found, scope)
    return tuple(found)


def _refuse_twins(found: Sequence[Test], scope: Scope) -> None:
    first: dict[str, Place] = {}
    for test in found:
        known = first.setdefault(test.name, test.place)
        if known is not test.place:
            where = seen_from(test.place, known)
            scope.error(test.place, f'There is another test "{test.name}" ({where}). Give one of the two another name.')


def _test(node: Node, scope: Scope) -> Test | None:
    mapping = fields(node, "A test", "- {name: hello, steps: [{says: hi, expect: {rule: welcome}}]}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "A test", scope)
    called = word(keys.need("name", "name: what this conversation shows"), "The name of a test", scope)
    if not keys.has("steps") and (bare := next((key for key in (*ACTS, "expect") if keys.has(key)), "")):
        keys.also(*ACTS, "expect", "steps", "given", "calls")
        sentence = f'"{bare}" belongs into a step of the test. Write steps: [{{says: ..., expect: {{rule: ...}}}}].'
        scope.error(keys.place_of(bare), sentence)
        keys.finish()
        return None
    before = scope.notes.problems.errors
    nodes = listing(keys.need("steps", "steps: [{says: hi, expect: {rule: welcome}}]"), "steps", "steps: [{says: hi}]", scope)  # fmt: skip
    steps = joined(nodes, "says", ("expect",), "a step", scope)
    found = Test(
        called or "",
        mapping.place,
        tuple(shaped for each in steps if (shaped := _step(each, scope)) is not None),
        _given(keys.take("given"), scope),
        mocks(keys.take("calls"), scope),
    )
    keys.finish()
    if (
        called
        and steps
        and scope.notes.problems.errors == before
        and not any(step.wanted for step in found.steps)
        and len(found.steps) == len(steps)
    ):
        scope.warning(mapping.place, f'Test "{called}" expects nothing. Add expect: {{rule: ...}} to a step.')
    return found


# --- a step ---------------------------------------------------------------------------------------------------------------


def _step(node: Node, scope: Scope) -> TestStep | None:
    mapping = fields(node, "A step", "- {says: hi, expect: {rule: welcome}}", scope)
    if mapping is None:
        return None
    keys = Keys(mapping, "A step", scope)
    done = [key for key in ACTS if keys.has(key)]
    found = TestStep(
        mapping.place,
        act(keys, scope),
        wanted(keys.take("expect"), scope),
        word(keys.take("person"), "person", scope) or "",
        mocks(keys.take("calls"), scope),
    )
    _look_for_moved(mapping, keys, scope)
    known = keys.finish()
    if len(done) > 1:
        one, two = done[:2]
        scope.error(keys.place_of(two), f'A step does one thing, and this one has "{one}" and "{two}". Make two steps.')
    elif not done and known and not keys.has("person"):
        scope.error(mapping.place, f"In this step nothing happens. Add {listed(ACTS, 'or')}.")
    elif not done and found.wanted:
        scope.error(keys.place_of("expect"), "Being another person shows nothing yet. Add what they do, such as says: hi.")  # fmt: skip
    return found


def _look_for_moved(mapping: Fields, keys: Keys, scope: Scope) -> None:
    for entry in mapping.entries:
        if entry.key in EXPECTATIONS:
            keys.also(entry.key)
            scope.error(entry.place, f'"{entry.written}" belongs under "expect". Write expect: {{{entry.key}: ...}}.')


# --- given ----------------------------------------------------------------------------------------------------------------


def _given(node: Node | None, scope: Scope) -> Given:
    mapping = fields(node, "given", "given: {language: sv, window: closed}", scope)
    if mapping is None:
        return Given()
    keys = Keys(mapping, "given", scope)
    found = Given(
        language=_language(keys.take("language"), scope),
        consent=choice(keys.take("consent"), "consent", ("opted_in", "stopped", "unknown"), scope) or "",
        fields=_fields(keys.take("fields"), scope),
        tags=words(keys.take("tags"), "A tag", scope),
        now=_now(keys.take("now"), scope),
        window=choice(keys.take("window"), "window", ("open", "closed"), scope) or "",
        first_contact=yes_no(keys.take("first_contact"), "first_contact", scope) is True,
    )
    keys.finish()
    return found


def _language(node: Node | None, scope: Scope) -> str:
    text = word(node, "language", scope)
    code = language_code(text or "")
    if node is not None and text and code not in scope.notes.languages:
        cure = f"Write {listed(scope.notes.languages, 'or')}."
        scope.error(node.place, f'"{text}" is not one of the languages in settings. {cure}')
        return ""
    return code


def _fields(node: Node | None, scope: Scope) -> dict[str, str]:
    mapping = fields(node, "fields", "fields: {first_name: Åsa}", scope)
    found = {entry.key: word(entry.value, entry.written, scope) for entry in (mapping.entries if mapping else ())}
    return {name: text for name, text in found.items() if text is not None}


def _now(node: Node | None, scope: Scope) -> datetime | None:
    text = word(node, "now", scope)
    if text is None or node is None:
        return None
    found = _moment(text)
    if found is None:
        scope.error(
            node.place,
            f'now must be a day and a time such as "2026-12-24 18:00", or a time alone ("18:00") on the first Monday, not "{text}". '
            "Write it like that, in quotes.",
        )
    return found


def _moment(text: str) -> datetime | None:
    """A day, a time of day, or both; what is not told is the Monday, or ten o'clock. Naive unless it tells its zone."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]):
        return None
    day = found[1] or FIRST_DAY.isoformat()
    clock = f"{int(found[2]):02}:{found[3]}" if found[2] else FIRST_HOUR.isoformat("minutes")
    try:
        return datetime.fromisoformat(f"{day}T{clock}{found[4] or ''}")
    except ValueError:
        return None
