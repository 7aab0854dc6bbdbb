"""``dry_run``: what would become of a message, with nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from bot.core.codec import reply_to_plain
from bot.core.reply import Reply, category_of, is_template
from bot.core.scene import Scene
from bot.errors import Refused
from bot.rulebook.suite.phone import body_of
from bot.rulebook.suite.phone import template_of as template_name_of
from bot.store.units import Order, Standing
from bot.web.api.address import contact_of, remark_on
from bot.web.api.backend import Backend
from bot.web.api.bodies import ClosedBody, MessageBody, TemplateBody
from bot.web.api.operation import Moment, Told
from bot.web.api.placing import check_shape, order_of, scene_of
from bot.web.api.problem import TYPE, Invalid
from bot.web.api.replies import reply_of
from bot.web.api.templates import template_of
from bot.web.api.times import send_time
from bot.web.api.why import consent_at

CostCategory = Literal["service", "utility", "marketing", "authentication"]


class FieldFault(Told):
    """One field that is wrong."""

    field: str
    detail: str


class PreviewProblem(Told):
    """What the message would be refused with."""

    type: str
    status: int
    detail: str
    cure: str
    errors: list[FieldFault]


class WindowPreview(Told):
    """The customer service window as it is now. ``left_s``: whole seconds until it closes, 0 when it is closed."""

    open: bool
    closes_at: Moment | None
    left_s: int


class Wording(Told):
    """What a person of one language would get; ``text`` null where only WhatsApp knows the words, ``problem`` what is wrong with them."""

    text: str | None
    reply: dict[str, Any] | None
    problem: str | None


class Cost(Told):
    """What WhatsApp counts the message as, and whether it is free of charge."""

    category: CostCategory
    free: bool
    detail: str


class Preview(Told):
    """What would become of the message were it sent now. ``leaves``: our own words, or a template. ``waits``: until the person writes."""

    dry_run: Literal[True] = True
    allowed: bool
    problem: PreviewProblem | None
    to: str
    send_at: Moment | None
    window: WindowPreview
    consent: str
    leaves: Literal["reply", "template"] | None
    waits: bool
    template: str | None
    category: str | None
    cost: Cost | None
    language: str
    remark: str | None
    texts: dict[str, Wording]


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of asking for the order."""

    order: Order | None
    problem: PreviewProblem | None
    send_at: datetime | None


async def preview(body: MessageBody, backend: Backend, author: str) -> Preview:
    """What would become of ``body``; nothing is written, and no attempt at anything is made."""
    now, contact = backend.now(), contact_of(body.to, backend.app_id)
    standing = await backend.store.standing(contact)
    scene = scene_of(contact, standing, backend, now)
    tried = _try(body, backend, author, now, standing)
    at = now if tried.send_at is None else max(now, tried.send_at)
    is_open = standing.window.is_open(at, backend.margin)
    what = _leaving(body, is_open)
    said = {each: _said(what, replace(scene, language=each, notes=[])) for each in _languages(what, scene)}
    first = next((reply for reply in said.values() if not isinstance(reply, Refused)), None)
    category = tried.order.category if tried.order else body.category or (category_of(first) if first else None)
    _, consent = await consent_at(contact, category or "utility", False, now, backend)
    return Preview(
        allowed=tried.order is not None,
        problem=tried.problem,
        to=body.to,
        send_at=tried.send_at,
        window=_window(standing, backend, now),
        consent=consent,
        leaves=_kind(what, first),
        waits=body.if_closed == "wait" and not is_open,
        template=_template(what, first, scene),
        category=category,
        cost=_cost(first, is_open),
        language=scene.language,
        remark=None if standing.known else remark_on(body.to),
        texts={language: _wording(each) for language, each in said.items()},
    )


def _try(body: MessageBody, backend: Backend, author: str, now: datetime, standing: Standing) -> _Tried:
    contact = contact_of(body.to, backend.app_id)
    send_at = None
    try:
        check_shape(body)
        send_at = send_time(body.send_at, now)
        return _Tried(order_of(body, contact, backend, author, now, standing), None, send_at)
    except Refused as refused:
        return _Tried(None, _problem(refused), send_at)


def _problem(refused: Refused) -> PreviewProblem:
    errors = refused.errors if isinstance(refused, Invalid) else ()
    return PreviewProblem(
        type=TYPE + refused.code,
        status=refused.status,
        detail=str(refused),
        cure=refused.cure,
        errors=[FieldFault(field=field, detail=detail) for field, detail in errors],
    )


def _window(standing: Standing, backend: Backend, now: datetime) -> WindowPreview:
    closes_at = standing.window.closes_at
    is_open = standing.window.is_open(now, backend.margin)
    left = int((closes_at - now).total_seconds()) if is_open and closes_at is not None else 0
    return WindowPreview(open=is_open, closes_at=closes_at, left_s=left)


# --- what leaves --------------------------------------------------------------------------------------------------------

_What = TemplateBody | dict[str, Any] | None


def _leaving(body: MessageBody, is_open: bool) -> _What:
    if body.template is not None:
        return body.template
    if isinstance(body.if_closed, ClosedBody) and not is_open:
        return body.if_closed.template
    return body.reply


def _languages(what: _What, scene: Scene) -> Sequence[str]:
    """Those of the rules, save where the backend named one."""
    if isinstance(what, TemplateBody) and what.language:
        return (what.language,)
    return scene.rulebook.settings.languages


def _said(what: _What, scene: Scene) -> Reply | Refused:
    try:
        if isinstance(what, TemplateBody):
            return template_of(what, scene)
        return reply_of(what or {}, scene)
    except Refused as refused:
        return refused


def _wording(said: Reply | Refused) -> Wording:
    if isinstance(said, Refused):
        return Wording(text=None, reply=None, problem=str(said))
    return Wording(text=body_of(said) or None, reply=dict(reply_to_plain(said)), problem=None)


def _kind(what: _What, first: Reply | None) -> Literal["reply", "template"] | None:
    if isinstance(what, TemplateBody) or (first is not None and is_template(first)):
        return "template"
    return "reply" if what is not None else None


def _template(what: _What, first: Reply | None, scene: Scene) -> str | None:
    if isinstance(what, TemplateBody):
        return what.name
    return None if first is None else template_name_of(first, scene.rulebook) or None


# --- what it costs ------------------------------------------------------------------------------------------------------

# WhatsApp Business Platform, pricing on a per-message basis since 1 July 2025.
_FREE_WORDS: Final = "Words of our own within the 24-hour window are free of charge by WhatsApp's rules."
_FREE_UTILITY: Final = "Utility templates within an open window are free of charge by WhatsApp's rules."


def _cost(first: Reply | None, is_open: bool) -> Cost | None:
    if first is None:
        return None
    if not is_template(first):
        return Cost(category="service", free=True, detail=_FREE_WORDS)
    category = category_of(first)
    if category == "utility" and is_open:
        return Cost(category="utility", free=True, detail=_FREE_UTILITY)
    name: CostCategory = "marketing" if category == "marketing" else "utility"
    if category == "authentication":
        name = "authentication"
    why = " as the window is closed then" if name == "utility" else ", whether the window is open or not"
    return Cost(
        category=name,
        free=False,
        detail=f"WhatsApp charges for it as a{'n' if name == 'authentication' else ''} {name} template,"
        f" at the rate of the person's country{why}.",
    )
