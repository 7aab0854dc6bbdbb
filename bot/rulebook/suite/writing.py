"""A test as YAML, the way staff write it, ready to paste."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.rulebook.suite.judge import span
from bot.rulebook.suite.test import Act, Given, Gives, Happens, Helps, Mock, Passes, Says, Taps, Test, TestStep, Wanted

_PLAIN: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_TAKEN: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off"})
_ONE: Final = ("rule", "asks", "template", "language", "question")
_UNSAFE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def written(test: Test) -> str:
    """A ``tests`` section with this one test. Read again it gives the same test, places aside."""
    lines = ["tests:", f"  - name: {_text(test.name)}"]
    given = _mapping(_given(test.given))
    lines += [f"    given: {given}"] if given != "{}" else []
    lines += [f"    calls: {_calls(test.calls)}"] if test.calls else []
    lines.append("    steps:")
    for step in test.steps:
        first, *rest = _step(step)
        lines += [f"      - {first}", *(f"        {each}" for each in rest)]
    return "\n".join(lines) + "\n"


def _given(given: Given) -> Mapping[str, str]:
    found = {
        "language": _text(given.language) if given.language else "",
        "consent": given.consent,
        "fields": _mapping({_text(name): _text(value) for name, value in given.fields.items()}) if given.fields else "",
        "tags": _list(given.tags) if given.tags else "",
        "now": _text(given.now.isoformat(" ", "minutes")) if given.now is not None else "",
        "window": given.window,
        "first_contact": "true" if given.first_contact else "",
    }
    return {name: value for name, value in found.items() if value}


def _step(step: TestStep) -> Iterator[str]:
    if step.person:
        yield f"person: {_text(step.person)}"
    if step.act is not None:
        yield _act(step.act)
    if step.calls:
        yield f"calls: {_calls(step.calls)}"
    if step.wanted:
        yield f"expect: {_mapping({each.key: _wanted(each) for each in step.wanted})}"


def _act(act: Act) -> str:
    match act:
        case Says(texts=(text,)):
            return f"says: {_text(text)}"
        case Says(texts=texts):
            return f"says: {_list(texts)}"
        case Taps(what=what):
            return f"taps: {_text(what)}"
        case Passes(by=by):
            return f"later: {span(by)}"
        case Happens(name=name, data=data):
            return f"event: {{{_text(name)}: {_values(data)}}}"
        case Helps(does=does, team=team):
            return f"colleague: {{{does}: {_text(team)}}}" if team else f"colleague: {does}"
        case Gives(kind=kind, fields=fields) if fields:
            return f"sends: {{{kind}: {_values(fields)}}}"
        case Gives(kind=kind, caption=caption):
            return f"sends: {{{kind}: {_text(caption)}}}" if caption else f"sends: {kind}"


def _wanted(wanted: Wanted) -> str:
    if wanted.key in ("opted_out", "nothing"):
        return "true" if wanted.values == ("yes",) else "false"
    if wanted.key == "handed_over" or wanted.key in _ONE:
        return wanted.values[0]
    if wanted.key == "buttons":
        return _list(wanted.values)
    return _text(wanted.values[0]) if len(wanted.values) == 1 else _list(wanted.values)


def _calls(mocks: Sequence[Mock]) -> str:
    return _mapping(
        {
            mock.connection: _values(mock.answered.values) if mock.answered.values else mock.answered.outcome
            for mock in mocks
        }
    )


def _values(values: Mapping[str, str]) -> str:
    return _mapping({_text(name): _text(value) for name, value in values.items()})


def _mapping(values: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in values.items())}}}"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """Bare where nobody could take it for something else, else in double quotes, whose escapes YAML shares with JSON."""
    if _PLAIN.fullmatch(text) and text not in _TAKEN:
        return text
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
