"""What happens in a step, and what backends answer in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.core.event import Content, FlowAnswer, Location, Media, MediaKind, Order, Text, Unreadable
from bot.rulebook.node import Entry, Fields, Node, Scalar, canonical, is_missing
from bot.rulebook.problem import listed
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.value import choice, duration, fields, word, words
from bot.rulebook.simulation import Answered
from bot.rulebook.suite.test import Act, Doing, Gives, Happens, Helps, Mock, Passes, Says, Taps

ACTS: Final = ("says", "taps", "sends", "event", "colleague", "later")
DOINGS: Final[Sequence[Doing]] = ("writes", "gives_back", "closes")
SENDABLE: Final = (*(kind.value for kind in MediaKind), "location", "order", "flow", "reaction", "unsupported")
_CAPTIONED: Final = ("image", "video", "document", "reaction")
_EVENT: Final = 'event: {order.shipped: {order_number: "12345678"}}'
_TAKES_OVER: Final = "colleague: {takes_over: support}"
_CALLS: Final = "calls: {orders: {status: shipped}}, or calls: {orders: not_found}"


def act(keys: Keys, scope: Scope) -> Act | None:
    """What the step does; all of its keys are taken, and the first that is whole counts."""
    says, taps = words(keys.take("says"), "says", scope), word(keys.take("taps"), "taps", scope)
    found: list[Act | None] = [
        Says(says) if says else None,
        None if taps is None else Taps(taps),
        _gives(keys.take("sends"), scope),
        _happens(keys.take("event"), scope),
        _helps(keys.take("colleague"), scope),
        None if (by := duration(keys.take("later"), "later", scope)) is None else Passes(by),
    ]
    return next((each for each in found if each is not None), None)


def content_of(gives: Gives) -> Content:
    """What WhatsApp would bring. A reaction is no content; whoever runs a test asks for it first."""
    match gives.kind:
        case "location":
            return Location(59.3293, 18.0686, gives.caption)
        case "order":
            return Order("catalog", gives.caption)
        case "flow":
            return FlowAnswer("flow", gives.fields)
        case "unsupported":
            return Unreadable("a kind of message that cannot be read")
        case kind if kind in SENDABLE:
            return Media(f"https://media.example/{kind}", MediaKind(kind), gives.caption)
        case _:
            return Text(gives.caption)


def _gives(node: Node | None, scope: Scope) -> Gives | None:
    if not isinstance(node, Fields):
        kind = choice(node, "sends", SENDABLE, scope)
        return None if kind is None else Gives(kind)
    if len(node.entries) != 1:
        scope.error(node.place, "sends has one kind. Write sends: image, or sends: {image: the words below it}.")
        return None
    [entry] = node.entries
    kind = choice(Scalar(entry.written, entry.place), "sends", SENDABLE, scope)
    if kind == "flow":
        return Gives(
            kind, fields=_texts(fields(entry.value, "flow", "sends: {flow: {date: 2026-01-07}}", scope), scope)
        )
    caption = word(entry.value, f"What is written with {entry.written}", scope)
    if kind is not None and kind not in _CAPTIONED:
        scope.error(entry.place, f"Nobody can write words below {entry.written}. Write sends: {kind}.")
    return None if kind is None or caption is None else Gives(kind, caption)


def _happens(node: Node | None, scope: Scope) -> Happens | None:
    if isinstance(node, Scalar):
        name = word(node, "event", scope)
        return None if name is None else Happens(name, {}, {"": node.place})
    mapping = fields(node, "event", _EVENT, scope)
    if mapping is None:
        return None
    if len(mapping.entries) != 1:
        scope.error(mapping.place, f"A step has one event. For example: {_EVENT}.")
        return None
    [entry] = mapping.entries
    data = None if is_missing(entry.value) else fields(entry.value, f"The values of {entry.written}", _EVENT, scope)
    places = {each.written.strip(): each.place for each in (data.entries if data else ())}
    return Happens(entry.written.strip(), _texts(data, scope), {**places, "": entry.place})


def _helps(node: Node | None, scope: Scope) -> Helps | None:
    """``writes``, ``gives_back``, ``closes``, or ``{takes_over: support}``."""
    if node is None:
        return None
    if isinstance(node, Scalar) and canonical(node.text) != "takes_over":
        does = choice(node, "colleague", DOINGS, scope)
        return None if does is None else Helps(does)
    entries = node.entries if isinstance(node, Fields) else ()
    if len(entries) != 1 or entries[0].key != "takes_over":
        scope.error(node.place, f"Who takes over is a team. Write {_TAKES_OVER}, or colleague: {listed(DOINGS, 'or')}.")
        return None
    team = word(entries[0].value, "takes_over", scope)
    return None if team is None else Helps("takes_over", team, entries[0].value.place)


def _texts(mapping: Fields | None, scope: Scope) -> dict[str, str]:
    found = {
        each.written.strip(): word(each.value, each.written, scope) for each in (mapping.entries if mapping else ())
    }
    return {name: text for name, text in found.items() if text is not None}


# --- calls ----------------------------------------------------------------------------------------------------------------


def mocks(node: Node | None, scope: Scope) -> tuple[Mock, ...]:
    """What each connection answers."""
    mapping = fields(node, "calls", _CALLS, scope)
    entries: Sequence[Entry] = mapping.entries if mapping else ()
    found = ((entry, _answered(entry, scope)) for entry in entries)
    return tuple(Mock(entry.key, answered, entry.place) for entry, answered in found if answered is not None)


def _answered(entry: Entry, scope: Scope) -> Answered | None:
    if isinstance(entry.value, Fields):
        texts = _texts(entry.value, scope)
        return Answered("found", {canonical(name): text for name, text in texts.items()})
    match choice(entry.value, f"The answer of {entry.written}", ("found", "not_found", "failed"), scope):
        case "found":
            return Answered("found")
        case "not_found":
            return Answered("not_found")
        case "failed":
            return Answered("failed", why="The test says that it fails.")
        case _:
            return None
