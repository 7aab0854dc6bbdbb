"""What is wrong with a body is told in the words of JSON, with the field, and once."""

import pytest

from bot.web.api.bodies import EventBody, MessageBody, parse
from bot.web.api.campaigns import CampaignBody
from bot.web.api.contacts import ContactBody
from bot.web.api.operation import PageQuery
from bot.web.api.problem import Invalid

ANNA = "+46701740605"
MANY = dict.fromkeys(map(str, range(51)), "x")


def told(model: type, content: object) -> list[str]:
    with pytest.raises(Invalid) as raised:
        parse(model, content)
    return [sentence for _, sentence in raised.value.errors]


@pytest.mark.parametrize(
    ("extra", "sentences"),
    [
        ({"reply": "hi"}, ["reply: must be an object, in { }."]),
        ({"template": "sale"}, ["template: must be an object, in { }."]),
        ({"template": {"values": {}}}, ["template.name: this field is required."]),
        ({"to": ""}, ["to: must not be empty."]),
        ({"to": 46701740605}, ["to: must be text, in quotes."]),
        ({"to": "+" * 161}, ["to: must have at most 160 characters."]),
        ({"dry_run": "yes"}, ["dry_run: must be true or false."]),
        ({"category": "Marketing"}, ["category: must be 'utility', 'marketing' or 'authentication'."]),
        ({"if_closed": "drop"}, ["if_closed: must be 'wait' or 'refuse', or an object, in { }."]),
        ({"if_closed": {"template": "sale"}}, ["if_closed.template: must be an object, in { }."]),
        ({"sendAt": "2027-01-01T00:00:00Z"}, ['sendAt: there is no such field. Did you mean "send_at"?']),
        ({"zzz": 1}, ["zzz: there is no such field."]),
        ({"template": {"name": "sale", "values": MANY}}, ["template.values: must have at most 50 entries."]),
    ],
)
def test_each_field_is_told_once_and_what_it_must_be(extra: dict[str, object], sentences: list[str]) -> None:
    assert told(MessageBody, {"to": ANNA, **extra}) == sentences


def test_other_bodies_and_parameters_are_told_alike() -> None:
    assert told(EventBody, {"name": "x", "to": 5}) == ["to: must be text, in quotes, or a list, in [ ]."]
    assert told(EventBody, {"name": "x", "to": [5]}) == ["to[0]: must be text, in quotes."]
    assert told(CampaignBody, {"template": {"name": "x"}, "recipients": [], "rate": -1}) == [
        "rate: must be at least 0.",
        "recipients: must not be empty.",
    ]
    assert told(PageQuery, {"limit": "1000", "cursor": "x"}) == [
        "limit: must be at most 200.",
        "cursor: must be the next of the page before, as it was told.",
    ]
    assert told(ContactBody, {"fields": {"First Name": "x"}}) == [
        "fields.First Name: a name has small letters, digits and _, begins with a letter, and has at most 64 of them."
    ]


def test_a_body_that_is_no_object_is_told_so() -> None:
    assert told(MessageBody, []) == ["The body must be a JSON object."]
