"""One story: a day on which everything goes wrong, over three lives of the server, and then people who want to be forgotten.

What somebody says is in what they send, in what Sinch and backends answer about them, in requests that are wrong, and in what strangers
try. Afterwards it stands in the database alone, and after an erasure not there either.
"""

from __future__ import annotations

import asyncio
import re
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson

from tests.faults.proxy import Fault, Reset, Says
from tests.privacy import breaking
from tests.privacy.asking import requests_go_wrong, strangers_try, visits
from tests.privacy.canaries import Someone
from tests.privacy.place import APP, Place, place_in
from tests.sinch.payloads import APP as THEIR_APP
from tests.sinch.payloads import BUSINESS_SCOPED, PAYLOADS, PHONE, receipt, texted, whatsapp

PEOPLE: Final = 4
BREAKING: Final = ("-m", "tests.privacy.breaking")


async def tell(seed: int, folder: Path, whole: bool = True) -> Place:
    """What was found is in ``broken``, what went wrong on purpose in ``happened``. Unless ``whole``, it has two lives and no backups."""
    async with place_in(folder, seed) as place:
        people = [place.canaries.someone() for _ in range(PEOPLE)]
        made = await place.command(
            "keys", "create", "--name", "shop", "--scope", "admin", "--scope", "send", "--scope", "read"
        )
        place.key = place.canaries.secret("API key", re.findall(r"parley_\S+", made)[0].rstrip("."))
        await place.start(*BREAKING)
        await _a_bad_day(place, people, whole)
        await _forgotten(place, people, whole)
    return place


async def _a_bad_day(place: Place, people: list[Someone], whole: bool) -> None:
    await _subscribes(place)
    await _people_write(place, people)
    await _webhooks_go_wrong(place, people)
    await _parts_break(place, people[3])
    await _sends_go_wrong(place, people)
    await requests_go_wrong(place, people[0])
    await visits(place, people[0])
    await strangers_try(place)
    await _rules_go_wrong(place)
    await _deciding_breaks(place, people[3])
    place.look()
    if whole:
        load = asyncio.create_task(_load(place, people[3]))
        place.happened["ended by SIGTERM under load"] += await place.end(signal.SIGTERM) == 0
        await load
        await place.start()
    load = asyncio.create_task(_load(place, people[3]))
    place.happened["killed under load"] += await place.end(signal.SIGKILL) == -signal.SIGKILL
    await load
    await place.start()
    await place.rests()
    place.look()


# --- people, and what Sinch says of them


async def _subscribes(place: Place) -> None:
    status, _ = await place.api("POST", "/subscriptions", {"url": f"http://{place.backend}/told", "events": ["*"]})
    assert status == 201


async def _people_write(place: Place, people: list[Someone]) -> None:
    """Everything that a person can send, in their own words."""
    for each in people:
        place.happened["people"] += 1
        who = place.person(each.number)
        for said in (f"I am {each.name}", f"parcel {each.field}", "wish", each.answer, each.text):
            await who.says(said)
        for name, body in PAYLOADS.items():
            status = await place.posted(_theirs(body, each))
            place.happened[f"a webhook of every kind answered {status}"] += 1
            if status != 200:
                place.broken.append(f"The webhook {name} was answered {status}.")
        await who.says("START")  # among all kinds there was a STOP
        patch = {
            "fields": {"address": each.field, "first_name": each.name},
            "tags": [f"t-{each.file.split()[1].lower()}"],
        }
        await place.api("PATCH", f"/contacts/+{each.number}", patch)
    await place.rests()
    found = place.rows("SELECT count(*) FROM outbox WHERE kind = 'call'")[0][0]
    place.happened["calls that failed"] += found


def _theirs(body: bytes, each: Someone) -> bytes:
    """A webhook of this person, with ids and words of their own; it is somebody else's where it comes from another kind of address."""
    if BUSINESS_SCOPED.encode() in body:
        return body.replace(THEIR_APP.encode(), APP.encode()).replace(b'"M-', b'"M-' + each.number[-4:].encode())
    body = body.replace(PHONE.encode(), each.number.encode()).replace(THEIR_APP.encode(), APP.encode())
    body = re.sub(rb'"(M|E|R|01HC|C)-', rb'"\1-' + each.number[-4:].encode() + b"-", body)
    body = body.replace(b'"hi"', orjson.dumps(each.text)).replace(b"Ann Nowak", each.name.encode())
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
    body = body.replace(b"bill.PDF", f"{each.file}.pdf".encode()).replace(b"Cafe", each.field.encode())
    return re.sub(rb"2026-11-20T[0-9:.]+Z", now, body)


