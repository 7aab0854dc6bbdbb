"""Requests that are wrong in every way: of who has a key, of who is logged in, and of strangers."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any, Final
from urllib.parse import quote, urlencode

from tests.privacy import breaking
from tests.privacy.canaries import Someone
from tests.privacy.place import Place
from tests.web.raw import Raw

_FORM: Final = "application/x-www-form-urlencoded"
_OURS: Final = {"Sec-Fetch-Site": "same-origin", "Content-Type": _FORM}


async def requests_go_wrong(place: Place, each: Someone) -> None:
    """Of somebody who has a key."""
    word = place.canaries.word("asked")
    number = f"+{each.number}"
    sound = {"to": number, "reply": {"text": each.text}}
    tried: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", "/messages", f'{{"to": "{number}", "reply": {{"text": "{word}'.encode(), {}),
        ("POST", "/messages", {**sound, word: each.text}, {}),
        ("POST", "/messages", {"to": [number], "reply": each.text}, {}),
        ("POST", "/messages", {"to": f"{each.number}{each.number}", "reply": {"text": word}}, {}),
        ("POST", "/messages", {**sound, "send_at": word}, {}),
        ("POST", "/messages", sound, {"Idempotency-Key": f"{each.number} {word}" * 50}),
        ("POST", "/messages", sound, {"X-Told": f"{each.number} {place.canaries.secrets['admin password']}"}),
        ("GET", f"/messages/{quote(word)}", None, {}),
        ("GET", f"/messages?to={quote(number)}&since={quote(word)}&{quote(word)}=1", None, {}),
        ("GET", f"/contacts/{quote(number)}{quote(word)}", None, {}),
        ("DELETE", f"/nothing/{each.number}/{quote(word)}", None, {}),
        ("POST", "/events", {"name": word, "to": number, "data": {"x": [each.field]}}, {}),
        ("POST", "/subscriptions", {"url": f"http://{each.number}:{word.split()[1]}@127.0.0.1/", "events": ["*"]}, {}),
        ("POST", "/campaigns", f"to,name\n{each.number},{each.name}\n{word}".encode(), {"Content-Type": "text/csv"}),
    ]
    for method, path, body, headers in tried:
        status, _ = await place.api(method, path, body, **headers)
        place.happened["requests with a key answered in error"] += status >= 400
        if status >= 500:
            place.broken.append(f"{method} {path[:20]} was answered {status}.")
    key = place.canaries.secret("a wrong API key", "parley_" + place.canaries.secret("wrong"))
    status, answer = await place.api("POST", "/messages", sound, key=key)
    place.heard.append(("POST /v1/messages with a wrong key", answer))
    place.happened["wrong API keys"] += status == 401


async def visits(place: Place, each: Someone) -> None:
    """Somebody types a wrong password, then logs in and goes through the pages; a page breaks, a form is wrong."""
    secrets_, cookie = place.canaries.secrets, ""
    for password in (place.canaries.secret("mistyped password"), secrets_["admin password"]):
        form = urlencode({"name": "admin", "password": password, "next": f"/admin/?q={each.number}"}).encode()
        async with place.session.post(
            f"{place.url}/admin/login", data=form, headers=_OURS, allow_redirects=False
        ) as answer:
            place.happened[f"logins answered {answer.status}"] += 1
            cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
    assert cookie, "nobody is logged in"
    place.canaries.secret("session cookie", cookie.partition("=")[2])
    person = place.rows("SELECT person FROM identity WHERE identity = ?", each.number)[0][0]
    seen = {"Cookie": cookie}
    broken = f"/admin/operations/messages?reference={breaking.ASKING}{quote(each.reference)}"
    for path in (
        "/admin/",
        f"/admin/?q={quote(each.text)}",
        f"/admin/conversations/{person}",
        "/admin/operations",
        broken,
        f"/admin/{each.number}",
    ):
        status, _ = await place.ask("GET", path, None, seen)
        place.happened[f"pages answered {status}"] += 1
    word = place.canaries.word("form")
    for path in ("send", "change", "consent", "erase", word.replace(" ", "")):
        form = urlencode({"text": each.text, "number": word, "key": word, "field": word, "proof": word}).encode()
        status, _ = await place.ask("POST", f"/admin/conversations/{person}/{path}", form, {**seen, **_OURS})
        place.happened[f"forms answered {status}"] += 1
    await place.ask(
        "POST", f"/admin/conversations/{person}/send", b"%%%=" + word.encode(), {**seen, "Sec-Fetch-Site": "cross-site"}
    )


async def strangers_try(place: Place) -> None:
    """Whoever has neither key nor login."""
    word = place.canaries.word("stranger")
    number = "+" + place.canaries.people[0].number
    form = urlencode({"name": word, "password": place.canaries.secrets["key secret"], "next": f"/admin/{word}"})
    for method, path, body, headers in (
        ("GET", f"/v1/contacts/{quote(number)}", "", {}),
        ("GET", f"/v1/messages?to={quote(number)}", "", {"Authorization": f"Bearer {word}"}),
        ("GET", f"/admin/conversations/1?{quote(word)}", "", {"Cookie": f"parley={quote(word)}"}),
        ("POST", "/admin/conversations/1/erase", f"number={number}", {"Content-Type": _FORM}),
        ("POST", "/admin/login", form, {"Content-Type": _FORM, "Sec-Fetch-Site": "same-origin"}),
        ("GET", f"/metrics?{quote(word)}", "", {}),
        ("GET", f"/{quote(word)}/{number}", "", {}),
        ("GET", "/readyz", "", {}),
        ("GET", "/openapi.json", "", {}),
        ("POST", "/webhooks/sinch", word, {"x-sinch-webhook-signature": b64encode(word.encode()).decode()}),
    ):
        await place.asks_as_stranger(
            method, path, body.encode(), **{k.replace("-", "_"): v for k, v in headers.items()}
        )
    said = word.encode()
    for head in (
        b"GET /" + said + b" HTTP/9.9\r\n\r\n",
        said + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + said + b" : x\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: " + said + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + said * 2000 + b"\r\n\r\n",
    ):
        raw = Raw(*await asyncio.open_connection("127.0.0.1", int(place.url.rpartition(":")[2])))
        raw.send(head)
        answer = await raw.rest()
        raw.writer.close()
        place.heard.append((repr(head[:200]), answer))
        place.happened["malformed heads refused"] += answer.startswith((b"HTTP/1.0 400", b"HTTP/1.0 431"))
