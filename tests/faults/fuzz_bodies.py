"""Webhook bodies as nobody should send them: every kind that Sinch sends, bent in every way that a body can be.

The same seed gives the same bodies. One costs some dozen microseconds to make, so that the server under test has the machine.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import orjson

from tests.sinch.payloads import ACCEPTED, HAPPENED, PAYLOADS, RECEIVED_FROM_SINCH

BODY_MAX: Final = 1024 * 1024
PEOPLE: Final = 400
DEEPEST: Final = 100_000

_VECTORS: Final = Path(__file__).parents[1] / "sinch" / "vectors.json"
_IDS: Final = ("id", "message_id", "request_id", "event_id", "batch_id", "entity_id")
_SAID: Final = (
    "hi", "where is my order", "track 12345678", "öppettider", "STOP", "stopp", "START", "talk to a person", "menu",
    "return my order", "I want offers", "yes", "1", "?", "x" * 4097, "\u202etxt\u202c", "\U0001f642" * 40, " ", "\n\n",
    "a\u0301" * 200, "\ufeffhi", "\u200b", "{{order_number}}", "' OR 1=1 --", "<script>alert(1)</script>", "%s%n", "\u2028",
)  # fmt: skip
_TIMES: Final = (
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59-23:59", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "2026-02-30T00:00:00Z",
    "1970-01-01T00:00:00Z", "2000-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "2026-11-20", "20261120T101530Z", "2026-W47-5",
    "2026-11-20T24:00:00Z", "2026-11-20T10:15:30", "2026-11-20T10:15:30+99:99", "2026-11-20T10:15:30+00:00:01",
    "2026-11-20 10:15:30 UTC", "٢٠٢٦-١١-٢٠T١٠:١٥:٣٠Z", "now", "1763633730", "Z", "T", "2026-11-20T10:15:30.1234567890123Z",
)  # fmt: skip
_NAMES: Final = (
    "", "+", "0", "48500100200", "+48500100200", "US.13491208655302741918", "a", "x" * 160, "x" * 161, "x" * 5000, "\0", "\n", "\x7f",
    "\u202e46", "٤٨٥٠٠", "4850 0100 200", "../../etc", "null", "None", "🙂", "46700000001:WHATSAPP", "a:b:c", " 46700000001 ",
    "é", "e\u0301",
)  # fmt: skip
_OTHER: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1, 1e308, -1e-308, 0.1, "", "true", "null", [], {}, [None],
    [[]], [{}], {"": ""}, {"a": {"b": {"c": []}}}, ["a", 1, None], {"id": None}, [[[[[[[[[[1]]]]]]]]]],
)  # fmt: skip
_AWKWARD: Final[tuple[Any, ...]] = (*_OTHER, *_TIMES, *_NAMES, *_SAID)
_TRIGGERS: Final = (
    "message", "message_delivery_report", "event", "opt_in_notification", "opt_out_notification", "channel_event_notification",
    "contact_create_notification", "contact_merge_notification", "duplicated_contact_identities_notification", "message_redaction",
    "unsupported_callback", "hologram_notification", "", "MESSAGE", "message ", "app_id", "\u0000", "x" * 500,
)  # fmt: skip

# What no JSON writer writes: it stands for itself in the bytes.
_RAW: Final = tuple(
    text if isinstance(text, bytes) else text.encode()
    for text in (
        "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "01", "1.", "-", "0x10", "1E+9999", "-0", "1" * 400, "1" * 5000, "1e-400",
        r'"\ud83d"', r'"\udc00\ud83d"', r'"\u0000"', r'"a\u0000b"', r'"\uD800\uD800"', r'"\u"', r'"\x41"', '"\t"', '"\0"',
        b'"\xff\xfe"', b'"\xc3"', b'"\xed\xa0\xbd"', b'"\xf4\x90\x80\x80"', b'"\xc0\xaf"', b'"', b"'a'", b"undefined", b"", b"{", b"}",
        b"]", b"[1,]", b'{"a":1,}', b"/*c*/1", b"\xef\xbb\xbf1", '{"a":1,"a":2}',
    )
)  # fmt: skip
_MARK: Final = re.compile(rb'"##(\d+)##"')


def _templates() -> list[dict[str, Any]]:
    vectors = [one["body"] for one in json.loads(_VECTORS.read_text()) if one["scheme"] == "conversation"]
    return [orjson.loads(body) for body in (*PAYLOADS.values(), *vectors)]


class Bodies:
    """An endless supply; ``now`` is the time that most of them claim, so that most messages are fresh and get an answer."""

    def __init__(self, seed: int, now: datetime) -> None:
        self._dice = dice = random.Random(seed)
        self._below = dice.random
        self._serial = 0
        self._tag = f"{seed:x}"
        stamps = {
            old: (now - timedelta(seconds=ago)).isoformat().replace("+00:00", "Z")
            for old, ago in ((ACCEPTED, 0), (RECEIVED_FROM_SINCH, 1), (HAPPENED, 2))
        }
        self._templates = [_with(one, stamps) for one in _templates()]
        self._bends: tuple[Callable[[Any, Any], None], ...] = (
            *(self._replace,) * 6, self._remove, self._double, self._wrap, self._raw, self._raw, self._as_text, self._rename, self._graft,
        )  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self.next()

    def next(self) -> bytes:
        """The next body, of at most 1 MiB."""
        body = self._bent()
        luck = self._below()
        if luck < 0.1:
            body = self._broken(body)
        elif luck < 0.104:
            body = self._huge(body)
        return body[:BODY_MAX]

    def _bent(self) -> bytes:
        dice = self._dice
        self._serial += 1
        value = orjson.loads(self._templates[dice.randrange(len(self._templates))])
        self._make_its_own(value)
        for _ in range((0, 0, 1, 1, 1, 2, 3, 6)[dice.randrange(8)]):
            holder, key = self._somewhere(value)
            if key is not None:
                self._bends[dice.randrange(len(self._bends))](holder, key)
        body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        if b"##" in body:
            body = _MARK.sub(lambda found: _RAW[int(found[1])], body)
        return body.replace(b'"@@', b'"') if b'"@@' in body else body

    def _make_its_own(self, value: dict[str, Any]) -> None:
        """Mostly an id of its own, one of some people, and words that rules know."""
        dice = self._dice
        for payload in value.values():
            if type(payload) is not dict:
                continue
            for name in _IDS:
                if name in payload and self._below() < 0.95:
                    payload[name] = f"{payload[name]}-{self._tag}-{self._serial}"
            who = payload.get("channel_identity")
            if type(who) is dict and self._below() < 0.8:
                who["identity"] = f"4670{dice.randrange(PEOPLE):07d}"
            content = payload.get("contact_message")
            if type(content) is dict and "text_message" in content:
                content["text_message"] = {"text": _SAID[dice.randrange(len(_SAID))]}
            return

    def _somewhere(self, value: Any) -> tuple[Any, Any]:
        """A place in it: what holds it, and under which key; None where it is empty."""
        holder, key = value, None
        while True:
            inside = holder if key is None else holder[key]
            kind = type(inside)
            if kind is dict and inside:
                chosen: Any = self._dice.choice(list(inside))
            elif kind is list and inside:
                chosen = self._dice.randrange(len(inside))
            else:
                return holder, key
            holder, key = inside, chosen
            if self._below() < 0.3:
                return holder, key

    # --- what is done to a place in it -----------------------------------------------------------------------------------

    def _replace(self, holder: Any, key: Any) -> None:
        holder[key] = self._awkward()

    def _awkward(self) -> Any:
        found = _AWKWARD[self._dice.randrange(len(_AWKWARD))]
        return orjson.loads(orjson.dumps(found)) if type(found) in (dict, list) else found  # the next bend may be in it

    def _remove(self, holder: Any, key: Any) -> None:
        del holder[key]

    def _double(self, holder: Any, key: Any) -> None:
        """The same name once more, with another value."""
        if type(holder) is dict:
            holder[f"@@{key}"] = self._awkward()

    def _wrap(self, holder: Any, key: Any) -> None:
        inside = holder[key]
        wrapped = ([inside], {"value": inside}, [inside] * 30, {str(n): inside for n in range(300)}, _deep(inside, 60))
        holder[key] = wrapped[self._dice.randrange(len(wrapped))] if self._below() < 0.3 else wrapped[0]

    def _raw(self, holder: Any, key: Any) -> None:
        holder[key] = f"##{self._dice.randrange(len(_RAW))}##"

    def _as_text(self, holder: Any, key: Any) -> None:
        holder[key] = str(holder[key])

    def _rename(self, holder: Any, key: Any) -> None:
        if type(holder) is dict:
            holder[_TRIGGERS[self._dice.randrange(len(_TRIGGERS))]] = holder.pop(key)

    def _graft(self, holder: Any, key: Any) -> None:
        """A piece of another kind of webhook."""
        other = orjson.loads(self._templates[self._dice.randrange(len(self._templates))])
        place, name = self._somewhere(other)
        if name is not None:
            holder[key] = place[name]

    # --- what is done to its bytes ---------------------------------------------------------------------------------------

    def _broken(self, body: bytes) -> bytes:
        dice = self._dice
        match dice.randrange(12):
            case 0 | 1:
                return body[: dice.randrange(len(body) + 1)]
            case 2 | 3:
                return self._flipped(body)
            case 4:
                return dice.randbytes(dice.randrange(200))
            case 5:
                return (b"\xef\xbb\xbf" + body, body + b"\0", body + body, b"\n\n " + body + b"\r\n\t")[
                    dice.randrange(4)
                ]
            case 6:
                return body.decode("utf-8", "replace").encode(
                    ("utf-16", "utf-32", "utf-7", "cp500")[dice.randrange(4)], "replace"
                )
            case 7:
                return (b"", b" ", b"\n" * 50, b"null", b"true", b"0", b'""', b"[]", b"{}", b"[" * 50)[
                    dice.randrange(10)
                ]
            case 8:
                return b"[" + body + b"]"
            case 9:
                return body.replace(b'"', b"'")
            case 10:
                return body.replace(b":", b": " * dice.randrange(1, 3)).replace(b",", b",\n  ")
            case _:
                return body[:-1] + b',"n":' + _AT[dice.randrange(len(_AT))] + b"}"

    def _flipped(self, body: bytes) -> bytes:
        bent = bytearray(body)
        for _ in range(self._dice.randrange(1, 6)):
            bent[self._dice.randrange(len(bent))] = self._dice.randrange(256)
        return bytes(bent)

    def _huge(self, body: bytes) -> bytes:
        """Long, deep or wide; one in some thousand as large as we take."""
        dice = self._dice
        room = BODY_MAX - len(body) - 20
        length = room if self._below() < 0.1 else dice.randrange(8_000, 120_000)
        if b'"text":"' in body and self._below() < 0.5:
            return body.replace(b'"text":"', b'"text":"' + b"y" * length, 1)
        depth = min(DEEPEST, length // 7)
        match dice.randrange(4):
            case 0:
                large = b'"' + b"z" * length + b'"'
            case 1:
                large = b"[" * depth + b"]" * depth
            case 2:
                large = b'{"a":' * depth + b"1" + b"}" * depth
            case _:
                large = b"[" + b"1," * (length // 2) + b"1]"
        return b'{"metadata":' + large + b"," + body[1:]


_AT: Final = tuple(_RAW[:14])


def _deep(inside: object, levels: int) -> object:
    for _ in range(levels):
        inside = [inside]
    return inside


def _with(template: dict[str, Any], stamps: dict[str, str]) -> bytes:
    text = orjson.dumps(template).decode()
    for old, fresh in stamps.items():
        text = text.replace(old, fresh)
    return text.encode()
