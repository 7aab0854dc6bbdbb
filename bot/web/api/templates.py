"""A template that a backend names, with its values, as a reply ready to leave; every refusal tells what is declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.core.reply import OmniTemplateReply, TemplateReply
from bot.core.rule import LocalText, Place, SayTemplate
from bot.core.rulebook import Template
from bot.core.saying import Unsayable
from bot.core.scene import Scene
from bot.core.templates import template_reply
from bot.errors import Refused
from bot.web.api.bodies import TemplateBody

HERE = Place("request", 1, 1)


def template_of(body: TemplateBody, scene: Scene) -> TemplateReply | OmniTemplateReply:
    """The template in the language asked for, else the person's. Raises ``Refused`` (422)."""
    template = _declared(body.name, scene)
    _check_values(template, body)
    language = _language(template, body.language) if body.language else scene.language
    values = {name: LocalText({"": (value,)}, HERE) for name, value in body.values.items()}
    try:
        return template_reply(SayTemplate(template.name, HERE, values), replace(scene, language=language))
    except Unsayable as reason:
        raise Refused(str(reason), "wrong-values", "Send other values.", 422) from None


def _declared(name: str, scene: Scene) -> Template:
    template = scene.rulebook.templates.get(name)
    if template is None:
        known = _listed(scene.rulebook.templates) or "none yet"
        raise Refused(
            f'There is no template "{name}".',
            "unknown-template",
            f"Declared under templates in the rules: {known}.",
            422,
        )
    return template


def _check_values(template: Template, body: TemplateBody) -> None:
    missing = [name for name in template.parameters if not body.values.get(name, "").strip()]
    unknown = [name for name in body.values if name not in template.parameters]
    if missing or unknown:
        complaints = [f"needs a value for {_listed(missing)}"] if missing else []
        complaints += [f"has no value named {_listed(unknown)}"] if unknown else []
        takes = f"It takes {_listed(template.parameters)}." if template.parameters else "It takes no values."
        raise Refused(f"The template {template.name} {' and '.join(complaints)}.", "wrong-values", takes, 422)


def _language(template: Template, asked: str) -> str:
    """Ours for ``asked``, which is ours (``sv``) or WhatsApp's (``sv_SE``, ``sv-SE``)."""
    plain = asked.replace("-", "_").lower()
    for ours, theirs in template.languages.items():
        if plain in (ours.replace("-", "_").lower(), theirs.replace("-", "_").lower()):
            return ours
    raise Refused(
        f'The template {template.name} is not declared in "{asked}".',
        "unknown-language",
        f"It is declared in {_listed(f'{ours} ({theirs})' for ours, theirs in template.languages.items())}.",
        422,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
