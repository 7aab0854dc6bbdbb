"""One message of a reply: which kind it is, and its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.core.rule import LocalText, Say, SayButtons, SayFlow, SayLink, SayList, SayTemplate, SayText, SectionSpec
from bot.rulebook.node import Fields, Node, Scalar, canonical
from bot.rulebook.problem import listed
from bot.rulebook.shape.buttons import buttons, refuse_count, sections
from bot.rulebook.shape.keys import Keys
from bot.rulebook.shape.media import WITH_CAPTION, contact, good_url, location, media
from bot.rulebook.shape.notes import Scope
from bot.rulebook.shape.text import local_text, spoken_text
from bot.rulebook.shape.value import fields, items, mention_name, value_names, word

MEDIA: Final = ("image", "video", "audio", "document", "sticker")
KINDS: Final = ("buttons", "list", "link", "flow", *MEDIA, "location", "contact", "template")
PARTS: Final = ("text", "any_of", "menu", "header", "footer", "values", "caption")
_WITH_TEXT: Final = ("buttons", "list", "link", "flow")
_WITH_HEADER: Final = ("buttons", "list", "flow")


def say(keys: Keys, scope: Scope) -> Say | None:
    """The message written in ``keys``, or None where it is none, which is told."""
    keys.also(*KINDS, *PARTS)
    kinds = [kind for kind in KINDS if keys.has(kind)]
    if not _fit_together(kinds, keys, scope):
        return None
    wordless = not (keys.has("text") or keys.has("any_of"))
    text = None if wordless else spoken_text(keys, "This text", scope)
    kind = kinds[0] if kinds else "text"
    if kind in _WITH_TEXT and wordless:
        scope.error(keys.place_of(kind), f"{kind.capitalize()} need words above them. Add text: ..." if kind == "buttons"
                    else f"A {kind} needs words above it. Add text: ...")  # fmt: skip
        return None
    return _BUILDERS[kind](keys, text, scope)


def _fit_together(kinds: list[str], keys: Keys, scope: Scope) -> bool:
    good = True
    if len(kinds) > 1 and set(kinds) != {"buttons", "image"}:
        scope.error(
            keys.place_of(kinds[1]),
            f"One message cannot hold {listed(kinds)}. Use messages: to send them one after the other.",
        )
        good = False
    words = next((key for key in ("text", "any_of") if keys.has(key)), "")
    if words and kinds and kinds[0] in ("location", "contact", "template"):
        scope.error(
            keys.place_of(words), f"A {kinds[0]} is sent without a text of its own. Use messages: to send both."
        )
        good = False
    for part in ("header", "footer"):
        if keys.has(part) and not set(kinds) & set(_WITH_HEADER):
            scope.error(
                keys.place_of(part),
                f"A {part} is shown with buttons, a list or a flow only. Move its words into the text.",
            )
            good = False
    if keys.has("caption"):
        scope.error(keys.place_of("caption"), "A caption belongs to its file. Write image: {url: ..., caption: ...}.")
        good = False
    if keys.has("menu") and not set(kinds) & {"buttons", "list"}:
        scope.error(
            keys.place_of("menu"), "menu names the button of a list, and there is no list. Delete it, or add buttons."
        )
        good = False
    if keys.has("values") and "template" not in kinds:
        scope.error(keys.place_of("values"), "values belong to a template. Delete them, or add template: ...")
        good = False
    return good


def _text(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    return SayText(text) if text is not None else None


def _header(keys: Keys, scope: Scope) -> LocalText | None:
    return local_text(keys.take("header"), "header", scope)


def _footer(keys: Keys, scope: Scope) -> LocalText | None:
    return local_text(keys.take("footer"), "footer", scope)


def _buttons(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    node, menu_node = keys.take("buttons"), keys.take("menu")
    if node is None:
        return None
    too_many = refuse_count(node, len(items(node)), menu_node is not None, scope)
    found = buttons(node, scope, rows=menu_node is not None)
    menu = local_text(menu_node, "menu", scope)
    header, footer = _header(keys, scope), _footer(keys, scope)
    if not found:
        scope.error(node.place, "buttons is an empty list. Add a button, or delete the line.") if not items(
            node
        ) else None
        return None
    if too_many or text is None or (menu_node is not None and menu is None):
        return None
    if menu is not None:
        return SayList(text, menu, (SectionSpec(None, found),), header, footer)
    image_node = keys.take("image")
    picture = media(image_node, "image", None, scope)
    if picture is not None and picture.caption is not None and image_node is not None:
        scope.error(image_node.place, "A picture above buttons has no caption. Move its words into the text.")
    return SayButtons(text, found, header, footer, picture.url if picture else None)


def _list(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    node = keys.take("list")
    mapping = fields(node, "list", "list: {menu: Choose, sections: [{title: Orders, rows: [...]}]}", scope)
    if mapping is None:
        return None
    inside = Keys(mapping, "list", scope)
    outer = keys.take("menu") if keys.has("menu") else None
    menu = local_text(outer or inside.need("menu", "menu: the words on the button that opens the list"), "menu", scope)
    inside.also("menu")
    header, footer = _header(keys, scope), _footer(keys, scope)
    if inside.has("rows") or not inside.has("sections"):
        node = inside.need("rows", "rows: [{label: ..., goes_to: ...}]")
        count = len(items(node))
        rows = buttons(node, scope, rows=True)
        parts: tuple[SectionSpec, ...] = (SectionSpec(None, rows),) if rows else ()
        inside.also("sections")
    else:
        parts = sections(inside.take("sections"), scope)
        count = sum(len(part.rows) for part in parts)
        inside.also("rows")
    inside.finish()
    if refuse_count(mapping, count, True, scope) or text is None or menu is None or not parts:
        return None
    return SayList(text, menu, parts, header, footer)


def _link(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    node = keys.take("link")
    address = node.text if isinstance(node, Scalar) and node.text.startswith("https://") else "https://..."
    mapping = fields(node, "link", f"link: {{title: Our shop, url: {address}}}", scope)
    if mapping is None:
        return None
    inside = Keys(mapping, "link", scope)
    title = local_text(inside.need("title", "title: the words on the button"), "The title of the link", scope)
    url_node = inside.need("url", "url: https://...")
    url = local_text(url_node, "The url of the link", scope, names=True)
    inside.finish()
    if text is None or title is None or url is None or url_node is None or not good_url(url, url_node, "link", scope):
        return None
    return SayLink(text, title, url)


def _flow(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    mapping = fields(keys.take("flow"), "flow", 'flow: {id: "1234567890", cta: Book a time}', scope)
    if mapping is None:
        return None
    inside = Keys(mapping, "flow", scope)
    flow_id = word(inside.need("id", "id: the number of the flow at WhatsApp"), "The id of the flow", scope)
    cta = local_text(inside.need("cta", "cta: the words on the button"), "The cta of the flow", scope)
    screen = word(inside.take("screen"), "screen", scope) or ""
    results = value_names(inside.take("results"), "A result of the flow", scope)
    inside.finish()
    header, footer = _header(keys, scope), _footer(keys, scope)
    return SayFlow(text, flow_id, cta, header, footer, screen, results) if text and flow_id and cta else None


def _media(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    for kind in ("image", "video", "audio", "document", "sticker"):
        if keys.has(kind):
            if (keys.has("text") or keys.has("any_of")) and text is None and kind in WITH_CAPTION:
                return None
            return media(keys.take(kind), kind, text, scope)
    return None


def _location(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    return location(keys.take("location"), scope)


def _contact(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    return contact(keys.take("contact"), scope)


def _template(keys: Keys, text: LocalText | None, scope: Scope) -> Say | None:
    return template(keys, scope)


def template(keys: Keys, scope: Scope) -> SayTemplate | None:
    """``template: name`` with ``values`` beside it, or ``template: {name, values}``."""
    node, values_node = keys.take("template"), keys.take("values")
    name_node: Node | None = node
    if isinstance(node, Fields):
        inside = Keys(node, "template", scope)
        if inside.has("omni"):
            inside.also("omni")
            scope.error(
                inside.place_of("omni"),
                "Declare an omni template under templates: with omni: and its id, and name it here.",
            )
            return None
        name_node = inside.need("name", "name: a template declared under templates:")
        values_node = values_node or inside.take("values")
        inside.also("values")
        inside.finish()
    name = mention_name(name_node, "template", scope)
    if name is None or name_node is None:
        return None
    scope.mention("template", name, name_node.place, "template")
    return SayTemplate(name, name_node.place, _values(values_node, scope))


def _values(node: Node | None, scope: Scope) -> Mapping[str, LocalText]:
    mapping = fields(node, "values", 'values: {first_name: "{{first_name|there}}"}', scope)
    found: dict[str, LocalText] = {}
    for entry in mapping.entries if mapping else ():
        text = local_text(entry.value, f"The value of {entry.written}", scope, names=True)
        if text is not None:
            found[canonical(entry.written)] = text
    return found


_BUILDERS: Final[Mapping[str, Callable[[Keys, LocalText | None, Scope], Say | None]]] = {
    "text": _text,
    "buttons": _buttons,
    "list": _list,
    "link": _link,
    "flow": _flow,
    **dict.fromkeys(MEDIA, _media),
    "location": _location,
    "contact": _contact,
    "template": _template,
}
