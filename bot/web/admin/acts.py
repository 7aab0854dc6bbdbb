"""What colleagues do in a conversation: write, take over, give back, close, note a word of consent, change what is known, export, erase.

Each is a form that is sent once: afterwards the browser goes on to the page that shows what was done. What was refused is shown with what
had been written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, get_args

import orjson
from aiohttp import web

from bot.core.decision import ChangeConsent, Purpose
from bot.core.event import Act, ContactKey
from bot.errors import Refused
from bot.store.keys import PAGES_KEY
from bot.store.users import Deed
from bot.web.admin.composer import Draft, template_body
from bot.web.admin.conversation import nobody, page, person_in
from bot.web.admin.desk import DESK, Desk
from bot.web.admin.inbox_view import asked_of
from bot.web.api.bodies import parse
from bot.web.api.consents import PROOF_MAX, set_word
from bot.web.api.contacts import ContactBody, change_of
from bot.web.api.hand_over import NOTE_MAX, ColleagueMessageBody, check_team, record_act, write
from bot.web.api.messages import to_of
from bot.web.api.privacy import erase, export_of
from bot.web.site.access import Visitor
from bot.web.site.guard import Page, posted, see_other
from bot.web.site.pages import HEADERS

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PURPOSES: Final[Mapping[str, Purpose]] = {each: each for each in get_args(Purpose)}
_FIELD: Final = "field."  # before the name of a person's field in a form
_WAS: Final = "was."  # before the name of what a form says as it was when the page was opened

Form = Mapping[str, str]


async def form_of(request: web.Request) -> Form:
    """The words of a form. Raises ``Refused`` (400) where they cannot be read."""
    sent = await posted(request)
    return {name: value.replace("\r\n", "\n") for name, value in sent.items() if isinstance(value, str)}


async def _contact(desk: Desk, number: int) -> ContactKey:
    contact = await desk.backend.store.conversations.address(desk.backend.app_id, number)
    if contact is None:
        raise nobody()
    return contact


async def _journal(desk: Desk, visitor: Visitor, what: str, number: int) -> None:
    await desk.backend.store.users.did(Deed(desk.now(), visitor.name, what, f"person {number}"))


def _back(request: web.Request, number: int) -> web.Response:
    query = asked_of(request.query).query(about="1" if request.query.get("about") else "")
    return see_other(f"/admin/conversations/{number}{query}")


# --- writing ------------------------------------------------------------


async def send(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A colleague's message is on its way, once however often the form is sent; a refusal keeps what was written."""
    desk, number = request.app[DESK], person_in(request)
    contact, form = await _contact(desk, number), await form_of(request)
    key = form.get("key", "")
    try:
        await _write(desk, visitor, contact, form, key)
    except Refused as refused:
        again = "" if refused.code == "idempotency-key-reused" else key
        draft = Draft(form.get("text", ""), _sentence(refused), _cure(refused), again)
        return await page(desk, visitor, number, request.query, {**form, "before": ""}, draft, refused.status)
    return _back(request, number)


async def _write(desk: Desk, visitor: Visitor, contact: ContactKey, form: Form, key: str) -> None:
    if not _TOKEN.fullmatch(key):
        raise Refused("The form is too old to be sent.", "bad-form", "Send it again.", 400)
    body = _message(desk, visitor, form)
    said = body.model_dump(
        mode="json", include={"reply", "template"}
    )  # who has the conversation may change between two tries
    content = {"to": contact.identity, "who": visitor.name, "body": said}
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    await write(body, to_of(contact.identity), desk.backend, (PAGES_KEY, key, digest))


def _message(desk: Desk, visitor: Visitor, form: Form) -> ColleagueMessageBody:
    name, text = form.get("template", ""), form.get("text", "").strip()
    if not name and not text:
        raise Refused("There is nothing to send yet.", "empty", "Write something first.", 422)
    rulebook = desk.backend.rulebook()
    takes_over = bool(form.get("take_over"))
    return ColleagueMessageBody.model_construct(
        who=visitor.name,
        reply=None if name else {"text": text},
        template=template_body(name, form, rulebook.templates.get(name)) if name else None,
        take_over=takes_over,
        team=(form.get("team") or next(iter(rulebook.teams), "")) if takes_over else None,
        give_back_after=None,
        reference="",
    )


def _sentence(refused: Refused) -> str:
    if refused.code == "idempotency-key-reused":
        return "This form was sent before, with other words."
    return str(refused)


_CURES: Final = {
    "not-handed-over": "Tick the box that takes it over first.",
    "idempotency-key-reused": "Look whether they are there already; else send these again.",
    "opted-out": "Only the person can change that: by writing START, or by agreeing anew, which you note with a proof.",
    "invalid-body": "Change that and send it again.",
    "no-marketing-consent": "Ask for it first and note it with a proof, or send what is not marketing.",
    "proof-needed": "Say in the field Proof what shows that they changed their mind, such as the number of the signed form.",
    "newer-consent": "Nothing was changed.",
}


def _cure(refused: Refused) -> str:
    return _CURES.get(refused.code, refused.cure)


def _in_our_words(refused: Refused) -> Refused:
    """Cures that name fields of the API are no help here."""
    return Refused(_sentence(refused), refused.code, _cure(refused), refused.status)


# --- who has it ------------------------------------------------------------


