"""``reply`` and ``if_closed``: what is said."""

from __future__ import annotations

from bot.core.reply import BUTTONS_MAX, LIST_ROWS_MAX
from bot.rulebook.json_schema.build import Schema, choice, either, key, listing, mapping, named, ref
from bot.rulebook.json_schema.conditions import condition_keys, outcome
from bot.rulebook.json_schema.values import DURATION, NAME, RULE_NAME, TEXT, VARIED, WORD, WORDS, wordings
from bot.rulebook.shape.reply import MESSAGES_MAX


def replies() -> dict[str, Schema]:
    """The definitions of everything that can be sent."""
    return {
        "reply": either(ref("reply_item"), listing(ref("reply_item"))),
        "reply_item": mapping("What is sent, and when this case holds.", _item()),
        "message": mapping("One of several messages.", _said()),
        "button": _button(),
        "rows": listing(ref("button"), most=LIST_ROWS_MAX),
        "section": mapping(
            "A group of rows.",
            {
                "title": key("The words above the rows, at most 24 characters.", TEXT, "Orders"),
                "rows": key("The rows of this group.", ref("rows")),
            },
            "rows",
        ),
        "list": _list(),
        "link": _link(),
        "flow": _flow(),
        "location": _location(),
        "contact": _contact(),
        "template_use": _template_use(),
        "template_values": named(
            "Values for the template's parameters.", key("The value; a placeholder may stand in it.", TEXT), "^.+$"
        ),
        "if_closed": _if_closed(),
    }


def _item() -> dict[str, Schema]:
    own: dict[str, Schema] = {
        "if": key(
            "When this case holds: an outcome of a question or a call, or conditions, which may also stand bare.",
            either(outcome(), ref("if")),
            "found",
            {"during": "shop"},
        ),
        "if_closed": key("What leaves instead when WhatsApp's 24-hour window is closed.", ref("if_closed")),
        "messages": key(
            "Two to five messages in this order; only the last may have buttons.",
            listing(ref("message"), 2, MESSAGES_MAX),
            [{"text": "Welcome!"}, {"image": "https://shop.example/shop.jpg"}],
        ),
        "say_nothing": key("Understand the message, and send nothing.", ref("true"), True),
        "goes_to": key("Answer with that rule instead.", RULE_NAME, "person"),
    }
    said = _said()
    bare = condition_keys()
    card = key(
        "A contact card; with only a field and its value beside other keys, a condition on what is known of the person.",
        either(ref("contact"), ref("value_test")),
        {"name": "Our shop", "phone": "+46812345678"},
    )
    return bare | said | own | {"contact": card}


def _said() -> dict[str, Schema]:
    return {
        "text": key("The words of the message.", VARIED, {"en": "Hello {{first_name|there}}!", "sv": "Hej!"}),
        "any_of": wordings(),
        "buttons": key(
            f"Up to {BUTTONS_MAX} buttons; up to {LIST_ROWS_MAX} where menu makes a list of them.",
            ref("rows"),
            [{"label": "Opening hours", "goes_to": "hours"}],
        ),
        "menu": key("The words on the button that opens the list.", TEXT, "Choose"),
        "list": key("A list behind a button.", ref("list")),
        "header": key("A line above, at most 60 characters; with buttons, a list or a flow.", TEXT),
        "footer": key("A small line below, at most 60 characters; with buttons, a list or a flow.", TEXT),
        "link": key("One button that opens a web address.", ref("link")),
        "flow": key("A button that opens a WhatsApp Flow.", ref("flow")),
        "image": key("A picture by its web address; text beside it is its caption.", ref("file")),
        "video": key("A film by its web address; text beside it is its caption.", ref("file")),
        "audio": key("A sound by its web address; it has no words.", ref("file")),
        "document": key("A document by its web address; text beside it is its caption.", ref("document")),
        "sticker": key("A sticker by its web address; it has no words.", ref("file")),
        "location": key("A place on the map.", ref("location")),
        "contact": key("A contact card.", ref("contact")),
        "template": key(
            "An approved template by the name it has under templates:.",
            either(NAME, ref("template_use")),
            "order_shipped",
        ),
        "values": key(
            "Values for the template where the event or the person's fields do not give them.",
            ref("template_values"),
            {"first_name": "{{first_name|there}}"},
        ),
    }


def _button() -> Schema:
    return mapping(
        "A button, or a row of a list.",
        {
            "label": key("The words on it: 20 characters on a button, 24 on a row.", TEXT, "Opening hours"),
            "goes_to": key("The rule that a tap leads to.", RULE_NAME, "hours"),
            "description": key("A second, smaller line under a row of a list, at most 72 characters.", TEXT),
        },
        "label",
        "goes_to",
    )


def _list() -> Schema:
    return mapping(
        "A list of at most ten rows behind a button.",
        {
            "menu": key("The words on the button that opens the list.", TEXT, "Choose"),
            "sections": key("Groups of rows, each with a title.", listing(ref("section"))),
            "rows": key("The rows, where there is only one group.", ref("rows")),
        },
    )


def _link() -> Schema:
    return mapping(
        "A button that opens a web address.",
        {
            "title": key("The words on the button, at most 20 characters.", TEXT, "Our shop"),
            "url": key("The address it opens.", ref("url")),
        },
        "title",
        "url",
    )


def _flow() -> Schema:
    return mapping(
        "A WhatsApp Flow: a form inside WhatsApp.",
        {
            "id": key("The number of the flow at WhatsApp.", WORD, "1234567890"),
            "cta": key("The words on the button that opens it, at most 20 characters.", TEXT, "Book a time"),
            "screen": key("The screen it starts on.", WORD, "WELCOME"),
            "results": key(
                "The fields of its answer; the rule then goes on with if: answered, and they are placeholders.",
                WORDS,
                ["date", "name"],
            ),
        },
        "id",
        "cta",
    )


def _location() -> Schema:
    degrees: Schema = {"type": ["number", "string"]}
    return mapping(
        "A place on the map.",
        {
            "latitude": key("Degrees north, with a point.", degrees, 59.3293),
            "longitude": key("Degrees east, with a point.", degrees, 18.0686),
            "title": key("The name of the place.", TEXT, "Our shop"),
            "label": key("Its address.", TEXT, "Kungsgatan 1, Stockholm"),
        },
        "latitude",
        "longitude",
        "title",
    )


def _contact() -> Schema:
    return mapping(
        "A contact card.",
        {
            "name": key("The name on the card.", TEXT, "Our shop"),
            "phone": key("The number with country code, in quotes.", WORD, "+46812345678"),
            "email": key("An e-mail address.", WORD, "hello@shop.example"),
            "company": key("The company's name.", WORD, "Our shop"),
        },
        "name",
        "phone",
    )


def _template_use() -> Schema:
    return mapping(
        "A template with values of its own.",
        {
            "name": key("Its name under templates:.", NAME, "order_shipped"),
            "values": key("Values for its parameters.", ref("template_values")),
        },
        "name",
    )


def _if_closed() -> Schema:
    template = mapping(
        "What leaves when WhatsApp's 24-hour window is closed.",
        {
            "template": key("An approved template.", either(NAME, ref("template_use")), "order_shipped"),
            "values": key("Values for its parameters.", ref("template_values")),
            "wait": key("Send it when the person writes again.", ref("true"), True),
            "not_after": key("With wait: for so long at most; 7 days where nothing is said.", DURATION, "2 days"),
            "skip": key("Send nothing.", ref("true"), True),
        },
    )
    wait = key("wait: send it when the person writes again. skip: send nothing.", choice("wait", "skip"), "skip")
    return either(wait, template)