async def _webhooks_go_wrong(place: Place, people: list[Someone]) -> None:
    for each in people:
        word, whole = (
            place.canaries.word("broken"),
            texted("M-x", each.number, place.canaries.word(), datetime.now(UTC)),
        )
        for body in (
            f'{{"message": "{word} {place.canaries.word()}'.encode(),
            b"\xff\xfe" + word.encode(),
            b"[" * 40_000 + word.encode(),
        ):
            place.happened["malformed bodies kept"] += await place.posted(body) == 200
        text = _text(place, each)
        place.happened["stale webhooks refused"] += await place.posted(text, age_s=4000) == 401
        place.happened["forged webhooks refused"] += await place.posted(orjson.dumps(whole), "somebody's guess") == 401
        somebody = place.canaries.someone()
        foreign = texted("M-y", somebody.number, somebody.text, datetime.now(UTC), app_id=place.canaries.word("app"))
        place.happened["webhooks of another app"] += await place.posted(orjson.dumps(foreign)) == 200
        late = receipt("M-nobody", "FAILED", channel_identity=whatsapp(each.number), reason=_reason(each))
        place.happened["failed receipts that repeat it"] += (
            await place.posted(orjson.dumps({**late, "app_id": APP})) == 200
        )


def _text(place: Place, each: Someone, words: str = "", id_: str = "") -> bytes:
    id_ = id_ or f"M-{place.canaries.dice.getrandbits(64):x}"
    return orjson.dumps(texted(id_, each.number, words or each.text, datetime.now(UTC), app_id=APP))


def _reason(each: Someone) -> dict[str, str]:
    return {
        "code": "RECIPIENT_NOT_REACHABLE",
        "description": f"+{each.number} did not get {each.text}",
        "sub_code": "",
        "channel_code": "1",
    }


async def _parts_break(place: Place, each: Someone) -> None:
    """A mistake in every part, whose exception repeats all that the part was given."""
    log = place.folder / "server.log"
    await place.posted(_text(place, each, f"{each.text} {breaking.PARSING}"))
    await place.posted(_text(place, each, f"I am {each.name} {breaking.TELLING}"))
    await place.posted(_text(place, each, f"parcel {each.field}{breaking.CALLING}"))
    await place.api("GET", f"/messages?reference={breaking.ASKING}{quote(each.reference)}")
    somebody = place.canaries.someone()
    await place.person(somebody.number).says(somebody.text)
    await place.rests()
    broken = {"to": f"+{somebody.number}", "reply": {"text": f"{somebody.text} {breaking.SENDING}"}}
    status, answer = await place.api("POST", "/messages", broken)
    assert status == 202, answer
    words = ("request_broke", "news_broke", "call_broke", "api_broke", "send_broke")

    async def told() -> bool:
        return all(word.encode() in log.read_bytes() for word in words)

    await place.until("all parts broke", told)
    for word in words:
        place.happened[word] += log.read_bytes().count(word.encode())


async def _deciding_breaks(place: Place, each: Someone) -> None:
    """It is tried again by the next life, in which nothing is broken."""
    log = place.folder / "server.log"
    await place.posted(_text(place, each, f"{each.text} {breaking.DECIDING}"))

    async def told() -> bool:
        return b"decide_failed" in log.read_bytes()

    await place.until("deciding broke", told)
    place.happened["decide_failed"] += 1


async def _sends_go_wrong(place: Place, people: list[Someone]) -> None:
    """What Sinch says repeats whom we wrote to, and what."""
    for other in people[1:]:
        await _sends(place, other)
    await place.rests()  # so that what is said now is said of this one person
    each = people[0]
    said = f"+{each.number}: the text '{each.text}' of {each.name} is wrong ({each.number[:4]} {each.number[4:7]} {each.number[7:]})"
    place.proxy.script(
        Fault("400 that repeats it", "none", Says(400, _error(400, said))),
        Fault("page that repeats it", "none", Says(403, f"<html>{said}</html>".encode())),
        Fault("429 that repeats it", "none", Says(429, _error(429, said), "0")),
        Fault("503 that repeats it", "none", Says(503, _error(503, said), "0")),
        Fault("500 that repeats it", "all", Says(500, f"<html>{said}</html>".encode())),
        Fault("reset after it arrived", "all", Reset()),
    )
    for _ in range(5):
        await _sends(place, each)
    await place.rests()
    for name, times in place.proxy.happened.items():
        place.happened[name] += times
    for outbox, message_id, number in place.rows(
        "SELECT o.id, a.message_id, i.identity FROM attempt a JOIN outbox o ON o.seq = a.outbox JOIN identity i ON i.person = o.person"
        " WHERE a.message_id <> ''"
    ):
        for each in [each for each in people if each.number == number]:
            late = receipt(
                message_id, "FAILED", channel_identity=whatsapp(number), metadata=outbox, reason=_reason(each)
            )
            status = await place.posted(orjson.dumps({**late, "app_id": APP}))
            place.happened["failed receipts that repeat it"] += status == 200


