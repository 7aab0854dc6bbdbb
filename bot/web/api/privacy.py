"""``/v1/contacts/{identity}``: a person's export, and erasing them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import ConfigDict

from bot.errors import Refused
from bot.store.privacy import Erased
from bot.store.units import StoredRulebook
from bot.web.api.address import contact_of
from bot.web.api.backend import Backend
from bot.web.api.messages import to_of
from bot.web.api.operation import Answer, Asked, Operation, Told
from bot.work.exporting import document, rulebooks_of


class ContactExport(Told):
    """Everything kept about a person, list by list."""

    model_config = ConfigDict(frozen=True, extra="allow")

    about: str
    app: str
    people: list[dict[str, Any]]
    identities: list[dict[str, Any]]
    consent: list[dict[str, Any]]
    received: list[dict[str, Any]]
    sent: list[dict[str, Any]]
    decisions: list[dict[str, Any]]


class ContactErased(Told):
    """Whose addresses were erased. ``stopped``: they had said STOP, which is remembered as a mark without their number."""

    identities: list[str]
    stopped: bool


async def export_of(identity: str, backend: Backend) -> dict[str, Any]:
    """The document. Raises ``Refused`` (404) where nothing is kept of anybody of this address."""
    export = await backend.store.privacy.export(contact_of(identity, backend.app_id))
    if export is None:
        raise nobody(identity)
    found: dict[int, StoredRulebook | None] = {
        number: await backend.store.rulebook(number) for number in rulebooks_of(export)
    }
    return await asyncio.to_thread(document, export, backend.app_id, backend.store.installation_key, found.get)


async def erase(identity: str, backend: Backend) -> Erased:
    """Erase whoever has this address. Raises ``Refused``: nothing kept of anybody (404), something under way, or the file in use (409)."""
    erased = await erase_if_there(identity, backend)
    if not erased.known:
        raise Refused(
            f'Nothing is kept about "{identity}": they were erased before.', "not-found", "There is nothing to do.", 404
        )
    return erased


async def erase_if_there(identity: str, backend: Backend) -> Erased:
    """The same, but whoever was erased before is told as such instead of refused."""
    erased = await backend.store.privacy.erase(contact_of(identity, backend.app_id), backend.now())
    if not erased.known and not erased.before:
        raise nobody(identity)
    return erased


def nobody(identity: str) -> Refused:
    """Of whom there is nothing to tell and nothing to erase."""
    return Refused(
        f'Nothing is kept about "{identity}".',
        "not-found",
        "Check the number; it has a + and its country, such as +46701740605.",
        404,
    )


async def get_export(asked: Asked) -> Answer:
    """200 with the document."""
    return Answer(ContactExport.model_construct(**await export_of(asked.part("identity"), asked.backend)))


async def delete_contact(asked: Asked) -> Answer:
    """200 once no byte of them is left."""
    erased = await erase(asked.part("identity"), asked.backend)
    return Answer(ContactErased(identities=[to_of(each.identity) for each in erased.contacts], stopped=erased.stopped))


def commands(backend: Backend) -> Mapping[str, Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]]:
    """What the machine's own operator may ask for."""

    async def erase_one(request: Mapping[str, object]) -> Mapping[str, object]:
        return erased_plain(await erase_if_there(str(request.get("contact", "")), backend))

    return {"contact.erase": erase_one}


def erased_plain(erased: Erased) -> dict[str, object]:
    """JSON-ready, with Sinch's ids for who erases there as well."""
    return {
        "identities": [to_of(each.identity) for each in erased.contacts],
        "stopped": erased.stopped,
        "before": erased.before,
        "addresses": [[each.app, each.channel, each.identity] for each in erased.contacts],
        "sinch_contact_ids": list(erased.contact_ids),
        "sinch_message_ids": list(erased.message_ids),
    }


OPERATIONS = (
    Operation(
        "GET",
        "/contacts/{identity}/export",
        "exportContact",
        "Contacts",
        "Everything kept about a person, as one document.",
        "admin",
        get_export,
        {200: ContactExport},
    ),
    Operation(
        "DELETE",
        "/contacts/{identity}",
        "eraseContact",
        "Contacts",
        "Erase a person: every address, every message, whatever is kept of them.",
        "admin",
        delete_contact,
        {200: ContactErased},
        refusals=("still-leaving", "still-read"),
    ),
)