def _acting(what: Act) -> Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]:
    async def act(request: web.Request, visitor: Visitor) -> web.StreamResponse:
        desk, number = request.app[DESK], person_in(request)
        contact, form = await _contact(desk, number), await form_of(request)
        team = ""
        if what == "took_over":
            team = form.get("team") or next(iter(desk.backend.rulebook().teams), "")
            check_team(team, desk.backend.rulebook())
        await record_act(desk.backend, contact, what, visitor.name, team, note=_note(form))
        await _journal(desk, visitor, what, number)
        return _back(request, number)

    return act


def _note(form: Form) -> str:
    return " ".join(form.get("note", "").split())[:NOTE_MAX]


# --- consent and what is known ------------------------------------------------------------


async def note_consent(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """A word of the person's is in the ledger, with who noted it."""
    desk, number = request.app[DESK], person_in(request)
    contact, form = await _contact(desk, number), await form_of(request)
    purpose = _PURPOSES.get(form.get("purpose", ""), "all")
    proof = " ".join(form.get("proof", "").split())[:PROOF_MAX]
    if form.get("state") not in ("stopped", "opted_in"):
        raise Refused("Nothing was noted.", "bad-form", "Choose whether they opted out or in.", 422)
    is_stop = form.get("state") != "opted_in"
    if not is_stop and not proof:
        raise _in_our_words(Refused("An opt-in needs a proof.", "proof-needed", "", 422))
    change = ChangeConsent(purpose, "stopped" if is_stop else "opted_in", f"colleague {visitor.name}", desk.now())
    try:
        await set_word(contact, change, proof, f"colleague:{visitor.name}", desk.backend)
    except Refused as refused:
        raise _in_our_words(refused) from None
    await _journal(desk, visitor, "opted_out" if is_stop else "opted_in", number)
    return _back(request, number)


async def change_person(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Language, time zone, tags and fields are as the form says, where it says something new: what the bot or another colleague changed
    since the page was opened stays."""
    desk, number = request.app[DESK], person_in(request)
    contact, form = await _contact(desk, number), await form_of(request)
    fields: dict[str, str | None] = {
        name.removeprefix(_FIELD): value.strip() or None
        for name, value in form.items()
        if name.startswith(_FIELD) and _is_new(form, name)
    }
    if (new := form.get("new_field", "").strip()) and (value := form.get("new_value", "").strip()):
        fields[new] = value
    tags, had = _tags(form.get("tags", "")), _tags(form.get(f"{_WAS}tags", ""))
    content: dict[str, object] = {"fields": fields}
    if f"{_WAS}tags" in form:
        content |= {
            "tags_added": [tag for tag in tags if tag not in had],
            "tags_removed": [tag for tag in had if tag not in tags],
        }
    else:
        content["tags"] = tags
    content |= {
        name: form[name].strip() or None for name in ("language", "time_zone") if name in form and _is_new(form, name)
    }
    try:
        change = change_of(parse(ContactBody, content), desk.backend)
    except Refused as refused:
        raise _in_our_words(refused) from None
    await desk.backend.store.contacts.change(contact, change, desk.now())
    await _journal(desk, visitor, "changed_person", number)
    return _back(request, number)


def _is_new(form: Form, name: str) -> bool:
    was = form.get(f"{_WAS}{name}")
    return was is None or form[name].strip() != was.strip()


def _tags(lines: str) -> list[str]:
    return list(dict.fromkeys(tag for each in lines.split("\n") if (tag := each.strip())))


# --- data protection ------------------------------------------------------------


async def export(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Everything kept about the person, as a file."""
    desk, number = request.app[DESK], person_in(request)
    document = await export_of(to_of((await _contact(desk, number)).identity), desk.backend)
    await _journal(desk, visitor, "exported", number)
    body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="person-{number}.json"'}
    return web.Response(body=body, content_type="application/json", headers=headers)


async def erase_person(request: web.Request, visitor: Visitor) -> web.StreamResponse:
    """Nothing is kept of the person any more, where their number was typed as it is."""
    desk, number = request.app[DESK], person_in(request)
    contact, form = await _contact(desk, number), await form_of(request)
    whole = to_of(contact.identity)
    if form.get("number", "").strip() != whole:
        raise Refused(
            "The number that was typed is not this person's, so nothing was erased.",
            "other-number",
            f"Type {whole} exactly, with the + where there is one.",
            422,
        )
    await erase(whole, desk.backend)
    await _journal(desk, visitor, "erased", number)
    query = replace(asked_of(request.query), search="", cursor="").query(done="erased")
    return see_other(f"/admin/{query}")


PAGES: Final = (
    Page("POST", "/conversations/{person}/send", send, role="answer"),
    Page("POST", "/conversations/{person}/take-over", _acting("took_over"), role="answer"),
    Page("POST", "/conversations/{person}/give-back", _acting("gave_back"), role="answer"),
    Page("POST", "/conversations/{person}/close", _acting("closed"), role="answer"),
    Page("POST", "/conversations/{person}/consent", note_consent, role="answer"),
    Page("POST", "/conversations/{person}/change", change_person, role="answer"),
    Page("GET", "/conversations/{person}/export", export, role="operate"),
    Page("POST", "/conversations/{person}/erase", erase_person, role="operate"),
)
