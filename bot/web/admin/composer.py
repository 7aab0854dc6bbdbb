"""What a colleague may write now: free words, an approved template, or nothing, and why."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from bot.core.codec import reply_from_plain
from bot.core.filling import value_of
from bot.core.rule import LocalText
from bot.core.rulebook import Template
from bot.core.scene import Scene
from bot.web.admin.context_view import PersonView
from bot.web.admin.said import Said, said_by_us
from bot.web.api.backend import Backend
from bot.web.api.bodies import MessageBody, TemplateBody
from bot.web.api.preview import preview
from bot.web.site.access import Visitor

VALUE: Final = "value."  # before the name of a template's value in a form

Mode = Literal["free", "template", "none"]


@dataclass(frozen=True, slots=True)
class Canned:
    """A text of the rules, its values filled in."""

    name: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """A template as it is being filled in. ``said``: what the person would get, None where something is wrong, which ``trouble`` says."""

    name: str
    language: str
    languages: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    category: str
    said: Said | None
    trouble: str
    cost: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody had written when it was refused, and why; ``again`` is the form's key, new where that one was used up."""

    text: str = ""
    trouble: str = ""
    cure: str = ""
    again: str = ""


@dataclass(frozen=True, slots=True)
class ComposerView:
    """``why``: why free words are not possible, empty where they are. ``takes_over``: the bot has the conversation, so writing takes it
    over. ``key`` makes a form that is sent twice count once."""

    mode: Mode
    why: str
    cure: str
    takes_over: bool
    team: str
    teams: tuple[str, ...]
    canned: tuple[Canned, ...]
    templates: tuple[str, ...]
    form: TemplateForm | None
    draft: Draft
    key: str


def composer_view(
    person: PersonView, visitor: Visitor, scene: Scene, form: TemplateForm | None, draft: Draft
) -> ComposerView:
    """Values for the composer."""
    mode, why, cure = _mode(person, visitor)
    return ComposerView(
        mode=mode,
        why=why,
        cure=cure,
        takes_over=not person.team,
        team=person.team,
        teams=person.teams,
        canned=tuple(canned_texts(scene)) if mode == "free" else (),
        templates=tuple(scene.rulebook.templates),
        form=form,
        draft=draft,
        key=draft.again or secrets.token_urlsafe(18),
    )


def _mode(person: PersonView, visitor: Visitor) -> tuple[Mode, str, str]:
    if person.stopped:
        return "none", "They opted out, so nobody may write to them.", "Only they can change that, by writing START."
    if not visitor.may("answer"):
        return "none", "You may look, and not write.", 'Ask whoever runs the bot for the role "answer".'
    if not person.team and not person.teams:
        return "none", "The rules name no team that could take this over.", "Write `teams: [support]` there."
    if person.is_open:
        return "free", "", ""
    if person.closes_at is None:
        why = "They never wrote to us, so WhatsApp takes approved templates only."
    else:
        why = "The 24-hour window is closed: WhatsApp takes approved templates only, until they write again."
    if not person.has_template:
        return "none", why, "The rules declare no template; write one under `templates`."
    return "template", why, ""


# --- canned texts ------------------------------------------------------------


def canned_texts(scene: Scene) -> Sequence[Canned]:
    """Those of the person's language first."""
    languages = [scene.language, *(each for each in scene.rulebook.settings.languages if each != scene.language)]
    found = [_canned(name, text, language, scene) for language in languages for name, text in _texts(scene, language)]
    return [each for each in found if each.text.strip()]


def _texts(scene: Scene, language: str) -> Sequence[tuple[str, LocalText]]:
    """One that counts for every language is offered once."""
    texts = scene.rulebook.canned.items()
    return [(name, text) for name, text in texts if language in text.by_language or language == scene.language]


def _canned(name: str, text: LocalText, language: str, scene: Scene) -> Canned:
    there = replace(scene, language=language, notes=[])
    parts = (
        part if isinstance(part, str) else value_of(part.name, there) or part.default or "…"
        for part in text.in_language(language)
    )
    return Canned(name.replace("_", " "), language, "".join(parts))


# --- templates ------------------------------------------------------------


def template_body(name: str, given: Mapping[str, str], template: Template | None) -> TemplateBody:
    """What a form says of a template, ready for the API's own checks."""
    parameters = template.parameters if template is not None else ()
    values = {each: given.get(f"{VALUE}{each}", "").strip()[:4096] for each in parameters}
    return TemplateBody.model_construct(name=name, language=given.get("language", "")[:20], values=values)


async def template_form(
    name: str, given: Mapping[str, str], number: str, scene: Scene, backend: Backend
) -> TemplateForm | None:
    """The template ``name`` with the values of ``given``, those not given from the person's fields; None where there is none."""
    template = scene.rulebook.templates.get(name)
    if template is None:
        return None
    defaults = {f"{VALUE}{each}": value_of(each, scene) for each in template.parameters}
    body = template_body(name, {**defaults, **given}, template)
    language = body.language if body.language in template.languages else _language(template, scene)
    body = body.model_copy(update={"language": language})
    told = await preview(MessageBody.model_construct(to=number, template=body), backend, "")
    wording = told.texts.get(language)
    said = said_by_us(reply_from_plain(wording.reply)) if wording is not None and wording.reply is not None else None
    missing = [each for each, value in body.values.items() if not value]
    trouble = "" if missing else (told.problem.detail if told.problem is not None else "")
    return TemplateForm(
        name=name,
        language=language,
        languages=tuple(template.languages),
        values=tuple(body.values.items()),
        category=template.category,
        said=said,
        trouble=trouble,
        cost=told.cost.detail if told.cost is not None else "",
    )


def _language(template: Template, scene: Scene) -> str:
    return scene.language if scene.language in template.languages else next(iter(template.languages), "")
