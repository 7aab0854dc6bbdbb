"""A declared template with its values: what WhatsApp takes outside the window.

Parameter keys are Sinch's (``body[1]text`` in WhatsApp's order for approved templates, plain names for omni templates). WhatsApp
refuses values with line breaks, tabs or runs of spaces, and empty ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.filling import Unsayable, value_of, wording
from bot.core.reply import TEMPLATE_BODY_MAX, Button, OmniTemplateReply, TemplateReply
from bot.core.rule import Phrasing, Placeholder, SayTemplate
from bot.core.rulebook import Template
from bot.core.scene import Scene

Sendable = TemplateReply | OmniTemplateReply


def template_reply(spec: SayTemplate, scene: Scene) -> Sendable:
    """The template of ``spec`` with every parameter filled; ``Unsayable`` names the one that is empty or too long."""
    template = scene.rulebook.templates.get(spec.template)
    if template is None:
        raise Unsayable(f"Template {spec.template} is not declared under templates.")
    values = {name: _parameter(name, spec, scene) for name in template.parameters}
    ours, language = _languages(template, scene)
    if template.omni:
        return OmniTemplateReply(template.omni, language, values, template.category)
    parameters = {f"body[{at}]text": values[name] for at, name in enumerate(template.parameters, 1)}
    buttons = tuple(Button(each.title, each.goes_to, at) for at, each in enumerate(template.buttons))
    text = _body(template, ours, values)
    return TemplateReply(template.name, language, parameters, template.category, buttons, text)


def one_line(value: str) -> str:
    """``value`` as WhatsApp takes it in a template: line breaks, tabs and runs of spaces are one space each."""
    return " ".join(value.split())


def _languages(template: Template, scene: Scene) -> tuple[str, str]:
    """Our word for the language it leaves in, and WhatsApp's."""
    found = template.languages.get(scene.language)
    if found is not None:
        return scene.language, found
    ours, theirs = next(iter(template.languages.items()), ("", ""))
    if not theirs:
        raise Unsayable(f"Template {template.name} is declared in no language.")
    scene.notes.append(f"Template {template.name} is not declared in {scene.language}; it leaves in {ours}.")
    return ours, theirs


def _parameter(name: str, spec: SayTemplate, scene: Scene) -> str:
    written = spec.values.get(name)
    phrasing: Phrasing = (Placeholder(name),) if written is None else wording(written, scene)
    value = one_line("".join(part if isinstance(part, str) else _value(part, scene) for part in phrasing))
    if not value:
        raise Unsayable(f"Template {spec.template} needs a value for {name}, and there is none. Give it a default.")
    if len(value) > TEMPLATE_BODY_MAX:
        raise Unsayable(
            f"The value of {name} for template {spec.template} has {len(value)} characters; "
            f"WhatsApp takes at most {TEMPLATE_BODY_MAX}, and template values are never cut."
        )
    return value


def _value(placeholder: Placeholder, scene: Scene) -> str:
    return value_of(placeholder.name, scene) or placeholder.default or ""


def _body(template: Template, language: str, values: Mapping[str, str]) -> str:
    """The whole words for pages and terminals; empty where staff did not write them down."""
    by_language: Mapping[str, Phrasing] = {} if template.body is None else template.body.by_language
    phrasing = by_language.get(language, by_language.get("", ()))
    body = "".join(part if isinstance(part, str) else values.get(part.name, "") for part in phrasing)
    if len(body) > TEMPLATE_BODY_MAX:
        raise Unsayable(
            f"Template {template.name} has {len(body)} characters with its values in it; "
            f"WhatsApp takes at most {TEMPLATE_BODY_MAX}, and template values are never cut."
        )
    return body