async def _sends(place: Place, each: Someone) -> None:
    words = {"to": f"+{each.number}", "reply": {"text": f"{each.text}, {each.name}"}, "reference": each.reference}
    status, answer = await place.api("POST", "/messages", words)
    assert status == 202, answer


def _error(status: int, said: str) -> bytes:
    return orjson.dumps(
        {"error": {"code": status, "message": said, "status": "INVALID_ARGUMENT", "details": [{"field": said}]}}
    )


# --- rules, load


async def _rules_go_wrong(place: Place) -> None:
    """Staff save what has a mistake in it."""
    path = place.folder / "rules" / "more.yaml"
    word = place.canaries.word("rule")
    path.write_text(
        f"rules: [{{name: {word}, when: {{says: [{word}]}}, {word}: {{{{{word}, reply: {{text: {word}}}}}]",
        encoding="utf-8",
    )
    log = place.folder / "server.log"

    async def refused() -> bool:
        return b"rules_refused" in log.read_bytes()

    await place.until("rules refused", refused)
    place.happened["rules with mistakes saved"] += 1
    path.unlink()


async def _load(place: Place, each: Someone) -> None:
    """People write and backends send until nobody answers."""
    number = 0
    while True:
        number += 1
        answers = await asyncio.gather(
            place.ask("GET", f"/v1/messages?to=%2B{each.number}", None, {"Authorization": f"Bearer {place.key}"}),
            place.posted(_text(place, each, f"{each.text} {number}")),
        )
        if answers[1] == 0 or number > 500:
            return


# --- erasing


async def _forgotten(place: Place, people: list[Someone], whole: bool) -> None:
    """By command and by the API; then late things come, and nothing is written back."""
    gone = people[: 3 if whole else 2]
    bodies = [row[0] for each in gone for row in place.rows(_BODIES, each.number)]
    sent = [(each, *row) for each in gone for row in place.rows(_SENT, each.number)]
    assert all(len(place.left_of(each.words)) > len(each.words) - 2 for each in gone), "hardly anything was kept"
    before, after = place.folder / "before.backup", place.folder / "after.backup"
    if whole:
        await place.command("backup", str(before))
    await place.command("contact", "erase", f"+{gone[0].number}", "--yes")
    await _erased_by_the_api(place, gone[1])
    _check(place, gone[:2], "erased")
    if whole:
        await _erased_while_nobody_serves(place, gone)
    for body in bodies:
        place.happened["redeliveries after an erasure"] += await place.posted(body) == 200
    for each, outbox, message_id in sent:
        late = receipt(
            message_id, "READ", channel_identity=whatsapp(each.number), metadata=outbox, reason=_reason(each)
        )
        status = await place.posted(orjson.dumps({**late, "app_id": APP}))
        place.happened["late receipts after an erasure"] += status == 200
    await place.rests()
    if whole:
        await place.command("backup", str(after))
    _check(place, gone, "come back late", after)
    await place.end(signal.SIGTERM)
    place.look()
    _check(place, gone, "after the end")
    if whole:
        await place.command("restore", str(before), "--yes")
        place.happened["restores of a backup from before"] += 1
        _check(place, gone, "restored", after)


async def _erased_while_nobody_serves(place: Place, gone: list[Someone]) -> None:
    await place.end(signal.SIGTERM)
    await place.command("contact", "erase", f"+{gone[2].number}", "--yes")
    _check(place, gone, "erased while nobody served")
    await place.start()


_BODIES: Final = (
    "SELECT raw FROM inbox WHERE person = (SELECT person FROM identity WHERE identity = ?) AND raw IS NOT NULL AND kind <> 'own'"
    " AND kind = 'inbound'"
)
_SENT: Final = (
    "SELECT o.id, a.message_id FROM attempt a JOIN outbox o ON o.seq = a.outbox"
    " WHERE o.person = (SELECT person FROM identity WHERE identity = ?) AND a.message_id <> ''"
)


async def _erased_by_the_api(place: Place, each: Someone) -> None:
    async def erased() -> bool:
        status, _ = await place.api("DELETE", f"/contacts/+{each.number}")
        return status == 200

    await place.until("erased by the API", erased)


def _check(place: Place, gone: list[Someone], when: str, *others: Path) -> None:
    for each in gone:
        place.happened[f"people looked for: {when}"] += 1
        place.broken += [f"{when}: {sentence}" for sentence in place.left_of(each.words, *others)]
